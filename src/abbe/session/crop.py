"""Cropped versions: the same part of the image and of what it was computed from, and ROIs brought into it.

A crop is cut on the pixel grid of the original, so that before and after still show the same field.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from abbe.errors import ParameterError
from abbe.image import ROI, Image
from abbe.image.grid import root
from abbe.image.pixels import Region, whole
from abbe.recipe import Input, Recipe, Step


def crop(image: Image, y: tuple[int, int], x: tuple[int, int]) -> tuple[Image, Recipe]:
    """Rows and columns (from, to) of an image, widened to whole pixels of the original, with its interval and trust; and the recipe."""
    first = root(image)
    ratio = image.shape[3] // first.shape[3], image.shape[4] // first.shape[4]
    rows, columns = (_snapped(pair, max(1, r), n, axis) for pair, r, n, axis in zip((y, x), ratio, image.shape[3:], "YX", strict=True))
    source = Input(shape=image.shape, dtype=image.dtype.name, pixel_size=image.pixel_size, channels=image.channels)
    box = {"y": [rows.start, rows.stop], "x": [columns.start, columns.stop]}
    recipe = Recipe(operation="crop", inputs=(source,), steps=(Step(name="crop", parameters=box),))
    return image.crop(rows, columns).replace(recipe=recipe), recipe


def _snapped(pair: tuple[int, int], ratio: int, length: int, axis: str) -> slice:
    start, stop = pair
    if not 0 <= start < stop <= length:
        raise ParameterError(f"wanted a part of 0 to {length} along {axis}, got {start} to {stop}")
    return slice(start // ratio * ratio, min(length, -(-stop // ratio) * ratio))


def original_of_crop(before: Image, recipe: Recipe | None) -> Image | None:
    """The same field of what the cropped image was computed from; None when the original itself was cropped."""
    if before.original is None or recipe is None:
        return None
    box = recipe.steps[0].parameters
    region: Region = (*whole(before.shape)[:3], slice(*box["y"]), slice(*box["x"]))
    parts = []
    for axis in (3, 4):
        ratio = max(1, before.shape[axis] // before.original.shape[axis])
        parts.append(slice(region[axis].start // ratio, region[axis].stop // ratio))
    return before.original.crop(parts[0], parts[1]).replace(original=None)


def offset_of(image: Image, recipe: Recipe) -> tuple[float, float]:
    """(y, x) of the crop's corner in the image, in um, or in pixels of the original where no size is known."""
    box, size = recipe.steps[0].parameters, image.pixel_size
    first = root(image)
    steps = [size[k] if size[1] and size[2] else first.shape[k + 2] / image.shape[k + 2] for k in (1, 2)]
    return float(box["y"][0] * (steps[0] or 1.0)), float(box["x"][0] * (steps[1] or 1.0))


def moved(roi: ROI, by: tuple[float, float], size: tuple[float | None, float | None]) -> ROI:
    """The ROI with its coordinates counted from another corner.

    `by` (y, x) is in um, or in pixels of the original where their `size` in um is not known.
    Raises `ParameterError` for a mask, which has a grid of its own.
    """
    if by == (0.0, 0.0):
        return roi
    y, x = size
    if roi.unit == "pixel" and y is not None and x is not None:
        by = by[0] / y, by[1] / x
    return ROI.from_dict(_moved(roi.to_dict(), by))


def _moved(data: Mapping[str, Any], by: tuple[float, float]) -> dict[str, Any]:
    kind = data["type"]
    if kind in ("rectangle", "ellipse"):
        return {**data, "y": data["y"] - by[0], "x": data["x"] - by[1]}
    if kind == "polygon":
        return {**data, "rings": [[[y - by[0], x - by[1]] for y, x in ring] for ring in data["rings"]]}
    if kind == "combination":
        return {**data, "parts": [_moved(part, by) for part in data["parts"]]}
    raise ParameterError(f"wanted a rectangle, ellipse or polygon on a cropped version, got a {kind}; measure it on the whole image")
