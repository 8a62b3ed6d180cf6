"""Pixels that are read several times from where reading takes long: compressed chunks of a session, mostly."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from abbe.image import Image
from abbe.image._image import Interval
from abbe.image.pixels import Array, ArrayPixels, MappedPixels, Pixels, Region, Shape
from abbe.limits import LIMITS


class Once:
    """Whatever is read through `image` is read once, as long as there is memory for it: a block beyond that is read each time anew.

    Images that share pixels share what was read: both bounds of an interval are computed from the image and one distance.
    """

    def __init__(self, most: int = LIMITS.in_memory // 2) -> None:
        self.left = most
        self._known: dict[Any, Held] = {}
        self._noted: list[KnownArray | KnownMapped] = []

    def image(self, image: Image) -> Image:
        return image.replace(pixels=self._pixels(image.pixels))

    def chain(self, image: Image) -> Image:
        """An image with its interval, and all that it was computed from."""
        interval = None if image.interval is None else Interval(*map(self.image, image.interval))
        return self.image(image).replace(interval=interval, original=None if image.original is None else self.chain(image.original))

    def forget(self) -> None:
        """Let go of everything; from now on each block is read anew."""
        self.left = 0
        for held in self._known.values():
            held.forget()
        for noted in self._noted:
            noted.known.clear()

    def _pixels(self, pixels: Pixels) -> Pixels:
        if isinstance(pixels, ArrayPixels):
            return self._note(KnownArray(pixels.array))
        if isinstance(pixels, MappedPixels):
            return self._note(KnownMapped(pixels.function, tuple(map(self._pixels, pixels.sources)), pixels.dtype))
        key: Any = pixels  # equal ones are the same pixels
        try:
            hash(key)
        except TypeError:
            key = id(pixels)
        return self._known.setdefault(key, Held(pixels, self))

    def _note(self, pixels: KnownArray | KnownMapped) -> Pixels:
        self._noted.append(pixels)
        return pixels


@dataclass(frozen=True, eq=False)
class KnownArray(ArrayPixels):
    """Pixels in memory, which need not be held; what is found of all of them is."""

    known: dict[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class KnownMapped(MappedPixels):
    """Pixels computed from others that are held, and what is found of all of them."""

    known: dict[Any, Any] = field(default_factory=dict)


class Held:
    """Pixels as `Once` holds them. `known` is for what is found of all of them, whatever the region."""

    def __init__(self, source: Pixels, once: Once) -> None:
        self._source, self._once = source, once
        self._blocks: dict[tuple[tuple[int, int], ...], Array] = {}
        self.known: dict[Any, Any] = {}

    @property
    def shape(self) -> Shape:
        return self._source.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._source.dtype

    def forget(self) -> None:
        self._blocks.clear()
        self.known.clear()

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


def known(pixels: Pixels) -> dict[Any, Any]:
    """What was found of all pixels before, for whoever finds more to add; of pixels that nobody holds nothing stays."""
    return pixels.known if isinstance(pixels, Held | KnownArray | KnownMapped) else {}
