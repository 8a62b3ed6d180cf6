"""An image of beads, which is measured once for all images that are aligned by it."""

from __future__ import annotations

import copy
import math
import os
import re
import threading
from collections.abc import Callable
from functools import cached_property

from abbe.alignment.shifts import ChannelShift, channel_shifts
from abbe.errors import AxesError, ParameterError
from abbe.formats import open as open_image
from abbe.image import Image, PixelSize, as_image
from abbe.recipe import Input

#: what a channel is called whose file gives it no name
NAMELESS = re.compile(r"channel \d+")
#: relative difference up to which two pixel sizes are the same: files keep four digits, and some a ratio
SAME_SIZE = 1e-3


class Beads:
    """Where shifts are measured: an image of something that shines in all channels, taken with the microscope of those to be aligned.

    It may have more channels than they have: where all channels have names, each is looked for by its own, in whatever order they are, and
    one that is not there is refused. Where some have none, or none has one in common, as many channels are taken in their order.
    """

    def __init__(self, image: Image) -> None:
        self.image = as_image(image)
        self._known: dict[tuple[tuple[int, ...], int], tuple[ChannelShift, ...]] = {}
        self._one_at_a_time = threading.Lock()

    @cached_property
    def told(self) -> Input:
        """Which image it is, as recipes say it; its digest reads all pixels once."""
        return Input.of(self.image)

    def shifts(self, image: Image, reference: int | str = 0) -> tuple[ChannelShift, ...]:
        """By how much each channel of `image` lies off `reference`, in pixels of the beads.

        Raises:
            ParameterError: no such channel; beads in other channels.
        """
        first, picked = image.channel(reference), self._picked(image)
        with self._one_at_a_time:
            key = (picked, first)
            if key not in self._known:
                self._known[key] = channel_shifts(self.image.select(picked), first)
            return self._known[key]

    def sized(self, stated: PixelSize, given: PixelSize) -> Beads:
        """The same beads for images whose own files say `stated`, and whose pixel size is `given` by hand, (z, y, x) in um.

        Beads that say what those files say, or nothing, were taken as those were, and have the size that is given.
        """
        own = self.image.pixel_size
        z, y, x = (
            new if new is not None and (here is None or same_size(here, old)) else here for here, old, new in zip(own, stated, given)
        )
        size = (z, y, x)
        if size == own:
            return self
        other = copy.copy(self)  # with what was measured, in pixels
        other.__dict__.pop("told", None)
        other.image = self.image.replace(pixel_size=size)
        return other

    def _picked(self, image: Image) -> tuple[int, ...]:
        """For each channel of the image that of the beads."""
        own, names = self.image.channels, image.channels
        if own == names:
            return tuple(range(len(own)))
        named = not any(map(NAMELESS.fullmatch, (*own, *names)))
        if named and (len(own) != len(names) or {_plain(name) for name in own} & {_plain(name) for name in names}):
            return tuple(self._named(name, names) for name in names)
        if len(own) == len(names):
            return tuple(range(len(own)))
        more = f" ({', '.join(own)}; the image: {', '.join(names)})" if len(own) > len(names) else ""
        raise ParameterError(f"wanted beads in the image's {len(names)} channels, got {len(own)}{more}")

    def in_order(self, image: Image) -> str:
        """That channels are taken in their order although all have names, of which none is in common; empty where it is otherwise."""
        own, names = self.image.channels, image.channels
        if any(map(NAMELESS.fullmatch, (*own, *names))) or {_plain(name) for name in own} & {_plain(name) for name in names}:
            return ""
        pairs = ", ".join(f"{name} by {own[k]}" for name, k in zip(names, self._picked(image)))
        return (
            f"no channel of the beads is called as the image's are, so they were taken in their order: {pairs}; check that it is the same"
        )

    def _named(self, name: str, names: tuple[str, ...]) -> int:
        """The beads' channel of that name."""
        own = self.image.channels
        there = [k for k, one in enumerate(own) if one == name] or [k for k, one in enumerate(own) if _plain(one) == _plain(name)]
        if len(there) == 1 and names.count(name) == 1:
            return there[0]
        raise ParameterError(
            f"wanted beads in the image's {len(names)} channels, got {len(own)} ({', '.join(own)}) with "
            f"{'more than one' if there else 'none'} called {name}; measure where channels lie on the beads alone and give the numbers "
            "(abbe align --shift), or say what the beads' channels are called: abbe.open(beads, channels=...)"
        )


def open_beads(path: str | os.PathLike[str], axes: str | None = None, opened: Callable[..., Image] = open_image) -> Image:
    """An image of beads, read as those that are aligned by it: with their `axes` where its own pixels have so many. Raises as `opened`."""
    try:
        return opened(path, axes=axes)
    except AxesError:
        if axes is None:
            raise
        return opened(path)


def same_size(one: float | None, other: float | None) -> bool:
    """Are two pixel sizes in um the same, as far as files keep them?"""
    return one is not None and other is not None and math.isclose(one, other, rel_tol=SAME_SIZE)


def _plain(name: str) -> str:
    return name.strip().casefold()
