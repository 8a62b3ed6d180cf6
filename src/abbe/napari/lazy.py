"""Pixels of an image as arrays that napari shows: those in memory as they are, others read plane by plane when they are looked at."""

from __future__ import annotations

import math
import uuid
from dataclasses import dataclass
from typing import Any

import numpy as np

from abbe.image.axes import ORDER
from abbe.image.pixels import Array, ArrayPixels, Pixels, Region, Shape
from abbe.session.multiscale import shrink

#: bytes of a layer that is read at once: arrays in memory are what other plugins know best
SMALL = 2**25
#: side of a plane beyond which a viewer is given smaller copies of it, and side of the smallest copy
LARGE, SMALLEST = 8192, 2048
#: bytes of a plane from which on it is read in bands
BAND = 2**26


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """One channel of some pixels, or all, with axes in any order: what dask reads blocks of.

    Attributes:
        pixels: TCZYX.
        axes: the letters of the array's axes; the others are at 0.
        channel: where the array has no axis C.
    """

    pixels: Pixels
    axes: str
    channel: int | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.pixels.shape[ORDER.index(letter)] for letter in self.axes)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.pixels.dtype

    @property
    def ndim(self) -> int:
        return len(self.axes)

    def __getitem__(self, index: Any) -> Array:
        """A block: slices or whole numbers, one for each axis, or fewer."""
        given = index if isinstance(index, tuple) else (index,)
        if any(part is Ellipsis for part in given):
            k = next(n for n, part in enumerate(given) if part is Ellipsis)
            given = (*given[:k], *(slice(None),) * (self.ndim - len(given) + 1), *given[k + 1 :])
        given = (*given, *(slice(None),) * (self.ndim - len(given)))
        asked = dict(zip(self.axes, given))
        region, after = [], []
        for letter, n in zip(ORDER, self.pixels.shape):
            part = asked.get(letter, self.channel if letter == "C" else 0)
            low, high, step = part.indices(n) if isinstance(part, slice) else (int(part or 0), int(part or 0) + 1, 1)
            region.append(slice(low, max(low, high)))
            after.append(slice(None, None, step) if letter in self.axes and isinstance(part, slice) else 0)
        block = self.pixels.read(tuple(region))[tuple(after)]  # type: ignore[arg-type]
        left = [letter for letter in ORDER if letter in self.axes and isinstance(asked[letter], slice)]
        return block.transpose([left.index(letter) for letter in self.axes if letter in left])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.asarray(self[(slice(None),) * self.ndim], dtype=dtype)


@dataclass(frozen=True, slots=True, eq=False)
class ShrunkPixels:
    """Means over factor x factor pixels of other pixels, made when they are read."""

    source: Pixels
    factor: int

    @property
    def shape(self) -> Shape:
        t, c, z, y, x = self.source.shape
        return t, c, z, -(-y // self.factor), -(-x // self.factor)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.source.dtype

    def read(self, region: Region) -> Array:
        rows, columns = (
            slice(part.start * self.factor, min(part.stop * self.factor, n)) for part, n in zip(region[3:], self.source.shape[3:])
        )
        return shrink(self.source.read((*region[:3], rows, columns)), self.factor)


def levels_of(pixels: Pixels, axes: str, channel: int | None) -> list[Any]:
    """The array of `array_of`, and of planes larger than a graphics card holds copies of half, a quarter, ... of the size."""
    found = [array_of(pixels, axes, channel)]
    factor = 2
    while max(pixels.shape[3:]) > LARGE and max(pixels.shape[3:]) > SMALLEST * factor // 2:
        found.append(array_of(ShrunkPixels(pixels, factor), axes, channel))
        factor *= 2
    return found


def array_of(pixels: Pixels, axes: str, channel: int | None) -> Any:
    """A numpy array of pixels in memory and of few; a dask array of all others, a plane (a band of a large one) per block."""
    plane = Plane(pixels, axes, channel)
    if isinstance(pixels, ArrayPixels) or _few(plane):
        values = plane[(slice(None),) * plane.ndim]
        values.flags.writeable = False  # abbe saves and computes from `pixels`: a change in place would be seen, and lost without a word
        return values
    import dask.array

    rows, columns = pixels.shape[3:]
    factor = pixels.factor if isinstance(pixels, ShrunkPixels) else 1
    band = max(1, min(rows, BAND // max(columns * pixels.dtype.itemsize * factor**2, 1)))
    chunks = tuple({"Y": band, "X": columns}.get(letter, 1) for letter in axes)
    empty = np.empty((0,) * len(axes), plane.dtype)
    # a name of its own: hashing the pixels would read them all
    return dask.array.from_array(plane, chunks=chunks, name=f"abbe-{uuid.uuid4().hex}", asarray=False, meta=empty)


def _few(plane: Plane) -> bool:
    """Are they so few that they are read at once? Copies in smaller size are not: they cost as much as what they are made of."""
    return not isinstance(plane.pixels, ShrunkPixels) and math.prod(plane.shape) * plane.dtype.itemsize <= SMALL
