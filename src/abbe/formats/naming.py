"""Names of image files: which are read, and what a result of one is called."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from abbe.image import Image

#: endings of files that abbe opens; a folder that ends in .zarr is one image
READ = (
    *(".tif", ".tiff", ".btf", ".tf2", ".tf8", ".lsm", ".stk", ".png", ".jpg", ".jpeg"),
    *(".nd2", ".czi", ".lif", ".oib", ".oif", ".dv", ".r3d", ".ims", ".zarr"),
)
#: endings that `stem` takes off whole
_DOUBLE = (".ome.tif", ".ome.tiff", ".ome.btf", ".ome.tf2", ".ome.tf8", ".ome.zarr", ".tar.gz")
#: kinds of maps beside a result -> what they are
MAPS = {
    "trust": "0 to 1, low where the data do not support what the result shows",
    "lower": "lower end of the 90 % interval of each pixel",
    "upper": "upper end of the 90 % interval of each pixel",
}


#: "cells.lif#2": the third image of a file of several
_NUMBERED = re.compile(r"(?P<file>.+)#(?P<number>\d{1,6})", re.DOTALL)


def numbered(path: Path) -> tuple[Path, int | None]:
    """The file and the number of the image in it that "cells.lif#2" names; a file of just this name counts as that, and has no number."""
    found = _NUMBERED.fullmatch(path.name)
    if found is None or os.path.lexists(path):
        return path, None
    return path.with_name(found["file"]), int(found["number"])


def stem(path: Path) -> str:
    """cells.ome.tif -> cells; cells.lif#2 -> cells_2"""
    file, number = numbered(path)
    if number is not None:
        return f"{stem(file)}_{number}"
    for ending in _DOUBLE:
        if path.name.lower().endswith(ending):
            return path.name[: -len(ending)]
    return path.stem


def maps_beside(target: Path) -> dict[str, Path]:
    """Kind of map -> its file beside the result `target`. A picture's whole numbers cannot hold them."""
    name, ending = stem(target), target.name[len(stem(target)) :]
    ending = ending if "tif" in ending.lower() or ending.lower().endswith(".zarr") else ".ome.tif"
    return {kind: target.with_name(f"{name}_{kind}{ending}") for kind in MAPS}


def maps_of(result: Image, target: Path, dtype: str | None) -> Iterator[tuple[str, Path, Image, str | None]]:
    """(kind, file, image, pixel type) of each map that comes with `result`, where that is written to `target` as `dtype`.

    Trust lies in [0, 1] and keeps its own type.
    """
    lower, upper = (None, None) if result.interval is None else (result.interval.lower, result.interval.upper)
    images = {"trust": result.trust, "lower": lower, "upper": upper}
    for kind, path in maps_beside(target).items():
        image = images[kind]
        if image is not None:
            yield kind, path, image, None if kind == "trust" else dtype
