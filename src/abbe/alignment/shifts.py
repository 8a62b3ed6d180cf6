"""By how much the channels of an image lie off one another.

A dichroic, a filter or a second camera moves a whole channel; so its shift is the same everywhere. Two structures that lie beside one
another do so in all directions, or in one place. The shift is therefore measured in several places over the field, by band-passed
cross-correlation, and holds where most of those that have something in common agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from abbe.alignment.depth import planes_behind
from abbe.comparison.records import Undefined
from abbe.comparison.registration import displacement
from abbe.image import Image, as_image

Plane = npt.NDArray[np.float64]
Masked = npt.NDArray[np.bool_]
Window: TypeAlias = tuple[slice, slice]
#: where a place is, the reference and the other channel there, and which of its pixels hold no measurement
Part: TypeAlias = tuple[Window, Plane, Plane, Masked | None]

#: places along y and x, and their side in pixels, at most and at least
PLACES, SIDE, SMALLEST = 3, 256, 48
#: pixels within which places agree; how many agree at least, and which share of those where the channels have something in common
AGREE, FEWEST, MOST_OF = 1.0, 3, 0.6
#: places that a straight line is laid through at least, and the largest difference in magnification that lenses leave between colours
ENOUGH, MAGNIFIED = 6, 0.02
#: planes of a stack, and frames of a series, whose mean is looked at
PLANES, FRAMES = 16, 4
#: pixels of a plane up to which it is read at once; of larger ones the places alone
LARGE = 2**24
#: share of the middle of a plane without a measurement from which on it is left out
MASKED = 0.5


@dataclass(frozen=True, slots=True)
class ChannelShift:
    """Where one channel lies against the reference.

    Attributes:
        channel, name: which.
        shift: (y, x) in pixels by which it lies below and right of the reference; None where that cannot be told.
        places: in how many places over the field it is so. of: in how many the channels have something in common.
        scatter: root-mean-square distance of those places' shifts from `shift`, in pixels.
        across: (y, x) by how much the shift grows from the top to the bottom, and from the left to the right of the field, in pixels: a
            difference in magnification, which moving a channel cannot take away; None where it cannot be told.
        planes: by how many planes of a stack it lies behind the reference; None of single planes, and where it cannot be told.
        reason: why there is no shift; empty where there is one.
    """

    channel: int
    name: str
    shift: tuple[float, float] | None
    places: int = 0
    of: int = 0
    scatter: float | None = None
    across: tuple[float, float] | None = None
    planes: float | None = None
    reason: str = ""

    @property
    def whole(self) -> tuple[int, int] | None:
        """The shift in whole pixels."""
        return None if self.shift is None else (round(self.shift[0]), round(self.shift[1]))

    def to_dict(self) -> dict[str, Any]:
        return {
            "channel": self.channel,
            "name": self.name,
            "shift": None if self.shift is None else list(self.shift),
            "places": self.places,
            "of": self.of,
            "scatter": self.scatter,
            "across": None if self.across is None else list(self.across),
            "planes": self.planes,
            "reason": self.reason or None,
        }


def channel_shifts(image: Image, reference: int | str = 0) -> tuple[ChannelShift, ...]:
    """By how much each channel lies off `reference`, itself included (0, 0).

    Measured on the mean of a few planes and frames. An image of beads that shine in every channel tells it best; in one of a specimen only
    channels that have structure in common can tell.

    Raises:
        ParameterError: no such channel.
    """
    image = as_image(image)
    first = image.channel(reference)
    planes = _planes(image)
    large = image.shape[3] * image.shape[4] > LARGE
    fixed = None if large else _mean(image, first, planes, _field(image))
    found = []
    for k, name in enumerate(image.channels):
        if k == first:
            found.append(ChannelShift(k, name, (0.0, 0.0)))
            continue
        if fixed is None:
            one = _told(_read(image, first, k, planes), image.shape[3:], k, name)
        else:
            moved = _mean(image, k, planes, _field(image))
            one = between(fixed[0], moved[0], _either(fixed[1], moved[1]), k, name)
        found.append(one if one.whole is None else replace(one, planes=planes_behind(image, first, k, one.whole)))
    return tuple(found)


def between(fixed: Plane, moved: Plane, masked: Masked | None, channel: int = 1, name: str = "") -> ChannelShift:
    """Where the plane `moved` lies against `fixed`, both (Y, X); `masked` is True where nothing was measured."""
    parts = ((window, fixed[window], moved[window], None if masked is None else masked[window]) for window in _windows(fixed.shape))
    return _told(parts, fixed.shape, channel, name)


def _told(parts: Iterable[Part], shape: tuple[int, ...], channel: int, name: str) -> ChannelShift:
    """What the places over a field of that shape tell together."""
    centres, shifts = [], []
    for window, fixed, moved, masked in parts:
        here = displacement(moved, fixed, masked)
        if not isinstance(here, Undefined):
            centres.append([(part.start + part.stop - 1) / 2 for part in window])
            shifts.append(here)
    of = len(shifts)
    if of < FEWEST:
        why = f"the channels have structure in common in {of} places of the field, and in {FEWEST} at least they should"
        return ChannelShift(channel, name, None, 0, of, reason=why)
    places, all_of_them = np.array(centres), np.array(shifts)
    agreeing = _agreeing(all_of_them)
    least = max(FEWEST, MOST_OF * of)
    if agreeing.sum() < least:
        sloping = _on_a_line(places, all_of_them)
        agreeing = sloping if sloping.sum() >= least else agreeing
    count = int(agreeing.sum())
    if count < least:
        agree = f"{count} agree" if count > 1 else "no two agree"
        why = f"where the channels have structure in common, {of} places, it lies off by something else in most ({agree})"
        return ChannelShift(channel, name, None, count, of, reason=why)
    kept = all_of_them[agreeing]
    y, x = np.median(kept, axis=0)
    scatter = float(np.sqrt(((kept - (y, x)) ** 2).sum(axis=1).mean()))
    return ChannelShift(channel, name, (float(y), float(x)), count, of, scatter, _across(places[agreeing], kept, shape))


def _agreeing(shifts: Plane) -> Masked:
    """Which places have the shift that most have."""
    close = np.hypot(*(shifts[:, None] - shifts[None]).transpose(2, 0, 1)) <= AGREE
    found: Masked = close[int(close.sum(axis=1).argmax())]
    return found


def _on_a_line(places: Plane, shifts: Plane) -> Masked:
    """Which places have a shift that grows evenly over the field, as under another magnification: none where it grows by more than that."""
    terms = np.column_stack([np.ones(len(places)), places])
    kept = np.ones(len(places), bool)
    for _ in range(2):
        if kept.sum() < ENOUGH:
            return np.zeros(len(places), bool)
        line = np.linalg.lstsq(terms[kept], shifts[kept], rcond=None)[0]
        kept = np.hypot(*(shifts - terms @ line).T) <= AGREE
    return kept if np.abs(line[1:]).max() <= MAGNIFIED else np.zeros(len(places), bool)


def _windows(shape: tuple[int, ...]) -> list[Window]:
    """Places spread evenly over a plane, from edge to edge; they do not overlap where it is large enough."""
    parts = []
    for n in shape:
        side = min(SIDE, n, max(SMALLEST, n // PLACES))
        count = min(PLACES, max(1, round(n / side)))
        parts.append([slice(start, start + side) for start in np.linspace(0, n - side, count).round().astype(int).tolist()])
    return [(rows, columns) for rows, columns in product(*parts)]


def _across(centres: Plane, shifts: Plane, shape: tuple[int, ...]) -> tuple[float, float] | None:
    """Along y and x the straight line through the shifts of all places, from one end of the field to the other."""
    grown = []
    for axis, n in enumerate(shape):
        place = centres[:, axis] - centres[:, axis].mean()
        if np.ptp(place) < n / 4:
            return None
        grown.append(float((place * shifts[:, axis]).sum() / (place**2).sum()) * n)
    return grown[0], grown[1]


def _field(image: Image) -> Window:
    return slice(0, image.shape[3]), slice(0, image.shape[4])


def _read(image: Image, first: int, k: int, planes: list[tuple[int, int]]) -> Iterator[Part]:
    """Two channels in each place, read one by one."""
    for window in _windows(image.shape[3:]):
        (fixed, one), (moved, other) = (_mean(image, channel, planes, window) for channel in (first, k))
        yield window, fixed, moved, _either(one, other)


def _planes(image: Image) -> list[tuple[int, int]]:
    """(t, z) of the planes that are looked at: spread evenly, without those that hold no measurement in one of the channels."""
    frames, channels, depth, height, width = image.shape
    spread = [(t, z) for t in _spread(frames, FRAMES) for z in _spread(depth, PLANES)]
    if image.mask is None:
        return spread
    top = (height - min(height, SIDE)) // 2
    middle = slice(0, channels), slice(top, top + min(height, SIDE)), slice(0, width)
    kept = []
    for t, z in spread:
        masked = image.mask.read((slice(t, t + 1), middle[0], slice(z, z + 1), *middle[1:])).astype(bool)
        if masked.mean(axis=(0, 2, 3, 4)).max() <= MASKED:
            kept.append((t, z))
    return kept or spread


def _mean(image: Image, channel: int, planes: list[tuple[int, int]], window: Window) -> tuple[Plane, Masked | None]:
    """The mean of planes of a channel within a window, and where one of them holds no measurement."""
    total, masked = np.zeros([part.stop - part.start for part in window]), None
    for t, z in planes:
        region = (slice(t, t + 1), slice(channel, channel + 1), slice(z, z + 1), *window)
        total += image.pixels.read(region)[0, 0, 0]
        if image.mask is not None:
            masked = _either(masked, image.mask.read(region)[0, 0, 0].astype(bool))
    return total / len(planes), masked if masked is not None and masked.any() else None


def _either(one: Masked | None, other: Masked | None) -> Masked | None:
    return other if one is None else one if other is None else one | other


def _spread(count: int, most: int) -> list[int]:
    return sorted({round(place) for place in np.linspace(0, count - 1, min(count, most))})
