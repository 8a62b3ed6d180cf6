"""How planes of a stack overlap along z: what `abbe.restoration.depth` needs to know of a channel before its planes share their light.

An image is parted into bands of detail (differences of Gaussians). In each, the covariance of planes that lie k apart is that of the
specimen alone for k > 0; at k = 0 it is that of specimen and noise, of which the specimen's part follows from k = 1 and 2, where planes
overlap (a Gaussian through both). With the specimen's covariance S, of a variance that stands so far above the noise's variance N, the
weights h of a plane's neighbours are those that minimise

    N |h|^2 + mu (h - d)' S (h - d),   sum h = 1,

d being the plane alone: Wiener's filter (Extrapolation, Interpolation, and Smoothing of Stationary Time Series, 1949) with a distortion
that costs mu times the noise, for noise is yet to be removed and distortion stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, uniform_filter

from abbe.image.pixels import Array, ArrayPixels, Pixels, whole
from abbe.restoration.levels import restore_levels
from abbe.restoration.normalisation import Normalisation
from abbe.restoration.planes import restore_planes
from abbe.restoration.progress import Part
from abbe.restoration.request import FEWEST_PLANES
from abbe.restoration.stage import Work

#: standard deviations (pixels) of the Gaussians between bands, and how far they reach, in standard deviations
BETWEEN, TRUNCATE = (0.8, 1.6, 3.2, 6.4), 3.0
#: planes on each side that a plane may share its light with
REACH = 4
#: what a distortion costs, in units of noise
COST = 20.0
#: how far detail may stand above noise (variances): from, to, and steps per octave
LOWEST, HIGHEST_STRENGTH, STEPS = -6, 10, 3
LEVELS = 2.0 ** np.linspace(LOWEST, HIGHEST_STRENGTH, (HIGHEST_STRENGTH - LOWEST) * STEPS + 1)
#: pixels of a band that say one thing together: area of its detail
TOGETHER = (2.0, 6.0, 24.0, 96.0)
#: how many standard errors a covariance must be above 0 to be believed
BELIEVED = 8.0
#: covariance at two planes over that at one, and correlation at one, from which on planes overlap enough: of planes a Gaussian PSF's
#: standard deviation apart they are 0.47 and 0.78, one and a half 0.19 and 0.57. Bands too weak to tell need more of the next coarser one
OVERLAP, ALIKE, INHERITED = 0.3, 0.7, 0.8
#: noise of a band is at most this many times what white noise would have there, by the finest one: what is more is taken for specimen
WHITE = 1.2
#: where there is more than so many times the noise expected in a band, what is left of it for noise says nothing
CLEAR = 3.0
#: side (pixels) of the places in each of which it is asked how alike planes are
PLACE = 32
#: the noise that a denoiser takes away is, in the finest band, at least and at most this share of all
TAKEN = (0.9, 1.05)
#: standard deviation (pixels) over which the brightness is taken that says how much noise there is, and classes of it
LOCAL, CLASSES = 2.0, 12
#: a part of a stack from which its statistics are: side (pixels) and planes; and of how many of these noise is told by denoising them
SIDE, DEEP, PILOTS = 384, 24, 4
#: a pixel that is no measurement (1e30) overflows nothing
HIGHEST = np.float32(1e15)

Plane = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Overlap:
    """How the planes of one channel overlap.

    Attributes:
        alike: (bands, 1 + lags), the specimen's correlation in planes k apart.
        noise: (bands,), variance of noise in a band over that in the finest one; 0: a band in which nothing is shared.
        light, finest: brightness (normalised), rising, and the variance of noise in the finest band there.
    """

    alike: Doubles
    noise: Doubles
    light: Doubles
    finest: Doubles

    def taps(self, before: int, after: int) -> Plane:
        """(bands, levels, before + 1 + after), the weights of a plane and of so many before and after it, where the specimen's variance is
        so many times the noise's (`LEVELS`)."""
        return np.stack([[weights(row * level, 1.0, before, after) for level in LEVELS] for row in self.alike]).astype(np.float32)


def overlap(source: Pixels, work: Work, channel: int) -> Overlap | None:
    """Of a channel, from a part of the stack in the middle of the series; None: not enough, or too few planes."""
    part = _strongest(source, channel, work.normal[channel])
    if len(part) < FEWEST_PLANES:
        return None
    bands = np.stack([parts(plane)[:-1] for plane in part])
    covariance = _covariance(bands, min(2 * REACH, len(part) - 2))
    pilots = np.unique(np.linspace(0, len(part) - 1, PILOTS + 2).round().astype(int)[1:-1])
    clean = _denoised(part[pilots], work, channel)
    taken = bands[pilots, 0] - np.stack([parts(plane)[0] for plane in clean])
    variance = float(np.mean(taken.astype(np.float64) ** 2))
    found = told(covariance, variance, part.shape)
    if found is None:
        return None
    alike, noise = found
    light, finest = _by_brightness(clean, taken)
    return Overlap(everywhere(bands, alike, noise * variance), noise, light, finest)


def told(covariance: Doubles, taken: float, shape: tuple[int, ...]) -> tuple[Doubles, Doubles] | None:
    """The specimen's correlation (bands, 1 + lags) of planes k apart, and the variance of noise (bands,) over that in the finest band, by
    the covariances (bands, 1 + lags) of a part of a stack of that shape (Z, Y, X). None where no band overlaps.

    Args:
        taken: variance of the noise in the finest band that a denoiser takes away.
    """
    count = len(covariance)
    white = white_noise() / white_noise()[0]
    finest = float(np.clip(covariance[0, 0] - _extrapolated(covariance[0]), TAKEN[0] * taken, TAKEN[1] * taken))
    alike, found = np.zeros(covariance.shape), np.zeros(count)
    alike[:, 0] = 1
    before: Doubles | None = None
    for b in reversed(range(count)):
        c, noise = covariance[b], finest * white[b]
        error = noise / np.sqrt(shape[1] * shape[2] / TOGETHER[b] * (shape[0] - 1))
        if c[1] > BELIEVED * error and c[2] > 0:
            specimen = max(_extrapolated(c), c[0] - WHITE * noise)
            correlation = np.clip(c / specimen, -1, 1)
            correlation[0] = 1
            overlaps = bool(c[2] > OVERLAP * c[1] and correlation[1] >= ALIKE)
        elif before is not None:  # too weak to tell: as the next coarser band
            correlation, overlaps = before, bool(before[1] >= INHERITED)
            specimen = max(c[1], 0.0) / correlation[1]
        else:
            return None
        if not overlaps:
            break
        told_apart = c[0] < CLEAR * noise
        alike[b], found[b] = correlation, (max(c[0] - specimen, noise / 4) if told_apart else noise) / finest
        before = correlation
    return (alike, found) if found.any() else None


def everywhere(bands: Array, alike: Doubles, noise: Doubles) -> Doubles:
    """`alike` (bands, 1 + lags), but no more than planes are in half of the places that show enough to tell.

    What is brightest may be longer along z than the lens draws a point, and a dim point beside it would come out as long.

    Args:
        bands: (Z, bands, Y, X), of which `alike` is.
        noise: its variance in each; 0: a band that is not shared.
    """
    rows, columns = (np.arange(0, n, PLACE) for n in bands.shape[2:])
    one, two = (_by_place(bands[: len(bands) - k] * bands[k:], rows, columns) for k in (1, 2))
    out, lags = alike.copy(), np.arange(alike.shape[1])
    for b in np.flatnonzero(noise):
        error = noise[b] / np.sqrt(PLACE**2 / TOGETHER[b] * (len(bands) - 1))
        clear = (one[b] > BELIEVED * error) & (two[b] > 0)
        if not clear.any():
            continue
        local = float(np.median(np.minimum(two[b][clear] / one[b][clear], 1))) ** (1 / 3)  # of a Gaussian
        if local < alike[b, 1]:
            out[b] = np.minimum(alike[b], local ** (lags**2))
    return out


def parts(plane: Plane) -> Array:
    """(bands + 1, Y, X): a plane's detail from the finest on, and what is broad; their sum is the plane."""
    smoothed = [plane, *(smooth(plane, sigma) for sigma in BETWEEN)]
    return np.stack([*(fine - coarse for fine, coarse in pairwise(smoothed)), smoothed[-1]])


@cache
def white_noise(over: float = 0.0) -> Doubles:
    """Variance, in each band, of white noise of variance 1; smoothed by a Gaussian of standard deviation `over`."""
    noise = np.random.default_rng(0).normal(size=(512, 512)).astype(np.float32)
    bands = parts(noise)[:-1]
    return np.asarray(np.stack([smooth(band, over) if over else band for band in bands]).astype(np.float64).var(axis=(1, 2)))


def weights(specimen: Doubles, noise: float, before: int, after: int) -> Doubles:
    """(before + 1 + after,) of a plane and so many before and after it, by the covariance of the specimen at 0, 1, 2... planes and the
    variance of the noise."""
    n = before + 1 + after
    lag = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    values, vectors = np.linalg.eigh(np.where(lag < len(specimen), specimen[np.minimum(lag, len(specimen) - 1)], 0.0))
    matrix = COST * (vectors * np.maximum(values, 0)) @ vectors.T  # measured ones need not be a covariance
    alone, ones = np.eye(n)[before], np.ones(n)
    wanted, even = np.linalg.solve(matrix + noise * np.eye(n), np.stack([matrix @ alone, ones], 1)).T
    return np.asarray(wanted + even * (1 - wanted.sum()) / even.sum())


def smooth(plane: Array, sigma: float) -> Plane:
    return np.asarray(gaussian_filter(plane, sigma, mode="nearest", truncate=TRUNCATE), np.float32)


def _extrapolated(c: Doubles) -> float:
    """The specimen's variance from the covariance of planes one and two apart: a Gaussian through both, at 0."""
    one, two = max(float(c[1]), 0.0), float(c[2])
    return min(one * (one / two) ** (1 / 3), float(c[0])) if two > 0 else one


def _covariance(bands: Array, lags: int) -> Doubles:
    """(bands, 1 + lags) of (Z, bands, Y, X): what planes k apart have in common, for the mean power of all; else planes that are dimmer
    than others, the outer ones often, would make it more or less for some k than for others."""
    within, n = np.minimum(np.abs(bands), HIGHEST) * np.sign(bands), len(bands)
    product = np.stack([np.pad(_mean(within[: n - k] * within[k:]), ((0, k), (0, 0))) for k in range(lags + 1)], axis=2)  # plane, band, lag
    power = product[:, :, 0]
    both = np.stack([(power[: n - k] + power[k:]).sum(0) / 2 for k in range(lags + 1)], axis=1)
    share = np.divide(product.sum(0), both, out=np.zeros(both.shape), where=both > 0)
    return np.asarray(share * power.mean(0)[:, None])


def _by_place(products: Array, rows: npt.NDArray[np.int_], columns: npt.NDArray[np.int_]) -> Doubles:
    """(bands, rows, columns): the mean of (Z, bands, Y, X) in squares that begin there."""
    mean = products.mean(axis=0, dtype=np.float64)
    sums = (np.add.reduceat(np.add.reduceat(of, rows, axis=1), columns, axis=2) for of in (mean, np.ones_like(mean)))
    total, count = sums
    return np.asarray(total / count)


def _mean(planes: Array) -> Doubles:
    return np.asarray(planes.mean(axis=(2, 3), dtype=np.float64))


def _strongest(source: Pixels, channel: int, normal: Normalisation) -> Array:
    """(Z, Y, X) normalised: the part of the middle planes of the middle frame in which there is most detail."""
    t, _, z, y, x = source.shape
    frame, side = t // 2, tuple(min(SIDE, n) for n in (y, x))
    field = tuple(slice(max(0, n // 2 - 2048), min(n, n // 2 + 2048)) for n in (y, x))
    middle = slice(z // 2, z // 2 + 1)
    where = (slice(frame, frame + 1), slice(channel, channel + 1))
    plane = normal.forward(source.read((*where, middle, field[0], field[1]))[0, 0, 0])
    detail = smooth(plane, BETWEEN[1])  # a band alone: a plane may be large
    detail -= smooth(plane, BETWEEN[2])
    with np.errstate(over="ignore"):
        power = uniform_filter(np.minimum(np.square(detail, out=detail), HIGHEST, out=detail), side, mode="constant")
    inside = power[side[0] // 2 : plane.shape[0] - (side[0] - 1) // 2, side[1] // 2 : plane.shape[1] - (side[1] - 1) // 2]
    top, first = np.unravel_index(int(np.argmax(inside)), inside.shape)
    corner = (field[0].start + int(top), field[1].start + int(first))
    deep = slice(max(0, z // 2 - DEEP // 2), min(z, z // 2 - DEEP // 2 + DEEP))
    rows, columns = (slice(n, n + s) for n, s in zip(corner, side))
    return normal.forward(source.read((*where, deep, rows, columns))[0, 0])


def _denoised(planes: Array, work: Work, channel: int) -> Array:
    """(planes, Y, X) normalised, each for itself."""
    unit, its = Normalisation(0.0, 1.0), work.of(channel)
    own = Work(its.name, its.model, its.runner, Part(None), True, (unit,))
    restore = restore_levels if work.model.card.levels else restore_planes
    made = restore(ArrayPixels(planes[None, None]), own).estimate
    clean: Array = made.read(whole(made.shape))[0, 0]
    return clean


def _by_brightness(clean: Array, taken: Array) -> tuple[Doubles, Doubles]:
    """Brightness, rising, and the variance of noise there, by as many pixels each."""
    light = np.stack([smooth(plane, LOCAL) for plane in clean]).ravel().astype(np.float64)
    order = np.argsort(light)
    classes = np.array_split(order, CLASSES)
    squares = taken.ravel().astype(np.float64) ** 2
    return np.array([light[some].mean() for some in classes]), np.array([squares[some].mean() for some in classes])
