"""The mean of a plane is kept where it was: region by region, not by one number for the whole.

What a network gives has, here and there, a little more or less light than what it was given. The difference is measured in cells of
`CELL` x `CELL` input pixels, smoothed over neighbouring cells, and given back as a smooth surface. So the mean of the plane is kept, and
so is that of every part of it larger than a few cells; an object far away, however bright, changes nothing here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import correlate1d

from abbe.image.pixels import Array, Pixels, Region, Shape

#: side of a cell in input pixels: the mean of 1,024 pixels is known to 3 % of their noise
CELL = 32
FLOAT32 = np.dtype(np.float32)
Grid = npt.NDArray[np.float64]
#: positions that are interpolated at once, and multiplications up to which a product is computed in one thread
POSITIONS, PRODUCT = 128, 2**17


class LevelGrid:
    """Sums of what went in and what came out, by cell, gathered tile by tile for one plane of `height` x `width` input pixels."""

    def __init__(self, height: int, width: int, scale: int) -> None:
        self.shape = (-(-height // CELL), -(-width // CELL))
        self.size, self.scale = (height, width), scale
        self.before, self.after = np.zeros(self.shape), np.zeros(self.shape)

    def add(self, seen: Array, values: Array, top: int, left: int) -> None:
        """A tile's kept part: (h, w) input and (scale h, scale w) output, in the image's units, placed at input pixel (top, left)."""
        s = self.scale
        _gather(self.before, seen, top, left, CELL)
        _gather(self.after, values, top * s, left * s, CELL * s)

    def surface(self) -> Grid:
        """What to add at the centre of each cell. The mean of the whole plane becomes exact; what smoothing lost of it is put where
        most was lacking (in proportion to the square), and not everywhere."""
        rows, columns = (np.minimum(CELL, n - CELL * np.arange(k)) for n, k in zip(self.size, self.shape))
        pixels = rows[:, None] * columns[None, :]
        lack = (self.before - self.after / self.scale**2) / pixels
        y, x = (_taps(np.arange(n), k, CELL).mean(axis=0) for n, k in zip(self.size, self.shape))
        surface, where = _smooth(lack), _smooth(lack**2)
        missing = float((lack * pixels).sum()) / float(pixels.sum()) - float(y @ surface @ x)
        share = float(y @ where @ x)
        return surface + where * (missing / share) if share > 0 else surface


def _smooth(a: npt.NDArray[np.floating]) -> Grid:
    """Averaged over neighbouring cells."""
    for axis in (0, 1):
        a = correlate1d(a, (0.25, 0.5, 0.25), axis=axis, mode="nearest")
    return np.asarray(a, np.float64)


def _gather(sums: Grid, a: Array, top: int, left: int, cell: int) -> None:
    """Add the sums of `a` over the cells that it touches."""
    rows, columns = (np.arange(start, start + n) // cell for start, n in zip((top, left), a.shape))
    r, c = (np.flatnonzero(np.diff(i, prepend=-1)) for i in (rows, columns))
    sums[np.ix_(rows[r], columns[c])] += np.add.reduceat(np.add.reduceat(a, r, axis=0, dtype=np.float64), c, axis=1)


def _taps(at: npt.NDArray[np.int64], cells: int, cell: int) -> Grid:
    """(len(at), cells): weights of linear interpolation between cell centres, held constant beyond the outermost."""
    position = np.clip((at + 0.5) / cell - 0.5, 0, cells - 1)
    low = np.minimum(position.astype(np.int64), max(cells - 2, 0))
    share = position - low
    out = np.zeros((len(at), cells))
    out[np.arange(len(at)), low] = 1 - share
    out[np.arange(len(at)), np.minimum(low + 1, cells - 1)] += share
    return out


def _along(values: Grid, taps: Grid) -> Grid:
    """`values` (n, cells) @ `taps` (m, cells).T, some positions at a time with the cells that they lie between.

    A product of all would be mostly of zeros, and so large that it is computed in threads, which wait for one another a hundred times as
    long as they compute where other work keeps the processor busy.
    """
    out = np.empty((len(values), len(taps)))
    for start in range(0, len(taps), POSITIONS):
        part = taps[start : start + POSITIONS]
        used = np.flatnonzero(part.any(axis=0))
        cells = slice(int(used[0]), int(used[-1]) + 1)
        step = max(1, PRODUCT // (len(part) * (cells.stop - cells.start)))
        for top in range(0, len(values), step):
            np.matmul(values[top : top + step, cells], part[:, cells].T, out=out[top : top + step, start : start + POSITIONS])
    return out


@dataclass(frozen=True, slots=True)
class LevelledPixels:
    """Pixels plus a smooth surface per plane: `surfaces` is (T, C, Z, rows of cells, columns of cells); `cell` in these pixels."""

    source: Pixels
    surfaces: Grid
    cell: int

    @property
    def shape(self) -> Shape:
        return self.source.shape

    @property
    def dtype(self) -> np.dtype[np.float32]:
        return FLOAT32

    def read(self, region: Region) -> Array:
        rows, columns = self.surfaces.shape[3:]
        y = _taps(np.arange(region[3].start, region[3].stop), rows, self.cell)
        x = _taps(np.arange(region[4].start, region[4].stop), columns, self.cell)
        surface = np.empty((*(s.stop - s.start for s in region[:3]), len(y), len(x)), np.float32)
        wanted = self.surfaces[region[:3]]
        for index in np.ndindex(*wanted.shape[:3]):
            surface[index] = _along(_along(wanted[index].T, y).T, x)
        return self.source.read(region) + surface
