"""`abbe.save`: the format by the suffix, whole or not at all, and a word about whatever did not fit."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from abbe.errors import ParameterError
from abbe.formats import account, jpeg, png
from abbe.formats.colours import RGB_COLOURS, RGB_NAMES
from abbe.formats.naming import stem
from abbe.formats.pixel_type import Converter, parse_type
from abbe.formats.tiff import writing as tiff
from abbe.formats.zarr import writing as zarr
from abbe.formats.zarr.replacing import check_replaceable
from abbe.image import Image, Notice, as_image
from abbe.image.pixels import Array, blocks
from abbe.storage import check_target, path_text, write_whole, write_whole_folder

#: suffix -> format; the longest that fits counts
SUFFIXES = {
    ".ome.tif": "OME-TIFF",
    ".ome.tiff": "OME-TIFF",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".zarr": "OME-Zarr",
}

#: what to do who wants a picture of what a picture's format cannot hold
FOR_PICTURES = "for pictures, save as a session (.abbe) and export them (abbe export)"

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Saved:
    """What was written, and what to know about it."""

    path: Path
    format: str
    dtype: str
    notices: tuple[Notice, ...]


def save(
    image: Image | npt.ArrayLike,
    path: str | os.PathLike[str],
    *,
    dtype: npt.DTypeLike | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Saved:
    """Write an image to a file, with its pixel size, channels, colours, optics, recipe and warnings.

    Args:
        image: an `Image`, or a 2-D or 3-D array.
        path: the suffix says the format: .ome.tif (OME-TIFF), .tif (ImageJ), .zarr (an OME-Zarr folder), .png and .jpg
            (one plane, grey or RGB).
        dtype: pixel type; values are rounded and clipped, never wrapped. None: the image's own, where the format has it.
        overwrite: replace a file of that name.
        progress: called with the fraction done and a word.

    Returns:
        What was written; `notices` tell how many pixels were clipped and what else was lost.

    Raises:
        ExistsError, StorageError: the file is there already, or cannot be written; nothing was changed.
        ParameterError: the format cannot hold the image.
    """
    image = as_image(image)
    kind, target = check_fit(image, path, dtype)
    convert = Converter(target)
    story, extra = account.write(image, most=jpeg.LONGEST if kind == "JPEG" else None)
    bands = _reported(image, convert, progress, path_text(path))
    if kind == "OME-Zarr":
        check_replaceable(Path(path))
        with write_whole_folder(path, overwrite) as folder:
            zarr.write(image, folder, target, bands, stem(Path(os.path.basename(path_text(path)))), story)
    else:
        with write_whole(path, overwrite) as part:
            extra += _write_file(image, part, target, bands, kind, os.path.basename(path_text(path)), story)
    if progress is not None:
        progress(1.0, "saved")
    return Saved(Path(path), kind, target.name, (*convert.notices(), *extra))


def check_fit(image: Image, path: str | os.PathLike[str], dtype: npt.DTypeLike | None = None) -> tuple[str, np.dtype[Any]]:
    """(format, pixel type) in which `image` would be saved: to ask before long work whose result has the same channels and planes.

    Raises `ParameterError` when the format cannot hold it.
    """
    kind = format_of(path)
    target = parse_type(dtype) if dtype is not None else _own_type(image, kind)
    _refuse_misfit(image, kind, target)
    return kind, target


def check_place(path: str | os.PathLike[str], overwrite: bool = False) -> None:
    """As `abbe.storage.check_target`, for the name of an image: an OME-Zarr is a folder, which `overwrite` replaces if it is nothing else.

    Raises `ExistsError`, `StorageError`.
    """
    check_target(path, overwrite)
    if os.path.basename(path_text(path)).lower().endswith(".zarr"):
        check_replaceable(Path(path))


def _write_file(
    image: Image, part: Path, target: np.dtype[Any], read: Callable[[Any], Array], kind: str, name: str, story: str
) -> tuple[Notice, ...]:
    if kind == "PNG":
        _write_png(image, part, target, read, story)
        return ()
    if kind == "JPEG":
        return (jpeg.write(part, _picture(image, read), story),)
    return tiff.write(image, part, target, read, kind, name, story)


def format_of(path: str | os.PathLike[str]) -> str:
    """The format that the suffix of `path` asks for. Raises `ParameterError` for one that abbe does not write."""
    own = os.path.basename(path_text(path))
    name = own.lower()
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if name.endswith(suffix):
            return SUFFIXES[suffix]
    raise ParameterError(f"wanted a file name that ends in one of {', '.join(SUFFIXES)}, got {own!r}")


def is_rgb(image: Image) -> bool:
    """Are these the channels of an RGB picture?"""
    return image.channels == RGB_NAMES and image.colors == RGB_COLOURS and image.dtype.kind == "u"


def _own_type(image: Image, kind: str) -> np.dtype[Any]:
    """The type to save as when none was asked for."""
    if kind in ("TIFF", "OME-TIFF", "OME-Zarr"):
        return image.dtype
    if kind == "JPEG" or image.dtype == np.uint8:
        return np.dtype(np.uint8)
    if image.dtype.kind == "f" and image.original is not None and image.original.dtype == np.uint8:
        return np.dtype(np.uint8)
    return np.dtype(np.uint16)


def _refuse_misfit(image: Image, kind: str, target: np.dtype[Any]) -> None:
    if kind not in ("PNG", "JPEG"):
        return
    frames, count, depth, height, width = image.shape
    if frames * depth > 1 or count not in (1, 3):
        raise ParameterError(
            f"a {kind} holds one plane, grey or RGB, got {frames} frames, {count} channels and {depth} planes of depth; save as .ome.tif, "
            f"which holds all; {FOR_PICTURES}"
        )
    if count == 3 and not (image.channels == RGB_NAMES and image.colors == RGB_COLOURS):
        raise ParameterError(
            f"a {kind} holds one grey channel or red, green and blue, got the channels {', '.join(image.channels)}; save as .ome.tif, "
            f"which holds all; {FOR_PICTURES}"
        )
    wanted = ("uint8",) if kind == "JPEG" else ("uint8", "uint16")
    if target.name not in wanted:
        raise ParameterError(f"a {kind} holds {' or '.join(wanted)}, not {target.name}; save as .ome.tif")
    if kind == "JPEG" and max(height, width) > jpeg.SIDE:
        raise ParameterError(f"a JPEG has at most {jpeg.SIDE} pixels a side, got {height} x {width}; save as .ome.tif")
    if image.dtype.kind == "f" and image.inspection.maximum <= 1 and image.inspection.minimum >= 0 and image.inspection.maximum > 0:
        raise ParameterError(
            f"the values lie between 0 and {image.inspection.maximum:.3g} and would be lost by rounding to whole numbers; save as .tif, "
            "which holds fractions"
        )


def _reported(image: Image, convert: Converter, progress: Progress | None, name: str) -> Callable[[tuple[slice, ...]], Array]:
    """A reader of regions, converted, that reports how far it is."""
    total, done = image.size, 0

    def read(region: Any) -> Array:
        nonlocal done
        block = convert(image.read(region))
        done += block.size
        if progress is not None:
            progress(min(done / total, 1.0), f"saving {os.path.basename(name)}")
        return block

    return read


def _picture_bands(image: Image, read: Callable[[Any], Array]) -> Iterator[Array]:
    """(rows, width, samples) from top to bottom."""
    _, count, _, height, width = image.shape
    for t, _, z, y, x in blocks((1, 1, 1, height, width), 2**20):
        yield np.moveaxis(read((t, slice(0, count), z, y, x))[0, :, 0], 0, -1)


def _picture(image: Image, read: Callable[[Any], Array]) -> Array:
    whole = np.concatenate(list(_picture_bands(image, read)))
    return whole[..., 0] if whole.shape[2] == 1 else whole


def _write_png(image: Image, part: Path, target: np.dtype[Any], read: Callable[[Any], Array], story: str) -> None:
    count, height, width = image.shape[1], *image.shape[3:]
    texts = {account.NAMESPACE: story, "Software": "abbe"}
    with part.open("wb") as file:
        png.write(file, _picture_bands(image, read), (width, height), target, count, image.pixel_size, texts)
