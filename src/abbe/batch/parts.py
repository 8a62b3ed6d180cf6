"""Files that are one image together: sets of TIFFs, of which each file may hold planes of several images."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tifffile

from abbe.formats.tiff.directories import check_directories
from abbe.formats.tiff.sets import _no_words, described, images

#: endings of files that may belong to a set
_TIFF = (".tif", ".tiff", ".btf", ".tf2", ".tf8")


@dataclass(frozen=True, slots=True)
class Parts:
    """An image's files: the name of the first, and paths of the others below the folder of the file that was asked for."""

    first: str
    others: tuple[str, ...] = ()


def parts_of(source: Path) -> list[Parts]:
    """Of each image in the file the files that it lies in; a first one that is not beside `source` counts as `source` itself."""
    alone = [Parts(source.name)]
    if not os.path.isfile(source) or source.suffix.lower() not in _TIFF:
        return alone
    with suppress(Exception):  # whatever is wrong with it, opening it as an image says so
        check_directories(source)
        with tifffile.TiffFile(source) as tif, described(tif, source) as whole:
            return [_parts(series, source, whole.words is not _no_words) for series in images(whole.tif, source)]
    return alone


def _parts(series: Any, source: Path, known: bool) -> Parts:
    """`known`: the file says what its planes are, and so which is the first; else it counts as the first itself."""
    apart = series.is_multifile or series.kind == "mmstack"
    there = (page for page in series.pages if page is not None)
    files = list(dict.fromkeys(Path(page.parent.filehandle.path) for page in (there if apart else [next(there)])))
    beside = known and files[0].parent.resolve() == source.parent.resolve()
    others = tuple(os.path.relpath(file, source.parent) for file in files if file != source)
    return Parts(files[0].name if beside else source.name, others if apart else ())
