"""Resolution by Fourier ring correlation, from two images of one specimen, or from one by splitting it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft

from abbe.comparison.criterion import ONE_SEVENTH, Criterion, checked, of_whole_frames, threshold_of_quarters, told
from abbe.comparison.criterion import threshold as threshold_of
from abbe.comparison.records import Number, Undefined
from abbe.comparison.spectrum import Float, ring_of, ring_sums, taper, transform, twice
from abbe.errors import ParameterError

#: with a noise-free truth on one side the correlation is the square root of that of two noisy images; one half is the usual reading
WITH_TRUTH = 0.5
#: sides below which rings hold too few places
SMALLEST = 24
#: the innermost ring that a crossing may lie in: those before hold a dozen places at most, and periods of half the field and more
INNERMOST = 3
#: places of a ring from which on a threshold that is a curve may be asked of any specimen; the 3-sigma curve is one half there, and above 1
#: in the innermost rings
ENOUGH = 72
#: standard deviations of chance (van Heel & Schatz, J Struct Biol 151:250, 2005) above which the rings within a crossing must correlate,
#: all together. Of planes of noise alone a fifth to a half cross the threshold somewhere; one in 1,200 got beyond 3, specimens have 10 and
#: more
BEYOND_CHANCE = 3.0
NOTHING = Undefined("the two images have nothing in common, even coarsely, beyond what chance gives: only noise, or shifted")


@dataclass(frozen=True, slots=True)
class RingCorrelation:
    """The curve and where it falls below the threshold.

    Attributes:
        frequency: middle of each ring, cycles per pixel.
        correlation: of each ring, smoothed over three. The innermost, which holds the mean alone, is taken for as its neighbour.
        threshold: what it is compared with: a number, or one for each ring.
        resolution: pixels per period at the first crossing.
    """

    frequency: Float
    correlation: Float
    threshold: float | Float
    resolution: Number


def frc(a: npt.ArrayLike, b: npt.ArrayLike, threshold: Criterion = ONE_SEVENTH) -> RingCorrelation:
    """Fourier ring correlation of two planes (Y, X) of one specimen whose noise is independent.

    `threshold`: a number, or "1/7", "half-bit" or "3-sigma" (van Heel & Schatz, J Struct Biol 151:250, 2005).

    Saxton & Baumeister, J Microsc 127:127 (1982); Banterle et al., J Struct Biol 183:363 (2013). Edges are tapered (Tukey, 1/4), rings
    are one frequency step wide, the curve is smoothed over three rings, and the crossing is interpolated linearly.
    """
    x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if x.shape != y.shape or x.ndim != 2:
        raise ParameterError(f"wanted two planes (Y, X) of one shape, got {x.shape} and {y.shape}")
    wanted = checked(threshold)
    if (reason := _unfit(x, y)) is not None:
        return _none(reason, wanted)
    rings = min(x.shape) // 2
    shape = (x.shape[0], x.shape[1])
    curve, places = _curve(*correlation_sums(transform(x), transform(y), shape, rings)), _places(shape, rings)
    return crossing(_smooth(curve), 0.5, threshold_of(wanted, places), curve * np.sqrt(places / 2), told(wanted), places)


def correlation_sums(
    x: npt.NDArray[np.complex128], y: npt.NDArray[np.complex128], shape: tuple[int, int], rings: int
) -> tuple[Float, Float, Float]:
    """Ring sums of Re(x y*), |x|^2 and |y|^2."""
    return (
        ring_sums((x * y.conj()).real, shape, rings),
        ring_sums(x.real**2 + x.imag**2, shape, rings),
        ring_sums(y.real**2 + y.imag**2, shape, rings),
    )


def frc_one_image(image: npt.ArrayLike, threshold: Criterion = ONE_SEVENTH) -> RingCorrelation:
    """Fourier ring correlation from one plane (Y, X) whose noise is independent from pixel to pixel.

    Diagonal checkerboard split after Koho et al., Nature Communications 10:3103 (2019): of every 2 x 2 pixels, the two on a diagonal go
    into one image each, and the curves of both diagonals are averaged. Two corrections make the result comparable with that of two frames,
    instead of that paper's empirical calibration: the displacement of (1, 1) pixels between the halves is taken back exactly, as a phase;
    and since each quarter of the pixels has a quarter of the whole image's signal-to-noise ratio, the correlation F of the quarters
    becomes 4 F / (1 + 3 F), which two whole frames would have. (F is smoothed before: that function is steep below 0, where chance may
    bring F.) The quarters' own sampling ends at 4 pixels per period: finer resolution cannot be seen, and is said to be undefined.

    `threshold`: as for two frames; the half-bit and the 3-sigma curve are those of the quarters, brought to whole frames as F is.
    """
    a = np.asarray(image, np.float64)
    a = a[: a.shape[0] // 2 * 2, : a.shape[1] // 2 * 2]
    wanted = checked(threshold)
    if min(a.shape) < 2 * SMALLEST:
        return _none(Undefined(f"a plane of {a.shape[0]} x {a.shape[1]} pixels is too small to split"), wanted)
    first, second, third, fourth = a[::2, ::2], a[1::2, 1::2], a[1::2, ::2], a[::2, 1::2]
    if (reason := _unfit(first, second) or _unfit(third, fourth)) is not None:
        return _none(reason, wanted)
    if (reason := shared_noise(a)) is not None:
        return _none(reason, wanted)
    shape = (first.shape[0], first.shape[1])
    rings = min(shape) // 2
    down, across = fft.fftfreq(shape[0])[:, None], fft.rfftfreq(shape[1])[None]
    along = np.exp(1j * np.pi * (down + across))  # half a quarter-pixel step along y and x each
    against = np.exp(1j * np.pi * (down - across))
    one = correlation_sums(transform(second), transform(first) * along, shape, rings)
    two = correlation_sums(transform(third), transform(fourth) * against, shape, rings)
    curve = (_curve(*one) + _curve(*two)) / 2
    places = _places(shape, rings)
    level = threshold_of_quarters(wanted, places)
    whole = crossing(of_whole_frames(np.maximum(_smooth(curve), 0)), 0.25, level, curve * np.sqrt(places), told(wanted), places)
    if whole.resolution == NOTHING:
        return whole
    if isinstance(whole.resolution, Undefined):
        return RingCorrelation(
            whole.frequency,
            whole.correlation,
            whole.threshold,
            Undefined(f"finer than 4 pixels per period, which splitting cannot show ({whole.resolution.reason})"),
        )
    return whole


def shared_noise(plane: Float) -> Undefined | None:
    """Why an image cannot be split: the finest quarter of its spectrum is empty, so neighbouring pixels share their noise."""
    shape = (plane.shape[0], plane.shape[1])
    power = np.abs(transform(plane)) ** 2
    rings = 8
    counts = np.bincount(ring_of(shape, rings).ravel(), twice(shape).ravel(), rings + 1)[:rings]
    mean = ring_sums(power, shape, rings) / np.maximum(counts, 1)
    if mean[-1] < 0.25 * mean[4:6].min():
        return Undefined("neighbouring pixels share their noise (the image was enlarged, filtered or computed); take two frames instead")
    return None


def _places(shape: tuple[int, int], rings: int) -> Float:
    """Places of the whole spectrum in each ring; half of them are the others' mirror images."""
    return np.bincount(ring_of(shape, rings).ravel(), twice(shape).ravel(), rings + 1)[:rings].astype(np.float64)


def _curve(cross: Float, xx: Float, yy: Float) -> Float:
    power = np.sqrt(xx * yy)
    curve = np.divide(cross, power, out=np.zeros_like(cross), where=power > 0)
    curve[0] = curve[1]  # the means were taken away: what is left of them is rounding, and correlates by chance
    return curve


def _smooth(curve: Float) -> Float:
    padded = np.concatenate([curve[:1], curve, curve[-1:]])
    smooth: Float = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    return smooth


def crossing(smooth: Float, highest: float, threshold: float | Float, deviations: Float, word: str, places: Float) -> RingCorrelation:
    """The first place where a smoothed curve falls below the threshold; rings reach up to `highest` cycles per pixel.

    `deviations`: of each ring its correlation before smoothing, in standard deviations of what chance gives; `word`: what the threshold is
    called; `places`: how many each ring holds.
    """
    frequency = (np.arange(len(smooth)) + 0.5) * highest / len(smooth)
    level = np.broadcast_to(np.asarray(threshold, np.float64), smooth.shape)
    over = smooth >= level
    start = _start(over) if isinstance(threshold, float) else _start_under_a_curve(over, places)
    below = np.flatnonzero(~over[start:]) + start if start is not None else np.empty(0, np.intp)
    resolution: Number
    if start is None:
        resolution = NOTHING
    elif below.size == 0:
        resolution = Undefined(f"the correlation stays above {word} up to the finest period that the pixels hold, {1 / highest:g} pixels")
    else:
        k = int(below[0])
        fall = (smooth[k - 1] - smooth[k]) + (level[k] - level[k - 1])
        fraction = (smooth[k - 1] - level[k - 1]) / max(fall, 1e-12)
        resolution = float(1 / (frequency[k - 1] + min(max(fraction, 0.0), 1.0) * (frequency[k] - frequency[k - 1])))
        within = deviations[1:k]  # without the innermost, which was taken for as its neighbour
        if within.sum() < BEYOND_CHANCE * np.sqrt(len(within)):
            resolution = NOTHING
    return RingCorrelation(frequency, smooth, threshold, resolution)


def _start(over: npt.NDArray[np.bool_]) -> int | None:
    """The first ring that a crossing may lie in; None where no coarse ring is over the threshold."""
    coarse = over[: max(INNERMOST, len(over) // 20)].any() and over[INNERMOST - 1 : INNERMOST + 1].any()
    return INNERMOST if coarse else None


def _start_under_a_curve(over: npt.NDArray[np.bool_], places: Float) -> int | None:
    """The same where the threshold is a curve, which coarse rings may pass under: the ring after the first that is over it."""
    enough = np.flatnonzero(places >= ENOUGH)
    coarse = max(INNERMOST, len(over) // 20, int(enough[0]) if enough.size else len(over))
    passed = np.flatnonzero(over[INNERMOST - 1 : coarse + 1])
    return INNERMOST + int(passed[0]) if passed.size else None


def _none(reason: Undefined, criterion: Criterion) -> RingCorrelation:
    return RingCorrelation(np.empty(0), np.empty(0), threshold_of(criterion, np.empty(0)), reason)


def _unfit(x: Float, y: Float) -> Undefined | None:
    if min(x.shape) < SMALLEST:
        return Undefined(f"planes of {x.shape[0]} x {x.shape[1]} pixels are too small; at least {SMALLEST} a side are needed")
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return Undefined("an image is constant: it has no spectrum")
    return None


__all__ = ["ONE_SEVENTH", "WITH_TRUTH", "RingCorrelation", "frc", "frc_one_image", "taper"]
