"""The protein proximity index: what part of one protein sits next to the other, diffuse staining set aside.

After Wu et al., Biophys J 98:493 (2010). Staining has a diffuse part, whose correlation falls slowly with the shift, and a sharp one, whose
correlation falls within the resolution. Both are told apart in auto- and cross-correlation by fitting the sum of a wide and a narrow
Gaussian and a constant to the ring means around the peak; the index is a ratio of the narrow amplitudes.

Particles counted (as in image cross-correlation spectroscopy, Comeau, Costantino & Wiseman, Biophys J 91:4611, 2006): with correlations
divided by the product of the means of the particles' light, N1 particles give an autocorrelation of 1/N1, and N12 common ones a
cross-correlation of N12 / (N1 N2). So the share N12 / N1 of the first protein is cross / auto of the second. Camera offset and diffuse
light are no light of particles: what is taken is the mean over what lies around them, a morphological opening of the smoothed image.

What differs from the paper: rings of the 2-D correlation are fitted, not a cut; the value at shift 0 of an autocorrelation is left
out, because camera noise correlates with itself there; all amplitudes are at least 0; one pair of widths serves all three curves,
because three separate fits of two Gaussians each often trade one for the other.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, grey_opening
from scipy.optimize import least_squares

from abbe.colocalization.correlation import Correlation, correlate, middle
from abbe.colocalization.moments import OUT_OF_RANGE
from abbe.colocalization.pair import Pair, Place
from abbe.colocalization.result import Coefficient

#: rings needed for the fit of eleven numbers to three curves
RINGS = 8
#: least amplitude of a narrow part, in standard deviations of the curve around its fit, that can be divided by
VISIBLE = 3.0
#: an index is a share; the fit may carry it this far over 1, and where it goes beyond, the model does not describe the channels
MOST = 1.1
#: half the side of the opening's square in standard deviations of a particle, and the smoothing before it in pixels. Measured on simulated
#: particles under diffuse light and offset: the ratio of both channels' light is right to 10 % up to one particle per 40 pixels
AROUND, SMOOTHED = 4.0, 1.0
#: from the 30th percentile of the difference to the mean of its part without particles, in distances between its 10th and 30th: 0.69 of a
#: normal distribution without any, 0 where particles cover a third
FROM_LOW = 0.35
#: light of particles, in what noise adds to it, that cannot be told from that
DIM = 0.75

Float = npt.NDArray[np.float64]
Curve = tuple[Float, Float]


def proximity(pair: Pair, cross: Correlation | None) -> tuple[Coefficient, Coefficient]:
    """Both indices, or why there are none."""
    autos = [correlate(pair, (k, k)) for k in (0, 1)]
    if cross is None or autos[0] is None or autos[1] is None:
        return _none("the region is too small for a correlation peak")
    if cross.scale == 0:
        return _none("a channel is constant")
    peak, _ = cross.peak()
    if peak is None or max(map(abs, peak)) > cross.reach / 2:
        peak = 0.0, 0.0  # nothing common stands out: what there is of it lies where it should
    curves = [_curve(correlation, (0.0, 0.0), leave_out=1) for correlation in (autos[0], autos[1])]
    curves.append(_curve(cross, peak, leave_out=0))
    if min(len(curve[0]) for curve in curves) < RINGS:
        return _none("the region is too small for a correlation peak")
    if not all(np.isfinite(values).all() for _, values in curves):
        return _none(OUT_OF_RANGE)
    fitted = _fit(curves)
    if fitted is None:
        return _none("wide and narrow parts of the correlation peaks could not be told apart")
    narrow, noise, width = fitted
    # of each channel's light, in its standard deviations, as the curves are
    found_light = [particles(pair, k, width / np.sqrt(2)) for k in (0, 1)]
    if any(bright <= max(DIM * noise, 0.0) for bright, noise in found_light):
        return _none("a channel's particles are too dim to be told from the noise around them")
    shares = [bright / np.sqrt(auto.scale) for (bright, _), auto in zip(found_light, (autos[0], autos[1]))]
    found = []
    for key, own, other in (("ppi1", "first", 1), ("ppi2", "second", 0)):
        if narrow[other] <= VISIBLE * noise[other]:
            name = ("first", "second")[other]
            found.append(Coefficient(key, None, f"the {name} channel's autocorrelation has no narrow part to relate the {own} channel to"))
        else:
            found.append(Coefficient(key, float(narrow[2] / narrow[other] * shares[other] / shares[1 - other])))
    beyond = max((c.value for c in found if c.value is not None), default=0.0)
    if beyond > MOST:
        return _none(
            f"the narrow part of the cross-correlation is {beyond:.2g} times that of a channel with itself, which no share can be: "
            "structure of two sizes, which the indices rest on, does not describe these channels"
        )
    return found[0], found[1]


def _none(reason: str) -> tuple[Coefficient, Coefficient]:
    return Coefficient("ppi1", None, reason), Coefficient("ppi2", None, reason)


def particles(pair: Pair, k: int, sigma: float) -> tuple[float, float]:
    """(mean light of channel k's particles, of standard deviation `sigma` in pixels, over what lies around them; what noise adds to it).

    An opening follows the lowest of noise: how far it lies below what has no particle is told by low percentiles of the difference, and
    taken off.
    """
    rows, columns = middle(pair)
    side = 2 * int(np.ceil(AROUND * sigma)) + 1
    total, count = 0.0, 0
    below: list[tuple[float, float]] = []
    for t in range(*pair.region.frames):
        for z in range(*pair.region.planes):
            *channels, inside = pair.read(Place(t, z, rows.start, rows.stop))
            plane = np.asarray(channels[k], np.float64)[:, columns]
            smooth = gaussian_filter(plane, SMOOTHED)
            ground = grey_opening(smooth, (side, side))
            within = np.ones(plane.shape, bool) if inside is None else inside[:, columns]
            if not within.any():
                continue
            lowest, low = np.percentile((smooth - ground)[within], (10, 30))
            total, count = total + float((plane - ground)[within].sum()), count + int(within.sum())
            below.append((float(low + FROM_LOW * (low - lowest)), float(within.sum())))
    noise = sum(depth * n for depth, n in below) / max(count, 1)
    return total / max(count, 1) - noise, noise


def _curve(correlation: Correlation, centre: tuple[float, float], leave_out: int) -> Curve:
    """Distance and correlation, in standard deviations of both channels, from the ring after those left out."""
    distance, covariance = correlation.profile(centre)
    return distance[leave_out:], (covariance / correlation.scale)[leave_out:]


def _fit(curves: list[Curve], two: bool = True) -> tuple[Float, Float, float] | None:
    """(narrow amplitude of each curve, standard deviation of each around its fit, the narrow part's width); None where no width is found.

    Where the two widths come out alike, structure has one size, all of it narrow, and one Gaussian is fitted.
    """
    scales = [max(float(np.ptp(values)), 1e-30) for _, values in curves]
    reach = max(float(distance[-1]) for distance, _ in curves)

    def model(x: Float, k: int) -> Float:
        narrow, wide, level = x[2 + 3 * k : 5 + 3 * k]
        r2 = curves[k][0] ** 2
        found: Float = narrow * np.exp(-r2 / (2 * x[0] ** 2)) + level
        return found + wide * np.exp(-r2 / (2 * x[1] ** 2)) if two else found

    def residual(x: Float) -> Float:
        return np.concatenate([model(x, k) - values / scale for k, ((_, values), scale) in enumerate(zip(curves, scales))])

    start, low, high = [1.5, reach / 2], [0.5, 2.0], [reach / 3, 2 * reach]
    for (_, values), scale in zip(curves, scales):
        start += [0.5, 0.4, float(values[-1] / scale)]
        low += [0.0, 0.0, -np.inf]
        high += [np.inf, np.inf, np.inf]
    solved = least_squares(residual, np.clip(start, low, high), bounds=(low, high), max_nfev=2000)
    if two and solved.x[1] < 1.5 * solved.x[0]:
        return _fit(curves, two=False)
    if not solved.success:
        return None
    narrow = np.array([solved.x[2 + 3 * k] * scales[k] for k in range(3)])
    noise = np.array([np.std(model(solved.x, k) * scales[k] - curves[k][1]) for k in range(3)])
    return narrow, noise, float(solved.x[0])
