"""Regions of TIFF planes, read strip by strip or tile by tile, never the whole file.

Positions and lengths of all segments are known and checked against the file before the first pixel is read: a library that finds a
segment missing gives zeros, and zeros look like an image.
"""

from __future__ import annotations

import math
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tifffile

from abbe.formats.damage import decoding
from abbe.formats.stamp import Stamp, read_exactly
from abbe.image.pixels import Array, Region, Shape, region_shape

#: bytes of decoded segments that are kept, so that bands of rows do not decode a large strip again and again
CACHE = 64 * 2**20


class Planes(Protocol):
    """Planes by number, each with one or more samples per pixel."""

    def read(self, descriptor: int, plane: int, sample: int, y: slice, x: slice) -> Array:
        """A box of one sample of one plane, (Y, X)."""
        ...


@dataclass(frozen=True, slots=True)
class RawPlanes:
    """Uncompressed planes: each lies in one piece at its offset."""

    offsets: Sequence[int]
    dtype: np.dtype[Any]
    height: int
    width: int
    samples: int
    interleaved: bool

    def read(self, descriptor: int, plane: int, sample: int, y: slice, x: slice) -> Array:
        step = self.samples if self.interleaved else 1
        row = self.width * step * self.dtype.itemsize
        start = self.offsets[plane] + y.start * row
        if not self.interleaved:
            start += sample * self.height * row
        data = read_exactly(descriptor, start, (y.stop - y.start) * row)
        rows = np.frombuffer(data, self.dtype).reshape(y.stop - y.start, self.width, step)
        return rows[:, x, sample if self.interleaved else 0]


@dataclass(slots=True)
class Decoder:
    """What decodes the segments of a page; in another process it is found again in the file."""

    path: Path
    #: of the page whose tags tell how, among the file's
    index: int
    call: Callable[..., Any] | None = None

    def __call__(self, data: bytes, index: int, tables: bytes | None) -> Any:
        if self.call is None:
            with decoding(self.path.name), tifffile.TiffFile(self.path) as tif:
                self.call = tif.pages[self.index].decode
        return self.call(data, index, jpegtables=tables)

    def __reduce__(self) -> tuple[type[Decoder], tuple[Path, int]]:
        return Decoder, (self.path, self.index)


@dataclass(frozen=True, slots=True)
class Page:
    """The segments of one page, and what decodes them."""

    offsets: Sequence[int]
    lengths: Sequence[int]
    decode: Decoder
    tables: bytes | None = None


@dataclass(slots=True)
class SegmentedPlanes:
    """Planes of strips or tiles of `segment` (rows, columns)."""

    pages: Sequence[Page]
    dtype: np.dtype[Any]
    height: int
    width: int
    segment: tuple[int, int]
    interleaved: bool
    _cache: OrderedDict[tuple[int, int], Array] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __reduce__(self) -> tuple[type[SegmentedPlanes], tuple[Any, ...]]:
        return SegmentedPlanes, (self.pages, self.dtype, self.height, self.width, self.segment, self.interleaved)

    def read(self, descriptor: int, plane: int, sample: int, y: slice, x: slice) -> Array:
        rows, columns = self.segment
        down, across = math.ceil(self.height / rows), math.ceil(self.width / columns)
        first = 0 if self.interleaved else sample * down * across
        out = np.zeros((y.stop - y.start, x.stop - x.start), self.dtype)
        for i in range(y.start // rows, math.ceil(y.stop / rows)):
            for j in range(x.start // columns, math.ceil(x.stop / columns)):
                block = self._decoded(descriptor, plane, first + i * across + j)
                if block is None:
                    continue
                box = block[:, :, sample if self.interleaved else 0]
                top, left = i * rows, j * columns
                y0, y1 = max(y.start, top), min(y.stop, top + box.shape[0])
                x0, x1 = max(x.start, left), min(x.stop, left + box.shape[1])
                out[y0 - y.start : y1 - y.start, x0 - x.start : x1 - x.start] = box[y0 - top : y1 - top, x0 - left : x1 - left]
        return out

    def _decoded(self, descriptor: int, plane: int, index: int) -> Array | None:
        """One segment, (Y, X, samples); None where the file has none."""
        key = plane, index
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key]
        page = self.pages[plane]
        length = page.lengths[index]
        if length == 0:
            return None
        data = read_exactly(descriptor, page.offsets[index], length)
        with decoding(f"part {index} of page {plane} of the file"):
            decoded, _, _ = page.decode(data, index, page.tables)
        block: Array = decoded[0]
        with self._lock:
            self._cache[key] = block
            while len(self._cache) > 1 and sum(b.nbytes for b in self._cache.values()) > CACHE:
                self._cache.popitem(last=False)
        return block


@dataclass(frozen=True, slots=True)
class TiffPixels:
    """Pixels of a TIFF in the order TCZYX. `where` gives (plane, sample) of (t, c, z)."""

    shape: Shape
    dtype: np.dtype[Any]
    stamps: Sequence[Stamp]
    planes: Planes
    where: Callable[[int, int, int], tuple[int, int]]
    #: which of `stamps` holds a plane; None: all are in the first
    file_of: Sequence[int] | None = None

    def read(self, region: Region) -> Array:
        out = np.empty(region_shape(region), self.dtype)
        descriptors: dict[int, int] = {}
        try:
            for i, t in enumerate(range(region[0].start, region[0].stop)):
                for j, c in enumerate(range(region[1].start, region[1].stop)):
                    for k, z in enumerate(range(region[2].start, region[2].stop)):
                        plane, sample = self.where(t, c, z)
                        file = 0 if self.file_of is None else self.file_of[plane]
                        if file not in descriptors:
                            descriptors[file] = self.stamps[file].open()
                        out[i, j, k] = self.planes.read(descriptors[file], plane, sample, region[3], region[4])
        finally:
            for descriptor in descriptors.values():
                os.close(descriptor)
        return out
