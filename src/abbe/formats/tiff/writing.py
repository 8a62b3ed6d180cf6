"""Writing TIFF: ImageJ hyperstacks that every program opens, OME-TIFF for everything that these cannot hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from abbe.formats import ome
from abbe.formats.colours import RGB_COLOURS, RGB_NAMES
from abbe.formats.tiff import imagej
from abbe.image import Image, Notice
from abbe.image.pixels import Array, blocks
from abbe.positioned import write_at

#: ImageJ's pixel types
IMAGEJ_TYPES = ("uint8", "uint16", "float32")
#: bytes from which 32-bit offsets do not suffice, with room for the directories
CLASSIC = 2**32 - 2**25
#: bytes of a plane from which it is stored in compressed tiles
TILED = 2**25
TILE = 512

Read = Callable[[Any], Array]


def write(image: Image, part: Path, dtype: np.dtype[Any], read: Read, kind: str, name: str, story: str) -> tuple[Notice, ...]:
    """Write `image` as `dtype` to `part`; `read` gives converted regions, `story` is the account. Returns what to know about the file."""
    size = image.size * dtype.itemsize
    if kind == "OME-TIFF":
        _write_ome(image, part, dtype, read, name, size, story)
        return ()
    if dtype.name in IMAGEJ_TYPES and size < CLASSIC:
        _write_imagej(image, part, dtype, read, story)
        return ()
    _write_ome(image, part, dtype, read, name, size, story)
    why = f"{dtype.name} pixels" if dtype.name not in IMAGEJ_TYPES else "more than 4 GB"
    return (Notice("converted", f"written as OME-TIFF, for an ImageJ TIFF cannot hold {why}; Fiji opens it with Bio-Formats"),)


def _write_imagej(image: Image, part: Path, dtype: np.dtype[Any], read: Read, story: str) -> None:
    """Uncompressed, in ImageJ's order T, Z, C: reserve the pixels, then fill them block by block."""
    frames, count, depth, height, width = image.shape
    rgb = image.channels == RGB_NAMES and image.colors == RGB_COLOURS and dtype == np.uint8
    shape = (frames, depth, 1, height, width, 3) if rgb else (frames, depth, count, height, width, 1)
    metadata = _imagej_metadata(image, rgb, story)
    _, y, x = image.pixel_size
    with tifffile.TiffWriter(part, imagej=True, byteorder="<") as writer:
        offset, _ = writer.write(
            shape=shape,
            dtype=dtype.newbyteorder("<"),
            photometric="rgb" if rgb else "minisblack",
            resolution=None if x is None or y is None else (1 / x, 1 / y),
            metadata=metadata,
            returnoffset=True,
        )
    with part.open("r+b") as file:
        step = 3 if rgb else 1
        for t, c, z_, y_, _ in blocks((frames, 1 if rgb else count, depth, height, width), 2**21):
            channels = slice(0, 3) if rgb else c
            block = read((t, channels, z_, y_, slice(0, width)))[0, :, 0]
            page = (t.start * depth + z_.start) * (1 if rgb else count) + (0 if rgb else c.start)
            position = offset + (page * height + y_.start) * width * step * dtype.itemsize
            data = np.ascontiguousarray(np.moveaxis(block, 0, -1), dtype.newbyteorder("<"))
            write_at(file.fileno(), data.tobytes(), position)


def _imagej_metadata(image: Image, rgb: bool, story: str) -> dict[str, Any]:
    frames, count, depth, _, _ = image.shape
    z, _, x = image.pixel_size
    info = f"{imagej.MARK}{story}\n"
    metadata: dict[str, Any] = {"axes": "TZCYXS", "Info": info}
    if x is not None:
        metadata["unit"] = "um"
    if z is not None:
        metadata["spacing"] = z
        metadata["zunit"] = "um"
    if image.time_step is not None:
        metadata["finterval"] = image.time_step
    if not rgb:
        metadata["Labels"] = [name.replace("\n", " ")[:200] for name in image.channels] * (frames * depth)
        if count > 1 or any(image.colors):
            metadata["mode"] = "composite" if count > 1 else "grayscale"
            if any(image.colors):
                metadata["LUTs"] = imagej.tables(image.colors)
    return metadata


def _write_ome(image: Image, part: Path, dtype: np.dtype[Any], read: Read, name: str, size: int, story: str) -> None:
    """Planes in the order T, Z, C; large ones in compressed tiles."""
    frames, count, depth, height, width = image.shape
    xml = ome.write(image, image.shape, dtype.str[1:], name, story)
    plane = height * width * dtype.itemsize
    tiled = plane >= TILED
    layout: dict[str, Any] = {"photometric": "minisblack", "metadata": None, "software": "abbe", "compression": "zlib"}
    # none for fractions: Bio-Formats, by which Fiji and QuPath open OME-TIFFs, refuses the one that TIFF has for them (3)
    layout["predictor"] = dtype.kind in "ui"
    if tiled:
        layout["tile"] = (TILE, TILE)
    else:
        layout["rowsperstrip"] = height
    _, y, x = image.pixel_size
    if x is not None and y is not None:
        layout["resolution"] = (1e4 / x, 1e4 / y)
        layout["resolutionunit"] = "CENTIMETER"
    with tifffile.TiffWriter(part, bigtiff=size >= CLASSIC, byteorder="<") as writer:
        first = True
        for t in range(frames):
            for z_ in range(depth):
                for c in range(count):
                    index = (slice(t, t + 1), slice(c, c + 1), slice(z_, z_ + 1))
                    data: Any = _tiles(read, index, height, width) if tiled else _plane(read, index, height, width)
                    description = xml.encode() if first else None
                    writer.write(data, shape=(height, width), dtype=dtype, description=description, **layout)
                    first = False


def _plane(read: Read, index: tuple[slice, slice, slice], height: int, width: int) -> Array:
    plane: Array = read((*index, slice(0, height), slice(0, width)))[0, 0, 0]
    return plane


def _tiles(read: Read, index: tuple[slice, slice, slice], height: int, width: int) -> Iterator[Array]:
    """Tiles row by row; one row of tiles is in memory at a time."""
    for top in range(0, height, TILE):
        band = read((*index, slice(top, min(height, top + TILE)), slice(0, width)))[0, 0, 0]
        for left in range(0, math.ceil(width / TILE) * TILE, TILE):
            yield band[:, left : left + TILE]
