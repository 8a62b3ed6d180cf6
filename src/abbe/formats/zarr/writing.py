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


def write(image: Image, folder: Path, dtype: np.dtype[Any], read: Callable[[Any], Array], story: str) -> None:
    """Write `image` as `dtype` into the empty `folder`; `read` gives converted regions. Memory does not grow with the image."""
    import zarr

    group = zarr.create_group(str(folder), zarr_format=3, overwrite=True)
    shapes = _levels(image.shape)
    level = _create(group, "0", shapes[0], dtype)
    for region in _bands(shapes[0]):
        level[region] = read(region)
    for k, shape in enumerate(shapes[1:], 1):
        finer, level = level, _create(group, str(k), shape, dtype)
        for region in _bands(shape):
            level[region] = _halved(finer, region)
    group.attrs["ome"] = _words(image, shapes, folder.name, story)


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


def _words(image: Image, shapes: list[Shape], name: str, story: str) -> dict[str, Any]:
    """The attributes `ome`."""
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
    for k, shape in enumerate(shapes):
        factors = (1, 1, 1, shapes[0][3] / shape[3], shapes[0][4] / shape[4])
        scale = [(step or 1.0) * factor for step, factor in zip(steps, factors)]
        datasets.append({"path": str(k), "coordinateTransformations": [{"type": "scale", "scale": scale}]})
    low, high = image.range
    channels = []
    for label, color in zip(image.channels, image.colors):
        window = {"min": low, "max": high, "start": low, "end": high}
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
