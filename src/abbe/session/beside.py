"""What a version is measured beside: the image that it was made from, on the pixels that were measured.

A run that finds labels, dead lines or planes that were never taken masks them in the result. Left in the image that it came from, they
would be measured there as darkness.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from abbe.image import Image
from abbe.image.computed import OPERATIONS
from abbe.image.pixels import Array, Pixels, Region, Shape
from abbe.recipe import Recipe


@dataclass(frozen=True, slots=True)
class CoarserMask:
    """A mask on the pixels that it was brought to a finer grid from: there, each of theirs is repeated."""

    source: Pixels
    shape: Shape
    #: planes of the finer grid per plane
    ratio: float

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.source.dtype

    def read(self, region: Region) -> Array:
        fine = self.source.shape
        planes = np.minimum(np.rint(np.arange(region[2].start, region[2].stop) * self.ratio).astype(int), fine[2] - 1)
        rows, columns = (
            np.arange(s.start, s.stop) * (large // small) + large // small // 2
            for s, large, small in zip(region[3:], fine[3:], self.shape[3:])
        )
        box = tuple(slice(int(i[0]), int(i[-1]) + 1) for i in (planes, rows, columns))
        block = self.source.read((region[0], region[1], box[0], box[1], box[2]))
        return block[:, :, planes - planes[0]][:, :, :, rows - rows[0]][..., columns - columns[0]]


def with_measured_original(image: Image) -> Image:
    """A result of abbe's whose original is masked as it is, as that of a result just made."""
    before, recipe = image.original, image.recipe
    if image.mask is None or before is None or not isinstance(recipe, Recipe) or recipe.operation not in OPERATIONS:
        return image
    steps = (before.pixel_size[0], image.pixel_size[0])
    ratio = steps[0] / steps[1] if image.shape[2] != before.shape[2] and steps[0] and steps[1] else 1.0
    masked = before.replace(mask=CoarserMask(image.mask, before.shape, ratio))
    if "inspection" in vars(before):
        vars(masked)["inspection"] = before.inspection
    return image.replace(original=masked)
