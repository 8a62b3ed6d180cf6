"""Cropped versions: the same part of the image and of what it was computed from, and ROIs brought into it.

A crop is cut on the pixel grid of the original, so that before and after still show the same field.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from abbe.comparison.recorded import aligned_by
from abbe.errors import ParameterError
from abbe.image import ROI, Ellipse, Image, Mask, Polygon, Rectangle
from abbe.image.grid import root
from abbe.image.pixels import Region, part_of, whole
from abbe.image.roi_shapes import Combination
from abbe.recipe import Input, Recipe, Step


def crop(image: Image, y: tuple[int, int], x: tuple[int, int]) -> tuple[Image, Recipe]:
    """Rows and columns (from, to) of an image, widened to whole pixels of the original, with its interval and trust; and the recipe."""
    first = root(image)
    ratio = image.shape[3] // first.shape[3], image.shape[4] // first.shape[4]
    rows, columns = (_snapped(pair, max(1, r), n, axis) for pair, r, n, axis in zip((y, x), ratio, image.shape[3:], "YX", strict=True))
    source = Input(shape=image.shape, dtype=image.dtype.name, pixel_size=image.pixel_size, channels=image.channels)
    box = {"y": [rows.start, rows.stop], "x": [columns.start, columns.stop]}
    aligned = aligned_by(image)  # a comparison of the part asks by how much its channels were moved
    before = {} if aligned is None else {"before": aligned.to_dict()}
    recipe = Recipe(operation="crop", inputs=(source,), steps=(Step(name="crop", parameters=box),), parameters=before)
    return image.crop(rows, columns).replace(recipe=recipe), recipe


def _snapped(pair: tuple[int, int], ratio: int, length: int, axis: str) -> slice:
    ends = tuple(pair) if isinstance(pair, Sequence) and not isinstance(pair, str) else ()
    if len(ends) != 2:
        raise ParameterError(f"wanted a part along {axis} as (from, to), such as (0, {length}), got {pair!r}")
    part = part_of(slice(*ends), length, axis)
    start, stop = part.start, part.stop
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
    Raises `ParameterError` for a mask whose pixels do not fit those of the image.
    """
    if by == (0.0, 0.0):
        return roi
    if isinstance(roi, Combination):
        return replace(roi, parts=tuple(moved(part, by, size) for part in roi.parts))
    y, x = by
    if roi.unit == "pixel" and size[0] is not None and size[1] is not None:
        y, x = y / size[0], x / size[1]
    if isinstance(roi, Rectangle | Ellipse):
        return replace(roi, y=roi.y - y, x=roi.x - x)
    if isinstance(roi, Polygon):
        return replace(roi, rings=tuple(tuple((a - y, b - x) for a, b in ring) for ring in roi.rings))
    if isinstance(roi, Mask):
        return roi.beyond(y, x)
    raise ParameterError(
        f"wanted a rectangle, ellipse, polygon or mask on a cropped version, got a {roi.kind}; measure it on the whole image"
    )
