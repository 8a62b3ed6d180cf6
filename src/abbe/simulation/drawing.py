"""What specimens are drawn from: clouds of points, chains, tubes and random fields. Sizes are in pixels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]
Points = npt.NDArray[np.float64]
Generator = np.random.Generator


def splat(points: Points, weights: Points | float, shape: tuple[int, ...]) -> Plane:
    """Density of point emitters: each spreads its weight over the 2**d nearest pixels, linearly. `points` is (N, d)."""
    d = len(shape)
    base = np.floor(points).astype(np.int64)
    fraction = points - base
    out = np.zeros(int(np.prod(shape)))
    w = np.broadcast_to(np.asarray(weights, np.float64), points.shape[:1])
    for corner in np.ndindex(*(2,) * d):
        at = base + corner
        inside = np.all((at >= 0) & (at < shape), axis=1)
        share = w * np.prod(np.where(corner, fraction, 1 - fraction), axis=1)
        flat = np.ravel_multi_index(tuple(at[inside].T), shape)
        out += np.bincount(flat, share[inside], minlength=out.size)
    return out.reshape(shape).astype(np.float32)


def walks(
    rng: Generator,
    count: int,
    steps: int,
    n: int,
    stiffness: float,
    step: float = 0.7,
    start: Points | None = None,
    heading: Points | None = None,
) -> Points:
    """Paths of worm-like chains: (count, steps, 2). `stiffness` is the persistence length in pixels.

    They begin anywhere and head anywhere, unless `start` (count, 2) or `heading` (count,), from the y axis towards x, says otherwise.
    """
    first = rng.uniform(-0.1 * n, 1.1 * n, (count, 1, 2)) if start is None else start[:, None]
    turn = rng.normal(0, np.sqrt(step / stiffness), (count, steps))
    towards = rng.uniform(0, 2 * np.pi, (count, 1)) if heading is None else np.pi / 2 - heading[:, None]
    angle = towards + np.cumsum(turn, axis=1)
    return first + step * np.cumsum(np.stack([np.sin(angle), np.cos(angle)], axis=-1), axis=1)


def rounded(distance: Points, radius: Points | float) -> Points:
    """Half the width of a tube of that radius with round ends, `distance` from the nearer end, as a share of the radius."""
    return np.asarray(np.sqrt(np.clip(1 - (1 - np.minimum(distance / radius, 1)) ** 2, 0, 1)))


def sides(rng: Generator, shape: tuple[int, ...], *, surface: bool) -> Points:
    """Where molecules of a tube lie across it when seen from above, -1 to 1: on its surface (`surface`), or anywhere inside."""
    side = np.cos(rng.uniform(0, np.pi, shape))
    return np.asarray(side if surface else side * np.sqrt(rng.random(shape)))


def across(paths: Points) -> Points:
    """Unit vectors at right angles to paths (..., steps, 2)."""
    direction = np.gradient(paths, axis=-2)
    normal = np.stack([-direction[..., 1], direction[..., 0]], -1)
    return np.asarray(normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-9))


def cloud(rng: Generator, n: int, slope: float) -> Plane:
    """A random field of unit variance whose amplitude spectrum falls as frequency**-slope."""
    f = np.hypot(np.fft.fftfreq(n)[:, None], np.fft.rfftfreq(n)[None, :])
    f[0, 0] = np.inf
    spectrum = (rng.normal(size=f.shape) + 1j * rng.normal(size=f.shape)) * f**-slope
    field = np.fft.irfft2(spectrum, (n, n))
    return (field / max(float(field.std()), 1e-12)).astype(np.float32)


def between(rng: Generator, low: float, high: float) -> float:
    """A number from `low` to `high`, logarithmically even."""
    return float(low * (high / low) ** rng.random())


def to_unit(plane: Plane) -> Plane:
    """Scaled so that the 99.9th percentile (or, for a few bright points, the maximum) is 1; clipped at 1.5."""
    top = float(np.percentile(plane, 99.9)) or float(plane.max())
    return np.clip(plane / top, 0, 1.5).astype(np.float32) if top > 0 else plane.astype(np.float32)
