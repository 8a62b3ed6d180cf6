"""Planes with another meaning: the sequence of an image's planes read as other numbers of channels, planes and frames.

For files that do not say what their planes are. It is what Fiji calls "Stack to Hyperstack", with its names of the orders.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from abbe.errors import AxesError
from abbe.image._image import Image
from abbe.image.pixels import Array, Pixels, Region, Shape, region_shape

#: which of channels (C), planes (Z) and frames (T) changes from one plane of the sequence to the next, which after that, and which last
Order: TypeAlias = Literal["CZT", "CTZ", "ZCT", "ZTC", "TCZ", "TZC"]
ORDERS: tuple[Order, ...] = get_args(Order)
#: the order of what an image holds already, in which ImageJ stores its files
STORED: Order = "CZT"


def arranged(image: Image, *, channels: int, planes: int, frames: int, order: Order = STORED) -> Image:
    """`image` with its planes read as `frames` x `planes` x `channels`.

    What it holds now is taken as one sequence: all channels of a plane, then the next plane, then the next frame. Channels are named
    anew where their number changes. Nothing is read or copied.

    Args:
        image: without result, interval or trust: what was computed from it was computed of its planes as they were.
        channels, planes, frames: how many of each; together as many as there are.
        order: which of them changes fastest along the sequence, which next, which last.

    Raises:
        AxesError: numbers that do not fit, or an image that was computed.
        LimitError: more channels than `abbe.limits` allows.
    """
    if image.recipe is not None:
        raise AxesError("wanted an image as its file holds it, got one that abbe computed; arrange the planes of its original")
    if order not in ORDERS:
        raise AxesError(f"wanted an order out of {', '.join(ORDERS)}, got {order!r}")
    numbers = {"C": channels, "Z": planes, "T": frames}
    t, c, z = image.shape[:3]
    if min(numbers.values()) < 1 or channels * planes * frames != t * c * z:
        raise AxesError(
            f"wanted channels x planes x frames that make the {t * c * z} there are, got {channels} x {planes} x {frames}; "
            f"it is {c} x {z} x {t} now"
        )
    shape: Shape = (frames, channels, planes, *image.shape[3:])
    if shape == image.shape and (order == STORED or sum(n > 1 for n in numbers.values()) < 2):
        return image
    changes: dict[str, Any] = {}
    if channels != c:
        plain = replace(image.optics, emission=(), excitation=())  # they were of the channels that it had
        changes = {"channels": (), "colors": (), "optics": plain}
    return image.replace(
        pixels=ArrangedPixels(image.pixels, shape, order),
        mask=None if image.mask is None else ArrangedPixels(image.mask, shape, order),
        **changes,
    )


@dataclass(frozen=True, slots=True)
class ArrangedPixels:
    """A view of other pixels whose planes are arranged otherwise, see `arranged`."""

    source: Pixels
    shape: Shape
    order: Order

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.source.dtype

    def read(self, region: Region) -> Array:
        out = np.empty(region_shape(region), self.dtype)
        t, c, z, y, x = region
        for i, frame in enumerate(range(t.start, t.stop)):
            for j, channel in enumerate(range(c.start, c.stop)):
                for k, plane in enumerate(range(z.start, z.stop)):
                    place = tuple(slice(at, at + 1) for at in self._place({"T": frame, "C": channel, "Z": plane}))
                    out[i, j, k] = self.source.read((place[0], place[1], place[2], y, x))[0, 0, 0]
        out.flags.writeable = False
        return out

    def _place(self, wanted: dict[str, int]) -> tuple[int, int, int]:
        """(t, c, z) in the source of a plane of this."""
        numbers = dict(zip("TCZ", self.shape))
        number, step = 0, 1
        for letter in self.order:
            number, step = number + wanted[letter] * step, step * numbers[letter]
        _, channels, planes = self.source.shape[:3]
        return number // (channels * planes), number % channels, number // channels % planes
