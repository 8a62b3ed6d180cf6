"""Between two pixel grids over one field: separable, sparse, centred on pixels.

Pixel centres are aligned by the field, not by index: with `scale` fine pixels per coarse pixel, the centre of coarse pixel i lies at
fine coordinate (i + 1/2) * scale - 1/2. (Aligning the corners' pixels instead, i -> i * scale, shifts the image by half a pixel.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.ndimage import spline_filter1d
from scipy.special import ndtr

Plane: TypeAlias = npt.NDArray[np.float64]
Matrix: TypeAlias = Any  # scipy.sparse.csr_array

#: a Gaussian is cut off where less than one part in a million of it is left
REACH = 5.0
#: pixels beyond a window within which a cubic spline's prefilter still matters: its pole is -0.268, and 0.268^12 is 1e-7
SPLINE_HALO = 12


def to_coarse(coarse: range, fine: range, scale: float, sigma: float, shift: float = 0.0) -> Matrix:
    """The matrix that blurs a fine line by a Gaussian and averages it into coarse pixels.

    Args:
        coarse: indices of the coarse pixels wanted.
        fine: indices of the fine pixels at hand; those beyond count as the nearest one (clamped edges).
        scale: fine pixels per coarse pixel, at least 1.
        sigma: standard deviation of the Gaussian, in coarse pixels. It is integrated over each fine pixel, as in NanoJ-SQUIRREL, so
            that sigma 0 is the plain average of the fine pixels within a coarse one.
        shift: where the fine image's content lies, off its place, in coarse pixels.
    """
    samples = round(scale) if abs(scale - round(scale)) < 1e-9 else 4 * math.ceil(scale)
    width = max(sigma * scale, 1e-6)
    within = (np.arange(samples) + 0.5) / samples
    centre = (np.asarray(coarse)[:, None] + within + shift) * scale - 0.5
    first = np.floor(centre[:, 0] - REACH * width + 0.5).astype(np.int64)
    count = math.ceil(centre[0, -1] - centre[0, 0] + 2 * REACH * width) + 2
    j = first[:, None] + np.arange(count)
    edges = np.concatenate([j - 0.5, j[:, -1:] + 0.5], axis=1)
    weight = np.zeros(j.shape)
    for q in range(samples):
        weight += np.diff(ndtr((edges - centre[:, q, None]) / width), axis=1)
    weight /= weight.sum(axis=1, keepdims=True)
    return _matrix(weight, np.clip(j, fine.start, fine.stop - 1) - fine.start, len(fine))


def fine_needed(coarse: range, limit: int, scale: float, sigma: float, shift: float = 0.0) -> range:
    """Indices of the fine pixels that `to_coarse` uses, within 0 to `limit`."""
    reach = REACH * sigma * scale + 2
    low = math.floor((coarse.start + shift) * scale - reach)
    high = math.ceil((coarse.stop + shift) * scale + reach)
    start = min(max(low, 0), limit - 1)
    return range(start, max(min(high, limit), start + 1))


def blur_to_coarse(
    window: Plane,
    rows: tuple[range, range],
    columns: tuple[range, range],
    scale: tuple[float, float],
    sigma: float,
    shift: tuple[float, float] = (0, 0),
) -> Plane:
    """A window of a fine plane, blurred by `sigma` coarse pixels, on coarse pixels; `rows` and `columns` are (coarse, fine)."""
    down = to_coarse(*rows, scale[0], sigma, shift[0])
    across = to_coarse(*columns, scale[1], sigma, shift[1])
    half: Plane = down @ window
    return np.ascontiguousarray((across @ np.ascontiguousarray(half.T)).T)


def enlarge(read: Callable[[range, range], Plane], size: tuple[int, int], rows: range, columns: range, scale: tuple[float, float]) -> Plane:
    """A coarse plane on the fine pixels `rows` and `columns`, by cubic splines and nothing else; clamped edges.

    `read(rows, columns)` gives a part of the coarse plane of `size`; only what matters is read, so a large image can be enlarged by parts.
    """
    first = [max(math.floor(part.start / s) - SPLINE_HALO - 2, 0) for part, s in zip((rows, columns), scale)]
    last = [min(math.ceil(part.stop / s) + SPLINE_HALO + 2, n) for part, s, n in zip((rows, columns), scale, size)]
    before = [SPLINE_HALO if start == 0 else 0 for start in first]
    after = [SPLINE_HALO if stop == n else 0 for stop, n in zip(last, size)]
    part = np.pad(read(range(first[0], last[0]), range(first[1], last[1])), tuple(zip(before, after)), mode="edge")
    for axis in (0, 1):
        part = spline_filter1d(part, order=3, axis=axis, mode="mirror")
    have = [range(start - b, start - b + n) for start, b, n in zip(first, before, part.shape)]
    down = _spline(rows, have[0], scale[0], size[0])
    across = _spline(columns, have[1], scale[1], size[1])
    half: Plane = down @ part
    return np.ascontiguousarray((across @ np.ascontiguousarray(half.T)).T)


def enlarged(plane: Plane, shape: tuple[int, int]) -> Plane:
    """A whole plane (Y, X), plainly enlarged by cubic splines to `shape` over the same field."""
    scale = shape[0] / plane.shape[0], shape[1] / plane.shape[1]
    size = plane.shape[0], plane.shape[1]
    return enlarge(lambda y, x: plane[y.start : y.stop, x.start : x.stop], size, range(shape[0]), range(shape[1]), scale)


def _spline(fine: range, coarse: range, scale: float, length: int) -> Matrix:
    """Cubic B-spline weights of the spline coefficients `coarse` at the centres of the fine pixels."""
    place = np.clip((np.asarray(fine) + 0.5) / scale - 0.5, -0.5, length - 0.5)
    base = np.floor(place).astype(np.int64)
    f = place - base
    weight = np.stack([(1 - f) ** 3, 3 * f**3 - 6 * f**2 + 4, 3 * (1 - f) ** 3 - 6 * (1 - f) ** 2 + 4, f**3], axis=1) / 6
    return _matrix(weight, base[:, None] + np.arange(-1, 3) - coarse.start, len(coarse))


def _matrix(weight: npt.NDArray[np.float64], column: npt.NDArray[np.int64], width: int) -> Matrix:
    rows = np.arange(len(weight) + 1) * weight.shape[1]
    matrix = sparse.csr_array((weight.ravel(), column.ravel(), rows), shape=(len(weight), width))
    matrix.sum_duplicates()
    return matrix
