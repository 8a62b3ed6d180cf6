"""TIFF: plain, ImageJ hyperstacks, OME-TIFF, LSM, tiled and pyramidal, classic and BigTIFF."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import tifffile

from abbe.errors import LimitError, NotAnImageError
from abbe.formats import ome
from abbe.formats.damage import decoding
from abbe.formats.found import Found, among, pick
from abbe.formats.stamp import Stamp
from abbe.formats.tiff import imagej, imagej_stack, losses, makers, resolution, sets
from abbe.formats.tiff.directories import check_directories
from abbe.formats.tiff.layout import Layout, lay_out, turn
from abbe.formats.tiff.photometric import PALETTE, interpret
from abbe.formats.tiff.planes import Decoder, Page, Planes, RawPlanes, SegmentedPlanes, TiffPixels
from abbe.formats.transmitted import transmitted
from abbe.image import Notice, PixelSize
from abbe.image.axes import check_size, to_tczyx
from abbe.image.pixels import ArrayPixels, Pixels, TurnedPixels
from abbe.limits import LIMITS

# what tifffile finds odd, abbe says itself; who wants to see it gives the logger a handler
logging.getLogger("tifffile").addHandler(logging.NullHandler())

#: planes, the files that hold them, which file holds which plane (None: one holds all), what to say
Source: TypeAlias = tuple[Planes, list[Stamp], list[int] | None, tuple[Notice, ...]]


@dataclass(frozen=True, slots=True)
class Tiff:
    """The format, for `abbe.formats.opening`."""

    name: str = "TIFF"

    def claims(self, head: bytes, path: Path) -> bool:
        return head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

    def read(self, path: Path, axes: str | None, number: int) -> Found:
        check_directories(path)
        with decoding(path.name), tifffile.TiffFile(path) as tif, sets.described(tif, path) as described:
            return _read(described, path, axes, number)


def _read(described: sets.Described, path: Path, axes: str | None, number: int) -> Found:
    tif = described.tif
    there = sets.images(tif, path)
    series = there[pick(number, len(there), path.name) if len(there) > 1 else 0]
    if len(there) == 1:
        return _read_series(described, series, path, axes, number)
    names = tuple(f"{s.name or f'image {k}'}, {' x '.join(map(str, s.shape))}" for k, s in enumerate(there))
    with among(names), decoding(path.name):
        found = _read_series(described, series, path, axes, 0)
    parts = found.images
    said = Notice("dropped", f"the image is one of {len(parts)} ({parts[0]} to {parts[-1]}); the first was opened") if parts else None
    return replace(found, images=names, notices=found.notices if said is None else (*found.notices, said))


def _read_series(described: sets.Described, series: Any, path: Path, axes: str | None, part: int) -> Found:
    """`part` says which, where it is several along axes that abbe has not."""
    tif = described.tif
    words = described.words(sets.place(tif, path, series))
    series, odd = imagej_stack.settled(tif, series, path) if tif.is_imagej and words is None else (series, ())
    page = series.keyframe
    check_size((1, 1, 1, page.imagelength, page.imagewidth))
    stored, layout_notices, names = _pixels(tif, series, path, axes, part)
    pixels, rgb, colors, colour_notices = interpret(page, stored, tif.is_imagej)
    rgb = rgb and not tif.is_lsm  # which calls the channels of a detector red, green and blue, however many there are
    notices = [*described.notices, *odd, *layout_notices, *_losses(page), *colour_notices]
    if words is not None:
        found = _with_ome(words, pixels, notices, rgb, names)
    else:
        found = _with_tags(tif, page, pixels, notices, rgb, colors, names)
    return replace(found, indices=stored) if rgb and page.photometric == PALETTE else found


def _losses(page: Any) -> list[Notice]:
    if int(page.compression) not in losses.METHODS or not page.dataoffsets:
        return []
    handle = page.parent.filehandle
    handle.seek(page.dataoffsets[0])
    notice = losses.of_segment(int(page.compression), handle.read(min(page.databytecounts[0], 2**16)))
    return [] if notice is None else [notice]


# ------------------------------------------------------------------------------------------------------------ pixels
def _pixels(tif: Any, series: Any, path: Path, axes: str | None, part: int) -> tuple[Pixels, tuple[Notice, ...], tuple[str, ...]]:
    """The pixels of a series, what to say, and the names of the images along axes that abbe has not, of which `part` says one."""
    page = series.keyframe
    shape, inner = tuple(series.shape), page.axes
    stored = makers.channels_in_pages(series.axes, inner, tif.is_lsm)
    fits = stored.endswith(inner) and shape[len(shape) - len(inner) :] == tuple(page.shape)
    simple = inner in ("YX", "YXS", "SYX") and fits and page.imagedepth == 1
    if not simple or _narrow(stored, shape):
        pick(part, 1, path.name)
        return *_read_at_once(series, stored, shape, axes, path), ()
    order = turn(stored, shape, axes) if axes is not None and inner == "YX" else None
    layout = lay_out(stored, shape, inner, axes if order is None else "TCZYX"[-len(stored) :], path.name, part)
    dtype = np.dtype(series.dtype).newbyteorder("=")
    planes, stamps, file_of, missing = _planes(series, path, inner)
    notices = layout.notices + missing
    pixels: Pixels = TiffPixels(layout.shape, dtype, stamps, planes, layout.where, file_of)
    if order is not None:
        pixels = TurnedPixels(pixels, order)
    check_size(pixels.shape)
    return pixels, notices, layout.parts


def _narrow(stored: str, shape: Sequence[int]) -> bool:
    """Does the array look like a picture whose channels came last, written as many pages of three or four columns?"""
    return stored[:1] in ("Q", "I") and len(shape) == 3 and shape[2] <= 4 and min(shape[:2]) >= 16


def _read_at_once(series: Any, stored: str, shape: Sequence[int], axes: str | None, path: Path) -> tuple[Pixels, tuple[Notice, ...]]:
    """Rare layouts (volumes in tiles, channels last in pages) are read whole."""
    _check_segments(series.pages, path)
    _check_memory(int(np.prod(shape, dtype=np.int64)) * np.dtype(series.dtype).itemsize, path, "an image")
    array = series.asarray()
    if _narrow(stored, shape):
        found = axes or "YXC"
        words = (
            f"the last axis has {shape[2]} entries, taken as channels; if that is wrong, name the axes (axes= or --axes), or tell it on "
            "the page (Correct, under Channels)"
        )
        note = Notice("axes_guessed", words)
        return ArrayPixels(to_tczyx(array, found)), () if axes else (note,)
    layout = lay_out(stored, shape, "YX", axes, path.name) if stored.endswith("YX") else None
    if layout is None:
        raise NotAnImageError(f"{path.name} has the axes {stored}, which abbe cannot sort; save it as OME-TIFF")
    letters = axes or "".join(a for a in stored if a in "TCZYX")
    if len(letters) != array.ndim:
        raise NotAnImageError(f"{path.name} has the axes {stored}, which abbe cannot sort; name them (axes=, --axes) or save as OME-TIFF")
    return ArrayPixels(to_tczyx(array, letters)), layout.notices


def _planes(series: Any, path: Path, inner: str) -> Source:
    page = series.keyframe
    interleaved = inner != "SYX"
    samples = 1 if inner == "YX" else page.samplesperpixel
    plain = page.predictor == 1 and page.compression == 1 and page.fillorder == 1 and page.bitspersample in (8, 16, 32, 64)
    if plain and page.is_contiguous and series.dataoffset is not None and page.dtype == page._dtype:
        size = int(np.prod(page.shape, dtype=np.int64)) * page.dtype.itemsize
        count = int(np.prod(series.shape, dtype=np.int64)) * page.dtype.itemsize // size
        stamp = Stamp.of(path)
        if series.dataoffset + count * size > stamp.size:
            raise _cut(path)
        dtype = page.dtype.newbyteorder(page.parent.byteorder)
        offsets = range(series.dataoffset, series.dataoffset + count * size, size)
        return RawPlanes(offsets, dtype, page.imagelength, page.imagewidth, samples, interleaved), [stamp], None, ()
    return _segmented(series, path, interleaved)


def _segmented(series: Any, path: Path, interleaved: bool) -> Source:
    key = series.keyframe
    _check_segments(series.pages, path)
    files: dict[Path, int] = {}
    stamps: list[Stamp] = []
    pages, file_of = [], []
    absent = 0
    decoders: dict[Any, Decoder] = {}
    for page in series.pages:
        if page is None:
            absent += 1
            pages.append(Page((0,) * len(key.dataoffsets), (0,) * len(key.databytecounts), _decoder(key, decoders)))
            file_of.append(0)
            continue
        source = Path(page.parent.filehandle.path)
        if source not in files:
            if source.parent.resolve() != path.parent.resolve():
                raise NotAnImageError(f"{path.name} names a file in another folder as a part of it ({source.name}); put them together")
            files[source] = len(stamps)
            stamps.append(Stamp.of(source))
        tables = page.jpegtables
        pages.append(Page(page.dataoffsets, page.databytecounts, _decoder(page.keyframe, decoders), tables))
        file_of.append(files[source])
    if not stamps:
        raise NotAnImageError(f"{path.name} holds no plane of its own; put the files that belong to it into one folder")
    segment = (key.tilelength, key.tilewidth) if key.is_tiled else (min(key.rowsperstrip, key.imagelength), key.imagewidth)
    _check_memory(int(np.prod(segment, dtype=np.int64)) * (key.samplesperpixel if interleaved else 1) * key.dtype.itemsize, path, "a part")
    planes = SegmentedPlanes(pages, key.dtype.newbyteorder("="), key.imagelength, key.imagewidth, segment, interleaved)
    notices: tuple[Notice, ...] = ()
    if absent:
        message = f"{absent} of {len(pages)} planes are not in the file (or in files that are missing beside it); they read as 0"
        notices = (Notice("damaged", message),)
    return planes, stamps, None if len(stamps) == 1 else file_of, notices


def _decoder(key: Any, known: dict[Any, Decoder]) -> Decoder:
    """One for all pages that are decoded alike."""
    if key not in known:
        known[key] = Decoder(Path(key.parent.filehandle.path), key.index, key.decode)
    return known[key]


def _check_segments(pages: Any, path: Path) -> None:
    """Every strip and tile lies within its file, and there are as many as the image needs."""
    sizes: dict[Any, int] = {}
    for page in pages:
        if page is None:
            continue
        handle = page.parent.filehandle
        if handle not in sizes:
            sizes[handle] = Path(handle.path).stat().st_size
        offsets, lengths = page.dataoffsets, page.databytecounts
        key = page.keyframe
        needed = int(np.prod(key.chunked, dtype=np.int64))
        if len(offsets) < needed or len(lengths) < needed:
            raise _cut(path)
        sparse = key.is_tiled
        for offset, length in zip(offsets, lengths):
            if offset + length > sizes[handle] or (length == 0 and not sparse):
                raise _cut(path)


def _check_memory(size: int, path: Path, what: str) -> None:
    """A few bytes of zeros, compressed, can claim to be any number of pixels."""
    if size > LIMITS.segment:
        raise LimitError(f"wanted at most {LIMITS.segment} bytes to decode at once, got {what} of {size} in {path.name}; save it in tiles")


def _cut(path: Path) -> NotAnImageError:
    return NotAnImageError(f"{path.name} is cut short or damaged: pixels lie beyond the end of the file; copy it again from its source")


# ---------------------------------------------------------------------------------------------------------- metadata
def _with_ome(words: ome.Ome, pixels: Pixels, notices: list[Notice], rgb: bool, images: tuple[str, ...]) -> Found:
    return Found(
        pixels,
        format="OME-TIFF",
        pixel_size=words.pixel_size,
        channels=words.channels,
        colors=words.colors,
        bits=words.bits,
        time_step=words.time_step,
        optics=words.optics,
        acquired=words.acquired,
        facts=words.facts,
        notices=(*notices, *transmitted(words.channels or ("the colour picture",), words.transmitted)),
        rgb=rgb,
        account=words.account,
        images=images,
    )


def _with_tags(
    tif: Any, page: Any, pixels: Pixels, notices: list[Notice], rgb: bool, colors: tuple[str | None, ...], images: tuple[str, ...]
) -> Found:
    metadata = tif.imagej_metadata if tif.is_imagej else None
    said = imagej.parse(metadata or {}, pixels.shape)
    pixels, scaled = imagej.calibrated(pixels, metadata or {})
    asked = metadata is None or makers.MICRO_MANAGER in page.tags  # which writes ImageJ's words too
    maker = (makers.read(tif, page, pixels.shape) if asked else None) or makers.Words("TIFF")
    x, y, guessed = resolution.read(page, said.unit, said.y_unit, metadata is not None)
    size: PixelSize = (said.z_step, y, x)
    if None not in maker.pixel_size[1:]:
        size, guessed = (maker.pixel_size[0] or said.z_step, *maker.pixel_size[1:]), ()
    return Found(
        pixels,
        format="ImageJ TIFF" if metadata is not None and maker.format == "TIFF" else maker.format,
        pixel_size=size,
        channels=() if rgb else said.channels or maker.channels,
        colors=said.colors or maker.colors or colors,
        bits=_bits(page),
        time_step=said.time_step or maker.time_step,
        optics=maker.optics,
        acquired=maker.acquired,
        facts=said.facts,
        notices=(*notices, *guessed, *scaled),
        rgb=rgb,
        account=said.account,
        images=images,
    )


def _bits(page: Any) -> int | None:
    """From MaxSampleValue (tag 281), where a camera's depth is written, or from odd sample depths such as 12."""
    if isinstance(page.bitspersample, int) and page.bitspersample not in (8, 16, 32, 64):
        return int(page.bitspersample)
    tag = page.tags.get(281)
    top = tag.value if tag is not None else None
    if isinstance(top, tuple):
        top = max(top)
    if isinstance(top, int) and top > 255 and (top + 1) & top == 0:
        return top.bit_length()
    return None


__all__ = ["Layout", "Tiff"]
