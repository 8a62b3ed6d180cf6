"""What goes with a version's pixels: its 90 % interval, its map of trust, and the mask of pixels that had no value.

The interval is kept as its distances from the pixels, with 11 significant bits (0.05 %): it says how far the result can be off, and
more digits of that are noise which does not compress. Where it is symmetric, which is the rule, one distance serves for both sides.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from abbe.image import Image, Interval
from abbe.image.inspection import inspect
from abbe.image.pixels import Array, MappedPixels, Pixels, blocks
from abbe.session.chunks import ChunkedPixels
from abbe.session.multiscale import SAVING, Progress, describe, write_group, write_pyramid
from abbe.session.places import Folder, Place
from abbe.session.progress import part
from abbe.session.records import Version

#: folder of each companion
ABOVE, BELOW, TRUST, MASK = "above", "below", "trust", "mask"
#: significant bits of float32 that are dropped
_DROPPED = 13
_FLOAT = np.dtype(np.float32)


def count(image: Image) -> int:
    """How many the image has, each about as much work to write as its pixels are."""
    return sum(one is not None for one in (image.interval, image.trust, image.mask))


def write(folder: Path, image: Image, progress: Progress | None = None) -> int:
    """Write whatever the image has besides its pixels; returns the bytes written."""
    size, done, share = 0, 0.0, 1 / max(count(image), 1)
    if image.interval is not None:
        lower, upper = image.interval.lower.pixels, image.interval.upper.pixels
        above = MappedPixels(_distance, (upper, image.pixels), _FLOAT)
        size += _write(folder / ABOVE, image, above, part(progress, done, done + share / 2))
        if not _symmetric(image.pixels, lower, upper):
            below = MappedPixels(_distance, (image.pixels, lower), _FLOAT)
            size += _write(folder / BELOW, image, below, part(progress, done + share / 2, done + share))
        done += share
    if image.trust is not None:
        trust = MappedPixels(_rounded, (image.trust.pixels,), _FLOAT)
        size += _write(folder / TRUST, image.trust, trust, part(progress, done, done + share), smaller=True)
        done += share
    if image.mask is not None:
        mask = MappedPixels(_as_numbers, (image.mask,), np.dtype(np.uint8))
        size += _write(folder / MASK, image, mask, part(progress, done, 1.0))
    return size


def _write(folder: Path, image: Image, pixels: Pixels, progress: Progress | None, smaller: bool = False) -> int:
    size = write_pyramid(folder, pixels, smaller=smaller, progress=part(progress, 0.0, 0.7))
    stored = image.replace(pixels=ChunkedPixels(Folder(folder), "0"))
    vars(stored)["inspection"] = inspect(stored.pixels, progress=part(progress, 0.7, 1.0, SAVING))
    write_group(folder, describe(stored, folder.name, {"format": 1, "companion": folder.name}, smaller=smaller))
    return size


def read(place: Place, version: Version, image: Image) -> Image:
    """The image with what its version has besides pixels."""

    def like(pixels: Pixels) -> Image:
        names = image.channels if pixels.shape[1] == len(image.channels) else ()
        return Image(pixels, image.pixel_size, names, recipe=version.recipe)

    def stored(name: str) -> ChunkedPixels:
        return ChunkedPixels(place, f"{version.folder}/{name}/0")

    interval = None
    if version.has_interval:
        below = stored(BELOW) if _is_there(place, version, BELOW) else stored(ABOVE)
        lower = MappedPixels(np.subtract, (image.pixels, below), _FLOAT)
        upper = MappedPixels(np.add, (image.pixels, stored(ABOVE)), _FLOAT)
        interval = Interval(like(lower), like(upper))
    return image.replace(
        interval=interval,
        trust=like(stored(TRUST)) if version.has_trust else None,
        mask=MappedPixels(_as_truth, (stored(MASK),), np.dtype(np.bool_)) if _is_there(place, version, MASK) else None,
    )


def as_kept(image: Image) -> Image:
    """The image with its interval as a session would give it back: for repeating what was measured on a kept version."""
    if image.interval is None:
        return image
    lower, upper = image.interval.lower.pixels, image.interval.upper.pixels
    above = MappedPixels(_distance, (upper, image.pixels), _FLOAT)
    below = above if _symmetric(image.pixels, lower, upper) else MappedPixels(_distance, (image.pixels, lower), _FLOAT)
    edges = MappedPixels(np.subtract, (image.pixels, below), _FLOAT), MappedPixels(np.add, (image.pixels, above), _FLOAT)
    return image.replace(interval=Interval(*(kept.replace(pixels=edge) for kept, edge in zip(image.interval, edges, strict=True))))


def arrays(place: Place, version: Version) -> list[ChunkedPixels]:
    """Full-size arrays that the version should have besides its pixels."""
    names = [ABOVE] if version.has_interval else []
    names += [TRUST] if version.has_trust else []
    names += [name for name in (BELOW, MASK) if _is_there(place, version, name)]
    return [ChunkedPixels(place, f"{version.folder}/{name}/0") for name in names]


def _is_there(place: Place, version: Version, name: str) -> bool:
    return place.size(f"{version.folder}/{name}/zarr.json") is not None


def _symmetric(pixels: Pixels, lower: Pixels, upper: Pixels) -> bool:
    for region in blocks(pixels.shape):
        middle = pixels.read(region).astype(np.float32)
        above, below = upper.read(region) - middle, middle - lower.read(region)
        if not np.allclose(above, below, rtol=2e-3, atol=1e-6 * float(np.abs(middle).max())):
            return False
    return True


def _distance(far: Array, near: Array) -> Array:
    return _rounded(np.maximum(far.astype(np.float32) - near, 0))


def _rounded(a: Array) -> Array:
    """float32 rounded to 11 significant bits (half up, in the bit pattern)."""
    bits = np.ascontiguousarray(a, np.float32).view(np.uint32)
    kept: Array = ((bits + np.uint32(1 << (_DROPPED - 1))) & np.uint32(0xFFFFFFFF << _DROPPED & 0xFFFFFFFF)).view(np.float32)
    return kept


def _as_numbers(mask: Array) -> Array:
    return mask.astype(np.uint8)


def _as_truth(mask: Array) -> Array:
    truth: Array = mask != 0
    return truth
