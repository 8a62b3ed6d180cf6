"""Writing OME-Zarr 0.5: chunks of a plane, and smaller levels for viewers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from abbe.formats import account
from abbe.image import Image
from abbe.image.pixels import Array, Shape

CHUNK = 512
#: levels halve until a plane has at most this many pixels a side
SMALLEST = 1024


def write(image: Image, folder: Path, dtype: np.dtype[Any], read: Callable[[Any], Array], name: str, story: str) -> None:
    """Write `image`, called `name`, as `dtype` into the empty `folder`; `read` gives converted regions. Memory stays small."""
    import zarr

    group = zarr.create_group(str(folder), zarr_format=3, overwrite=True)
    shapes = _levels(image.shape)
    level = _create(group, "0", shapes[0], dtype)
    seen = [(np.inf, -np.inf)] * image.shape[1]
    for region in _bands(shapes[0]):
        block = read(region)
        low, high = seen[region[1].start]
        seen[region[1].start] = min(low, float(block.min())), max(high, float(block.max()))
        level[region] = block
    for k, shape in enumerate(shapes[1:], 1):
        finer, level = level, _create(group, str(k), shape, dtype)
        for region in _bands(shape):
            level[region] = _halved(finer, region)
    group.attrs["ome"] = _words(image, shapes, name, story, seen, dtype)


def _levels(shape: Shape) -> list[Shape]:
    t, c, z, y, x = shape
    shapes = [shape]
    while max(y, x) > SMALLEST:
        y, x = max(1, y // 2), max(1, x // 2)
        shapes.append((t, c, z, y, x))
    return shapes


def _create(group: Any, name: str, shape: Shape, dtype: np.dtype[Any]) -> Any:
    chunks = (1, 1, 1, min(CHUNK, shape[3]), min(CHUNK, shape[4]))
    return group.create_array(name, shape=shape, chunks=chunks, dtype=dtype, dimension_names=("t", "c", "z", "y", "x"))


def _bands(shape: Shape) -> Any:
    """Rows of chunks, plane by plane, so that every chunk is written once."""
    t, c, z, y, x = shape
    for i in range(t):
        for j in range(c):
            for k in range(z):
                for r in range(0, y, CHUNK):
                    yield slice(i, i + 1), slice(j, j + 1), slice(k, k + 1), slice(r, min(y, r + CHUNK)), slice(0, x)


def _halved(finer: Any, region: Any) -> Array:
    """The mean of 2 x 2 pixels."""
    t, c, z, y, x = region
    block = np.asarray(finer[t, c, z, 2 * y.start : 2 * y.stop, 2 * x.start : 2 * x.stop])
    rows, columns = max(1, block.shape[3] // 2), max(1, block.shape[4] // 2)
    step_y, step_x = block.shape[3] // rows, block.shape[4] // columns
    cut = block[..., : rows * step_y, : columns * step_x].reshape(*block.shape[:3], rows, step_y, columns, step_x)
    mean = cut.mean(axis=(4, 6), dtype=np.float64)
    rounded: Array = (np.rint(mean) if block.dtype.kind in "ui" else mean).astype(block.dtype)
    return rounded


def _words(
    image: Image, shapes: list[Shape], name: str, story: str, seen: list[tuple[float, float]], dtype: np.dtype[Any]
) -> dict[str, Any]:
    """The attributes `ome`. `seen` are the lowest and highest value of each channel, between which viewers show it."""
    z, y, x = image.pixel_size
    steps = (image.time_step, 1.0, z, y, x)
    axes: list[dict[str, str]] = [
        {"name": "t", "type": "time"},
        {"name": "c", "type": "channel"},
        {"name": "z", "type": "space"},
        {"name": "y", "type": "space"},
        {"name": "x", "type": "space"},
    ]
    for axis, step in zip(axes, steps):
        if step is not None and axis["name"] != "c":
            axis["unit"] = "second" if axis["name"] == "t" else "micrometer"
    datasets = []
    down = across = 1
    for k, finer in enumerate((None, *shapes[:-1])):
        if finer is not None:  # two become one; of an odd number the last is left out
            down, across = down * (2 if finer[3] > 1 else 1), across * (2 if finer[4] > 1 else 1)
        scale = [(step or 1.0) * factor for step, factor in zip(steps, (1, 1, 1, down, across))]
        datasets.append({"path": str(k), "coordinateTransformations": [{"type": "scale", "scale": scale}]})
    channels = []
    for label, color, (low, high) in zip(image.channels, image.colors, seen):
        high = high if high > low else low + 1  # viewers want a window of some width
        least, most = (low, high) if dtype.kind == "f" else _range(image, dtype)
        window = {"min": min(least, low), "max": max(most, high), "start": low, "end": high}  # bits may have been said wrongly
        channels.append({"label": label, "color": (color or "#ffffff").lstrip("#"), "active": True, "window": window})
    words: dict[str, Any] = {
        "version": "0.5",
        "multiscales": [{"name": name, "axes": axes, "datasets": datasets, "type": "mean of 2 x 2"}],
        "omero": {"channels": channels},
        account.NAMESPACE: story,
    }
    if image.bits is not None:
        words["abbe.bits"] = image.bits
    return words


def _range(image: Image, dtype: np.dtype[Any]) -> tuple[float, float]:
    """The values that whole numbers of the file can be."""
    if image.dtype == dtype:
        return image.range
    return float(np.iinfo(dtype).min), float(np.iinfo(dtype).max)
