"""Imaris IMS, version 5.5: HDF5, by the library h5py; stored blocks are decoded here when a region needs them.

"Imaris 5.5 File Format Description" (imaris.oxinst.com/support/imaris-file-format): a group for each level of resolution, time point and
channel; the array in it is padded to whole blocks, and the image's size is an attribute. HDF5 can point into other files, and its filters
decode without a bound: neither is used. Files of Imaris before 5.5 are TIFFs.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np

from abbe.errors import LimitError, NotAnImageError
from abbe.formats.damage import decoding
from abbe.formats.found import Found
from abbe.formats.stamp import Stamp
from abbe.formats.vendor import ims_metadata
from abbe.formats.vendor.frames import library
from abbe.image import Notice
from abbe.image.axes import check_size
from abbe.image.pixels import Array, Region, Shape, region_shape
from abbe.limits import LIMITS

#: HDF5's registered filters
DEFLATE, SHUFFLE, FLETCHER32, LZ4 = 1, 2, 3, 32004
#: bytes of decoded blocks that an image keeps: planes are read in turn, and a block holds several
CACHE = 2**27
#: HDF5's layouts of an array within the file itself
_COMPACT, _CONTIGUOUS, _CHUNKED = range(3)
#: pixel types that Imaris writes
_TYPES = {"u1", "u2", "u4", "f4"}


@dataclass(frozen=True, slots=True)
class Ims:
    """The format, for `abbe.formats.opening`."""

    name: str = "IMS"

    def claims(self, head: bytes, path: Path) -> bool:
        return head.startswith(b"\x89HDF\r\n\x1a\n")

    def read(self, path: Path, axes: str | None, number: int) -> Found:
        h5py = library("h5py", "IMS files (HDF5)")
        stamp = Stamp.of(path)
        with decoding(path.name), _opened(h5py, path) as file:
            level = _member(h5py, file, "DataSet", "ResolutionLevel 0")
            if level is None:
                raise NotAnImageError(
                    f"{path.name} is an HDF5 file, but none of Imaris (it has no DataSet/ResolutionLevel 0), which abbe does not open; "
                    "save or export it as OME-TIFF, TIFF or PNG"
                )
            frames = _count(level, "TimePoint")
            first = _member(h5py, level, "TimePoint 0")
            count = 0 if first is None else _count(first, "Channel")
            data = None if first is None else _member(h5py, first, "Channel 0", "Data")
            if first is None or data is None or not count:
                raise NotAnImageError(f"{path.name} holds no pixels")
            words = ims_metadata.parse(_said(h5py, file), frames, count)
            size = ims_metadata.size(_attributes(first["Channel 0"])) or words.size or tuple(data.shape)
            shape: Shape = (frames, count, *size)
            check_size(shape)
            dtype = np.dtype(data.dtype)
            pixels = ImsPixels(shape, dtype.newbyteorder("="), stamp)
            missing = 0
            for t in range(frames):
                point = _member(h5py, level, f"TimePoint {t}")
                for c in range(count):
                    there = _member(h5py, point, f"Channel {c}", "Data")
                    missing += there is None
                    if there is not None:
                        pixels.check(there)
            notices: tuple[Notice, ...] = ()
            if missing:
                said = f"{missing} of {frames * count} stacks are not in the file (a recording that was stopped?); they read as 0"
                notices = (Notice("damaged", said),)
            return Found(
                pixels,
                format="IMS",
                pixel_size=words.pixel_size(size),
                channels=words.channels,
                colors=words.colors,
                time_step=words.time_step,
                optics=words.optics,
                acquired=words.acquired,
                facts=words.facts,
                notices=notices,
            )


def _opened(h5py: Any, path: Path) -> Any:
    """For reading alone, and also where the disk knows no locks."""
    return h5py.File(path, "r", locking=False)


def _member(h5py: Any, group: Any, *names: str) -> Any:
    """What lies in the groups of these names, in the file itself; None where there is none. Links to elsewhere are none."""
    for name in names:
        if not isinstance(group, h5py.Group) or not isinstance(group.get(name, getlink=True), h5py.HardLink):
            return None
        group = group[name]
    return group


def _count(group: Any, word: str) -> int:
    """How many members of a numbered kind there are: one more than the highest number."""
    numbers = [int(name[len(word) + 1 :]) for name in group if name.startswith(f"{word} ") and name[len(word) + 1 :].isdecimal()]
    if len(numbers) and max(numbers) > 2 * len(numbers) + 16:
        raise ValueError(f"{word} {max(numbers)} among {len(numbers)}")
    return max(numbers, default=-1) + 1


def _attributes(group: Any) -> dict[str, str]:
    """As text: Imaris stores them as arrays of single letters."""
    found = {}
    for name in list(group.attrs)[: LIMITS.name]:
        handle = group.attrs.get_id(name)
        if handle.get_storage_size() > LIMITS.name or handle.dtype.kind not in "SUOiuf":
            continue
        found[name] = ims_metadata.text(group.attrs[name])
    return found


def _said(h5py: Any, file: Any) -> dict[str, dict[str, str]]:
    """Attributes by the name of their group in DataSetInfo."""
    info = _member(h5py, file, "DataSetInfo")
    if info is None:
        return {}
    members = {name: _member(h5py, info, name) for name in list(info)[: LIMITS.channels + 64]}
    return {name: _attributes(member) for name, member in members.items() if member is not None}


@dataclass(slots=True)
class ImsPixels:
    """Pixels of an IMS, block by block."""

    shape: Shape
    dtype: np.dtype[Any]
    stamp: Stamp
    _cache: OrderedDict[tuple[int, ...], Array] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __reduce__(self) -> tuple[type[ImsPixels], tuple[Any, ...]]:
        return ImsPixels, (self.shape, self.dtype, self.stamp)

    def check(self, data: Any) -> None:
        """Raises what a stack that cannot be read whole raises."""
        name = self.stamp.path.name
        if len(data.shape) != 3 or any(n < wanted for n, wanted in zip(data.shape, self.shape[2:])):
            raise NotAnImageError(f"{name} is damaged: wanted stacks of {self.shape[2:]} pixels, got {tuple(data.shape)}")
        if data.dtype.str[1:] not in _TYPES or data.dtype.newbyteorder("=") != self.dtype:
            raise NotAnImageError(f"{name} holds {data.dtype.name} values where abbe wants {self.dtype.name}; save it anew in Imaris")
        plan = data.id.get_create_plist()
        if plan.get_layout() not in (_CONTIGUOUS, _CHUNKED, _COMPACT) or plan.get_external_count():
            raise NotAnImageError(f"{name} keeps pixels in other files, which abbe does not follow; save it anew in Imaris")
        block = int(np.prod(data.chunks or (1, 1, 1), dtype=np.int64)) * self.dtype.itemsize
        if block > LIMITS.segment:
            raise LimitError(f"wanted blocks of at most {LIMITS.segment} bytes, got one of {block} in {name}; save it anew in Imaris")
        unknown = {code for code, _ in _filters(plan)} - {DEFLATE, SHUFFLE, FLETCHER32, LZ4}
        if unknown:
            raise NotAnImageError(f"{name} is compressed in a way that abbe does not know (HDF5 filter {min(unknown)}); save it with gzip")

    def read(self, region: Region) -> Array:
        h5py = library("h5py", "IMS files (HDF5)")
        out = np.zeros(region_shape(region), self.dtype)
        self.stamp.check()
        with decoding(self.stamp.path.name), _opened(h5py, self.stamp.path) as file:
            level = _member(h5py, file, "DataSet", "ResolutionLevel 0")
            for i, t in enumerate(range(region[0].start, region[0].stop)):
                for j, c in enumerate(range(region[1].start, region[1].stop)):
                    data = _member(h5py, level, f"TimePoint {t}", f"Channel {c}", "Data")
                    if data is not None:
                        self.check(data)
                        self._fill(out[i, j], data, (t, c), region[2:])
        return out

    def _fill(self, out: Array, data: Any, stack: tuple[int, int], box: Sequence[slice]) -> None:
        if data.chunks is None:  # stored in one piece, without filters
            out[...] = data[tuple(box)]
            return
        for corner in product(*(range(s.start // n * n, s.stop, n) for s, n in zip(box, data.chunks))):
            block = self._block(data, stack, corner)
            if block is None:
                out_part, _ = _overlap(box, corner, data.chunks)
                out[out_part] = data.fillvalue
                continue
            out_part, block_part = _overlap(box, corner, data.chunks)
            out[out_part] = block[block_part]

    def _block(self, data: Any, stack: tuple[int, int], corner: tuple[int, ...]) -> Array | None:
        """The decoded block at a corner; None where none was stored."""
        key = (*stack, *corner)
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key]
        info = data.id.get_chunk_info_by_coord(corner)
        if info.byte_offset is None or info.size == 0:
            return None
        if info.size > min(self.stamp.size, LIMITS.segment):
            raise ValueError(f"a block of {info.size} bytes")
        skipped, stored = data.id.read_direct_chunk(corner)
        size = int(np.prod(data.chunks, dtype=np.int64)) * data.dtype.itemsize
        plain = _plain(bytes(stored), _filters(data.id.get_create_plist()), skipped, size)
        block: Array = np.frombuffer(plain, data.dtype).reshape(data.chunks).astype(self.dtype, copy=False)
        with self._lock:
            self._cache[key] = block
            while len(self._cache) > 1 and sum(b.nbytes for b in self._cache.values()) > CACHE:
                self._cache.popitem(last=False)
        return block


def _overlap(box: Sequence[slice], corner: Sequence[int], block: Sequence[int]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Where the block at a corner and a box meet: within the box, and within the block."""
    meets = [(max(s.start, at), min(s.stop, at + n), s.start, at) for s, at, n in zip(box, corner, block)]
    return tuple(slice(a - s, b - s) for a, b, s, _ in meets), tuple(slice(a - at, b - at) for a, b, _, at in meets)


def _filters(plan: Any) -> list[tuple[int, tuple[int, ...]]]:
    """(code, its values) of the filters through which blocks went, in order."""
    found = (plan.get_filter(k) for k in range(plan.get_nfilters()))
    return [(code, tuple(values)) for code, _, values, _ in found]


def _plain(data: bytes, filters: Sequence[tuple[int, tuple[int, ...]]], skipped: int, size: int) -> bytes:
    """A stored block without its filters, `size` bytes; the bits of `skipped` say which were left out."""
    for k, (code, values) in reversed(list(enumerate(filters))):
        if skipped >> k & 1:
            continue
        if code == DEFLATE:
            data = bytes(imagecodecs.zlib_decode(data, out=size + 4 * len(filters)))
        elif code == LZ4:
            data = bytes(imagecodecs.lz4h5_decode(data, out=size + 4 * len(filters)))
        elif code == FLETCHER32:
            data = data[:-4]
        elif code == SHUFFLE:
            width = values[0]
            whole = len(data) // width * width
            data = np.frombuffer(data[:whole], np.uint8).reshape(width, -1).T.tobytes() + data[whole:]
    if len(data) != size:
        raise ValueError(f"a block of {len(data)} bytes in place of {size}")
    return data
