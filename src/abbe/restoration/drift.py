"""How far a specimen drifts between two frames of a series, and a frame moved back by that."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft2, next_fast_len, rfft2
from scipy.ndimage import correlate1d

Plane = npt.NDArray[np.float32]
Spectrum = npt.NDArray[np.complex64]

#: pixels along y and x that are looked for, at most: no stage drifts by more between frames, and what moves by more can be anything
FARTHEST = 16
#: a correlation of this at least, and better than without moving anything by this share of what noise and all else leaves of it: where
#: moving brings less, it cannot be told from noise, and costs some of the detail
LEAST, BETTER = 0.3, 0.05
#: pixels below which a frame is left where it is
NEAR = 0.1


def spectrum(detail: Plane) -> Spectrum:
    """Of a frame's denoised detail (Y, X), padded so that nothing wraps around; as bright as 1 altogether."""
    norm = np.sqrt(float((detail.astype(np.float64) ** 2).sum())) or 1.0
    shape = tuple(next_fast_len(n + FARTHEST, real=True) for n in detail.shape)
    return np.asarray(rfft2(detail / np.float32(norm), shape, workers=1), np.complex64)


def drift(one: Spectrum, other: Spectrum, shape: tuple[int, int]) -> tuple[float, float]:
    """(y, x) pixels by which `other` has to be moved to lie on `one`; (0, 0) where nothing tells so."""
    padded = tuple(next_fast_len(n + FARTHEST, real=True) for n in shape)
    alike = irfft2(one * np.conj(other), padded, workers=1)
    reach = [min(FARTHEST, n // 4) for n in shape]
    near = np.roll(alike, reach, (0, 1))[: 2 * reach[0] + 1, : 2 * reach[1] + 1]
    y, x = divmod(int(near.argmax()), near.shape[1])
    best = float(near[y, x])
    if best < LEAST or y in (0, 2 * reach[0]) or x in (0, 2 * reach[1]):
        return 0.0, 0.0
    (dy, up), (dx, further) = _top(*near[y - 1 : y + 2, x]), _top(*near[y, x - 1 : x + 2])
    best = min(best + up + further, 1.0)
    if best - near[reach[0], reach[1]] <= BETTER * (1 - best):
        return 0.0, 0.0
    return float(y - reach[0] + dy), float(x - reach[1] + dx)


def _top(before: float, here: float, after: float) -> tuple[float, float]:
    """Where a parabola through three values has its top, from the middle one, and how much higher than that it is there."""
    bend = before - 2 * here + after
    place = float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < 0 else 0.0
    return place, float(0.25 * (after - before) * place)


def moved(plane: Plane, by: tuple[float, float]) -> Plane:
    """(Y, X) moved by (y, x) pixels, the outermost pixels going on beyond the edges; between pixels by cubic convolution (Keys 1981)."""
    out = plane
    for axis, distance in enumerate(by):
        whole = int(np.floor(distance))
        part = distance - whole
        place = np.clip(np.arange(out.shape[axis]) - whole, 0, out.shape[axis] - 1)
        out = out.take(place, axis)
        if part > 1e-3:
            out = correlate1d(out, _weights(part), axis, mode="nearest")
    return np.asarray(out, np.float32)


def _weights(part: float) -> npt.NDArray[np.float64]:
    """Of the pixels two before to two after, for a value `part` of a pixel before."""
    d = np.abs(np.array([-2.0, -1.0, 0.0, 1.0, 2.0]) + part)
    near = 1.5 * d**3 - 2.5 * d**2 + 1
    far = -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2
    return np.where(d < 1, near, np.where(d < 2, far, 0.0))
