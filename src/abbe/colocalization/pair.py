"""`Pair`: the pixels of two channels within a region, read in blocks that depend on the image's shape alone.

Sums of integers are exact whatever the order. Sums of floats depend on it, so the order is fixed: blocks by shape, bands within a block,
bands dealt to a fixed number of lanes. A file on disk and an array in memory, one core and eight, give the same digits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from abbe.colocalization.result import Background, Region
from abbe.errors import ParameterError
from abbe.image import Grid, Image
from abbe.image.pixels import ArrayPixels, Pixels, Shape, blocks
from abbe.limits import LIMITS

Array = npt.NDArray[Any]
#: a block's pixels of either channel, and which of them count
Block: TypeAlias = tuple[Array, Array, Array | None]
#: rows and columns of a block
Window: TypeAlias = tuple[slice, slice]
T = TypeVar("T")

#: pixels of a block, and of a band within it. Kernels sum a band in 63 bits: 2**20 products of 16-bit values fit
BLOCK, BAND = 2**22, 2**18
#: accumulators; results must not depend on the number of cores, so this is fixed
LANES = 4
#: share of a band's pixels up to which their values are kept beside the band
FEW = 0.25


@dataclass(frozen=True, slots=True)
class Place:
    """Rows `first` to `last` of plane z of frame t."""

    t: int
    z: int
    first: int
    last: int


@dataclass(frozen=True, eq=False)
class Pair:
    """Two channels of an image within a region, after the background was subtracted.

    Attributes:
        image: for sizes and names. sources: the pixels of either channel, one channel each.
        channels: their indices in the image.
    """

    image: Image
    channels: tuple[int, int]
    region: Region
    background: Background
    sources: tuple[Pixels, Pixels]
    #: what was measured of it before
    known: dict[str, Any] = field(default_factory=dict, repr=False)
    _kept: dict[Place, tuple[Array, Array]] = field(default_factory=dict, repr=False)
    _inside: dict[Place, Array | None] = field(default_factory=dict, repr=False)
    #: the values of a band, where few of its pixels count
    _few: dict[tuple[Place, int], tuple[Array, Array]] = field(default_factory=dict, repr=False)

    # ------------------------------------------------------------------------------------------ what it is
    @cached_property
    def grid(self) -> Grid:
        return Grid.of(self.image)

    @property
    def names(self) -> tuple[str, str]:
        return self.image.channels[self.channels[0]], self.image.channels[self.channels[1]]

    @property
    def shape(self) -> Shape:
        """Frames, 1, planes, rows, columns of what is read."""
        (t0, t1), (z0, z1) = self.region.frames, self.region.planes
        return t1 - t0, 1, z1 - z0, self.grid.rows, self.grid.columns

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """The type that is measured in: uint8, uint16, int16 as they are, float32, and float64 for integers of 32 bits."""
        types = {s.dtype for s in self.sources}
        if len(types) > 1:
            return np.dtype(np.float64)
        found = types.pop()
        if found.kind == "i" and self.background.method != "none":
            return np.dtype(np.float64)
        if found.itemsize <= 2 and found.kind in "iu":
            return np.dtype(np.int16) if found == np.int8 else found
        return np.dtype(np.float32) if found == np.float32 else np.dtype(np.float64)

    @property
    def integers(self) -> bool:
        return self.dtype.kind in "iu"

    @cached_property
    def whole_numbers(self) -> bool:
        """Are all values whole numbers? Floats may be counts too, and are then treated like them."""

        def step(total: list[bool], a: Array, b: Array) -> None:
            if total[0]:
                total[0] = bool((a == np.floor(a)).all() and (b == np.floor(b)).all())

        return self.integers or all(lane[0] for lane in self.accumulate(lambda: [True], step))

    @property
    def limits(self) -> tuple[int, int]:
        """Least and largest value of an integer type."""
        info = np.iinfo(self.dtype)
        return int(info.min), int(info.max)

    @property
    def whole(self) -> bool:
        """Does every pixel count?"""
        return self.region.roi is None and self.image.mask is None

    # ------------------------------------------------------------------------------------------ reading it
    def places(self) -> Iterator[Place]:
        for t, _, z, y, _ in blocks(self.shape, BLOCK):
            yield Place(t.start + self.region.frames[0], z.start + self.region.planes[0], y.start, y.stop)

    def read(self, place: Place) -> tuple[Array, Array, Array | None]:
        """(first, second, inside): the rows of a block, and which of them count; None where all do."""
        inside = self.inside(place)
        if place in self._kept:
            return *self._kept[place], inside
        first, second = (self._channel(k, place) for k in (0, 1))
        if self._keep:
            self._kept[place] = first, second
        return first, second, inside

    def inside(self, place: Place) -> Array | None:
        """Which pixels of a block count; None where all do."""
        if place not in self._inside:
            if not self._keep:  # the newest alone
                self._inside.clear()
            self._inside[place] = self._counted(place)
        return self._inside[place]

    def window(self, place: Place) -> tuple[slice, slice]:
        """Rows and columns of a block beyond which no pixel counts; none where none does."""
        inside = self.inside(place)
        if inside is None:
            return slice(0, place.last - place.first), slice(0, self.grid.columns)
        rows = np.flatnonzero(inside.any(axis=1))
        if not len(rows):
            return slice(0, 0), slice(0, 0)
        y = slice(int(rows[0]), int(rows[-1]) + 1)
        columns = np.flatnonzero(inside[y].any(axis=0))
        return y, slice(int(columns[0]), int(columns[-1]) + 1)

    def forget(self) -> None:
        """Let go of pixels that were kept for the next analysis, which then reads them again."""
        for kept in (self._kept, self._inside, self._few):
            kept.clear()

    @cached_property
    def _keep(self) -> bool:
        """Keep what was read or computed, where it is small: every analysis reads the pixels several times."""
        in_memory = all(isinstance(s, ArrayPixels) for s in self.sources) and self.background.method == "none"
        return not (in_memory and self.whole) and 2 * int(np.prod(self.shape)) * self.dtype.itemsize <= LIMITS.in_memory // 2

    def _channel(self, k: int, place: Place) -> Array:
        span = (slice(place.t, place.t + 1), slice(0, 1), slice(place.z, place.z + 1), slice(place.first, place.last))
        a = self.sources[k].read((*span, slice(0, self.grid.columns)))[0, 0, 0]
        a = np.ascontiguousarray(a, self.dtype)
        if self.background.method != "none":
            level = (self.background.first, self.background.second)[k]
            low = a.dtype.type(level)
            if a.dtype.kind == "i" and low < 0:  # the top of the type stays there, instead of wrapping round
                a = np.minimum(a, a.dtype.type(np.iinfo(a.dtype).max + int(low)))
            a = np.maximum(a, low) - low
        view: Array = a.view()
        view.flags.writeable = False  # one type for the compiled kernels, whoever owns the pixels
        return view

    def _counted(self, place: Place) -> Array | None:
        inside: Array | None = None
        if self.region.roi is not None:
            inside = self.region.roi.rows(self.grid, place.z, place.t, place.first, place.last)
        if self.image.mask is not None:
            rows, columns = slice(place.first, place.last), slice(0, self.grid.columns)
            for c in self.channels:
                where = (slice(place.t, place.t + 1), slice(c, c + 1), slice(place.z, place.z + 1), rows, columns)
                good = ~self.image.mask.read(where)[0, 0, 0].astype(bool)
                inside = good if inside is None else inside & good
        return inside

    # ------------------------------------------------------------------------------------------ going over it
    def accumulate(self, start: Callable[[], T], step: Callable[[T, Array, Array], None], count: int = LANES) -> list[T]:
        """Go over all pixels that count: `step(total, a, b)` adds flat arrays of either channel to one of `count` totals."""
        from abbe.colocalization.compiled import together

        totals = [start() for _ in range(count)]
        dealt = 0
        for place in self.places():
            bands = self._bands(place)
            window = self.window(place)
            lanes = [[band for band in bands[(k - dealt) % count :: count] if _meet(band, window[0])] for k in range(count)]
            dealt = (dealt + len(bands)) % count
            if not any(lanes):
                continue
            block = self.read(place)

            def run(k: int, lanes: list[list[slice]] = lanes, place: Place = place, window: Window = window, block: Block = block) -> None:
                for band in lanes[k]:
                    one, two = self._values(place, band, window, block)
                    if one.size:
                        step(totals[k], one, two)

            together(run, [k for k in range(count) if lanes[k]])
        return totals

    def first_values(self) -> tuple[float, float]:
        """Rounded means over the first pixels that count: a pivot near which floats are summed."""
        for place in self.places():
            window = self.window(place)
            if window[0].start == window[0].stop:
                continue
            block = self.read(place)
            for band in self._bands(place):
                if not _meet(band, window[0]):
                    continue
                a, b = self._values(place, band, window, block)
                if a.size:
                    return float(np.round(a.mean(dtype=np.float64))), float(np.round(b.mean(dtype=np.float64)))
        return 0.0, 0.0

    def _bands(self, place: Place) -> list[slice]:
        rows = max(1, BAND // self.grid.columns)
        height = place.last - place.first
        return [slice(r, min(r + rows, height)) for r in range(0, height, rows)]

    def _values(self, place: Place, band: slice, window: Window, block: Block) -> tuple[Array, Array]:
        """The pixels of a band that count, row by row."""
        a, b, inside = block
        if inside is None:
            return a[band].reshape(-1), b[band].reshape(-1)
        known = self._few.get((place, band.start))
        if known is not None:
            return known
        rows = slice(max(band.start, window[0].start), min(band.stop, window[0].stop))
        marked = inside[rows, window[1]]
        one, two = a[rows, window[1]][marked], b[rows, window[1]][marked]
        one.flags.writeable = two.flags.writeable = False
        if self._keep and one.size <= FEW * (band.stop - band.start) * self.grid.columns:
            self._few[place, band.start] = one, two
        return one, two


def _meet(one: slice, other: slice) -> bool:
    return bool(one.start < other.stop and other.start < one.stop)


def select(
    image: Image, channels: tuple[int, int], region: Region, background: Background, sources: tuple[Image, Image] | None = None
) -> Pair:
    """The pair of two channels; `sources` gives other images of the same grid to take them from (the bounds of an interval)."""
    from abbe.image.pixels import SelectedPixels

    origin = sources or (image, image)
    first, second = (_one_channel(source.pixels, c, SelectedPixels) for source, c in zip(origin, channels))
    if background.method != "none" and image.dtype.kind in "iu":
        background = Background(background.method, round(background.first), round(background.second))
        info = np.iinfo(image.dtype)
        if min(background.first, background.second) < info.min or max(background.first, background.second) > info.max:
            raise ParameterError(
                f"wanted a background within the pixel type, {info.min} to {info.max} for {image.dtype}, got {background.first:g} and "
                f"{background.second:g}"
            )
    return Pair(image, channels, region, background, (first, second))


def _one_channel(pixels: Pixels, c: int, view: Callable[[Pixels, tuple[int, ...]], Pixels]) -> Pixels:
    if isinstance(pixels, ArrayPixels):
        return ArrayPixels(pixels.array[:, c : c + 1])
    return view(pixels, (c,))
