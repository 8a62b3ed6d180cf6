"""Images in OME-Zarr 0.5: a full-size array, smaller copies of it for quick viewing, and the metadata that names them.

The factors are 1, 4, 8, 16, ...: leaving out 2 keeps the copies under 9 % of the pixels (1/16 + 1/64 + ...), where a chain from 2 on
costs 33 %; what a viewer wants at half size is made from four full-size tiles when it asks.

Specification: ngff.openmicroscopy.org/0.5.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from abbe.image import Image
from abbe.image.pixels import Array, Pixels, Region, Shape
from abbe.session.chunks import SIDE, ChunkedPixels, metadata, write_block
from abbe.session.places import Folder
from abbe.session.records import Level

Progress: TypeAlias = Callable[[float, str], None]
#: what progress calls it
SAVING = "saving"

#: a copy is made while the one before is larger than a tile on either side
SMALLEST = 256
#: pixels along a block's side while writing: four chunks, so that a block becomes whole chunks of the copy at a quarter
BLOCK = 4 * SIDE


def factors(height: int, width: int) -> tuple[int, ...]:
    """How much smaller each stored copy is."""
    found, factor = [1], 4
    while -(-max(height, width) // found[-1]) > SMALLEST:
        found.append(factor)
        factor *= 2
    return tuple(found)


def levels(height: int, width: int) -> tuple[Level, ...]:
    """The resolutions that a viewer can ask for: 1, 2, 4, ... down to a tile."""
    count = len(factors(height, width))
    every = (1, *(2**k for k in range(1, count + 1))) if count > 1 else (1,)
    return tuple(Level(index=i, factor=f, height=-(-height // f), width=-(-width // f)) for i, f in enumerate(every))


def write_pyramid(folder: Path, pixels: Pixels, smaller: bool = True, full: bool = True, progress: Progress | None = None) -> int:
    """Write `pixels` as arrays "0", "1", ... of `folder`; returns the bytes written. Memory does not grow with the image.

    `smaller` False: no copies. `full` False: copies alone (of an image that has any).
    """
    shape = pixels.shape
    sizes = [(f, (*shape[:3], -(-shape[3] // f), -(-shape[4] // f))) for f in (factors(*shape[3:]) if smaller else (1,))]
    full = full or len(sizes) == 1
    for index, (_, size) in enumerate(sizes):
        if index or full:
            _write_json(folder / str(index) / "zarr.json", metadata(_shape(size), pixels.dtype))
    total, written = len(list(_blocks(shape))), 0
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        for number, region in enumerate(_blocks(shape)):
            block = pixels.read(region)
            if full:
                written += write_block(folder / "0", region, block, shape, pool)
            if len(sizes) > 1:
                written += write_block(folder / "1", _shrunk(region, 4), shrink(block, 4), _shape(sizes[1][1]), pool)
            if progress is not None:
                progress((number + 1) / total, SAVING)
        for index in range(2, len(sizes)):
            source = ChunkedPixels(Folder(folder), str(index - 1))
            for region in _blocks(source.shape):
                part = shrink(source.read(region), 2)
                written += write_block(folder / str(index), _shrunk(region, 2), part, _shape(sizes[index][1]), pool)
    return written


def _shape(size: tuple[int, ...]) -> Shape:
    t, c, z, y, x = size
    return t, c, z, y, x


def _blocks(shape: Shape) -> Iterator[Region]:
    for t in range(shape[0]):
        for c in range(shape[1]):
            for z in range(shape[2]):
                for y in range(0, shape[3], BLOCK):
                    for x in range(0, shape[4], BLOCK):
                        rows, columns = slice(y, min(y + BLOCK, shape[3])), slice(x, min(x + BLOCK, shape[4]))
                        yield slice(t, t + 1), slice(c, c + 1), slice(z, z + 1), rows, columns


def _shrunk(region: Region, factor: int) -> Region:
    t, c, z, y, x = region
    return t, c, z, *(slice(s.start // factor, -(-s.stop // factor)) for s in (y, x))  # type: ignore[return-value]


def shrink(block: Array, factor: int) -> Array:
    """Means over factor x factor pixels, in the block's own type; the last row and column count more than once where sizes are odd."""
    rows, columns = -block.shape[3] % factor, -block.shape[4] % factor
    if rows or columns:
        block = np.pad(block, ((0, 0), (0, 0), (0, 0), (0, rows), (0, columns)), mode="edge")
    # float64 for 32-bit integers, whose sums float32 would round; strided sums are four times as fast as a reshape's
    kind = np.float64 if block.dtype.kind in "ui" and block.dtype.itemsize > 2 else np.float32
    first, *others = itertools.product(range(factor), repeat=2)
    mean: Array = block[..., first[0] :: factor, first[1] :: factor].astype(kind)
    for row, column in others:
        np.add(mean, block[..., row::factor, column::factor], out=mean)
    np.multiply(mean, 1 / factor**2, out=mean)
    return mean.astype(block.dtype, copy=False) if block.dtype.kind == "f" else np.rint(mean).astype(block.dtype)


def describe(image: Image, name: str, abbe: dict[str, Any], smaller: bool = True, full: bool = True) -> dict[str, Any]:
    """What `zarr.json` of an image's group says: axes with units, scale and offset per array, channels with colours and ranges."""
    stored = factors(*image.shape[3:]) if smaller else (1,)
    z, y, x = image.pixel_size
    known = y is not None and x is not None
    space: dict[str, str] = {"unit": "micrometer"} if known else {}
    axes = [
        {"name": "t", "type": "time"} | ({"unit": "second"} if image.time_step else {}),
        {"name": "c", "type": "channel"},
        {"name": "z", "type": "space"} | ({"unit": "micrometer"} if z else {}),
        {"name": "y", "type": "space"} | space,
        {"name": "x", "type": "space"} | space,
    ]
    sizes = (image.time_step or 1.0, 1.0, z or 1.0, y if known and y else 1.0, x if known and x else 1.0)
    datasets = [
        {
            "path": str(index),
            "coordinateTransformations": [
                {"type": "scale", "scale": [*sizes[:3], sizes[3] * f, sizes[4] * f]},
                {"type": "translation", "translation": [0.0, 0.0, 0.0, sizes[3] * (f - 1) / 2, sizes[4] * (f - 1) / 2]},
            ],
        }
        for index, f in enumerate(stored)
        if index or full or len(stored) == 1
    ]
    multiscale = {"name": name, "axes": axes, "datasets": datasets, "type": "mean"}
    ome = {"version": "0.5", "multiscales": [multiscale], "omero": {"channels": _channels(image)}}
    return {"zarr_format": 3, "node_type": "group", "attributes": {"ome": ome, "abbe": abbe}}


def _channels(image: Image) -> list[dict[str, Any]]:
    found = []
    for name, color, seen in zip(image.channels, colors(image), image.inspection.channels):
        window = {"min": seen.minimum, "max": seen.maximum, "start": seen.minimum, "end": seen.maximum}
        found.append({"label": name, "color": color.lstrip("#").upper(), "active": True, "window": window})
    return found


#: shown where a file gives no colour; distinguishable with any colour vision (Okabe & Ito 2008), grey for a single channel
DEFAULT_COLORS = ("#CC79A7", "#009E73", "#56B4E9", "#E69F00", "#F0E442", "#0072B2", "#D55E00", "#FFFFFF")


def colors(image: Image) -> tuple[str, ...]:
    """ "#rrggbb" per channel: the file's own, else the defaults."""
    if image.shape[1] == 1:
        return (image.colors[0] or "#FFFFFF",)
    return tuple(color or DEFAULT_COLORS[k % len(DEFAULT_COLORS)] for k, color in enumerate(image.colors))


def write_group(folder: Path, content: dict[str, Any]) -> None:
    """The group's own `zarr.json`, written last: a folder without it is no image."""
    _write_json(folder / "zarr.json", content)


def _write_json(file: Path, content: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, ensure_ascii=True), encoding="ascii")
