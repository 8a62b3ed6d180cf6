"""How much wider a stack's point-spread function is along z than across, told from the stack alone; Richardson-Lucy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

Volume = npt.NDArray[np.float32]

#: width along z over width across of the Gaussian that fits a widefield point-spread function best: 2 sqrt(6) n / NA over sqrt(2), here for
#: oil (n = 1.515, NA = 1.4). Zhang, Zerubia & Olivo-Marin, Appl Opt 46:1819 (2007), table 2
ELONGATION = 3.75
#: widths across (pixels) that images are taken with: finer is below the pixels, wider is a broken microscope
NARROWEST, WIDEST = 0.6, 2.0
#: z-steps, in pixels, that stacks are restored from: what networks are taught, and are told at most
FINEST_STEP, COARSEST_STEP = 1.0, 6.0
#: parts of the highest frequency between which the spectrum is looked at, and the width of a shell, cycles per pixel
LOWEST, HIGHEST, SHELL = 0.02, 0.34, 0.02
#: power that counts is this many times that of the noise
ABOVE = 3.0
#: bins of a shell from the direction across (0) to that along z (1), by squared cosine
BINS = 8
#: the percentile of a stack that is taken for what the camera adds
FLOOR = 1.0
#: iterations; with momentum they come as far as some 60 without
ITERATIONS = 20
#: the ratio of a measured to a predicted plane is taken this far above zero (share of the unit): below it there is only noise
SMALLEST = 1e-4


@dataclass(frozen=True, slots=True)
class StackBlur:
    """A Gaussian point-spread function: standard deviations in pixels, `axial` in the same unit."""

    lateral: float
    axial: float

    @classmethod
    def of_excess(cls, excess: float) -> StackBlur:
        """From how much wider it is along z, sqrt(axial^2 - lateral^2): the width across is what a lens of that depth of field has."""
        lateral = float(np.clip(excess / np.sqrt(ELONGATION**2 - 1), NARROWEST, WIDEST))
        return cls(lateral, float(np.hypot(excess, lateral)))


def axial_excess(stack: npt.NDArray[np.floating], ratio: float) -> float | None:
    """sqrt(axial^2 - lateral^2) of the point-spread function's widths, in pixels, of a specimen that is alike in all directions.

    Whatever the specimen's spectrum is, it depends on the length of a frequency alone; what is left within a shell of one length is the
    lens: log power falls by (2 pi k)^2 (axial^2 - lateral^2) times the squared cosine of the angle to z. Fitted by least squares over all
    shells where there is more than noise.

    Args:
        stack: (Z, Y, X) as measured: its noise is the same at all frequencies.
        ratio: z-step over pixel size.

    Returns:
        None where it cannot be told: fewer than 5 planes, a blank or noisy stack, one as sharp along z as across.
    """
    if min(stack.shape) < 5:
        return None
    window = [np.hanning(n + 2)[1:-1] for n in stack.shape]
    part = (stack - stack.mean(dtype=np.float64)) * window[0][:, None, None] * window[1][:, None] * window[2]
    power = np.abs(np.fft.rfftn(part)) ** 2
    fz, fy, fx = np.fft.fftfreq(stack.shape[0]) / ratio, np.fft.fftfreq(stack.shape[1]), np.fft.rfftfreq(stack.shape[2])
    across = fy[:, None] ** 2 + fx**2
    square = fz[:, None, None] ** 2 + across
    cosine = fz[:, None, None] ** 2 / np.maximum(square, 1e-12)
    noise = float(np.median(power[:, across > 0.4**2]) / np.log(2)) if (across > 0.4**2).any() else 0.0
    shells = (np.sqrt(square) / SHELL).astype(np.int64)
    numbers = np.arange(round(LOWEST / SHELL), round(HIGHEST / SHELL))
    inside = (shells >= numbers[0]) & (shells <= numbers[-1])
    index = (shells[inside] - numbers[0]) * BINS + np.minimum((cosine[inside] * BINS).astype(np.int64), BINS - 1)
    size = len(numbers) * BINS
    count = np.maximum(np.bincount(index, minlength=size), 1e-9)
    mean = [np.bincount(index, values, size) / count for values in (power[inside], (square * cosine)[inside])]
    use = (count >= 4) & (mean[0] > ABOVE * noise) & (mean[0] > 0)
    up = down = 0.0
    for shell in np.split(np.arange(size), len(numbers)):
        kept = shell[use[shell]]
        if len(kept) < 3:
            continue
        weight = count[kept]
        x, y = -4 * np.pi**2 * mean[1][kept], np.log(mean[0][kept] - noise)
        x, y = x - np.average(x, weights=weight), y - np.average(y, weights=weight)
        up, down = up + float((weight * x * y).sum()), down + float((weight * x * x).sum())
    return float(np.sqrt(up / down)) if down > 0 and up > 0 else None


def sharpen_stack(planes: Volume, ratio: float, blur: StackBlur, floor: float, unit: float, iterations: int = ITERATIONS) -> Volume:
    """A stack of (Z, Y, X) planes as an isotropic volume, deblurred by Richardson-Lucy iterations with momentum.

    Richardson, J Opt Soc Am 62:55 (1972); Lucy, Astron J 79:745 (1974); momentum (k - 1) / (k + 2) as Beck & Teboulle, SIAM J Imaging Sci
    2:183 (2009): it does not depend on the data, so that what is far away changes nothing. The planes between the measured ones are
    unknown, not interpolated: each iteration compares with the measured planes alone.

    Args:
        ratio: z-step over pixel size.
        floor: background of the camera, in the planes' unit: light is what lies above it.
        unit: what is bright in the planes.

    Returns:
        (round((Z - 1) ratio) + 1, Y, X), in the planes' unit.
    """
    light = (np.maximum(planes.astype(np.float64) - floor, 0) / unit + SMALLEST).astype(np.float32)
    sigma = (blur.axial, blur.lateral, blur.lateral)
    depth = round((len(planes) - 1) * ratio) + 1
    seen = _spread_out(np.ones((len(planes), 1, 1), np.float32), ratio, depth)
    norm = np.maximum(_blurred(seen, (blur.axial, 0, 0)), np.float32(1e-3))
    now = before = to_even(light, ratio)
    for k in range(iterations):
        start = np.maximum(now + np.float32(max(k - 1, 0) / (k + 2)) * (now - before), 0)
        predicted = np.maximum(_taken(_blurred(start, sigma), ratio, len(planes)), np.float32(SMALLEST))
        error = _blurred(_spread_out(np.asarray(light / predicted, np.float32), ratio, depth), sigma)
        now, before = np.asarray(start * error / norm, np.float32), now
    return np.asarray((now.astype(np.float64) - SMALLEST) * unit + floor, np.float32)


def _blurred(volume: Volume, sigma: tuple[float, float, float]) -> Volume:
    out: Volume = gaussian_filter(volume, sigma, truncate=3.5)
    return out


def to_even(planes: Volume, ratio: float) -> Volume:
    """Linear interpolation along z: input plane k at k * ratio, output plane j at j."""
    low, share = _places(len(planes), ratio)
    high = np.minimum(low + 1, len(planes) - 1)
    return np.asarray(planes[low] * (1 - share) + planes[high] * share, np.float32)


def _places(planes: int, ratio: float) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    at = np.minimum(np.arange(round((planes - 1) * ratio) + 1) / ratio, planes - 1)
    low = np.minimum(at.astype(np.int64), max(planes - 2, 0))
    return low, (at - low).astype(np.float32)[:, None, None]


def _between(planes: int, ratio: float, depth: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """For each measured plane the even plane below it, and how far it lies on the way to the next."""
    at = np.minimum(np.arange(planes) * ratio, depth - 1)
    low = np.minimum(at.astype(np.int64), max(depth - 2, 0))
    return low, (at - low).astype(np.float32)[:, None, None]


def _taken(volume: Volume, ratio: float, planes: int) -> Volume:
    """The measured planes of an even volume."""
    low, share = _between(planes, ratio, len(volume))
    if not share.any():
        return volume[low]
    return np.asarray(volume[low] * (1 - share) + volume[np.minimum(low + 1, len(volume) - 1)] * share, np.float32)


def _spread_out(planes: Volume, ratio: float, depth: int) -> Volume:
    """The adjoint of `_taken`."""
    out = np.zeros((depth, *planes.shape[1:]), np.float32)
    low, share = _between(len(planes), ratio, depth)
    np.add.at(out, low, planes * (1 - share))
    if share.any():
        np.add.at(out, np.minimum(low + 1, depth - 1), planes * share)
    return out
