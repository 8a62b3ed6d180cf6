"""Stacks: planes that lie closer together than the lens can tell apart share their light, before anything else is done.

Along z a stack holds nothing finer than the lens's point-spread function is long; its noise, which is new in every plane, is as strong at
all frequencies. So what a plane shows can be told better from it and its neighbours than from it alone, without loss where planes are
close enough. In each band of detail a plane is filtered along z as the stack's own statistics ask for (`abbe.restoration.overlap`): how
alike planes are is the same everywhere, for the lens is; how far the specimen stands above noise is told around each pixel, from what
planes next to each other have in common, for of noise they have nothing. Nothing is shared in bands where planes are too far apart to tell
the specimen from noise; and where a plane differs from what its neighbours make of it by more than noise can, it is left as it is.

Light over more than some ten pixels is the mean of the planes as far as they differ by no more than noise; what a whole plane holds stays
its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter

from abbe.image import Notice
from abbe.image.pixels import Array, ArrayPixels, MappedPixels, Pixels, Region, ScratchPixels, put, scratch
from abbe.restoration.normalisation import Normalisation
from abbe.restoration.overlap import (
    BETWEEN,
    HIGHEST,
    LEVELS,
    LOCAL,
    LOWEST,
    REACH,
    STEPS,
    Overlap,
    Plane,
    overlap,
    parts,
    smooth,
    white_noise,
)
from abbe.restoration.stage import FLOAT32, Work

#: standard deviations (pixels) over which what planes have in common is taken, by band
AROUND = (2.0, 2.5, 3.5, 5.0)
#: how far all that is done to a plane reaches, in pixels
MARGIN = 48
#: standard deviations (pixels) over which a difference is taken; from how many times its variance by noise on it counts, over a square of
#: which side (pixels), and the width over which weights are evened. With 4 in place of 30, gains of 4.4 dB become 1.2; points in single
#: planes keep all of their light with 30
POOLED, UNLIKE_FROM, SQUARE, EVENED = 1.5, 30.0, 5, 0.7
#: from how many times that variance on a difference of broad light counts, in the mean over a broad Gaussian
BROAD_FROM = 2.0
#: the spread of the error grows with this power of the share of noise that is left, of at least so much: as it comes out of the networks,
#: it knows nothing of what planes do not share. The 90 % interval of stacks through real lenses held 83 % of what is not empty, and holds
#: 91 % so, as that of planes each for itself does
WIDENED, LEAST = 0.13, 0.05
#: side (pixels) of the part of a plane that is looked at at once
SIDE = 1024
SHARING = "sharing planes"
#: from this share of noise left on, nothing worth a word was taken away
NEXT_TO_ALL = 0.995
#: pixels that are made part by part
Scratch: TypeAlias = ArrayPixels | ScratchPixels


@dataclass(frozen=True, slots=True)
class Deep:
    """A stack (T, C, Z, Y, X) float32, in the input's units, whose planes share their light.

    Attributes:
        noise: the share of the noise's variance that is left of each pixel; float16.
        left: the same of each channel.
    """

    pixels: Scratch
    noise: Pixels
    left: tuple[float, ...]

    def widened(self, spread: Pixels, onto: Callable[[Pixels], Pixels]) -> Pixels:
        """The spread of a result's error where that is what planes do not share, too; `onto` brings pixels to the result's grid."""
        return MappedPixels(_widened, [spread, onto(self.noise)], FLOAT32)


@dataclass(slots=True)
class Part:
    """A part of the planes around one, of one frame and channel.

    Attributes:
        rows, columns: with those around the part that its edge needs.
        planes: what each is made of, (bands + 1, Y, X), normalised.
        common: what each has in common with the next, (bands, Y, X).
    """

    source: Pixels
    place: tuple[int, int]
    rows: slice
    columns: slice
    normal: Normalisation
    planes: dict[int, Array] = field(default_factory=dict)
    common: dict[int, Array] = field(default_factory=dict)

    def region(self, plane: int) -> Region:
        t, c = self.place
        return slice(t, t + 1), slice(c, c + 1), slice(plane, plane + 1), self.rows, self.columns

    def plane(self, k: int) -> Plane:
        """Normalised."""
        return self.normal.forward(self.read(k))

    def read(self, k: int) -> Array:
        plane: Array = self.source.read(self.region(k))[0, 0, 0]
        return plane

    def go_to(self, near: Sequence[int]) -> None:
        """Have these planes, and no others."""
        made = {}
        for n in near:
            known = self.planes.get(n)
            made[n] = np.clip(parts(self.plane(n)), -HIGHEST, HIGHEST) if known is None else known
        self.planes = made
        self.common = {n: self.common[n] if n in self.common else self._common(n) for n in near[:-1]}

    def alike(self) -> Array:
        """(bands, Y, X): what planes next to each other have in common, in the mean of those here."""
        return np.asarray(sum(self.common.values()) / np.float32(len(self.common)))

    def gone(self, lost: Pixels) -> npt.NDArray[np.bool_]:
        """Where something was not measured in any of these planes, or so near that their bands reach there."""
        any_: npt.NDArray[np.bool_] = np.any([lost.read(self.region(n))[0, 0, 0] for n in self.planes], axis=0)
        return np.asarray(maximum_filter(any_, 2 * MARGIN + 1)) if any_.any() else any_

    def in_units(self, plane: Plane) -> Plane:
        return (plane.astype(np.float64) * self.normal.scale + self.normal.offset).astype(np.float32)

    def _common(self, n: int) -> Array:
        products = self.planes[n][:-1] * self.planes[n + 1][:-1]
        return np.stack([smooth(band, width) for band, width in zip(products, AROUND)])


def share_planes(source: Pixels, work: Work, only: int | None = None, lost: Pixels | None = None) -> Deep:
    """`source` (T, C, Z, Y, X) with the detail of each plane taken from it and its neighbours, as far as they overlap.

    Args:
        work: a denoiser's, for single planes.
        only: this plane of each stack alone; the result has no other.
        lost: True where nothing was measured: there, and around, planes are left as they are.
    """
    t, c, z, y, x = source.shape
    wanted = range(z) if only is None else range(only, only + 1)
    out, noise = (scratch((t, c, len(wanted), y, x), kind) for kind in (np.float32, np.float16))
    tiles = list(product(range(t), _sides(y), _sides(x)))
    left, done, total = [], 0, len(tiles) * c * len(wanted)
    lack = np.zeros((t, len(wanted)))
    for j in range(c):
        found = overlap(source, work, j)
        taps = {} if found is None else {ends: found.taps(*ends) for ends in {_ends(k, z) for k in wanted}}
        remains, lack[:] = 0.0, 0.0
        for i, rows, columns in tiles:
            part = Part(source, (i, j), _wider(rows, y), _wider(columns, x), work.normal[j])
            inner = _within(rows, part.rows), _within(columns, part.columns)
            for place, k in enumerate(wanted):
                to: Region = (slice(i, i + 1), slice(j, j + 1), slice(place, place + 1), rows, columns)
                if found is None:
                    counts = np.asarray(part.read(k), np.float32)
                    share = np.ones_like(counts)
                else:
                    before, after = _ends(k, z)
                    part.go_to(range(k - before, k + after + 1))
                    values, share = shared(part, k, found, taps[before, after], None if lost is None else part.gone(lost))
                    counts = part.in_units(values)
                    lack[i, place] += float((part.plane(k) - values)[inner].sum(dtype=np.float64)) * work.normal[j].scale
                put(out, to, counts[inner][None, None, None])
                put(noise, to, share[inner][None, None, None].astype(np.float16))
                remains += float(share[inner].sum(dtype=np.float64))
                done += 1
                work.report(done / total, SHARING)
        left.append(remains / (t * len(wanted) * y * x))
        for (i, place), light in np.ndenumerate(lack):
            _give_back(out, noise, (i, j, place), float(light))
    return Deep(out, noise, tuple(left))


def about_planes(left: Sequence[float], names: Sequence[str]) -> list[Notice]:
    """What is to be known of a result whose planes share their light; `left`: the share of noise that is left, by channel."""
    found = ", ".join(f"{name} ({1 - share:.0%} of it)" for name, share in zip(names, left) if share < NEXT_TO_ALL)
    if not found:
        return []
    what = "noise that planes closer together than the lens can tell apart do not share was taken away first, by a filter along z"
    return [Notice("planes", f"{what}: {found}; the mean of each plane is kept")]


def shared(part: Part, k: int, found: Overlap, taps: Plane, gone: npt.NDArray[np.bool_] | None) -> tuple[Plane, Plane]:
    """Plane `k` with the light of those around it, but where it differs from what they make of it by more than noise; and the share of
    noise that is left.

    Args:
        part: gone to the planes that `taps` (bands, levels, planes) weigh.
    """
    own = part.planes[k]
    values, common = part.plane(k), part.alike()
    light = smooth(np.mean([plane.sum(0) for plane in part.planes.values()], axis=0), LOCAL)
    finest = np.maximum(np.interp(light, found.light, found.finest), np.finfo(np.float32).tiny).astype(np.float32)
    white, pooled = white_noise(), white_noise(POOLED)
    white, pooled = white / white.sum(), pooled / pooled.sum() / (4 * np.pi * POOLED**2 * white[0])  # bands next to each other are alike
    alone = np.array([n == k for n in part.planes], np.float32)
    together = _broad(part, k, finest)
    removed, left = np.zeros_like(light), np.zeros_like(light)
    for b, weights in enumerate(taps):
        if not found.noise[b]:
            together += own[b]
            left += np.float32(white[b])
            continue
        with np.errstate(over="ignore"):
            strength = common[b] / (finest * np.float32(found.alike[b, 1] * found.noise[b]))
        level = np.rint((np.log2(np.clip(strength, LEVELS[0], LEVELS[-1])) - LOWEST) * STEPS).astype(np.intp)
        for weight, plane in zip(weights.T, part.planes.values()):
            together += weight[level] * plane[b]
        removed += (np.float32(pooled[b]) * np.sum((weights - alone) ** 2, axis=1))[level]
        left += (np.float32(white[b]) * np.sum(weights**2, axis=1))[level]
    unlike = _squared(smooth(values - together, POOLED)) / np.maximum(finest * removed, np.finfo(np.float32).tiny)
    unlike = maximum_filter(np.minimum(unlike, HIGHEST), SQUARE, mode="nearest")
    share = smooth(np.exp(-0.5 * np.maximum(unlike - UNLIKE_FROM, 0)).astype(np.float32), EVENED)
    if gone is not None:
        share[gone] = 0
    return np.asarray(values + share * (together - values), np.float32), 1 - share * (1 - left)


def _broad(part: Part, k: int, finest: Plane) -> Plane:
    """The broad light of plane `k`: the mean of the planes around it, as far as it differs from it by no more than noise."""
    own: Plane = part.planes[k][-1]
    mean = np.mean([plane[-1] for plane in part.planes.values()], axis=0)
    noise = np.float32(1 / (4 * np.pi * BETWEEN[-1] ** 2) / white_noise()[0])
    unlike = smooth(_squared(own - mean) / (finest * noise), BETWEEN[-1])
    return np.asarray(own + np.exp(-0.5 * np.maximum(unlike - BROAD_FROM, 0)) * (mean - own), np.float32)


def _give_back(out: Scratch, noise: Scratch, place: tuple[int, int, int], light: float) -> None:
    """Add to a plane of `out` the light that it lacks, in proportion to the noise that went: the mean of the plane is then its own."""
    t, c, k = place
    y, x = out.shape[3:]
    bands = [(slice(t, t + 1), slice(c, c + 1), slice(k, k + 1), slice(top, min(top + SIDE, y)), slice(0, x)) for top in range(0, y, SIDE)]
    gone = sum(float((1 - noise.read(band).astype(np.float64)).sum()) for band in bands) if light else 0.0
    if gone <= 0:
        return
    for band in bands:
        put(out, band, (out.read(band) + (light / gone) * (1 - noise.read(band).astype(np.float64))).astype(np.float32))


def _squared(plane: Plane) -> Plane:
    return np.asarray(np.clip(plane, -HIGHEST, HIGHEST) ** 2, np.float32)


def _ends(k: int, planes: int) -> tuple[int, int]:
    """How many planes before and after plane `k` it may share its light with."""
    return min(k, REACH), min(planes - 1 - k, REACH)


def _sides(length: int) -> list[slice]:
    """A side in parts of at most `SIDE` pixels."""
    step = -(-length // -(-length // SIDE))
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]


def _wider(side: slice, length: int) -> slice:
    return slice(max(side.start - MARGIN, 0), min(side.stop + MARGIN, length))


def _within(side: slice, wide: slice) -> slice:
    return slice(side.start - wide.start, side.stop - wide.start)


def _widened(spread: Array, left: Array) -> Array:
    return np.asarray(spread * np.maximum(left, np.float32(LEAST)).astype(np.float32) ** np.float32(-WIDENED), np.float32)
