"""Tiles that join without a seam.

A plane is continued a little beyond its edges by its mirror image: that is the canvas, and its size depends on the plane alone. A tile
ends either at the canvas's edge or at least a receptive field away from what is kept of it, and starts at a multiple of the network's
stride. So every output pixel is computed from the same numbers whatever the tiling: tiled and whole agree to rounding. All tiles of an
image have one size, since a provider compiles a network anew for each size.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abbe.zoo import Card

#: pixels that a plane is continued by, at least: edges are then restored from more than one side
MARGIN = 16
#: sides of a canvas and of its tiles are multiples of this: fewer different sizes to compile for
QUANTUM = 32
#: longest side of a tile by the network's scale, in input pixels; keeps the peak memory of abbe's own networks below 0.6 GB
LONGEST = {1: 1216, 3: 1088}


@dataclass(frozen=True, slots=True)
class Axis:
    """Tiles along one axis of a plane, all `side` long; tile k starts at `starts[k]` of the canvas and gives [cuts[k], cuts[k + 1])."""

    length: int
    margin: int
    side: int
    starts: tuple[int, ...]
    #: in pixels of the plane
    cuts: tuple[int, ...]

    def kept(self, k: int) -> slice:
        """The part of the plane that tile `k` gives."""
        return slice(self.cuts[k], self.cuts[k + 1])

    def offset(self, k: int) -> int:
        """Where that part starts within the tile."""
        return self.cuts[k] + self.margin - self.starts[k]

    def source(self, k: int) -> npt.NDArray[np.int64]:
        """Where in the plane the tile's pixels come from: mirrored (edge pixel not repeated) beyond the ends, then held constant."""
        i = np.arange(self.side) + (self.starts[k] - self.margin)
        last = self.length - 1
        return np.where(i > last, np.maximum(2 * last - i, 0), np.minimum(np.abs(i), last))


@dataclass(frozen=True, slots=True)
class Tile:
    """Where a tile's pixels come from, and what is kept of it."""

    #: rows and columns of the plane, one per pixel of the tile
    rows: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    #: the part of the plane that it gives
    y: slice
    x: slice
    #: where that part starts within the tile
    top: int
    left: int

    def kept(self, scale: int) -> tuple[slice, slice]:
        """The kept part within the network's output."""
        return _scaled(self.top, self.y, scale), _scaled(self.left, self.x, scale)

    def place(self, scale: int) -> tuple[slice, slice]:
        """The kept part within the whole output."""
        return _scaled(self.y.start, self.y, scale), _scaled(self.x.start, self.x, scale)


def _scaled(start: int, part: slice, scale: int) -> slice:
    return slice(start * scale, (start + part.stop - part.start) * scale)


@dataclass(frozen=True, slots=True)
class Tiling:
    """A plane cut into tiles, rows of tiles first."""

    y: Axis
    x: Axis

    @property
    def count(self) -> int:
        return len(self.y.starts) * len(self.x.starts)

    def __iter__(self) -> Iterator[Tile]:
        for j in range(len(self.y.starts)):
            for i in range(len(self.x.starts)):
                yield Tile(self.y.source(j), self.x.source(i), self.y.kept(j), self.x.kept(i), self.y.offset(j), self.x.offset(i))


def tiling(height: int, width: int, card: Card, longest: int | None = None, *, reach: int = 0) -> Tiling:
    """The tiling of a plane of `height` x `width` pixels for a model.

    `longest` bounds a tile's side (default: by memory). `reach`: how many pixels further than its network a step sees.
    """
    bound = longest or LONGEST[card.scale]
    return Tiling(_axis(height, card, bound, reach), _axis(width, card, bound, reach))


def _axis(length: int, card: Card, longest: int, reach: int) -> Axis:
    """As few tiles as `longest` allows, evenly spread, each overlapping the next by two halos or more."""
    step = card.multiple
    halo, margin = _up(card.receptive_field + reach, step), _up(MARGIN, step)
    quantum = math.lcm(QUANTUM, step)
    canvas = _up(length + 2 * margin, quantum)
    bound = max(longest // quantum * quantum, _up(2 * halo + 2 * margin + 2 * quantum, quantum))
    count = 1 if canvas <= bound else math.ceil((canvas - 2 * halo) / (bound - 2 * halo))
    side = canvas if count == 1 else _up(math.ceil((canvas + (count - 1) * 2 * halo) / count), quantum)
    starts = [0] if count == 1 else [k * (canvas - side) // (count - 1) // step * step for k in range(count)]
    cuts = [(start + before + side) // 2 - margin for before, start in itertools.pairwise(starts)]  # the middle of each overlap
    return Axis(length, margin, side, tuple(starts), (0, *cuts, length))


def _up(n: int, multiple: int) -> int:
    """`n` rounded up to a multiple."""
    return -(-n // multiple) * multiple
