"""Zeiss CZI: the directory by the library czifile, blocks decoded here when a region needs them.

A plane is a mosaic of blocks; blocks of smaller copies (a pyramid) are left out. Compression methods and the two bytes that
precede Zstandard data: Zeiss, "ZISRAW (CZI) file format", and libCZI's documentation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np

from abbe.errors import LimitError, NotAnImageError
from abbe.formats.damage import decoding
from abbe.formats.found import Found, among, pick
from abbe.formats.stamp import Stamp, read_exactly
from abbe.formats.transmitted import transmitted
from abbe.formats.vendor import czi_metadata
from abbe.formats.vendor.frames import first_of, library
from abbe.image import Notice
from abbe.image.axes import check_size
from abbe.image.pixels import Array, Region, Shape, region_shape
from abbe.limits import LIMITS

#: compression methods
RAW, JPEG, LZW, JPEG_XR, ZSTD, ZSTD_SPLIT = 0, 1, 2, 4, 5, 6


@dataclass(frozen=True, slots=True)
class Block:
    """One stored rectangle of one plane."""

    y: int
    x: int
    height: int
    width: int
    offset: int
    length: int
    compression: int

    def touches(self, y: slice, x: slice) -> bool:
        rows = self.y < y.stop and y.start < self.y + self.height
        columns = self.x < x.stop and x.start < self.x + self.width
        return bool(rows and columns)


@dataclass(frozen=True, slots=True)
class Czi:
    """The format, for `abbe.formats.opening`."""

    name: str = "CZI"

    def claims(self, head: bytes, path: Path) -> bool:
        return head.startswith(b"ZISRAWFILE")

    def read(self, path: Path, axes: str | None, number: int) -> Found:
        czifile = library("czifile", "CZI files")
        stamp = Stamp.of(path)
        with decoding(path.name), czifile.CziFile(str(path)) as file:
            entries = [e for e in file.subblock_directory if e.pyramid_type == 0 and _same_size(e)]
            if not entries:
                raise NotAnImageError(f"{path.name} holds no pixels")
            xml = file.metadata() or ""
            starts = sorted({d.start for e in entries for d in e.dimension_entries if d.dimension == "S"})
            names = czi_metadata.scenes(xml, starts) if len(starts) > 1 else ()
            scene = starts[pick(number, len(starts), path.name)] if len(starts) > 1 else None
            with among(names), decoding(path.name):
                return _found(path, entries, scene, stamp, xml, names)


def _found(path: Path, entries: Sequence[Any], scene: int | None, stamp: Stamp, xml: str, names: tuple[str, ...]) -> Found:
    """The image of a scene."""
    blocks, shape, notices = _arrange(entries, scene, stamp, path.name)
    dtype, samples = _pixel_type(entries, path.name)
    check_size(shape)
    words = czi_metadata.parse(xml, shape)
    compressed = {e.compression for e in entries}
    if compressed & {JPEG, JPEG_XR}:
        notices.append(Notice("lossy", "compressed as JPEG or JPEG XR, which may lose fine detail; see the microscope's settings"))
    full: Shape = (shape[0], shape[1] * samples, *shape[2:])
    return Found(
        CziPixels(full, dtype, stamp, blocks, samples),
        format="CZI",
        pixel_size=words.pixel_size,
        channels=words.channels if samples == 1 else (),
        colors=words.colors if samples == 1 else (),
        bits=words.bits,
        time_step=words.time_step,
        optics=words.optics,
        acquired=words.acquired,
        notices=(*notices, *transmitted(words.channels, words.transmitted)),
        rgb=samples == 3,
        images=names,
    )


def _same_size(entry: Any) -> bool:
    """Stored at full resolution? Older files mark the blocks of their pyramid by the stored size alone."""
    return all(bool(d.size == d.stored_size) for d in entry.dimension_entries if d.dimension in "YX")


def _pixel_type(entries: Sequence[Any], name: str) -> tuple[np.dtype[Any], int]:
    kinds = {np.dtype(e.dtype) for e in entries}
    if len(kinds) != 1:
        raise NotAnImageError(f"{name} mixes pixel types ({', '.join(sorted(str(k) for k in kinds))}); export its parts one by one")
    kind = kinds.pop()
    return (kind.base, kind.shape[0]) if kind.shape else (kind, 1)


def _arrange(
    entries: Sequence[Any], scene: int | None, stamp: Stamp, name: str
) -> tuple[dict[tuple[int, int, int], list[Block]], Shape, list[Notice]]:
    """Blocks of a scene by (t, c, z), with positions from 0; of phases and the like the first alone."""
    places = [{d.dimension: (d.start, d.size) for d in e.dimension_entries} for e in entries]
    notices: list[Notice] = []
    if scene is not None:
        kept = [i for i, p in enumerate(places) if p.get("S", (scene, 1))[0] == scene]
        entries, places = [entries[i] for i in kept], [places[i] for i in kept]
    for axis, word in (("I", "illuminations"), ("V", "views"), ("H", "phases"), ("R", "rotations"), ("B", "blocks")):
        seen = sorted({p[axis][0] for p in places if axis in p})
        if len(seen) > 1:
            notices += first_of(len(seen), word)
            kept = [i for i, p in enumerate(places) if axis not in p or p[axis][0] == seen[0]]
            entries, places = [entries[i] for i in kept], [places[i] for i in kept]
    first = {a: min(p[a][0] for p in places if a in p) for a in "TCZYX" if any(a in p for p in places)}
    last = {a: max(p[a][0] + p[a][1] for p in places if a in p) for a in first}
    t, c, z, y, x = (last[a] - first[a] if a in first else 1 for a in "TCZYX")
    blocks: dict[tuple[int, int, int], list[Block]] = {}
    for entry, place in zip(entries, places):
        index = tuple(place[a][0] - first[a] if a in place else 0 for a in "TCZ")
        segment = entry.data_segment()
        if segment.data_offset + segment.data_size > stamp.size:
            raise NotAnImageError(f"{name} is cut short: pixels lie beyond its end; copy it again from its source")
        block = Block(
            place["Y"][0] - first["Y"],
            place["X"][0] - first["X"],
            place["Y"][1],
            place["X"][1],
            segment.data_offset,
            segment.data_size,
            entry.compression,
        )
        blocks.setdefault((index[0], index[1], index[2]), []).append(block)
    missing = t * c * z - len(blocks)
    if missing:
        notices.append(
            Notice("damaged", f"{missing} of {t * c * z} planes are not in the file (a recording that was stopped?); they read as 0")
        )
    return blocks, (t, c, z, y, x), notices


@dataclass(frozen=True, slots=True)
class CziPixels:
    """Pixels of a CZI, block by block."""

    shape: Shape
    dtype: np.dtype[Any]
    stamp: Stamp
    blocks: Mapping[tuple[int, int, int], Sequence[Block]]
    samples: int

    def read(self, region: Region) -> Array:
        out = np.zeros(region_shape(region), self.dtype)
        y, x = region[3], region[4]
        with self.stamp.opened() as descriptor:
            for i, t in enumerate(range(region[0].start, region[0].stop)):
                for j, c in enumerate(range(region[1].start, region[1].stop)):
                    for k, z in enumerate(range(region[2].start, region[2].stop)):
                        for block in self.blocks.get((t, c // self.samples, z), ()):
                            if block.touches(y, x):
                                self._paste(descriptor, block, c % self.samples, out[i, j, k], y, x)
        return out

    def _paste(self, descriptor: int, block: Block, sample: int, out: Array, y: slice, x: slice) -> None:
        data = read_exactly(descriptor, block.offset, block.length)
        with decoding(self.stamp.path.name):
            decoded = self._decode(data, block)
        # Zeiss stores colours as blue, green, red; the decoder of JPEG XR turns them round
        stored = sample if self.samples == 1 or block.compression in (JPEG, JPEG_XR) else 2 - sample
        plane = decoded[..., stored]
        y0, y1 = max(y.start, block.y), min(y.stop, block.y + block.height)
        x0, x1 = max(x.start, block.x), min(x.stop, block.x + block.width)
        out[y0 - y.start : y1 - y.start, x0 - x.start : x1 - x.start] = plane[y0 - block.y : y1 - block.y, x0 - block.x : x1 - block.x]

    def _decode(self, data: bytes, block: Block) -> Array:
        """(Y, X, samples)."""
        shape = (block.height, block.width, self.samples)
        size = block.height * block.width * self.samples * self.dtype.itemsize
        if size > LIMITS.segment:
            raise LimitError(f"wanted blocks of at most {LIMITS.segment} bytes, got one of {size}; export the image as OME-TIFF")
        if block.compression == JPEG:
            return np.asarray(imagecodecs.jpeg8_decode(data)).reshape(shape)
        if block.compression == JPEG_XR:
            return np.asarray(imagecodecs.jpegxr_decode(data)).reshape(shape)
        if block.compression == LZW:
            data = bytes(imagecodecs.lzw_decode(data, out=size))
        elif block.compression in (ZSTD, ZSTD_SPLIT):
            data = _unzstd(data, block.compression, size)
        elif block.compression != RAW:
            raise ValueError(f"compression {block.compression}, which abbe does not know")
        return np.frombuffer(data, self.dtype.newbyteorder("<"), block.height * block.width * self.samples).reshape(shape)


def _unzstd(data: bytes, compression: int, size: int) -> bytes:
    """Zstandard; with method 6 after a header, whose flag says that low and high bytes were stored apart."""
    if compression == ZSTD:
        return bytes(imagecodecs.zstd_decode(data, out=size))
    length = data[0]
    apart = length >= 3 and data[1] == 1 and bool(data[2] & 1)
    plain = bytes(imagecodecs.zstd_decode(data[length:], out=size))
    if not apart:
        return plain
    halves = np.frombuffer(plain, np.uint8).reshape(2, -1)
    return np.ascontiguousarray(halves.T).tobytes()
