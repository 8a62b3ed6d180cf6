"""Resolution by Fourier ring correlation, from two images of one specimen, or from one by splitting it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft

from abbe.comparison.records import Number, Undefined
from abbe.comparison.spectrum import Float, ring_of, ring_sums, taper, transform, twice
from abbe.errors import ParameterError

#: the threshold in use for two images with independent noise (Rosenthal & Henderson 2003; Banterle et al. 2013)
ONE_SEVENTH = 1 / 7
#: with a noise-free truth on one side the correlation is the square root of that of two noisy images; one half is the usual reading
WITH_TRUTH = 0.5
#: sides below which rings hold too few places
SMALLEST = 24
#: the innermost ring that a crossing may lie in: those before hold a dozen places at most, and periods of half the field and more
INNERMOST = 3
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
        threshold: what it is compared with.
        resolution: pixels per period at the first crossing.
    """

    frequency: Float
    correlation: Float
    threshold: float
    resolution: Number


def frc(a: npt.ArrayLike, b: npt.ArrayLike, threshold: float = ONE_SEVENTH) -> RingCorrelation:
    """Fourier ring correlation of two planes (Y, X) of one specimen whose noise is independent.

    Saxton & Baumeister, J Microsc 127:127 (1982); Banterle et al., J Struct Biol 183:363 (2013). Edges are tapered (Tukey, 1/4), rings
    are one frequency step wide, the curve is smoothed over three rings, and the crossing is interpolated linearly.
    """
    x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if x.shape != y.shape or x.ndim != 2:
        raise ParameterError(f"wanted two planes (Y, X) of one shape, got {x.shape} and {y.shape}")
    if (reason := _unfit(x, y)) is not None:
        return RingCorrelation(np.empty(0), np.empty(0), threshold, reason)
    rings = min(x.shape) // 2
    shape = (x.shape[0], x.shape[1])
    curve = _curve(*correlation_sums(transform(x), transform(y), shape, rings))
    return crossing(_smooth(curve), 0.5, threshold, curve * np.sqrt(_places(shape, rings) / 2))


def correlation_sums(
    x: npt.NDArray[np.complex128], y: npt.NDArray[np.complex128], shape: tuple[int, int], rings: int
) -> tuple[Float, Float, Float]:
    """Ring sums of Re(x y*), |x|^2 and |y|^2."""
    return (
        ring_sums((x * y.conj()).real, shape, rings),
        ring_sums(x.real**2 + x.imag**2, shape, rings),
        ring_sums(y.real**2 + y.imag**2, shape, rings),
    )


def frc_one_image(image: npt.ArrayLike, threshold: float = ONE_SEVENTH) -> RingCorrelation:
    """Fourier ring correlation from one plane (Y, X) whose noise is independent from pixel to pixel.

    Diagonal checkerboard split after Koho et al., Nature Communications 10:3103 (2019): of every 2 x 2 pixels, the two on a diagonal go
    into one image each, and the curves of both diagonals are averaged. Two corrections make the result comparable with that of two frames,
    instead of that paper's empirical calibration: the displacement of (1, 1) pixels between the halves is taken back exactly, as a phase;
    and since each quarter of the pixels has a quarter of the whole image's signal-to-noise ratio, the correlation F of the quarters
    becomes 4 F / (1 + 3 F), which two whole frames would have. (F is smoothed before: that function is steep below 0, where chance may
    bring F.) The quarters' own sampling ends at 4 pixels per period: finer resolution cannot be seen, and is said to be undefined.
    """
    a = np.asarray(image, np.float64)
    a = a[: a.shape[0] // 2 * 2, : a.shape[1] // 2 * 2]
    if min(a.shape) < 2 * SMALLEST:
        return RingCorrelation(
            np.empty(0), np.empty(0), threshold, Undefined(f"a plane of {a.shape[0]} x {a.shape[1]} pixels is too small to split")
        )
    first, second, third, fourth = a[::2, ::2], a[1::2, 1::2], a[1::2, ::2], a[::2, 1::2]
    if (reason := _unfit(first, second) or _unfit(third, fourth)) is not None:
        return RingCorrelation(np.empty(0), np.empty(0), threshold, reason)
    if (reason := shared_noise(a)) is not None:
        return RingCorrelation(np.empty(0), np.empty(0), threshold, reason)
    shape = (first.shape[0], first.shape[1])
    rings = min(shape) // 2
    down, across = fft.fftfreq(shape[0])[:, None], fft.rfftfreq(shape[1])[None]
    along = np.exp(1j * np.pi * (down + across))  # half a quarter-pixel step along y and x each
    against = np.exp(1j * np.pi * (down - across))
    one = correlation_sums(transform(second), transform(first) * along, shape, rings)
    two = correlation_sums(transform(third), transform(fourth) * against, shape, rings)
    curve = (_curve(*one) + _curve(*two)) / 2
    quarter = np.maximum(_smooth(curve), 0)
    whole = crossing(4 * quarter / (1 + 3 * quarter), 0.25, threshold, curve * np.sqrt(_places(shape, rings)))
    if whole.resolution == NOTHING:
        return whole
    if isinstance(whole.resolution, Undefined):
        return RingCorrelation(
            whole.frequency,
            whole.correlation,
            threshold,
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


def crossing(smooth: Float, highest: float, threshold: float, deviations: Float) -> RingCorrelation:
    """The first place where a smoothed curve falls below the threshold; rings reach up to `highest` cycles per pixel.

    `deviations`: of each ring its correlation before smoothing, in standard deviations of what chance gives.
    """
    frequency = (np.arange(len(smooth)) + 0.5) * highest / len(smooth)
    below = np.flatnonzero(smooth[INNERMOST:] < threshold) + INNERMOST
    resolution: Number
    if smooth[: max(INNERMOST, len(smooth) // 20)].max() < threshold or (smooth[INNERMOST - 1 : INNERMOST + 1] < threshold).all():
        resolution = NOTHING
    elif below.size == 0:
        resolution = Undefined(
            f"the correlation stays above {threshold:.3g} up to the finest period that the pixels hold, {1 / highest:g} pixels"
        )
    else:
        k = int(below[0])
        fraction = (smooth[k - 1] - threshold) / max(smooth[k - 1] - smooth[k], 1e-12)
        resolution = float(1 / (frequency[k - 1] + min(max(fraction, 0.0), 1.0) * (frequency[k] - frequency[k - 1])))
        within = deviations[1:k]  # without the innermost, which was taken for as its neighbour
        if within.sum() < BEYOND_CHANCE * np.sqrt(len(within)):
            resolution = NOTHING
    return RingCorrelation(frequency, smooth, threshold, resolution)


def _unfit(x: Float, y: Float) -> Undefined | None:
    if min(x.shape) < SMALLEST:
        return Undefined(f"planes of {x.shape[0]} x {x.shape[1]} pixels are too small; at least {SMALLEST} a side are needed")
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return Undefined("an image is constant: it has no spectrum")
    return None


__all__ = ["ONE_SEVENTH", "WITH_TRUTH", "RingCorrelation", "frc", "frc_one_image", "taper"]
