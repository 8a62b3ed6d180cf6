"""TIFFs that belong together: each file of a set of OME-TIFFs may describe all of its images, or only name the file that does.

"OME-TIFF specification", section on multi-file OME-TIFF filesets: UUID, TiffData/UUID and BinaryOnly. Each file of a recording by
Micro-Manager knows all positions of the recording, which may lie in files of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from abbe.errors import NotAnImageError
from abbe.formats import ome
from abbe.formats.tiff import makers
from abbe.formats.tiff.directories import check_directories
from abbe.image import Notice
from abbe.limits import LIMITS


@dataclass(frozen=True, slots=True)
class Described:
    """A TIFF, and the one of its set that describes it: itself in most cases."""

    tif: Any
    #: the words on an image, by its place among those of the set that the file has planes of; None where it is no OME-TIFF
    words: Callable[[int], ome.Ome | None]
    #: what to say
    notices: tuple[Notice, ...] = ()


@contextmanager
def described(tif: Any, path: Path) -> Iterator[Described]:
    """The open file `path`, or in its place the file beside it that describes it."""
    text = str(tif.pages.first.description or "")
    if not tif.is_ome:
        yield Described(tif, _no_words)
        return
    pointer = ome.pointer(text)
    if pointer is None:
        yield Described(tif, lambda place: ome.parse(text, path.name, place=place))
        return
    name, uuid = pointer
    master = path.with_name(name.replace("\\", "/").rpartition("/")[2] or path.name)
    if master != path and master.is_file():
        text, source = _words_of(master)
        with tifffile.TiffFile(source or path, omexml=None if source else text) as whole:
            text = text or str(whole.pages.first.description or "")
            if whole.is_ome and ome.pointer(text) is None and _of_file(whole, path):
                yield Described(whole, lambda place: ome.parse(text, path.name, uuid, place))
                return
    if tif.is_mmstack:  # which says of every file what its planes are
        yield Described(tif, _no_words)
        return
    said = f"what its planes are stands in another file, {master.name}, which is not beside it or does not know it; put them together"
    yield Described(tif, _no_words, (Notice("damaged", said),))


def _no_words(place: int) -> None:
    return None


def _words_of(master: Path) -> tuple[str, Path | None]:
    """(OME-XML, None) of a file of words alone, a "companion"; ("", the file) of a TIFF, which has them within; else ("", None)."""
    with master.open("rb") as file:
        head = file.read(4)
        if head in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            check_directories(master)
            return "", master
        text = (head + file.read(LIMITS.metadata)).decode("utf-8-sig", "replace").strip().strip("\0")
    try:
        known = ome.tree(text).tag == "OME" and text.endswith("OME>")
    except NotAnImageError:
        known = False
    return (text if known else ""), None


def images(tif: Any, path: Path) -> list[Any]:
    """The images with planes in the file `path`; of a set whose files lie apart, all. Thumbnails are none where there is more."""
    there = [_own_positions(series, path) for series in _of_file(tif, path) or list(tif.series)]
    largest = max((_area(series) for series in there if not makers.is_thumbnail(series)), default=0)
    return [series for series in there if not makers.is_thumbnail(series) or not _is_copy(series, largest)]


def _own_positions(series: Any, path: Path) -> Any:
    """Of a recording by Micro-Manager the positions with planes in the file `path`, whole though some of their planes lie in others."""
    if series.kind != "mmstack" or "R" not in series.axes:
        return series
    lead = len(series.shape) - len(series.keyframe.shape)
    pages = np.empty(math.prod(series.shape[:lead]), object)
    for k, page in enumerate(series.pages):
        pages[k] = page
    grid = np.moveaxis(pages.reshape(series.shape[:lead]), series.axes.index("R"), 0)
    own = [any(page is not None and _name(page) == path.name for page in position.flat) for position in grid]
    if all(own) or not any(own):
        return series
    kept = np.moveaxis(grid[own], 0, series.axes.index("R"))
    shape = (*kept.shape, *series.keyframe.shape)
    return tifffile.TiffPageSeries(list(kept.flat), shape, series.dtype, series.axes, kind="mmstack", name=series.name)


def _name(page: Any) -> str:
    """Of the file that holds it."""
    return Path(page.parent.filehandle.path).name


def _is_copy(series: Any, largest: int) -> bool:
    """Can it be what it says, a smaller version of an image of so many pixels? Some programs say so of whatever follows the first page."""
    return largest > 0 if series.kind in ("thumbnail", "lsm") else _area(series) < largest


def _area(series: Any) -> int:
    return int(series.keyframe.imagelength * series.keyframe.imagewidth)


def place(tif: Any, path: Path, series: Any) -> int:
    """Which of the images with planes in the file `path` it is, thumbnails among them."""
    return next((k for k, one in enumerate(_of_file(tif, path)) if one is series), 0)


def _of_file(tif: Any, path: Path) -> list[Any]:
    if not tif.is_ome or (len(tif.series) < 2 and Path(tif.filehandle.path) == path):
        return list(tif.series)
    return [s for s in tif.series if any(page is not None and _name(page) == path.name for page in s.pages)]


def first_file(path: Path) -> Path:
    """The file that holds the first plane of the image that the TIFF `path` opens as: itself in most cases. Raises as `first_files`."""
    return first_files(path)[0]


def first_files(path: Path) -> list[Path]:
    """The file that holds the first plane of each of the images in the TIFF `path`. Raises what a damaged file raises."""
    check_directories(path)
    with tifffile.TiffFile(path) as tif, described(tif, path) as whole:
        there = images(whole.tif, path)
        if whole.words is _no_words:
            return [path] * len(there)
        pages = (next(page for page in series.pages if page is not None) for series in there)
        return [Path(page.parent.filehandle.path) for page in pages]
