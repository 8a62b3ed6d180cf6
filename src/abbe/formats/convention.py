"""abbe's conventions, applied to what a reader found: colour pictures, pixel types, values that are no numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from abbe.errors import LimitError, NotAnImageError
from abbe.formats import account
from abbe.formats.colours import RGB_COLOURS, RGB_NAMES
from abbe.formats.found import Found
from abbe.formats.masked import StoredMask
from abbe.image import Image, Notice, Optics, PixelSize, Provenance
from abbe.image.inspection import fill_non_finite
from abbe.image.pixels import Array, MappedPixels, Pixels, Region, SelectedPixels, Shape, blocks, put, scratch

#: pixel types that an `Image` may have; everything else is converted to the smallest of them that holds its values
KEPT = {np.dtype(t) for t in ("u1", "u2", "u4", "i1", "i2", "i4", "f4")}

#: pixels that a z-step is wide at most: serial sections of 40 um have 100 of 0.4 um
FAR = 1000
#: levels that an image must keep between its least and largest value: those of 10 bits
LEVELS = 1024


def to_image(found: Found, source: Path | str, digest: Callable[[], str | None]) -> Image:
    """The `Image` of what was found in the file `source`."""
    notices = list(found.notices)
    pixels, names, colors, rgb_notices = _colour_picture(found)
    notices += rgb_notices
    pixels, converted = _kept_type(pixels)
    if converted:
        notices.append(Notice("converted", converted))
    pixels, mask, masked = _finite(pixels, Path(source).name)
    if masked:
        notices.append(masked)
    integer = pixels.dtype.kind in "ui"
    story = account.parse(found.account)
    size, bits, step, acquired, optics = found.pixel_size, found.bits, None, found.acquired, found.optics
    if story.described is not None and story.described.shape == pixels.shape:
        size, names, colors, bits = _completed(story.described, size, names, colors, bits)
        step, acquired = story.described.step, acquired or story.described.acquired
        optics = _completed_optics(story.described.optics, optics)
        mask, damaged = _with_stored(mask, story.described.mask, pixels.shape)
        notices += damaged
    notices += _odd_step(size, pixels.shape[2])
    return Image(
        pixels,
        pixel_size=size,
        channels=tuple(name or f"channel {k}" for k, name in enumerate(names)),
        colors=colors,
        bits=bits if integer and bits and bits <= pixels.dtype.itemsize * 8 else None,
        time_step=found.time_step,
        optics=optics,
        provenance=Provenance(
            source=str(source),
            format=found.format,
            digest=digest,
            acquired=acquired,
            history=story.history,
            facts={**found.facts, **story.facts},
            step=step,
        ),
        notices=tuple(dict.fromkeys([*notices, *story.notices])),
        mask=mask,
    )


def _odd_step(size: PixelSize, planes: int) -> list[Notice]:
    """A word about a z-step in another unit than the pixels, as where ImageJ's unit was taken for um: both are in that unit there."""
    z, _, x = size
    if planes == 1 or z is None or x is None or z <= FAR * x:
        return []
    said = f"the z-step, {z:.4g} um, is {z / x:.0f} times the pixel size, {x:.4g} um; check it, and give the right one (pixel_size= or"
    return [Notice("pixel_size", f"{said} --pixel-size)")]


def _completed(
    known: account.Described, size: PixelSize, names: tuple[str | None, ...], colors: tuple[str | None, ...], bits: int | None
) -> tuple[PixelSize, tuple[str | None, ...], tuple[str | None, ...], int | None]:
    """What a file says of itself, and where it says nothing, what abbe knew when it was saved."""
    z, y, x = (said or own for said, own in zip(size, known.pixel_size))
    if len(known.channels) == len(names):
        names = tuple(said or own for said, own in zip(names, known.channels))
    if len(known.colors) == len(colors):
        colors = tuple(said or own for said, own in zip(colors, known.colors))
    return (z, y, x), names, colors, bits or known.bits


def _completed_optics(known: Optics, said: Optics) -> Optics:
    return dataclasses.replace(said, **{f.name: getattr(said, f.name) or getattr(known, f.name) for f in dataclasses.fields(said)})


def _colour_picture(found: Found) -> tuple[Pixels, tuple[str | None, ...], tuple[str | None, ...], list[Notice]]:
    """Pixels, names and colours, after the samples of a colour picture became channels."""
    pixels = found.pixels
    count = pixels.shape[1]
    names = found.channels if len(found.channels) == count else (None,) * count
    colors = found.colors if len(found.colors) == count else (None,) * count
    if not found.rgb or count not in (3, 4):  # several colour pictures are the channels of one image
        return pixels, names, colors, []
    notices = []
    if count > 3:
        notices.append(Notice("dropped", "the picture's transparency (alpha) was left out"))
        pixels = SelectedPixels(pixels, (0, 1, 2))
    filled = _filled_channels(pixels)
    if filled is None:
        notices.append(Notice("rgb", "a grey picture stored as RGB, its three colours are equal: read as one channel"))
        return SelectedPixels(pixels, (0,)), (None,), (None,), notices
    message = "an RGB picture, read as the channels red, green and blue"
    if 0 < len(filled) < 3:
        empty = [RGB_NAMES[k] for k in range(3) if k not in filled]
        message += f"; {' and '.join(empty)} {'is' if len(empty) == 1 else 'are'} empty"
    notices.append(Notice("rgb", message))
    return pixels, RGB_NAMES, RGB_COLOURS, notices


def _filled_channels(pixels: Pixels) -> tuple[int, ...] | None:
    """The channels that are not zero everywhere; None when all three are equal everywhere (and not all zero)."""
    equal, filled = True, [False, False, False]
    t, _, z, y, x = pixels.shape
    for region in blocks((t, 1, z, y, x), 2**20):
        red, green, blue = (pixels.read((region[0], slice(c, c + 1), *region[2:])) for c in range(3))
        equal = equal and np.array_equal(red, green) and np.array_equal(red, blue)
        filled = [seen or bool(block.any()) for seen, block in zip(filled, (red, green, blue))]
        if not equal and all(filled):
            break
    if equal and any(filled):
        return None
    return tuple(c for c in range(3) if filled[c])


def _kept_type(pixels: Pixels) -> tuple[Pixels, str | None]:
    """Pixels of a type that `Image` knows, and what was changed."""
    dtype = pixels.dtype
    if dtype in KEPT:
        return pixels, None
    kind = dtype.kind
    if kind == "b":
        return _Converted(pixels, np.dtype(np.uint8)), "true and false were read as 1 and 0"
    if kind == "f":
        return _Converted(pixels, np.dtype(np.float32)), f"{dtype.name} was read as float32"
    if kind not in "ui":
        raise NotAnImageError(f"wanted pixels that are real numbers, got {dtype.name}; convert the file first, for example to magnitudes")
    low, high = _range(pixels)
    for name in ("u1", "u2", "u4", "i4"):
        candidate = np.dtype(name)
        info = np.iinfo(candidate)
        if candidate.itemsize >= min(dtype.itemsize, 2) and info.min <= low and high <= info.max:
            return _Converted(pixels, candidate), f"{dtype.name} was read as {candidate.name}, which holds every value"
    if float(np.spacing(np.float32(max(-low, high)))) * LEVELS > high - low > 0:
        raise NotAnImageError(
            f"wanted values that float32 holds apart, got {dtype.name} from {low} to {high}, which differ in their last digits alone; "
            f"subtract {low} first and save the rest"
        )
    return _Converted(pixels, np.dtype(np.float32)), f"{dtype.name} was read as float32, exact to 7 digits"


@dataclass(frozen=True, slots=True)
class _Converted:
    """Pixels as another type."""

    source: Pixels
    dtype: np.dtype[Any]

    @property
    def shape(self) -> Shape:
        return self.source.shape

    def read(self, region: Region) -> Array:
        with np.errstate(over="ignore"):
            return self.source.read(region).astype(self.dtype)


def _range(pixels: Pixels) -> tuple[int, int]:
    extremes = [(int(b.min()), int(b.max())) for b in (pixels.read(r) for r in blocks(pixels.shape))]
    return min(low for low, _ in extremes), max(high for _, high in extremes)


def _finite(pixels: Pixels, name: str) -> tuple[Pixels, Pixels | None, Notice | None]:
    """Pixels without NaN and infinity, the mask of where they were, and the word about it.

    Float files are read once for this when they are opened; where every value is finite, which is nearly always, nothing is copied.
    """
    if pixels.dtype.kind != "f":
        return pixels, None, None
    count = sum(int(np.count_nonzero(~np.isfinite(pixels.read(region)))) for region in blocks(pixels.shape))
    if count == 0:
        return pixels, None, None
    if isinstance(pixels, _Converted) and pixels.source.dtype.kind == "f":
        _refuse_beyond_float32(pixels.source, count, name)
    total = int(np.prod(pixels.shape, dtype=np.int64))
    notice = Notice("non_finite", f"{count} of {total} pixels are not finite numbers; they are masked, and filled from their neighbours")
    filled = scratch(pixels.shape, pixels.dtype)
    t, c, z, y, x = pixels.shape
    for region in blocks((t, c, z, 1, 1)):
        plane: Region = (*region[:3], slice(0, y), slice(0, x))
        put(filled, plane, fill_non_finite(pixels.read(plane))[0])
    return filled, MappedPixels(_not_finite, (pixels,), np.dtype(np.bool_)), notice


def _with_stored(mask: Pixels | None, stored: Mapping[str, Any], shape: Shape) -> tuple[Pixels | None, list[Notice]]:
    """The mask with the pixels that were masked when abbe saved the file."""
    if not stored:
        return mask, []
    try:
        ours = StoredMask.of(stored, shape)
    except ValueError as problem:
        return mask, [Notice("damaged", f"the file's account of its masked pixels is damaged ({problem}); they count as measured")]
    return ours if mask is None else MappedPixels(np.logical_or, (mask, ours), np.dtype(np.bool_)), []


def _refuse_beyond_float32(source: Pixels, count: int, name: str) -> None:
    """Numbers that are finite in the file must not become infinite without a word; `count` is how many are not finite as float32."""
    own = sum(int(np.count_nonzero(~np.isfinite(source.read(region)))) for region in blocks(source.shape))
    if own < count:
        top = np.finfo(np.float32).max
        raise LimitError(f"wanted values up to {top:.2g}, got {count - own} pixels beyond that in {name}; divide the image by a number")


def _not_finite(block: Array) -> Array:
    return ~np.isfinite(block)
