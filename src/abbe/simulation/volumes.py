"""Simulated specimens in three dimensions, isotropic, (n, n, n) float32."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter
from scipy.special import expit

from abbe.simulation.drawing import splat, to_unit

Volume = npt.NDArray[np.float32]
Generator = np.random.Generator


def _chains(rng: Generator, count: int, steps: int, n: int, stiffness: float) -> npt.NDArray[np.float64]:
    """Worm-like chains in space, (count, steps, 3)."""
    p = rng.uniform(-0.1 * n, 1.1 * n, (count, 3))
    d = rng.normal(size=(count, 3))
    d /= np.linalg.norm(d, axis=1, keepdims=True)
    out = np.empty((count, steps, 3))
    bend = np.sqrt(0.6 / stiffness)
    for i in range(steps):
        d = d + rng.normal(0, bend, d.shape)
        d /= np.linalg.norm(d, axis=1, keepdims=True)
        p = p + 0.6 * d
        out[:, i] = p
    return out


def filaments(rng: Generator, n: int) -> Volume:
    """Cytoskeleton: chains of all stiffnesses."""
    paths = _chains(rng, int(rng.integers(10, 90)), int(rng.integers(n, 4 * n)), n, 10 ** rng.uniform(1.5, 3))
    weights = np.repeat(rng.gamma(2, 0.5, len(paths)), paths.shape[1])
    return splat(paths.reshape(-1, 3), weights, (n, n, n))


def vesicles(rng: Generator, n: int) -> Volume:
    """Balls and shells of many sizes."""
    count, per = int(10 ** rng.uniform(1, 2.5)), 400
    centres, radius = rng.uniform(0, n, (count, 1, 3)), rng.uniform(0.5, rng.uniform(2, 9), (count, 1, 1))
    d = rng.normal(size=(count, per, 3))
    d /= np.linalg.norm(d, axis=-1, keepdims=True)
    hollow = rng.random((count, 1, 1)) < rng.choice((0.0, 0.5, 1.0))
    points = centres + d * radius * np.where(hollow, 1.0, rng.random((count, per, 1)) ** (1 / 3))
    weights = np.repeat(rng.lognormal(0, 0.5, count) * radius[:, 0, 0] ** rng.uniform(1, 2.5) / per, per)
    return splat(points.reshape(-1, 3), weights, (n, n, n))


def tubes(rng: Generator, n: int) -> Volume:
    """Mitochondria: short tubes, filled or as membranes."""
    paths = _chains(rng, int(rng.integers(5, 60)), int(rng.integers(25, 150)), n, 10 ** rng.uniform(1.2, 2.2))
    radius, hollow = rng.uniform(1, 5), rng.random() < 0.5
    parts = []
    for _ in range(25):
        d = rng.normal(size=paths.shape)
        d /= np.linalg.norm(d, axis=-1, keepdims=True)
        parts.append(paths + radius * d * (1.0 if hollow else rng.random((*paths.shape[:2], 1)) ** (1 / 3)))
    weights = np.repeat(rng.gamma(4, 0.25, len(paths)), paths.shape[1])
    return splat(np.concatenate([p.reshape(-1, 3) for p in parts]), np.tile(weights, 25), (n, n, n))


def bodies(rng: Generator, n: int) -> Volume:
    """Nuclei and cells: ellipsoids with texture, or their membranes."""
    z, y, x = np.ogrid[:n, :n, :n]
    out = np.zeros((n, n, n), np.float32)
    white = rng.normal(size=(n, n, n)).astype(np.float32)
    texture = np.exp(0.5 * gaussian_filter(white, rng.uniform(1, 3)) * rng.uniform(2, 12))
    for _ in range(int(rng.integers(1, 7))):
        c, r = rng.uniform(0, n, 3), rng.uniform(0.1, 0.4, 3) * n
        d = np.sqrt(((z - c[0]) / r[0]) ** 2 + ((y - c[1]) / r[1]) ** 2 + ((x - c[2]) / r[2]) ** 2)
        if rng.random() < 0.4:
            out += np.exp(-(((d - 1) * r.mean() / rng.uniform(0.7, 1.5)) ** 2)).astype(np.float32)
        else:
            out += (texture * expit((1 - d) * r.mean())).astype(np.float32) * np.float32(rng.uniform(0.2, 1))
    return out


KINDS = {f.__name__: f for f in (filaments, vesicles, tubes, bodies)}


def volume(rng: Generator, n: int, kind: str | None = None) -> Volume:
    """A specimen (n, n, n) float32 in [0, 1.5], of one kind or a mixture of two; softened by 0.6 to 1.3 voxels."""
    names = [kind] if kind else list(rng.choice(list(KINDS), 2 if rng.random() < 0.3 else 1, p=(0.35, 0.3, 0.2, 0.15)))
    parts = [np.float32(rng.uniform(0.3, 1)) * to_unit(gaussian_filter(KINDS[k](rng, n), rng.uniform(0.6, 1.3))) for k in names]
    total = np.sum(parts, axis=0)
    return to_unit(total) if total.any() else total
