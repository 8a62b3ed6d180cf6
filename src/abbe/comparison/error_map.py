"""The error map as pixels that are computed when they are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from abbe.comparison.fits import Fits
from abbe.comparison.grid import Grid
from abbe.comparison.pair import Pair
from abbe.comparison.records import Undefined
from abbe.image import Image
from abbe.image.pixels import Array, Region, Shape, region_shape


@dataclass(frozen=True)
class ErrorPixels:
    """Original minus fitted transformed image, TCZYX float32, on the original's pixels; masked pixels, and those that blurring
    brings such to, are 0."""

    original: Image
    transformed: Image
    grid: Grid
    fits: Fits
    signed: bool

    @property
    def shape(self) -> Shape:
        return self.original.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float32)

    def read(self, region: Region) -> Array:
        out = np.zeros(region_shape(region), np.float32)
        rows, columns = (range(s.start, s.stop) for s in region[3:])
        for i, t in enumerate(range(region[0].start, region[0].stop)):
            for j, c in enumerate(range(region[1].start, region[1].stop)):
                for n, k in enumerate(range(region[2].start, region[2].stop)):
                    out[i, j, n] = self._part(t, c, k, rows, columns)
        return out

    def _part(self, t: int, c: int, k: int, rows: range, columns: range) -> Array:
        fit = self.fits.of(t, c, k)
        pair = Pair(self.original, self.transformed, self.grid, t, c, fit.sigma_z)
        gain, offset, sigma = (0.0 if isinstance(v, Undefined) else v for v in (fit.gain, fit.offset, fit.sigma))
        tile = pair.tile(k, rows, columns, sigma)
        if isinstance(fit.gain, Undefined):
            offset = float(tile.original.mean())
        error = tile.original - gain * tile.modelled(sigma) - offset
        error = error if self.signed else np.abs(error)
        seen = tile.seen(sigma)
        return error if seen is None else np.where(seen, error, 0.0)
