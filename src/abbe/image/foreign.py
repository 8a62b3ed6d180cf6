"""Channels that are no fluorescence: transmitted light and stained sections, masks and labels that were taken along with the images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from abbe.image._image import Image
from abbe.image.notice import Notice
from abbe.image.pixels import Array
from abbe.image.sample import sample
from abbe.image.unmeasured import unmeasured

#: pixels that are looked at for brightness, and the side of the part that is looked at for labels
LOOKED_AT, SIDE = 2**18, 512
#: where the median lies between the 0.5th and the 99.5th percentile of an image that is bright with dark structure, as transmitted light
#: gives it: from here on. Of 644 channels of fluorescence images none came above 0.51; pure noise has 0.5
BRIGHT = 0.6
#: share of the pixels (but those of the most frequent value and of the top one) whose neighbours have exactly their value, from which on
#: they are labels: masks and labels of cells have 0.9 and more, of 308 channels of microscope images none had more than 0.79
ALIKE = 0.85
#: pixels of structure below which nobody can tell labels, and pixels of a plane below which nobody can tell light from dark: a cut-out may
#: lie within one nucleus, as 1 to 2 % did of cut-outs of 33 to 72 pixels a side from real fluorescence
FEW, SMALL = 50, 10_000


def foreign(image: Image, channels: Sequence[int]) -> list[str]:
    """A sentence about each of `channels` that does not look like fluorescence; reads a few blocks of it."""
    found = ((image.channels[c], kind(image, c)) for c in channels)
    return [f"{name}: {what}: the models know fluorescence alone, and what they make of it means nothing" for name, what in found if what]


def told_as_foreign(image: Image, channels: Sequence[int]) -> list[Notice]:
    """Notices of what `foreign` finds, but for what the image says already, and of channels that its file calls transmitted light."""
    known = {n.message.partition(":")[0] for n in image.notices if n.code == "optics" and "transmitted light" in n.message}
    found = [Notice("optics", remark) for remark in foreign(image, [c for c in channels if image.channels[c] not in known])]
    return [notice for notice in found if notice not in image.notices]


def kind(image: Image, channel: int) -> str | None:
    """What a channel is that does not look like fluorescence; None where it does."""
    if is_labels(image, channel):
        return "areas of exactly one value, as masks and labels have"
    return "bright, with dark structure, as transmitted light or a stained section is" if is_bright(image, channel) else None


def is_bright(image: Image, channel: int) -> bool:
    """Dark structure on bright ground? The black wedges of a turned image, or what is masked, are no structure."""
    if image.shape[3] * image.shape[4] < SMALL or not _bright(sample(image.pixels, channel, LOOKED_AT)):
        return False
    t, _, z = (n // 2 for n in image.shape[:3])
    plane = image.plane(t, channel, z)
    bad = unmeasured(plane)
    good = np.ones(plane.shape, bool) if bad is None else ~bad
    if image.mask is not None:
        place = (slice(t, t + 1), slice(channel, channel + 1), slice(z, z + 1), slice(0, plane.shape[0]), slice(0, plane.shape[1]))
        good &= ~image.mask.read(place)[0, 0, 0].astype(bool)
    return bool(good.all()) or (bool(good.any()) and _bright(plane[good]))


def _bright(values: Array) -> bool:
    low, middle, high = np.percentile(values.astype(np.float64), [0.5, 50, 99.5])
    return bool(middle - low > BRIGHT * (high - low) > 0)


def is_labels(image: Image, channel: int) -> bool:
    """Are whole numbers in the middle of the middle plane a mask, or labels of cells?"""
    if image.dtype.kind not in "ui":
        return False
    t, _, z, y, x = image.shape
    top, left = max(0, (y - SIDE) // 2), max(0, (x - SIDE) // 2)
    rows, columns = slice(top, min(y, top + SIDE)), slice(left, min(x, left + SIDE))
    plane = image.read((slice(t // 2, t // 2 + 1), slice(channel, channel + 1), slice(z // 2, z // 2 + 1), rows, columns))[0, 0, 0]
    values, counts = np.unique(plane, return_counts=True)
    own = plane != values[counts.argmax()]
    if len(values) > 2:  # where a camera was saturated, neighbours are equal too
        own &= plane != values[-1]
    if np.count_nonzero(own) < FEW or min(plane.shape) < 2:
        return False
    across = (plane[:, 1:] == plane[:, :-1])[own[:, 1:]]
    down = (plane[1:] == plane[:-1])[own[1:]]
    return bool(across.size and down.size and min(across.mean(), down.mean()) >= ALIKE)
