"""RSP, RSE and the error map of SQUIRREL, by an exact fit.

Culley et al., Nature Methods 15:263-266 (2018): the super-resolved image S is blurred by a Gaussian and given a gain and an offset
until it is as close as can be to the conventional image R; RSE is the root mean square of what is left, RSP the Pearson correlation of
the two, the error map the absolute difference. NanoJ searches the three parameters with a particle swarm. Here, for each width, gain
and offset are the least-squares line in closed form, so one bounded search over the width alone is left (variable projection; Golub &
Pereyra 1973).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy.ndimage import gaussian_filter

from abbe.comparison.records import Number, Undefined
from abbe.comparison.resample import Plane, blur_to_coarse

Border: TypeAlias = Literal["clamped", "inside"]

#: widths (pixels of the original) at which the search starts; a reconstruction that needs more than the last resolves nothing
WIDTHS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.3, 1.7, 2.2, 3.0, 4.0, 6.0, 8.0)
#: widths from which the border rule "inside" leaves out pixels: a Gaussian has 99.7 % within three
INSIDE = 3.0
#: share of a pixel's blur that may come from where the transformed image has no value: a rim is left out as far as it matters, and a pixel
#: here and there takes nothing with it
SHARE = 0.03


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over pixel pairs (x: transformed image, y: original), about fixed centres, so that large offsets cost no digits."""

    n: int = 0
    x: float = 0.0
    y: float = 0.0
    xx: float = 0.0
    yy: float = 0.0
    xy: float = 0.0
    centre: tuple[float, float] = (0.0, 0.0)

    @staticmethod
    def of(x: Plane, y: Plane, centre: tuple[float, float] | None = None) -> Sums:
        if x.size == 0:
            return Sums(centre=centre or (0.0, 0.0))
        at = centre or (float(x.mean()), float(y.mean()))
        a, b = (x - at[0]).ravel(), (y - at[1]).ravel()
        return Sums(a.size, float(a.sum()), float(b.sum()), _dot(a, a), _dot(b, b), _dot(a, b), at)

    def __add__(self, other: Sums) -> Sums:
        if not self.n or not other.n:
            return self if self.n else other
        dx, dy = other.centre[0] - self.centre[0], other.centre[1] - self.centre[1]
        n = other.n
        return Sums(
            self.n + n,
            self.x + other.x + n * dx,
            self.y + other.y + n * dy,
            self.xx + other.xx + 2 * dx * other.x + n * dx * dx,
            self.yy + other.yy + 2 * dy * other.y + n * dy * dy,
            self.xy + other.xy + dx * other.y + dy * other.x + n * dx * dy,
            self.centre,
        )

    @property
    def moments(self) -> tuple[float, float, float]:
        """Sums of squares and products about the means: xx, yy, xy."""
        n = max(self.n, 1)
        return max(self.xx - self.x**2 / n, 0.0), max(self.yy - self.y**2 / n, 0.0), self.xy - self.x * self.y / n

    @property
    def constant(self) -> tuple[bool, bool]:
        """Whether x and y vary no more than rounding does."""
        xx, yy, _ = self.moments
        size = [self.n * 1e-24 * max(abs(m) ** 2, 1e-280) for m in self.centre]
        return xx <= size[0], yy <= size[1]

    def line(self) -> tuple[float, float]:
        """(gain, offset) of y on x."""
        xx, _, xy = self.moments
        gain = xy / xx if xx > 0 else 0.0
        mean_x, mean_y = self.centre[0] + self.x / max(self.n, 1), self.centre[1] + self.y / max(self.n, 1)
        return gain, mean_y - gain * mean_x

    def correlation(self) -> float:
        xx, yy, xy = self.moments
        return min(1.0, max(-1.0, xy / math.sqrt(xx * yy))) if xx > 0 and yy > 0 else 0.0

    def rest(self) -> float:
        """Mean square of y about the line."""
        xx, yy, xy = self.moments
        return max(yy - (xy * xy / xx if xx > 0 else 0.0), 0.0) / max(self.n, 1)


def _dot(a: np.ndarray, b: np.ndarray) -> float:
    """Without BLAS, whose threads would make the last digits depend on the machine's load."""
    return float(np.einsum("i,i->", a, b))


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of the original, and what is needed of the transformed image around it.

    `ok` is False at masked pixels; `without` is True at those, here and as far around as blurring reaches, under which the transformed
    image had no value; `inner` is where this part lies in that.
    """

    original: Plane
    fine: Plane
    rows: tuple[range, range]
    columns: tuple[range, range]
    scale: tuple[float, float]
    ok: np.ndarray | None = None
    without: np.ndarray | None = None
    inner: tuple[slice, ...] = ()

    def modelled(self, sigma: float, shift: tuple[float, float] = (0.0, 0.0)) -> Plane:
        return blur_to_coarse(self.fine, self.rows, self.columns, self.scale, sigma, shift)

    def seen(self, sigma: float) -> np.ndarray | None:
        """False at masked pixels, and where blurring by `sigma` brings what the transformed image had no value for; None: nowhere."""
        if self.without is None or self.ok is None or sigma == 0:
            return self.ok
        near = gaussian_filter(self.without.astype(np.float32), sigma, mode="constant", truncate=INSIDE) > SHARE
        seen: np.ndarray = self.ok & ~near[self.inner]
        return seen

    def sums(self, sigma: float, shift: tuple[float, float] = (0.0, 0.0), margin: float = 0.0, size: tuple[int, int] | None = None) -> Sums:
        x, ok = self.modelled(sigma, shift), self.seen(sigma)
        if margin and size is not None:
            ok = inside(self.rows[0], self.columns[0], size, margin) & (True if ok is None else ok)
        return Sums.of(x, self.original) if ok is None else Sums.of(x[ok], self.original[ok])


def inside(rows: range, columns: range, size: tuple[int, int], margin: float) -> np.ndarray:
    """True where a pixel lies at least `margin` from the border of a plane of `size`."""
    y, x = np.asarray(rows), np.asarray(columns)
    down, across = (y >= margin) & (y < size[0] - margin), (x >= margin) & (x < size[1] - margin)
    result: np.ndarray = down[:, None] & across
    return result


def best_width(tiles: Sequence[Tile], shift: tuple[float, float] = (0.0, 0.0), around: float | None = None) -> float:
    """The width for which gain and offset leave the least; `around` narrows the search to a fifth about a known one."""

    def left(sigma: float) -> float:
        total = _total(tile.sums(sigma, shift) for tile in tiles)
        return total.rest() if total.moments[2] > 0 else total.moments[1] / max(total.n, 1)

    from scipy.optimize import minimize_scalar  # slow to load, and an error map whose fit is known does without

    if around is not None:
        bounds = (max(0.8 * around - 0.05, 0.0), 1.2 * around + 0.05)
        found = minimize_scalar(left, bounds=bounds, method="bounded", options={"xatol": 2e-4})
        return float(found.x) if found.fun < left(0.0) else 0.0
    values = [left(width) for width in WIDTHS]
    k = int(np.argmin(values))
    bounds = (WIDTHS[max(k - 1, 0)], WIDTHS[min(k + 1, len(WIDTHS) - 1)])
    found = minimize_scalar(left, bounds=bounds, method="bounded", options={"xatol": 1e-4})
    return float(found.x) if found.fun < values[k] else WIDTHS[k]


def _total(parts: Iterable[Sums]) -> Sums:
    total = Sums()
    for part in parts:
        total = total + part
    return total


@dataclass(frozen=True, slots=True)
class SquirrelFit:
    """RSP, RSE and the parameters; `error_map` is the absolute difference, in the original's units, on its grid.

    `sigma` is the Gaussian's standard deviation in pixels of the original, integrated over fine pixels; `width` that of the two together.
    """

    rsp: Number
    rse: Number
    gain: Number
    offset: Number
    sigma: Number
    width: Number
    pixels: int
    error_map: Plane | None = None


def why_undefined(total: Sums) -> Undefined | None:
    """Why a correlation of these pixels does not exist; None when it does."""
    if total.n < 3:
        return Undefined(f"only {total.n} pixels are left to compare; at least 3 are needed")
    x, y = total.constant
    if x or y:
        which = "both images are" if x and y else "the transformed image is" if x else "the original is"
        return Undefined(f"{which} constant: there is no structure to correlate")
    return None


def numbers(total: Sums, sigma: float, scale: float) -> SquirrelFit:
    """The fit that sums at its best width stand for. RSE exists wherever there are pixels, RSP where both vary."""
    reason = why_undefined(total)
    if reason is not None:
        rse = float(math.sqrt(total.rest())) if total.n and total.constant[1] else reason
        return SquirrelFit(reason, rse, reason, reason, reason, reason, total.n)
    gain, offset = total.line()
    return SquirrelFit(
        total.correlation(), math.sqrt(total.rest()), gain, offset, sigma, math.sqrt(sigma**2 + 1 / (12 * scale**2)), total.n
    )


def squirrel(
    original: Plane,
    transformed: Plane,
    scale: tuple[float, float] | None = None,
    *,
    border: Border = "clamped",
    shift: tuple[float, float] = (0.0, 0.0),
    mask: np.ndarray | None = None,
) -> SquirrelFit:
    """SQUIRREL on one plane, whole and exact.

    Args:
        original: (Y, X), the conventional image.
        transformed: (Y', X'), on a grid at least as fine over the same field.
        scale: transformed pixels per original pixel; None: from the shapes.
        border: "clamped": beyond its border the transformed image continues with its outermost pixels, and every pixel counts (the rule of
            NanoJ-SQUIRREL's convolution). "inside": pixels nearer to the border than three widths are left out.
        shift: a known displacement of the transformed image in original pixels (y, x), to be taken back.
        mask: (Y, X), True at original pixels that do not count.
    """
    a, b = np.asarray(original, np.float64), np.asarray(transformed, np.float64)
    factor = scale or (b.shape[0] / a.shape[0], b.shape[1] / a.shape[1])
    tile = Tile(
        a, b, (range(a.shape[0]), range(b.shape[0])), (range(a.shape[1]), range(b.shape[1])), factor, None if mask is None else ~mask
    )
    sigma = best_width([tile], shift)
    margin = 0.0
    if border == "inside":
        margin = math.ceil(INSIDE * sigma)
        sigma = best_inside(tile, shift, margin, sigma)
    total = tile.sums(sigma, shift, margin, a.shape)
    fit = numbers(total, sigma, factor[0])
    gain, offset = total.line()
    error = np.abs(a - gain * tile.modelled(sigma, shift) - offset)
    return SquirrelFit(fit.rsp, fit.rse, fit.gain, fit.offset, fit.sigma, fit.width, fit.pixels, error)


def best_inside(tile: Tile, shift: tuple[float, float], margin: float, around: float) -> float:
    """The width again, from the pixels inside alone."""
    size = tile.original.shape

    def left(sigma: float) -> float:
        return tile.sums(sigma, shift, margin, (size[0], size[1])).rest()

    from scipy.optimize import minimize_scalar

    found = minimize_scalar(left, bounds=(0.5 * around, 2 * around + 0.1), method="bounded", options={"xatol": 1e-4})
    return float(found.x)
