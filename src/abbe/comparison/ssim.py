"""SSIM (Wang et al. 2004), and MicroSSIM, which does not depend on detector offset and gain.

Wang, Bovik, Sheikh, Simoncelli, IEEE Trans Image Process 13:600 (2004): C1 = (0.01 L)^2, C2 = (0.03 L)^2, averaged over the positions
at which the whole window lies in the image. Two windows are in use: the paper's Gaussian (sigma 1.5, 11 x 11, weighted variances) and
the uniform 7 x 7 with sample variances that scikit-image takes unless told otherwise.

MicroSSIM (Ashesh, Deschamps, Jug 2024, arXiv:2408.08747): SSIM saturates on microscopy images because an offset of the camera makes all
means alike. So the background (third percentile) is taken from both images, both are divided by the reference's largest value, and the
image gets the one factor for which the mean SSIM is largest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation, correlate1d, uniform_filter1d

from abbe.comparison.fidelity import range_of
from abbe.comparison.records import Number, Undefined
from abbe.errors import ParameterError

Window: TypeAlias = Literal["gaussian", "uniform"]
Float = npt.NDArray[np.float64]

C1, C2 = 0.01**2, 0.03**2
#: half the window's width; the Gaussian is cut at 3.5 sigma of 1.5 pixels, 11 x 11
RADIUS = {"gaussian": 5, "uniform": 3}
#: percentile of MicroSSIM's background
BACKGROUND = 3.0
#: factors between which MicroSSIM looks for its own, relative to the least-squares gain
FACTORS = (0.05, 20.0)


@dataclass(frozen=True)
class Moments:
    """Local means, variances and covariance of a pair of planes, where the window fits; `ok` where it holds no masked pixel."""

    x: Float
    y: Float
    xx: Float
    yy: Float
    xy: Float
    ok: npt.NDArray[np.bool_] | None = None

    def map(self, data_range: float, factor: float = 1.0) -> Float:
        """SSIM at each position, with x multiplied by `factor`."""
        c1, c2 = C1 * data_range**2, C2 * data_range**2
        x = self.x * factor
        light = (2 * x * self.y + c1) / (x * x + self._y2 + c1)
        result: Float = light * (2 * factor * self.xy + c2) / (factor * factor * self.xx + self.yy + c2)
        return result

    @cached_property
    def _y2(self) -> Float:
        return self.y * self.y

    def mean(self, data_range: float, factor: float = 1.0) -> tuple[float, int]:
        """(sum, count) of the map over unmasked positions."""
        values = self.map(data_range, factor)
        values = values if self.ok is None else values[self.ok]
        return float(values.sum()), values.size

    def thinned(self, step: int) -> Moments:
        x, y, xx, yy, xy = (np.ascontiguousarray(a[::step, ::step]) for a in (self.x, self.y, self.xx, self.yy, self.xy))
        return Moments(x, y, xx, yy, xy, None if self.ok is None else self.ok[::step, ::step])


def moments(x: Float, y: Float, window: Window = "gaussian", mask: npt.NDArray[np.bool_] | None = None) -> Moments:
    """Local moments of two planes of one shape, at least one window wide."""
    r = RADIUS[window]
    side = 2 * r + 1
    mean = _gaussian if window == "gaussian" else _uniform
    sample = 1.0 if window == "gaussian" else side**2 / (side**2 - 1)
    mx, my = mean(x), mean(y)
    inner = (slice(r, -r), slice(r, -r))
    ok = None if mask is None else ~binary_dilation(mask, np.ones((side, side), bool))[inner]
    return Moments(
        mx[inner],
        my[inner],
        np.maximum((mean(x * x) - mx * mx)[inner], 0) * sample,
        np.maximum((mean(y * y) - my * my)[inner], 0) * sample,
        (mean(x * y) - mx * my)[inner] * sample,
        ok,
    )


_KERNEL = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
_KERNEL /= _KERNEL.sum()
#: bytes between rows in whose multiples the pixels of a column share a few lines of a processor's cache: along columns a filter is then
#: three times as slow, on planes 512, 1024 or 6144 pixels wide
PAGE = 2048
#: columns that are taken out together and filtered in the cache
STRIP = 32


def _gaussian(a: Float) -> Float:
    result: Float = correlate1d(_down(partial(correlate1d, weights=_KERNEL, axis=0), a), _KERNEL, axis=1)
    return result


def _uniform(a: Float) -> Float:
    result: Float = uniform_filter1d(_down(partial(uniform_filter1d, size=7, axis=0), a), 7, axis=1)
    return result


def _down(filtered: Callable[[Float], Float], a: Float) -> Float:
    """`filtered`, which works along columns, of a plane: the same numbers, by strips where that is faster."""
    if a.strides[0] % PAGE:
        return filtered(a)
    out = np.empty(a.shape)
    for left in range(0, a.shape[1], STRIP):
        out[:, left : left + STRIP] = filtered(np.ascontiguousarray(a[:, left : left + STRIP]))
    return out


def too_small(shape: tuple[int, ...], window: Window = "gaussian") -> Undefined | None:
    side = 2 * RADIUS[window] + 1
    if min(shape[-2:]) >= side:
        return None
    return Undefined(f"planes of {shape[-2]} x {shape[-1]} pixels are smaller than the {side} x {side} window of SSIM")


def ssim(image: npt.ArrayLike, reference: npt.ArrayLike, data_range: float | None = None, *, window: Window = "gaussian") -> Number:
    """Mean SSIM of two (Y, X) planes.

    Args:
        data_range: L; None: largest minus smallest value of the reference.
        window: "gaussian" (the paper's) or "uniform" (scikit-image's usual).
    """
    x, y = _planes(image, reference)
    span = data_range if data_range is not None else range_of(y)
    reason = too_small(y.shape, window) or (span if isinstance(span, Undefined) else None)
    if reason is not None or isinstance(span, Undefined):
        return reason or Undefined("no range")
    at = float(y.mean())  # variances about a common level lose no digits to a large offset; the means get it back
    m = moments(x - at, y - at, window)
    total, count = Moments(m.x + at, m.y + at, m.xx, m.yy, m.xy).mean(span)
    return total / count


def micro_ssim(image: npt.ArrayLike, reference: npt.ArrayLike) -> Number:
    """MicroSSIM of two (Y, X) planes; 1 for any image that is a gain and an offset away from the reference."""
    x, y = _planes(image, reference)
    reason = too_small(y.shape) or micro_undefined(x, y)
    if reason is not None:
        return reason
    low, floor = float(np.percentile(x, BACKGROUND)), float(np.percentile(y, BACKGROUND))
    top = float(y.max()) - floor
    m = moments((x - low) / top, (y - floor) / top)
    total, count = m.mean(1.0, best_factor([m]))
    return total / count


def micro_undefined(x: Float, y: Float) -> Undefined | None:
    for name, a in (("image", x), ("reference", y)):
        if float(np.percentile(a, BACKGROUND)) >= float(a.max()):
            return Undefined(f"the {name} is constant above its background")
    return None


def best_factor(planes: list[Moments]) -> float:
    """The factor on x for which the mean SSIM over these planes (range 1) is largest; searched on at most 100,000 positions."""
    step = max(1, int(np.sqrt(sum(p.x.size for p in planes) / 1e5)))
    thin = [p.thinned(step) for p in planes]
    xx = sum(float((p.xx + p.x**2).sum()) for p in thin)
    start = sum(float((p.xy + p.x * p.y).sum()) for p in thin) / xx if xx > 0 else 1.0
    start = start if start > 0 else 1.0

    def loss(log_factor: float) -> float:
        return -sum(p.mean(1.0, float(np.exp(log_factor)))[0] for p in thin)

    grid = np.log(start) + np.linspace(np.log(FACTORS[0]), np.log(FACTORS[1]), 25)
    values = [loss(float(g)) for g in grid]
    k = int(np.argmin(values))
    from scipy.optimize import minimize_scalar  # slow to load, and not every use of this room needs it

    found = minimize_scalar(loss, bounds=(grid[max(k - 1, 0)], grid[min(k + 1, 24)]), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x if found.fun <= values[k] else grid[k]))


def _planes(image: npt.ArrayLike, reference: npt.ArrayLike) -> tuple[Float, Float]:
    a, b = np.asarray(image, np.float64), np.asarray(reference, np.float64)
    if a.shape != b.shape or a.ndim != 2:
        raise ParameterError(f"wanted two planes (Y, X) of one shape, got {a.shape} and {b.shape}")
    return a, b
