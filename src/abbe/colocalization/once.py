"""Pixels that are read several times from where reading takes long: compressed chunks of a session, mostly."""

from __future__ import annotations

from typing import Any

import numpy as np

from abbe.image import Image
from abbe.image.pixels import Array, ArrayPixels, MappedPixels, Pixels, Region, Shape
from abbe.limits import LIMITS


class Once:
    """Whatever is read through `image` is read once, as long as there is memory for it: a block beyond that is read each time anew.

    Images that share pixels share what was read: both bounds of an interval are computed from the image and one distance.
    """

    def __init__(self, most: int = LIMITS.in_memory // 2) -> None:
        self.left = most
        self._known: dict[Any, Pixels] = {}

    def image(self, image: Image) -> Image:
        return image.replace(pixels=self._pixels(image.pixels))

    def _pixels(self, pixels: Pixels) -> Pixels:
        if isinstance(pixels, ArrayPixels):
            return pixels
        if isinstance(pixels, MappedPixels):
            return MappedPixels(pixels.function, tuple(map(self._pixels, pixels.sources)), pixels.dtype)
        key: Any = pixels  # equal ones are the same pixels
        try:
            hash(key)
        except TypeError:
            key = id(pixels)
        return self._known.setdefault(key, _Held(pixels, self))


class _Held:
    def __init__(self, source: Pixels, once: Once) -> None:
        self._source, self._once = source, once
        self._blocks: dict[tuple[tuple[int, int], ...], Array] = {}

    @property
    def shape(self) -> Shape:
        return self._source.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._source.dtype

    def read(self, region: Region) -> Array:
        key = tuple((part.start, part.stop) for part in region)
        found = self._blocks.get(key)
        if found is None:
            found = self._source.read(region)
            if found.nbytes <= self._once.left:
                self._once.left -= found.nbytes
                self._blocks[key] = found
        view: Array = found.view()
        view.flags.writeable = False
        return view
