"""Plain resampling, computed where it is read: a stack brought to even spacing, and channels that only follow the grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from abbe.image.pixels import Array, Pixels, Region, Shape

Interpolation = Literal["linear", "cubic"]


def even_planes(planes: int, ratio: float) -> int:
    """Planes of a stack once its z-step, `ratio` times the pixel size, equals the pixel size: first and last keep their places."""
    return round((planes - 1) * ratio) + 1


@dataclass(frozen=True, slots=True)
class EvenPixels:
    """A stack interpolated along z: output plane j lies at input plane j / ratio; float32."""

    source: Pixels
    #: z-step over pixel size
    ratio: float
    interpolation: Interpolation = "linear"

    @property
    def shape(self) -> Shape:
        t, c, z, y, x = self.source.shape
        return t, c, even_planes(z, self.ratio), y, x

    @property
    def dtype(self) -> np.dtype[np.float32]:
        return np.dtype(np.float32)

    def read(self, region: Region) -> Array:
        t, c, z, y, x = region
        last = self.source.shape[2] - 1
        position = np.minimum(np.arange(z.start, z.stop) / self.ratio, last)
        taps, weights = _taps(position, last, self.interpolation)
        first, stop = int(taps.min()), int(taps.max()) + 1
        planes = self.source.read((t, c, slice(first, stop), y, x))
        return _combine(planes, taps - first, weights, axis=2)


@dataclass(frozen=True, slots=True)
class EnlargedPixels:
    """Planes enlarged by linear interpolation about pixel centres, held constant beyond the outer ones; float32."""

    source: Pixels
    factor: int

    @property
    def shape(self) -> Shape:
        t, c, z, y, x = self.source.shape
        return t, c, z, y * self.factor, x * self.factor

    @property
    def dtype(self) -> np.dtype[np.float32]:
        return np.dtype(np.float32)

    def read(self, region: Region) -> Array:
        t, c, z, y, x = region
        (rows, row_weights), (columns, column_weights) = (
            _taps(np.clip((np.arange(s.start, s.stop) + 0.5) / self.factor - 0.5, 0, n - 1), n - 1, "linear")
            for s, n in ((y, self.source.shape[3]), (x, self.source.shape[4]))
        )
        top, left = int(rows.min()), int(columns.min())
        block = self.source.read((t, c, z, slice(top, int(rows.max()) + 1), slice(left, int(columns.max()) + 1)))
        return _combine(_combine(block, rows - top, row_weights, axis=3), columns - left, column_weights, axis=4)


@dataclass(frozen=True, slots=True)
class RepeatedPixels:
    """Pixels, or a mask, on a finer grid: each output pixel is its nearest input pixel."""

    source: Pixels
    #: output pixels per input pixel along y and x
    factor: int = 1
    #: z-step over pixel size where the stack was made even; None where z is as it was
    ratio: float | None = None

    @property
    def shape(self) -> Shape:
        t, c, z, y, x = self.source.shape
        return t, c, z if self.ratio is None else even_planes(z, self.ratio), y * self.factor, x * self.factor

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.source.dtype

    def read(self, region: Region) -> Array:
        t, c, z, y, x = region
        planes = np.arange(z.start, z.stop)
        if self.ratio is not None:
            planes = np.minimum(np.floor(planes / self.ratio + 0.5).astype(np.int64), self.source.shape[2] - 1)
        rows, columns = (np.arange(s.start, s.stop) // self.factor for s in (y, x))
        box = tuple(slice(int(i[0]), int(i[-1]) + 1) for i in (planes, rows, columns))
        block = self.source.read((t, c, box[0], box[1], box[2]))
        return block[:, :, planes - planes[0]][:, :, :, rows - rows[0]][..., columns - columns[0]]


def _taps(position: npt.NDArray[np.float64], last: int, how: Interpolation) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """(indices, weights), each (taps, positions), of the samples between 0 and `last` that each position is made of.

    Cubic is Catmull-Rom (Keys 1981, a = -1/2), ends repeated.
    """
    low = np.floor(position).astype(np.int64)
    f = position - low
    if how == "linear":
        indices = np.stack([low, low + 1])
        weights = np.stack([1 - f, f])
    else:
        indices = np.stack([low - 1, low, low + 1, low + 2])
        weights = np.stack(
            [-f / 2 + f**2 - f**3 / 2, 1 - 2.5 * f**2 + 1.5 * f**3, f / 2 + 2 * f**2 - 1.5 * f**3, (f**3 - f**2) / 2],
        )
    return np.clip(indices, 0, last), weights.astype(np.float32)


def _combine(block: Array, taps: npt.NDArray[np.int64], weights: npt.NDArray[np.float32], axis: int) -> Array:
    """Weighted sums of samples along one axis."""
    shape = [1] * block.ndim
    shape[axis] = -1
    total: Array | None = None
    for indices, weight in zip(taps, weights):
        part = np.take(block, indices, axis=axis).astype(np.float32, copy=False) * weight.reshape(shape)
        total = part if total is None else total + part
    assert total is not None
    return total
