"""Which planes an ImageJ TIFF holds: not always those that ImageJ's words in it say.

ImageJ writes one directory, before the pixels of all planes, so that a file that was cut short looks like one plane
(ij/io/TiffEncoder.java). Other programs take planes out of such a file, or put files together, and leave ImageJ's words as they were.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import tifffile

from abbe.errors import NotAnImageError
from abbe.formats.units import positive
from abbe.image import Notice


def settled(tif: Any, series: Any, path: Path) -> tuple[Any, tuple[Notice, ...]]:
    """The series with the planes that are there, and what to say. Raises `NotAnImageError` where the file ends within its planes."""
    words = tif.imagej_metadata or {}
    page = series.keyframe
    if series.kind == "mmstack":  # whose planes Micro-Manager lists
        return series, ()
    if series.kind != "imagej":  # tifffile saw that the words do not fit
        said, there = _number(words, "images"), len(series.pages)
        if there >= said:
            return series, ()
        if there == 1 and _ends_within(page, path):
            raise NotAnImageError(
                f"{path.name} is cut short: ImageJ's words in it say {said} planes, and it ends before; copy it again from its source"
            )
        return _of(list(series.pages), words), (_other(said, there),)
    said, count = math.prod(series.shape) // max(1, math.prod(page.shape)), len(tif.pages)
    if count == said or (count < said and (series.dataoffset is not None or len(series.pages) == 1)):
        return series, ()
    pages = [one for one in (tif.pages.get(k, aspage=True) for k in range(count)) if _alike(one, page)]
    if len(pages) in (0, said):
        return series, ()
    return _of(pages, words), (_other(said, len(pages)),)


def _of(pages: list[Any], words: dict[str, Any]) -> Any:
    """A series of these; along the axis that the words know, where it is one alone."""
    key = pages[0].keyframe
    if len(pages) == 1:
        return tifffile.TiffPageSeries(pages, tuple(key.shape), key.dtype, key.axes, kind="generic")
    known = [axis for name, axis in (("channels", "C"), ("slices", "Z"), ("frames", "T")) if _number(words, name) > 1]
    axis = known[0] if len(known) == 1 else "I"
    return tifffile.TiffPageSeries(pages, (len(pages), *key.shape), key.dtype, axis + key.axes, kind="generic")


def _number(words: dict[str, Any], name: str) -> int:
    return max(int(positive(words.get(name)) or 1), 1)


def _ends_within(page: Any, path: Path) -> bool:
    """Do pixels go on behind the first plane of a file that ImageJ wrote, whose directory comes first?"""
    if not page.is_final or page.offset > page.dataoffsets[0]:
        return False
    return path.stat().st_size > int(page.dataoffsets[0]) + int(page.nbytes)


def _alike(one: Any, page: Any) -> bool:
    known = ("shape", "dtype", "compression", "is_reduced")
    return all(getattr(one, name) == getattr(page, name) for name in known)


def _other(said: int, there: int) -> Notice:
    why = "it was cut short, or is a part of a stack" if there < said else "it was put together of several"
    return Notice("damaged", f"ImageJ's words in the file say {said} planes, and it holds {there}: {why}")
