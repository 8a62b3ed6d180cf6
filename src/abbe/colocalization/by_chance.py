"""How far from 0 chance alone brings Pearson's r: the spread of r between unrelated channels with structure as wide as these have.

Pixels within the blur, or within one cell, are no independent ones, so r of unrelated channels spreads far more than that of as many
independent pixels. Its variance is the sum, over all pairs of pixels, of the product of both channels' autocorrelations, by the square of
the number of pixels (Clifford, Richardson & Hemon, Biometrics 45:123, 1989). Autocorrelations are measured on the image averaged down,
since what counts in that sum is wide; noise, which is not, adds what independent pixels have.

Measured on simulated unrelated channels of spots, filaments, clouds and stacks, in all pairs: the spread is right to a fifth, and 3 to 10 %
of the r lie beyond what is said to hold 95 %.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import fft

from abbe.colocalization.pair import Pair
from abbe.colocalization.sums import Sums

#: side of the averaged image, of one plane and of several; planes and frames are averaged to at most so many
SIDE, SIDE_OF_MANY, DEPTH = 128, 64, 32
#: product of autocorrelations, relative to that of neighbours, below which it is taken for 0, and with it all further out: beyond is error
TAIL = 0.05
#: standard deviations that hold 95 % of a normal distribution
NINETY_FIVE = 1.96

Float = npt.NDArray[np.float64]


def reach_of_chance(pair: Pair, sums: Sums) -> float | None:
    """The |r| below which 95 % of unrelated channels with structure as wide as these stay; at most 1. None where r is undefined."""
    n = sums.all.n
    aa, bb, _ = sums.all.centred()
    if n < 4 or not (aa > 0 and bb > 0 and math.isfinite(aa) and math.isfinite(bb)):
        return None
    first, second, counts = _averaged(pair, (sums.all.mean_a, sums.all.mean_b), (math.sqrt(aa / n), math.sqrt(bb / n)))
    wide = _together(first, second, counts) / n**2
    return min(1.0, NINETY_FIVE * math.sqrt(1 / n + max(wide, 0.0)))


def _averaged(pair: Pair, means: tuple[float, float], deviations: tuple[float, float]) -> tuple[Float, Float, Float]:
    """Sums over boxes of both channels' deviations in standard deviations, and how many pixels counted; (planes and frames, Y, X)."""
    (t0, _), (z0, z1) = pair.region.frames, pair.region.planes
    depth = pair.shape[0] * pair.shape[2]
    rows, columns = pair.grid.rows, pair.grid.columns
    box = max(1, math.ceil(max(rows, columns) / (SIDE if depth == 1 else SIDE_OF_MANY)))
    thick = math.ceil(depth / DEPTH)
    shape = (math.ceil(depth / thick), math.ceil(rows / box), math.ceil(columns / box))
    total = np.zeros((3, *shape))
    for place in pair.places():
        high, wide = pair.window(place)
        if high.start == high.stop:
            continue
        boxes = slice(wide.start // box, -(-wide.stop // box))  # whole ones
        wide = slice(boxes.start * box, min(columns, boxes.stop * box))
        edges = np.arange(0, wide.stop - wide.start, box)
        layer = ((place.t - t0) * (z1 - z0) + place.z - z0) // thick
        into = np.arange(place.first + high.start, place.first + high.stop) // box
        a, b, inside = pair.read(place)
        first, second = a[high, wide], b[high, wide]
        counts = np.diff(edges, append=wide.stop - wide.start)[None].astype(np.float64)
        if inside is not None:
            inside = inside[high, wide]
            counts = np.add.reduceat(inside, edges, axis=1, dtype=np.float64)
            first, second = np.where(inside, first, first.dtype.type(0)), np.where(inside, second, second.dtype.type(0))
        for k, (channel, mean, deviation) in enumerate(zip((first, second), means, deviations)):
            along = np.add.reduceat(channel, edges, axis=1, dtype=np.float64)
            np.add.at(total[k, layer][:, boxes], into, (along - mean * counts) / deviation)
        np.add.at(total[2, layer][:, boxes], into, counts)
    return total[0], total[1], total[2]


def _together(first: Float, second: Float, counts: Float) -> float:
    """Sum over all pairs of pixels of the product of both autocorrelations, as far as these reach."""
    size = [2 * n if n > 1 else 1 for n in counts.shape]
    sums = [_auto(channel, size) for channel in (first, second)]
    pairs = _auto(counts, size)
    some = pairs > 0.5
    product = np.divide(sums[0] * sums[1], pairs, out=np.zeros(pairs.shape), where=some)
    z, y, x = (np.minimum(np.arange(n), n - np.arange(n)) for n in size)
    ring = np.round(np.hypot(y[:, None], x[None])).astype(np.int64)
    within = np.bincount(ring.ravel(), product[0].ravel())
    profile = within / np.maximum(np.bincount(ring.ravel(), pairs[0].ravel()), 0.5)
    far = np.flatnonzero(profile < TAIL * profile[0])
    near = ring < (int(far[0]) if len(far) else len(profile))
    by_distance = np.bincount(z, [float(plane[near].sum()) for plane in product])
    # frames lie behind one another's planes: what stands still comes again farther off
    return float(by_distance[by_distance > TAIL * by_distance[0]].sum())


def _auto(channel: Float, size: list[int]) -> Float:
    """Sum of c(i) c(i + h) for every shift h; padded, so that nothing wraps round."""
    spectrum = fft.rfftn(channel, size)
    found: Float = fft.irfftn(spectrum.real**2 + spectrum.imag**2, size)
    return found
