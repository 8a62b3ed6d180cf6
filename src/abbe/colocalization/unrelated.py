"""The variance of Pearson's r between unrelated channels with structure as wide, as long and as aligned as these have.

Pixels within the blur, or along one fibre, are no independent ones, so r of unrelated channels spreads far more than that of as many
independent pixels. Its variance is the sum, over all pairs of pixels, of the product of both channels' autocorrelations, by the square of
the number of pixels (Clifford, Richardson & Hemon, Biometrics 45:123, 1989; Dutilleul, Biometrics 49:305, 1993).

Shifts that stand out of the error of the autocorrelations, in one piece with shift 0, count wholly, whichever way they run: a ring mean
falls long before the ridge of aligned fibres ends. Beyond, the sum is right on average all the same: of unrelated channels the errors of
both are unrelated, so that their products cancel, and what subtracting the mean takes from the autocorrelation of wide structure it takes
from r as well. It counts by Wiener's weight: as far as it is larger than the error that Bartlett's covariances give it (J R Stat Soc Suppl
8:27, 1946), and above 0.

What is wide is summed on the image averaged down over the box around the region; what averaging loses, on tiles of the image as it is.

Measured on simulated unrelated channels (noise, spots, fibres of all directions and of one, clouds, cells, stacks, series; 60 to 150 pairs
each): 1.96 standard deviations are right to a tenth in the median, a quarter for clouds a sixth of the image wide, and 1 to 8 % of the r
lie beyond.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import fft
from scipy.ndimage import label, uniform_filter

from abbe.colocalization.pair import Pair, Place
from abbe.colocalization.sums import Sums

#: side of the averaged image, of one plane and of several; planes and frames are averaged to at most so many
SIDE, SIDE_OF_MANY, DEPTH = 128, 64, 32
#: side of a tile in boxes and in pixels, at least; structure that averaging loses is small in it
TILE, SMALLEST = 8, 32
#: pixels of all tiles of a channel; of more, tiles evenly spread over the region are taken
IN_TILES = 2**21
#: pixels of one tile; of larger ones, as stacks of large planes have, the planes and frames in the middle are taken
IN_ONE = 2**24

Float = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Averaged:
    """Both channels' deviations in standard deviations, summed over boxes.

    Attributes:
        first, second, counts: sums over boxes, and how many pixels counted; (planes and frames, Y, X).
        top, left: row and column where the first box begins. box: its side in pixels. thick: how many planes or frames it spans.
        fine: what is lost of the sum of products by summing over boxes, by the square of the number of pixels.
    """

    first: Float
    second: Float
    counts: Float
    top: int
    left: int
    box: int
    thick: int
    fine: float = 0.0


@dataclass(frozen=True)
class Scale:
    """Means and standard deviations of both channels: in their units no square is too large or too small."""

    means: tuple[float, float]
    deviations: tuple[float, float]
    n: int


def variance(pair: Pair, sums: Sums, apart: bool = False) -> float | None:
    """Variance of r between unrelated channels; None where r is undefined.

    apart: of what lies within planes and frames alone, without what these differ by as a whole.
    """
    scale = _scale(sums)
    if scale is None:
        return None
    found = _averaged(pair, scale)
    channels = [found.first, found.second]
    if apart:
        of_layer = np.maximum(found.counts.sum(axis=(1, 2), keepdims=True), 1)
        channels = [c - found.counts * (c.sum(axis=(1, 2), keepdims=True) / of_layer) for c in channels]
    n = scale.n
    # noise of planes that were averaged is lost to both sums; no structure makes r surer than independent pixels do
    noise = (1 - 1 / found.thick) / n
    return max(_together(channels[0], channels[1], found.counts) / n**2 + found.fine + noise, 1 / n)


def _scale(sums: Sums) -> Scale | None:
    n, (aa, bb, _) = sums.all.n, sums.all.centred()
    if n < 4 or not (aa > 0 and bb > 0 and math.isfinite(aa) and math.isfinite(bb)):
        return None
    return Scale((sums.all.mean_a, sums.all.mean_b), (math.sqrt(aa / n), math.sqrt(bb / n)), n)


def _averaged(pair: Pair, scale: Scale) -> Averaged:
    top, bottom, left, right = _around(pair)
    depth = pair.shape[0] * pair.shape[2]
    box = max(1, math.ceil(max(bottom - top, right - left) / (SIDE if depth == 1 else SIDE_OF_MANY)))
    thick = math.ceil(depth / DEPTH)
    total = np.zeros((3, math.ceil(depth / thick), math.ceil((bottom - top) / box), math.ceil((right - left) / box)))
    edges = np.arange(0, right - left, box)
    for place in pair.places():
        rows = slice(max(place.first, top), min(place.last, bottom))
        if rows.start >= rows.stop:
            continue
        into, part = (
            (np.arange(rows.start, rows.stop) - top) // box,
            (slice(rows.start - place.first, rows.stop - place.first), slice(left, right)),
        )
        a, b, inside = pair.read(place)
        first, second = a[part], b[part]
        counts = np.diff(edges, append=right - left)[None].astype(np.float64)
        if inside is not None:
            counts = np.add.reduceat(inside[part], edges, axis=1, dtype=np.float64)
            first, second = (np.where(inside[part], channel, channel.dtype.type(0)) for channel in (first, second))
        layer = _layer(pair, place) // thick
        for k, (channel, mean, deviation) in enumerate(zip((first, second), scale.means, scale.deviations)):
            along = np.add.reduceat(channel, edges, axis=1, dtype=np.float64)
            np.add.at(total[k, layer], into, (along - mean * counts) / deviation)
        np.add.at(total[2, layer], into, counts)
    found = Averaged(total[0], total[1], total[2], top, left, box, thick)
    return found if box == 1 else replace(found, fine=_within_boxes(pair, scale, found))


def _around(pair: Pair) -> tuple[int, int, int, int]:
    """First and last row, and column, of the box around the region."""
    if pair.whole:
        return 0, pair.grid.rows, 0, pair.grid.columns
    rows, columns = np.zeros(pair.grid.rows, bool), np.zeros(pair.grid.columns, bool)
    for place in pair.places():
        inside = pair.inside(place)
        rows[place.first : place.last] |= True if inside is None else inside.any(axis=1)
        columns |= True if inside is None else inside.any(axis=0)
    (top, *_, bottom), (left, *_, right) = (np.r_[found, found[-1]] for found in (np.flatnonzero(rows), np.flatnonzero(columns)))
    return int(top), int(bottom) + 1, int(left), int(right) + 1


def _layer(pair: Pair, place: Place) -> int:
    """Which of the planes of all frames a place is in."""
    (t0, _), (z0, z1) = pair.region.frames, pair.region.planes
    return (place.t - t0) * (z1 - z0) + place.z - z0


def _together(first: Float, second: Float, counts: Float) -> float:
    """Sum over all pairs of pixels of the product of both autocorrelations."""
    size = [2 * n if n > 1 else 1 for n in counts.shape]
    pairs = _auto(counts, size)
    some = pairs > 0.5
    one, two = (np.divide(_auto(channel, size), pairs, out=np.zeros(pairs.shape), where=some) for channel in (first, second))
    product = pairs * one * two
    own = _own(one, two, pairs, float(counts.sum()))
    near, far = max(float(product[own].sum()), 0.0), float(product[some & ~own].sum())
    if far <= 0:
        return near
    # Bartlett's covariance of the errors of an autocorrelation, of as many pairs of boxes as there are boxes
    spectra = [fft.rfftn(np.where(own, auto, 0.0)).real ** 2 for auto in (one, two)]
    together = float(np.vdot(*(fft.irfftn(spectrum, size) for spectrum in spectra)))
    error = 2 * int(np.count_nonzero(some & ~own)) * together * (float(pairs.flat[0]) / float(counts.sum())) ** 4
    return near + far * far**2 / (far**2 + error)


def _own(one: Float, two: Float, pairs: Float, n: float) -> npt.NDArray[np.bool_]:
    """The shifts about 0, in one piece, at which the product of the autocorrelations, smoothed a little, stands out of its error."""
    wide = [min(3, n) for n in pairs.shape]
    smooth = uniform_filter(pairs * one * two, wide, mode="wrap") / np.maximum(uniform_filter(pairs, wide, mode="wrap"), 0.5)
    errors = [math.sqrt(float((pairs * auto**2).sum())) / n for auto in (one, two)]  # of autocorrelations of all boxes with all
    error = errors[0] * errors[1] * float(pairs.flat[0]) / np.maximum(pairs, 1)
    pieces, _ = label(fft.fftshift((smooth > error) & (pairs > 0.5)), np.ones((3, 3, 3)))
    pieces = fft.ifftshift(pieces)
    own: npt.NDArray[np.bool_] = (pieces == pieces.flat[0]) & (pieces > 0)
    own.flat[0] = True
    return own


def _auto(channel: Float, size: list[int]) -> Float:
    """Sum of c(i) c(i + h) for every shift h; padded, so that nothing wraps round."""
    spectrum = fft.rfftn(channel, size)
    found: Float = fft.irfftn(spectrum.real**2 + spectrum.imag**2, size)
    return found


def _within_boxes(pair: Pair, scale: Scale, averaged: Averaged) -> float:
    """What summing over boxes loses: the same sum over tiles of pixels, less that over the boxes of these tiles.

    Tiles wrap round: what is wide in them does so in pixels and in boxes alike, and drops out.
    """
    box = averaged.box
    in_boxes = max(TILE, math.ceil(SMALLEST / box))
    side = in_boxes * box
    layers = min(averaged.counts.shape[0], max(1, IN_ONE // side**2))
    begin = (averaged.counts.shape[0] - layers) // 2
    places, n = _tiles(averaged, in_boxes, slice(begin, begin + layers))
    if not places:  # nothing of the region lies in the middle
        return 0.0
    tiles = np.zeros((2, len(places), layers, side, side), np.float32)
    for place in pair.places():
        met = [(k, y, x) for k, (y, x) in enumerate(places) if y < place.last and y + side > place.first]
        layer = _layer(pair, place) // averaged.thick - begin
        if not met or not 0 <= layer < layers:
            continue
        a, b, inside = pair.read(place)
        for k, y, x in met:
            from_, to = max(y, place.first), min(y + side, place.last)
            part = slice(from_ - place.first, to - place.first), slice(x, x + side)
            for tile, channel, mean, deviation in zip(tiles[:, k, layer], (a[part], b[part]), scale.means, scale.deviations):
                values = (channel.astype(np.float64) - mean) / deviation
                tile[from_ - y : to - y, : values.shape[1]] += values if inside is None else np.where(inside[part], values, 0)
    lost = 0.0
    for sign, of in ((1, 1), (-1, box)):
        summed = tiles.reshape(2, len(places), layers, side // of, of, side // of, of).sum(axis=(4, 6))
        first, second = (_round(channel) for channel in summed)
        # n pairs at shift 0, in boxes as many times more; nearly as many at the small shifts that matter
        lost += sign * float(np.vdot(first, second)) / (n * averaged.thick * of**2)
    return lost / (n * scale.n)


def _round(tiles: npt.NDArray[np.float32]) -> Float:
    """Sum over tiles of c(i) c(i + h) for every shift h, round and round."""
    total = 0.0
    for tile in tiles:
        spectrum = fft.rfftn(tile)
        total = total + (spectrum.real**2 + spectrum.imag**2).astype(np.float64)
    found: Float = fft.irfftn(total, tiles.shape[1:])
    return found


def _tiles(averaged: Averaged, in_boxes: int, layers: slice) -> tuple[list[tuple[int, int]], float]:
    """Row and column where each tile begins, and how many pixels of the region lie in all of them, in these layers."""
    counts = averaged.counts[layers].sum(axis=0)
    counts = np.pad(counts, [(0, -n % in_boxes) for n in counts.shape])
    tiles = counts.reshape(counts.shape[0] // in_boxes, in_boxes, counts.shape[1] // in_boxes, in_boxes).sum(axis=(1, 3))
    some = np.argwhere(tiles > 0)
    side = in_boxes * averaged.box
    most = max(1, IN_TILES // (side**2 * (layers.stop - layers.start)))
    if len(some) > most:
        some = some[((np.arange(most) + 0.5) * len(some) / most).astype(np.int64)]
    return [(averaged.top + int(i) * side, averaged.left + int(j) * side) for i, j in some], float(sum(tiles[i, j] for i, j in some))
