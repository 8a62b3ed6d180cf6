"""An image of beads, which is measured once for all images that are aligned by it."""

from __future__ import annotations

import re
import threading
from functools import cached_property

from abbe.alignment.shifts import ChannelShift, channel_shifts
from abbe.errors import ParameterError
from abbe.image import Image, as_image
from abbe.recipe import Input

#: what a channel is called whose file gives it no name
NAMELESS = re.compile(r"channel \d+")


class Beads:
    """Where shifts are measured: an image of something that shines in all channels, taken with the microscope of those to be aligned.

    It may have more channels than they have: where all channels have names, each is looked for by its own, in whatever order they are.
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

    def _picked(self, image: Image) -> tuple[int, ...]:
        """For each channel of the image that of the beads."""
        own, names = self.image.channels, image.channels
        if not any(map(NAMELESS.fullmatch, (*own, *names))) and len(set(own)) == len(own) and set(names) <= set(own):
            return tuple(own.index(name) for name in names)
        if len(own) == len(names):
            return tuple(range(len(own)))
        more = f" ({', '.join(own)}; the image: {', '.join(names)})" if len(own) > len(names) else ""
        raise ParameterError(f"wanted beads in the image's {len(names)} channels, got {len(own)}{more}")
