"""What one pass over the pixels tells: extremes, mean, saturation, values that are no numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from abbe.image.notice import Notice
from abbe.image.pixels import Array, Pixels, blocks

#: fraction of a channel's pixels at the top value from which saturation is worth a word; a few hot pixels are not
SATURATED = 1e-4
#: fewest pixels at their maximum that are a plateau where no type or camera has its top, in each plane that reaches it (each may have been
#: divided by its own), and how many times as many as have the next lower value: a histogram falls towards its end, one that was clipped
#: does not
PLATEAU, TIMES = 10, 3
#: share of pixels at the lowest and the highest value from which an image is a mask
MASK = 0.99


@dataclass(frozen=True, slots=True)
class ChannelInspection:
    """One channel over all frames and planes, in the image's units."""

    minimum: float
    maximum: float
    mean: float
    #: pixels at the largest value that the pixel type holds (or at a plateau at the channel's maximum)
    saturated: int
    pixels: int
    #: grey levels are few (an 8-bit image, or one stretched from it)
    eight_bit: bool


@dataclass(frozen=True, slots=True)
class Inspection:
    """All channels of an image."""

    channels: tuple[ChannelInspection, ...]

    @property
    def minimum(self) -> float:
        return min(c.minimum for c in self.channels)

    @property
    def maximum(self) -> float:
        return max(c.maximum for c in self.channels)

    def notices(self, names: Sequence[str]) -> Iterator[Notice]:
        """Warnings that follow from the pixels alone."""
        if any(c.eight_bit for c in self.channels):
            yield Notice(
                "eight_bit",
                "8-bit image: 256 grey levels, often stretched from more; intensities are rounded, and differences of less than a "
                "level are lost. Use the microscope's own file where there is one",
            )
        for name, c in zip(names, self.channels):
            if c.saturated > SATURATED * c.pixels:
                share = 100 * c.saturated / c.pixels
                yield Notice(
                    "saturated",
                    f"{name}: {c.saturated} pixels ({share:.3g} %) are saturated at {c.maximum:g}; their true brightness is unknown, "
                    "and intensities and colocalization there are wrong",
                )


def inspect(pixels: Pixels, bits: int | None = None, progress: Callable[[float, str], object] | None = None) -> Inspection:
    """One pass over `pixels`, in memory that does not grow with them; `progress` is told the fraction done."""
    count = pixels.shape[1]
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    total, number = np.zeros(count), np.zeros(count, np.int64)
    at_top = np.zeros(count, np.int64)
    integer = pixels.dtype.kind in "ui"
    done, size = 0, math.prod(pixels.shape)
    for region in blocks(pixels.shape):
        block = pixels.read(region)
        done += block.size
        if progress is not None:
            progress(done / size, "looking at every pixel")
        c = region[1].start
        finite = block if integer else block[np.isfinite(block)]
        if finite.size == 0:
            continue
        top = float(finite.max())
        if top > high[c]:
            high[c], at_top[c] = top, 0
        if top == high[c]:
            at_top[c] += int(np.count_nonzero(finite == finite.dtype.type(top)))
        low[c] = min(low[c], float(finite.min()))
        total[c] += float(finite.sum(dtype=np.float64))
        number[c] += finite.size
    clipped = [
        (integer and _is_saturated(low[c], high[c], pixels.dtype, bits))
        or (bits != 1 and at_top[c] > max(SATURATED * number[c], PLATEAU) and _is_plateau(pixels, c, low[c], high[c], int(at_top[c])))
        for c in range(count)
    ]
    return Inspection(
        tuple(
            ChannelInspection(
                minimum=float(low[c]) if number[c] else 0.0,
                maximum=float(high[c]) if number[c] else 0.0,
                mean=float(total[c] / max(number[c], 1)),
                saturated=int(at_top[c]) if clipped[c] else 0,
                pixels=int(number[c]),
                eight_bit=pixels.dtype.kind == "u" and pixels.dtype.itemsize == 1 and high[c] > 1,
            )
            for c in range(count)
        )
    )


def _is_saturated(low: float, high: float, dtype: np.dtype[Any], bits: int | None) -> bool:
    """Is the maximum the end of a scale? Not that of a mask of 0 and 1; of a flat image only where the pixel type ends."""
    if bits == 1:
        return False
    return high == np.iinfo(dtype).max if high == low else _is_top(high, dtype, bits)


def _is_plateau(pixels: Pixels, channel: int, low: float, high: float, at_top: int) -> bool:
    """Were values clipped at their maximum, as where a saturated file was turned into fractions or 16 bits? Not those of a mask."""
    below, at_below, at_ends, number = -math.inf, 0, 0, 0
    planes = set[tuple[int, int]]()
    for region in blocks(pixels.shape):
        if region[1].start != channel:
            continue
        block = pixels.read(region)
        finite = block[np.isfinite(block)]
        number += finite.size
        planes |= {(region[0].start + int(t), region[2].start + int(z)) for t, z in np.argwhere((block == high).any(axis=(1, 3, 4)))}
        at_ends += int(np.count_nonzero((finite == high) | (finite == low)))
        under = finite[finite < high]
        if under.size and float(under.max()) >= below:
            at_below = (at_below if float(under.max()) == below else 0) + int(np.count_nonzero(under == under.max()))
            below = float(under.max())
    return low < high and at_top > max(TIMES * at_below, PLATEAU * len(planes)) and at_ends < MASK * number


def _is_top(value: float, dtype: np.dtype[Any], bits: int | None) -> bool:
    """Is `value` the largest of the pixel type, or of a usual camera depth (10, 12, 14, 16 bits), at either end of 16 bits?"""
    return value in tops_of(dtype) | ({float(2**bits - 1)} if bits else set())


def tops_of(dtype: np.dtype[Any]) -> set[float]:
    """The largest values of an integer type, and of usual cameras whose counts come in it."""
    tops = {float(np.iinfo(dtype).max)}
    if dtype.itemsize == 2:
        tops |= {1023.0, 4095.0, 16383.0} | ({65472.0, 65520.0, 65532.0} if dtype.kind == "u" else set())
    return tops


def fill_non_finite(a: Array) -> tuple[Array, npt.NDArray[np.bool_] | None]:
    """(array with every non-finite pixel replaced by what is around it in its plane, mask); mask None when all are finite.

    A plane without any finite pixel becomes 0.
    """
    if a.dtype.kind != "f":
        return a, None
    mask = ~np.isfinite(a)
    if not mask.any():
        return a, None
    filled = a.copy()
    for index in np.argwhere(mask.any(axis=(-2, -1))):
        bad, plane = mask[tuple(index)], filled[tuple(index)]
        plane[...] = 0 if bad.all() else fill_from_around(plane, bad)
    return filled, mask


def fill_from_around(plane: Array, bad: npt.NDArray[np.bool_]) -> Array:
    """A copy of a (Y, X) plane in which the good pixels, of which there is at least one, go on among the bad ones as their mirror image.

    Each bad pixel has the value of the pixel as far beyond its nearest good one; of that itself where there is no good one so far. A plane
    that went on with its nearest pixels would have stripes as broad as their noise, which nobody can tell from structure.
    """
    from scipy.ndimage import distance_transform_edt  # not needed by most images, and slow to load

    nearest = distance_transform_edt(bad, return_distances=False, return_indices=True)
    y, x = nearest[0], nearest[1]
    height, width = plane.shape
    far_y, far_x = np.clip(2 * y - np.arange(height)[:, None], 0, height - 1), np.clip(2 * x - np.arange(width), 0, width - 1)
    near = bad[far_y, far_x]
    mirrored = plane[np.where(near, y, far_y), np.where(near, x, far_x)]
    return np.asarray(np.where(bad, mirrored, plane), plane.dtype)
