"""Hot pixels and cosmic rays, which no lens can have made, are left out before an image is restored.

A network takes such a pixel away and yet answers to it all over its receptive field, by some thousandth of it: a cosmic ray of 20,000
counts left ripples of 50 counts around its place, for twenty pixels.

A spike is a pixel that stands out from the median of its 5 x 5 pixels far beyond the scatter of the 16 outer ones, is brighter than
the bright structure of its channel, and has at most one neighbour (of four) that shares in its light. Even a point seen through a lens
much sharper than the pixels, in the middle of one of them, gives two neighbours more than that: a Gaussian of 0.3 pixels averaged over
pixels gives each 5 %. Single photons of a dim image are brief spikes too, but there are many of them: where they are dense, all are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import label, uniform_filter

from abbe.image.notice import Notice
from abbe.image.pixels import Array, Pixels, Region, Shape

#: times the scatter around it that a spike stands out, at least
FAR = 50.0
#: times a channel's bright structure (its normalisation's scale): what is dimmer does little harm, and photomultipliers give such pixels
BRIGHT = 2.0
#: the same of images that may be super-resolved, whose structure can be as sharp
VERY_BRIGHT = 20.0
#: share of it that the second of its neighbours has at most
ALONE = 0.02
#: rounds, each of which also finds what the ones before laid bare: the ends of a track come first
ROUNDS = 3
#: spikes (a track is one) in a square of that many pixels, from which on they are light that comes as single photons
CROWD, AROUND = 7, 33
#: pixels around a part that decide on it
MARGIN = AROUND // 2 + 2 * ROUNDS + 2
#: planes that are counted in
PLANES = 8
_NEIGHBOURS = ((0, 1), (0, -1), (1, 0), (-1, 0))
_SQUARE = [(dy, dx) for dy in range(-2, 3) for dx in range(-2, 3)]
_OUTER = [max(abs(dy), abs(dx)) == 2 for dy, dx in _SQUARE]


def find_spikes(plane: Array, least: float) -> tuple[npt.NDArray[np.bool_], Array]:
    """Where (Y, X) are spikes that stand out by `least` or more, and the plane without them, each replaced by the median around it."""
    marks, now = np.zeros(plane.shape, bool), plane
    if min(plane.shape) < 5:
        return marks, plane
    for _ in range(ROUNDS):
        found = _stand_out(now, least)
        if not len(found[0]):
            break
        now = now.copy() if now is plane else now
        marks[found[0], found[1]] = True
        now[found[0], found[1]] = found[2]
    if not marks.any():
        return marks, plane
    areas, count = label(marks, np.ones((3, 3)))
    first = np.zeros(marks.shape)
    first.flat[np.unique(areas, return_index=True)[1][-count:]] = 1
    crowded = uniform_filter(first, AROUND, mode="constant") * AROUND**2 > CROWD - 0.5
    dense = np.unique(areas[crowded & marks])
    marks &= ~np.isin(areas, dense)
    return marks, np.where(marks, now, plane)


def _stand_out(plane: Array, least: float) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Array]:
    """Rows, columns, and the medians around them."""
    padded = np.pad(plane, 2, mode="reflect")
    values = padded.astype(np.float32)
    height, width = plane.shape
    centre = values[2:-2, 2:-2]
    four = [values[2 + dy : 2 + dy + height, 2 + dx : 2 + dx + width] for dy, dx in _NEIGHBOURS]
    low, high = [np.minimum(four[0], four[1]), np.minimum(four[2], four[3])], [np.maximum(four[0], four[1]), np.maximum(four[2], four[3])]
    second = np.maximum(np.minimum(high[0], high[1]), np.maximum(low[0], low[1]))
    rows, columns = np.nonzero(centre - second > 0.9 * least)
    if not len(rows):
        return rows, columns, plane[:0, 0]
    square = np.stack([padded[rows + 2 + dy, columns + 2 + dx] for dy, dx in _SQUARE], axis=1)
    median = np.partition(square, 12, axis=1)[:, 12]
    above = square.astype(np.float64) - median[:, None].astype(np.float64)
    out, outer = above[:, 12], above[:, _OUTER]
    # of the sixteen around, the three highest may be spikes, or the rim of something
    scatter = np.sqrt((np.sort(np.abs(outer), axis=1)[:, :13] ** 2).mean(axis=1))
    alone = second[rows, columns].astype(np.float64) - median <= np.maximum(ALONE * out, 3 * scatter)
    kept = (out >= least) & (out > FAR * scatter) & (scatter > 0) & alone
    return rows[kept], columns[kept], median[kept]


@dataclass(frozen=True, slots=True)
class SpikelessPixels:
    """Pixels without the spikes of their planes; `least` has one number per channel."""

    source: Pixels
    least: tuple[float, ...]

    @property
    def shape(self) -> Shape:
        return self.source.shape

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return self.source.dtype

    def read(self, region: Region) -> Array:
        outer = [slice(max(s.start - MARGIN, 0), min(s.stop + MARGIN, n)) for s, n in zip(region[3:], self.shape[3:])]
        rows, columns = (slice(s.start - o.start, s.stop - o.start) for s, o in zip(region[3:], outer))
        block = self.source.read((*region[:3], outer[0], outer[1]))
        out = np.array(block[..., rows, columns])
        for t, c, z in np.ndindex(*block.shape[:3]):
            marks, clean = find_spikes(block[t, c, z], self.least[region[1].start + c])
            if marks.any():
                out[t, c, z] = clean[rows, columns]
        return out


def without_spikes(source: Pixels, scales: Sequence[float], *, sharp: bool = False) -> SpikelessPixels:
    """(T, C, Z, Y, X) `source` without spikes.

    Args:
        scales: how bright the bright structure of each channel is, above its background; infinite: the channel stays as it is.
        sharp: it may be super-resolved.
    """
    return SpikelessPixels(source, tuple((VERY_BRIGHT if sharp else BRIGHT) * scale for scale in scales))


def about_spikes(pixels: SpikelessPixels) -> tuple[Notice, ...]:
    """How many there were in a few planes spread over the image."""
    t, _, z, y, x = pixels.shape
    planes = np.unique(np.linspace(0, t * z - 1, min(t * z, PLANES)).round().astype(np.int64))
    count = 0
    for index in planes:
        frame, depth = divmod(int(index), z)
        for top in range(0, y, 1024):
            rows = slice(max(top - MARGIN, 0), min(top + 1024 + MARGIN, y))
            block = pixels.source.read((slice(frame, frame + 1), slice(0, pixels.shape[1]), slice(depth, depth + 1), rows, slice(0, x)))[
                0, :, 0
            ]
            own = slice(top - rows.start, min(top + 1024, y) - rows.start)
            count += sum(int(find_spikes(plane, least)[0][own].sum()) for plane, least in zip(block, pixels.least))
    if not count:
        return ()
    where = "" if len(planes) == t * z else f" in the {len(planes)} planes looked at"
    text = (
        f"{count} {'pixel' if count == 1 else 'pixels'}{where} far too sharp for a lens, as hot pixels and cosmic rays are: "
        "left out, and replaced by what is around"
    )
    return (Notice("spikes", text),)
