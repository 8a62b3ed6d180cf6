"""Tiles that join without a seam.

A plane is continued beyond its edges by its mirror image, as far as a network looks. Each tile brings a halo at least as wide as the
receptive field and starts at a multiple of the network's stride, so that every output pixel is computed from the same numbers whatever
the tiling: tiled and whole agree to rounding. All tiles of an image have one size, from a short list, since a provider compiles a network
anew for each size.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abbe.zoo import Card

#: sizes of tiles are multiples of this
QUANTUM = 64
#: longest side of a tile by the network's scale, in input pixels: keeps a 64-channel network below 0.5 GB in float32
LONGEST = {1: 1216, 3: 640}


@dataclass(frozen=True, slots=True)
class Axis:
    """Tiles along one axis. Tile k is [k * core - halo, k * core - halo + side), of which [k * core, (k + 1) * core) is kept."""

    length: int
    side: int
    halo: int

    @property
    def core(self) -> int:
        return self.side - 2 * self.halo

    @property
    def count(self) -> int:
        return math.ceil(self.length / self.core)

    def kept(self, k: int) -> slice:
        """The part of the axis that tile `k` gives."""
        return slice(k * self.core, min((k + 1) * self.core, self.length))

    def source(self, k: int) -> npt.NDArray[np.int64]:
        """Indices along the axis of the tile's pixels, mirrored (edge pixel not repeated) beyond the ends, then held constant."""
        i = np.arange(self.side) + (k * self.core - self.halo)
        last = self.length - 1
        return np.clip(np.where(i > last, np.maximum(2 * last - i, 0), np.minimum(np.abs(i), last)), 0, last)


@dataclass(frozen=True, slots=True)
class Tile:
    """Where a tile's pixels come from, and what is kept of it."""

    rows: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    y: slice
    x: slice
    halo: int

    def kept(self, scale: int) -> tuple[slice, slice]:
        """The kept part within the network's output."""
        start = self.halo * scale
        return (
            slice(start, start + (self.y.stop - self.y.start) * scale),
            slice(start, start + (self.x.stop - self.x.start) * scale),
        )

    def place(self, scale: int) -> tuple[slice, slice]:
        """The kept part within the whole output."""
        return slice(self.y.start * scale, self.y.stop * scale), slice(self.x.start * scale, self.x.stop * scale)

    @property
    def box(self) -> tuple[slice, slice]:
        """The smallest part of the plane that holds every pixel of the tile."""
        return tuple(slice(int(i.min()), int(i.max()) + 1) for i in (self.rows, self.columns))  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Tiling:
    """A plane cut into tiles."""

    y: Axis
    x: Axis

    @property
    def count(self) -> int:
        return self.y.count * self.x.count

    def __iter__(self) -> Iterator[Tile]:
        for j in range(self.y.count):
            for i in range(self.x.count):
                yield Tile(self.y.source(j), self.x.source(i), self.y.kept(j), self.x.kept(i), self.y.halo)


def tiling(height: int, width: int, card: Card, longest: int | None = None) -> Tiling:
    """The tiling of a plane of `height` x `width` pixels for a model. `longest` bounds a tile's side (default: by memory)."""
    halo = math.ceil(card.receptive_field / card.multiple) * card.multiple
    bound = max(longest or LONGEST[card.scale], 2 * halo + QUANTUM)
    quantum = math.lcm(QUANTUM, card.multiple)
    return Tiling(_axis(height, halo, bound, quantum), _axis(width, halo, bound, quantum))


def _axis(length: int, halo: int, bound: int, quantum: int) -> Axis:
    most = max(bound // quantum * quantum, math.ceil((2 * halo + 1) / quantum) * quantum)
    count = math.ceil(length / (most - 2 * halo))
    side = math.ceil((math.ceil(length / count) + 2 * halo) / quantum) * quantum
    return Axis(length, side, halo)
