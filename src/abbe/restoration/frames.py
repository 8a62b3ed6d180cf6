"""Time series: the detail of a frame is averaged with that of the frames around it, wherever these show the same.

Each frame is denoised for itself first, which tells how much noise there is where. Two frames show the same at a pixel where their noisy
detail, taken together over a few pixels, differs by no more than its noise, there and at all pixels around that one lens could have
blurred into it; the more they differ, the less weight the other frame has. So what stands still gains as much light as there are frames,
and what moves keeps its own. Where the specimen as a whole has drifted, the other frame is moved back first (`abbe.restoration.drift`).

Light that is broad, over more than some ten pixels, stays that of the frame: how bright a cell is at one time is never taken from another.
Weights from a test of small neighbourhoods against their noise: Kervrann and Boulanger, "Optimal spatial adaptation for patch-based image
denoising", IEEE Trans. Image Process. 15 (2006); along time Boulanger et al., "Patch-based nonlocal functional for denoising fluorescence
microscopy image sequences", IEEE Trans. Med. Imaging 29 (2010).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, maximum_filter

from abbe.image import Image, Notice
from abbe.image.pixels import Array, ArrayPixels, MappedPixels, Pixels, Region, ScratchPixels, put, scratch
from abbe.restoration.drift import FARTHEST, NEAR, Spectrum, drift, moved, spectrum
from abbe.restoration.levels import restore_levels
from abbe.restoration.normalisation import Normalisation
from abbe.restoration.planes import BAND, restore_planes
from abbe.restoration.progress import Part
from abbe.restoration.stage import FLOAT32, SpreadPixels, Stage, Work
from abbe.zoo import Card

#: standard deviations (pixels) of Gaussians: what is broader than this stays the frame's own; noisy detail is compared over this; noise is
#: taken over this; differences are taken together over this; weights are evened over this
OWN, POOLED, STEADY, AROUND, FINE = 8.0, 1.5, 6.0, 2.0, 0.7
#: how far Gaussians reach, in standard deviations, and how far all that is done to a frame, in pixels
TRUNCATE, MARGIN = 3.0, 40 + FARTHEST
#: what a denoiser takes away has less noise than the image where there is structure, for it leaves some: this share of the variance of its
#: error is added, without which what stands still gains 1.5 dB of 5 in good light. A difference is in units of this many times the noise
ERROR, NOISY = 0.2, 1.5
#: from how many of these units on a difference counts, and how many times its mean around a pixel, of at most this at each, counts too;
#: and the side (pixels) of the square in which the largest counts: beside a spot that has gone lies its blur, dimmer than the noise.
#: Measured on simulated series of 8 to 1,000 photons, two frames on each side: what stands still or drifts gains 2.3 to 4.9 dB, vesicles
#: that move by 0.7 to 6 pixels a frame, each its own way, on an empty ground gain 1.9 to -0.2
UNLIKE_FROM, TOGETHER, MOST, SQUARE = 3.0, 2.0, 100.0, 7
#: frames whose contrast differs by more than this factor have nothing in common that could be averaged
UNLIKE = 2.0
#: detail that both frames show says how much stronger it is in one, where it is more than this many times the median of both; from this
#: many times on it has no more say for being stronger: else a bright cell that fires would say how bright all the rest is
STANDS_OUT, CLEARLY = 1.0, 2.0
#: a pixel that is no measurement (1e30) overflows nothing
HIGHEST = np.float32(1e15)
#: the spread of the error grows with this power of the number of frames: as it comes out of the networks, it knows nothing of what moved by
#: less than the noise. The 90 % interval of five frames held 81 to 91 % of what stands still or moves, in series of 10 and 60 photons, and
#: holds 91 to 95 % so
WIDENED = 0.2
#: pixels of a band that are looked at together; by how much a frame is binned before its contrast is taken; and the side (pixels) beyond
#: which it is binned before its drift is
PIXELS, BINNED, WHOLE = 2**20, 4, 1024
#: (y, x) pixels by which nothing has drifted
STILL = (0.0, 0.0)
#: what is being done, for the progress line
SHARING = "sharing frames"

Plane = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Frame:
    """What is compared of a band of one frame; normalised."""

    #: light that is broad, and the rest
    broad: Plane
    detail: Plane
    #: detail over a few pixels, and the variance of its noise
    pooled: Plane
    noise: Plane
    #: where there was no number; None: nowhere
    lost: npt.NDArray[np.bool_] | None


@dataclass(frozen=True, slots=True)
class Shared:
    """A series (T, C, Z, Y, X) float32, in the input's units, whose frames share their light, and from how many frames a pixel has it."""

    pixels: ArrayPixels | ScratchPixels
    count: Pixels

    def widened(self, spread: Pixels, onto: Callable[[Pixels], Pixels]) -> Pixels:
        """The spread of a result's error where that is what moved unseen, too; `onto` brings pixels to the result's grid."""
        return MappedPixels(_widened, [spread, onto(self.count)], FLOAT32)


def share_frames(source: Pixels, work: Work, count: int, only: range | None = None, lost: Pixels | None = None) -> Shared:
    """`source` (T, C, Z, Y, X) with each frame's detail averaged with up to `count` frames on each side.

    Args:
        work: a denoiser's, for single planes.
        only: these frames alone; the others of the result are not there.
        lost: True where nothing was measured, and what `source` has is a guess: no other frame gets any of it.
    """
    t, c, z, y, x = source.shape
    first = _restored(source, work, work.report.part(0.0, 0.6))
    report, wanted = work.report.part(0.6, 1.0), range(t) if only is None else only
    shape = (len(wanted), c, z, y, x)
    out, counts = scratch(shape, np.float32), scratch(shape, np.float16)
    rows = max(2 * MARGIN, PIXELS // x)
    done, total = 0, c * z * len(wanted) * -(-y // rows)
    for j, k in np.ndindex(c, z):
        alike = _alike(first.estimate, (j, k), work.normal[j], wanted, count, report.part(done / total, done / total))
        for top in range(0, y, rows):
            kept: dict[int, Frame] = {}
            weights: dict[tuple[int, int], Plane] = {}
            band = slice(top, min(top + rows, y))
            for place, i in enumerate(wanted):
                near = range(max(0, i - count), min(t, i + count + 1))
                kept = {n: kept[n] if n in kept else _frame(source, first, (n, j, k), band, work, lost) for n in near}
                weights = {pair: weight for pair, weight in weights.items() if i in pair}
                others = []
                for n in near:
                    a, b = pair = min(i, n), max(i, n)
                    if (found := alike.get(pair)) is None:
                        continue
                    f, by = found if i == a else (1 / found[0], (-found[1][0], -found[1][1]))
                    if pair not in weights:  # the same both ways
                        weights[pair] = _weight(kept[a], kept[b], found[0])
                    weight = weights[pair]
                    if by != STILL:
                        back = _moved(kept[n], by)
                        along = _weight(kept[i], back, f)
                        others.append((back.detail, f, along))
                        weight = weight * (1 - along)  # what did not go along
                    others.append((kept[n].detail, f, weight))
                values, number = _averaged(kept[i], others)
                inner = slice(band.start - _above(band), band.stop - _above(band))
                region = (slice(place, place + 1), slice(j, j + 1), slice(k, k + 1), band, slice(0, x))
                normal = work.normal[j]
                put(out, region, (values[inner].astype(np.float64) * normal.scale + normal.offset).astype(np.float32)[None, None, None])
                put(counts, region, number[inner].astype(np.float16)[None, None, None])
                done += 1
                report(done / total, SHARING)
    return Shared(out, SpreadPixels(counts, np.ones(c)))


def about_frames(count: int, image: Image) -> list[Notice]:
    """What is to be known of a result whose frames share their light, or of one whose frames cannot."""
    t, _, z = image.shape[:3]
    if not count:
        return []
    if t == 1:
        if z == 1:
            which = "this image is one frame; where frames are files of their own, put them into one"
        else:
            which = f"this image is one frame of {z} planes; if they are frames, say so: axes TYX instead of ZYX"
        return [Notice("frames", f"frames={count} had no effect: {which}")]
    frames = f"{count} frames" if count > 1 else "one frame"
    about = Notice(
        "frames",
        f"each frame's fine detail is averaged with up to {frames} before and after it, where they show the same: what changes there by "
        "less than its noise is smoothed along time; light over more than some ten pixels is each frame's own",
    )
    return [about]


def _restored(source: Pixels, work: Work, part: Part) -> Stage:
    """Each frame for itself."""
    own = Work(work.name, work.model, work.runner, part, True, work.normal, others=work.others)
    return restore_levels(source, own) if work.model.card.levels else restore_planes(source, own)


def _alike(
    estimate: Pixels, place: tuple[int, int], normal: Normalisation, wanted: range, count: int, report: Part
) -> dict[tuple[int, int], tuple[float, tuple[float, float]]]:
    """Of pairs of frames, the earlier one first, that are alike enough: how many times stronger the earlier one's detail is, and by how
    many pixels (y, x) the later one has to be moved to lie on it."""
    found: dict[tuple[int, int], tuple[float, tuple[float, float]]] = {}
    kept: dict[int, _Looked] = {}
    for i in range(max(0, wanted.start - count), min(estimate.shape[0], wanted.stop + count)):
        report(0.0, SHARING)
        kept = {n: looked for n, looked in kept.items() if n >= i - count} | {i: _Looked.at(estimate, (i, *place), normal)}
        for n, before in kept.items():
            if n == i or not (n in wanted or i in wanted):
                continue
            by = before.drift(kept[i])
            f = _stronger(before.coarse(), kept[i].coarse(by))
            if f and f <= UNLIKE and 1 / f <= UNLIKE:
                found[n, i] = f, (by[0] * before.step, by[1] * before.step)
    return found


@dataclass(frozen=True, slots=True)
class _Looked:
    """A denoised frame, normalised, in blocks of `step` x `step` pixels, and its spectrum without what is broad."""

    plane: Plane
    step: int
    spectrum: Spectrum

    @classmethod
    def at(cls, estimate: Pixels, place: tuple[int, int, int], normal: Normalisation) -> _Looked:
        t, c, z = place
        y, x = estimate.shape[3:]
        n = min(2 ** max(0, int(np.ceil(np.log2(max(y, x) / WHOLE)))), y, x)
        parts = []
        for top in range(0, y // n * n, BAND // n * n):
            rows = slice(top, min(top + BAND // n * n, y // n * n))
            block = normal.forward(estimate.read((slice(t, t + 1), slice(c, c + 1), slice(z, z + 1), rows, slice(0, x // n * n)))[0, 0, 0])
            parts.append(_blocks(block, n))
        plane = np.concatenate(parts)
        return cls(plane, n, spectrum(_without_broad(plane, n)))

    def drift(self, later: _Looked) -> tuple[float, float]:
        """(y, x) blocks by which a later frame has to be moved to lie on this one."""
        by = drift(self.spectrum, later.spectrum, (self.plane.shape[0], self.plane.shape[1]))
        return by if max(map(abs, by)) * self.step > NEAR else STILL

    def coarse(self, by: tuple[float, float] = STILL) -> Plane:
        """In blocks of `BINNED` pixels at least, without what is broad, moved by so many blocks before."""
        plane = self.plane if by == STILL else moved(self.plane, by)
        n = min(max(BINNED // self.step, 1), *plane.shape)
        return _without_broad(_blocks(plane, n), n * self.step)


def _blocks(plane: Plane, n: int) -> Plane:
    """The means of blocks of n x n pixels."""
    h, w = plane.shape[0] // n, plane.shape[1] // n
    return np.asarray(plane[: h * n, : w * n].reshape(h, n, w, n).mean(axis=(1, 3)), np.float32)


def _without_broad(plane: Plane, n: int) -> Plane:
    """A plane of blocks of n x n pixels without what is broad."""
    return np.asarray(plane - gaussian_filter(plane, OWN / n, truncate=TRUNCATE), np.float32)


def _stronger(one: Plane, other: Plane) -> float:
    """How many times stronger the detail of `one` is: the median of what pixels say that clearly have some in both frames. What is in one
    frame alone, as bright as it may be, has no say. 0 where they have nothing in common."""
    weaker = np.minimum(np.abs(one), np.abs(other))
    common = np.where(np.sign(one) == np.sign(other), weaker, 0)
    if not common.any():
        return 0.0
    usual = np.median(weaker)
    weight = np.clip(common - np.float32(STANDS_OUT) * usual, 0, np.float32(CLEARLY - STANDS_OUT) * usual)
    weight = weight if weight.any() else common
    votes = weight > 0
    ratios, weights = np.log(np.abs(one[votes] / other[votes])), weight[votes].astype(np.float64)
    order = np.argsort(ratios)
    summed = np.cumsum(weights[order])
    low, high = (int(np.searchsorted(summed, summed[-1] / 2, side=side)) for side in ("left", "right"))  # alike from both ends
    middle = (ratios[order[low]] + ratios[order[min(high, len(order) - 1)]]) / 2
    return float(np.exp(middle))


def _above(band: slice) -> int:
    """The first row that is read for a band."""
    return max(int(band.start) - MARGIN, 0)


def _frame(source: Pixels, first: Stage, place: tuple[int, int, int], band: slice, work: Work, lost: Pixels | None) -> Frame:
    """What is compared of a band of the frame (t, c, z), with a margin."""
    t, c, z = place
    normal, card = work.normal[c], work.model.card
    height, width = source.shape[3:]
    region = (slice(t, t + 1), slice(c, c + 1), slice(z, z + 1), slice(_above(band), min(band.stop + MARGIN, height)), slice(0, width))
    missing = None if lost is None else lost.read(region)[0, 0, 0]
    noisy, clean = normal.forward(source.read(region)[0, 0, 0]), normal.forward(first.estimate.read(region)[0, 0, 0])
    broad = _smooth(noisy, OWN)
    left = _smooth(noisy, POOLED)
    missed = _deviation(first, region, normal, card)
    return Frame(
        broad=broad,
        detail=noisy - broad,
        pooled=left - broad,
        noise=_smooth(_squared(left - _smooth(clean, POOLED)), STEADY) + np.float32(ERROR) * _smooth(_squared(missed), POOLED),
        lost=missing if missing is not None and missing.any() else None,
    )


def _deviation(first: Stage, region: Region, normal: Normalisation, card: Card) -> Plane:
    """A quarter of the width of the 90 % interval: a little more than the standard deviation of what noise alone makes a denoiser miss."""
    assert first.spread is not None
    spread = first.spread.read(region)[0, 0, 0] / np.float32(normal.scale)
    return np.asarray(np.minimum(spread, HIGHEST) * np.float32(card.interval_factor / 2), np.float32)


def _weight(one: Frame, other: Frame, stronger: float) -> Plane:
    """How much `one` and `other`, whose detail is so many times weaker, show the same: from 0 to 1, whichever of them is looked at."""
    f = np.float32(stronger)
    noise = np.maximum(np.float32(NOISY) * (one.noise + f * f * other.noise), np.finfo(np.float32).tiny)
    unlike = np.minimum(_squared(f * other.pooled - one.pooled) / noise, HIGHEST)
    unlike = np.maximum(unlike, np.float32(TOGETHER) * _smooth(np.minimum(unlike, np.float32(MOST)), AROUND))
    unlike = maximum_filter(unlike, SQUARE, mode="nearest")
    weight = np.exp(-0.5 * np.maximum(unlike - np.float32(UNLIKE_FROM), 0))
    for lost in (one.lost, other.lost):
        if lost is not None:
            weight[lost] = 0
    weight = _smooth(weight, FINE)
    for lost in (one.lost, other.lost):
        if lost is not None:
            weight[lost] = 0
    return weight


def _averaged(frame: Frame, others: list[tuple[Plane, float, Plane]]) -> tuple[Plane, Plane]:
    """The frame with its detail averaged with that of others, which comes with how many times weaker it is and its weight; and the number
    of frames in the average."""
    summed, weights = frame.detail.copy(), np.ones_like(frame.detail)
    for other, stronger, weight in others:
        summed += weight * (np.float32(stronger) * other)
        weights += weight
    return np.asarray(frame.broad + summed / weights, np.float32), weights


def _moved(frame: Frame, by: tuple[float, float]) -> Frame:
    """What is compared of a frame, moved back; what came from beyond its edges was not measured there."""
    lost = np.zeros(frame.detail.shape, np.float32) if frame.lost is None else frame.lost.astype(np.float32)
    gone = moved(lost, by) > 0.01
    for axis, distance in enumerate(by):
        edge = int(np.ceil(abs(distance)))
        beyond = slice(0, edge) if distance > 0 else slice(gone.shape[axis] - edge, None)
        gone[(beyond, slice(None)) if axis == 0 else (slice(None), beyond)] = True
    return Frame(frame.broad, moved(frame.detail, by), moved(frame.pooled, by), np.maximum(moved(frame.noise, by), 0), gone)


def _widened(spread: Array, count: Array) -> Array:
    return np.asarray(spread * np.maximum(count, 1) ** np.float32(WIDENED), np.float32)


def _squared(plane: Plane) -> Plane:
    return np.asarray(np.minimum(np.abs(plane), HIGHEST) ** 2, np.float32)


def _smooth(plane: Array, sigma: float) -> Plane:
    return np.asarray(gaussian_filter(plane, sigma, mode="nearest", truncate=TRUNCATE), np.float32)
