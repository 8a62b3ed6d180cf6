"""`abbe.merge`: single-channel files become the channels of one image."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from abbe.errors import MergeError
from abbe.formats.colours import RGB_NAMES, parse_colour
from abbe.formats.opening import open
from abbe.image import Image, Notice, as_image
from abbe.image.metadata import file_names
from abbe.image.notice import join
from abbe.image.pixels import MappedPixels, Pixels, StackedPixels

#: pixel sizes that differ by less are the same, written with fewer digits
TOLERANCE = 1e-3
#: the same of the time between frames, which microscopes note as it was
TIME_TOLERANCE = 0.05
#: bytes of abbe's widest pixel type, and the whole numbers that float32 tells apart
WIDEST, EXACT = 4, 2**24


def merge(
    images: Sequence[Image | npt.ArrayLike | str | os.PathLike[str]],
    channels: Sequence[str] | None = None,
    colors: Sequence[str] | None = None,
) -> Image:
    """One image whose channels are the images given, in their order.

    Args:
        images: at least two images, files or arrays, each of one channel. An RGB picture in which one colour alone is filled counts as one.
        channels: a name for each; default: the images' own where they have any, else the files' names.
        colors: "#rrggbb" or a name ("magenta") for each; default: the images' own.

    Raises:
        MergeError: sizes, depth, frames, pixel sizes or time steps differ, two names are one, or an image has several channels.
    """
    sources = list(images) if isinstance(images, Iterable) and not isinstance(images, str | Image) else [images]
    if len(sources) < 2:
        raise MergeError(f"wanted at least two images to merge into channels, got {len(sources) or 'none'}")
    parts = [_one_channel(open(source) if isinstance(source, str | os.PathLike) else as_image(source)) for source in sources]
    labels = [_label(part, k) for k, part in enumerate(parts)]
    for what, given in (("name", channels), ("colour", colors)):
        if given is not None and len(given) != len(parts):
            raise MergeError(f"wanted a {what} for each of the {len(parts)} images, got {len(given)}")
    if channels is not None and (twice := next((name for k, name in enumerate(channels) if name in channels[:k]), None)) is not None:
        raise MergeError(f"wanted a different name for each channel, got {twice!r} twice; give each its own")
    _check_fit(parts, labels)
    names = tuple(channels) if channels is not None else _names(parts, labels)
    tints = tuple(parse_colour(c) for c in colors) if colors is not None else tuple(p.colors[0] for p in parts)
    pixels = StackedPixels(_of_one_type(parts, labels))
    notices = [replace(n, message=f"{label}: {n.message}") for part, label in zip(parts, labels) for n in part.notices if n.code != "rgb"]
    types = {p.dtype.name for p in parts}
    if len(types) > 1:
        kinds = ", ".join(sorted(types))
        notices.append(Notice("converted", f"the images have different pixel types ({kinds}); all became {pixels.dtype.name}"))
    notices.append(Notice("merged", f"the channels come from {len(parts)} files: {', '.join(labels)}"))
    first = parts[0]
    optics = replace(
        first.optics,
        emission=_waves([p.optics.emission for p in parts]),
        excitation=_waves([p.optics.excitation for p in parts]),
    )
    origin = ", ".join(p.provenance.source or label for p, label in zip(parts, labels))
    history = (*first.provenance.history, f"merged from {file_names(origin)}")
    return Image(
        pixels,
        pixel_size=_known_size(parts),
        channels=names,
        colors=tints,
        bits=max((p.bits or p.dtype.itemsize * 8 for p in parts), default=None) if all(p.bits for p in parts) else None,
        time_step=next((p.time_step for p in parts if p.time_step), None),
        optics=optics,
        provenance=replace(first.provenance, source=origin, digest=None, history=history),
        notices=join(tuple(notices)),
        mask=_mask(parts),
    )


def _of_one_type(parts: Sequence[Image], labels: Sequence[str]) -> tuple[Pixels, ...]:
    """Their pixels, where one of abbe's types holds all; else converted to one that holds all values. Raises `MergeError` for none."""
    sources = tuple(part.pixels for part in parts)
    if np.result_type(*(source.dtype for source in sources)).itemsize <= WIDEST:
        return sources
    low, high = (pick(getattr(p.inspection, what) for p in parts) for pick, what in ((min, "minimum"), (max, "maximum")))
    whole = [part for part in parts if part.dtype.kind != "f"]
    if len(whole) == len(parts):
        fitting: list[np.dtype[Any]] = [
            np.dtype(kind) for kind in (np.uint32, np.int32) if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max
        ]
    else:
        exact = all(part.inspection.minimum >= -EXACT and part.inspection.maximum <= EXACT for part in whole)
        fitting = [np.dtype(np.float32)] if exact else []
    if not fitting:
        kinds = ", ".join(f"{label} {part.dtype.name}" for part, label in zip(parts, labels))
        raise MergeError(
            f"wanted channels whose values one pixel type holds, got {kinds} with values from {low:g} to {high:g}; save one as another type"
        )
    chosen = fitting[0]
    return tuple(s if s.dtype == chosen else MappedPixels(lambda block: block.astype(chosen), (s,), chosen) for s in sources)


def only_filled(image: Image) -> int | None:
    """The index of the channel, where there is one alone, or of an RGB picture the only one that is not black; else None."""
    if image.shape[1] == 1:
        return 0
    if image.channels != RGB_NAMES:
        return None
    filled = [k for k, c in enumerate(image.inspection.channels) if c.maximum > 0]
    return filled[0] if len(filled) == 1 else None


def _one_channel(image: Image) -> Image:
    """The image, if it has one channel; of an RGB picture the one that is filled."""
    only = only_filled(image)
    if only is not None:
        return image.select([only])
    name = image.provenance.source or "an image"
    raise MergeError(
        f"wanted images of one channel, got {name} with {image.shape[1]} ({', '.join(image.channels[:8])}); choose one first: "
        f"abbe.open(...).select([0]), or --pick on the command line"
    )


def _label(image: Image, index: int) -> str:
    source = image.provenance.source
    return os.path.basename(source) if source else f"image {index + 1}"


def _names(parts: Sequence[Image], labels: Sequence[str]) -> tuple[str, ...]:
    """A channel's own name where its file has one, else the file's; numbered where they are not different."""
    stems = (os.path.splitext(label.removesuffix(".tif").removesuffix(".ome"))[0] or label for label in labels)
    names = tuple(stem if part.channels[0].startswith("channel ") else part.channels[0] for part, stem in zip(parts, stems))
    return names if len(set(names)) == len(names) else tuple(f"{name} {k + 1}" for k, name in enumerate(names))


def _check_fit(parts: Sequence[Image], labels: Sequence[str]) -> None:
    first = parts[0]
    for part, label in zip(parts[1:], labels[1:]):
        for axis, what in ((3, "rows"), (4, "columns"), (2, "planes of depth"), (0, "frames")):
            if part.shape[axis] != first.shape[axis]:
                raise MergeError(
                    f"{label} has {part.shape[axis]} {what}, {labels[0]} has {first.shape[axis]}; channels must have the same size: "
                    "check that the files belong to one field of view"
                )
        for axis, what in ((2, "pixel width"), (1, "pixel height"), (0, "z-step")):
            # beside the first that knows: what a file does not say may be anything
            a, whose = next(((p.pixel_size[axis], name) for p, name in zip(parts, labels) if p.pixel_size[axis] is not None), (None, ""))
            b = part.pixel_size[axis]
            if a is not None and b is not None and abs(a - b) > TOLERANCE * max(a, b):
                raise MergeError(f"{label} has a {what} of {b:g} um, {whose} of {a:g} um; they are not of one field of view")
        every, whose = next(((p.time_step, name) for p, name in zip(parts, labels) if p.time_step), (None, ""))
        own = part.time_step
        if part.shape[0] > 1 and every and own and abs(own - every) > TIME_TOLERANCE * max(own, every):
            raise MergeError(f"{label} has a frame every {own:g} s, {whose} every {every:g} s; they are not of one recording")


def _known_size(parts: Sequence[Image]) -> tuple[float | None, float | None, float | None]:
    z, y, x = (next((p.pixel_size[k] for p in parts if p.pixel_size[k] is not None), None) for k in range(3))
    return z, y, x


def _waves(waves: Sequence[tuple[float | None, ...]]) -> tuple[float | None, ...]:
    found = tuple(w[0] if len(w) == 1 else None for w in waves)
    return found if any(found) else ()


def _mask(parts: Sequence[Image]) -> StackedPixels | None:
    if all(p.mask is None for p in parts):
        return None
    nothing = [MappedPixels(lambda block: np.zeros(block.shape, bool), (p.pixels,), np.dtype(bool)) for p in parts]
    return StackedPixels(tuple(p.mask or none for p, none in zip(parts, nothing)))
