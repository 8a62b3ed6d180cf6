"""Gaussian blur of a small plane, and its mean over coarser pixels, as products with matrices.

The same planes are blurred by the same widths over and over: for every image of a batch, eight widths and three of haze. A wide blur by a
product takes a fifth of the time of the sums over its window or less, and of a narrow one the binned pixels alone are computed.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

Plane = npt.NDArray[np.float64]

#: rows of a matrix that are multiplied at once: of a narrow blur, most columns are zero for them
ROWS = 32


def blurred(plane: Plane, width: float, factor: int = 1) -> Plane:
    """Blurred by a Gaussian of `width` pixels, as `scipy.ndimage.gaussian_filter` does it, then the mean over `factor` x `factor` pixels.

    Rows and columns that fill no coarser pixel are left out of the means.
    """
    height, wide = plane.shape
    along_y = _product(_blocks(height, width, factor), plane)
    return np.ascontiguousarray(_product(_blocks(wide, width, factor), np.ascontiguousarray(along_y.T)).T)


def _product(blocks: tuple[tuple[slice, Plane], ...], plane: Plane) -> Plane:
    return np.concatenate([rows @ plane[columns] for columns, rows in blocks])


@lru_cache(maxsize=32)
def _blocks(length: int, width: float, factor: int) -> tuple[tuple[slice, Plane], ...]:
    """The matrix of the blur along an axis of `length` pixels, some rows at a time: the columns that are not zero there, and those."""
    whole = np.eye(length)
    if width > 0:
        whole = gaussian_filter1d(whole, width, axis=0)
    binned = whole[: length // factor * factor].reshape(length // factor, factor, length).mean(axis=1)
    blocks = []
    for top in range(0, len(binned), ROWS):
        rows = binned[top : top + ROWS]
        used = np.flatnonzero(rows.any(axis=0))
        columns = slice(int(used[0]), int(used[-1]) + 1)
        blocks.append((columns, np.ascontiguousarray(rows[:, columns])))
    return tuple(blocks)
