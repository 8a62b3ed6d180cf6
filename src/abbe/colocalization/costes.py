"""Costes' automatic threshold: down the regression line until the pixels below are not correlated (Costes et al. 2004).

The orthogonal regression line maps a threshold on one channel to one on the other. The walk runs on the first channel where the line's
slope lies within (-1, 1), on the second elsewhere. Pearson's r below the thresholds (a < T1 or b < T2) is found for every step at once:
one pass puts each pixel at the step at which it passes both thresholds, and sums along the steps give all moments. So a search that
tries one threshold per pass, and that takes minutes on 16 bits, takes here as long as one pass. Every search below uses this table.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from abbe.colocalization.moments import ROUNDING
from abbe.colocalization.pair import Array, Pair
from abbe.colocalization.result import Thresholds
from abbe.colocalization.sums import Sums, pivot

Search: TypeAlias = Literal["walk", "bisection", "first"]

#: most steps of a walk; integers of more range, and floats, walk in steps of their range by this
STEPS = 65536
#: steps over the range of a float channel whose values are no integers: finer than 12 bits of grey
FLOAT_STEPS = 4096
#: r that Coloc 2 takes for 0
NEARLY_ZERO = 0.0001
#: a rise of r smaller than this is rounding
RISE = 1e-12
#: Coloc 2 halves its step at most so often
HALVINGS = 100

_CLASSIC = "with 'classic' Pearson: deviations from the means of the whole region"
_WALK = "Coloc 2 'Costes': a grey level at a time from the maximum, until r below the thresholds falls under 0.0001 or rises"
_BISECTION = "Coloc 2 'Bisection': from the middle, by halved steps, up where r below the thresholds is negative"

#: method -> (search, deviations from the means of the whole region?, in words)
VARIANTS: dict[str, tuple[Search, bool, str]] = {
    "costes": ("first", False, "Costes 2004: the highest threshold at which r below the thresholds is under 0.0001, Coloc 2's zero"),
    "costes-walk": ("walk", False, _WALK),
    "costes-bisection": ("bisection", False, _BISECTION),
    "costes-walk-classic": ("walk", True, f"{_WALK}; {_CLASSIC}"),
    "costes-bisection-classic": ("bisection", True, f"{_BISECTION}; {_CLASSIC}"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """The regression line and the thresholds along it.

    Attributes:
        on_first: does the walk run on the first channel?
        top: where the walk begins, the maximum. step: distance of its thresholds.
        rounded: are both thresholds rounded to whole grey levels?
    """

    slope: float
    intercept: float
    on_first: bool
    top: float
    step: float
    rounded: bool

    def at(self, t: Any) -> tuple[Any, Any]:
        """Thresholds of both channels where the walk is at t."""
        other = t * self.slope + self.intercept if self.on_first else (t - self.intercept) / self.slope
        first, second = (t, other) if self.on_first else (other, t)
        if self.rounded:
            first, second = np.floor(first + 0.5), np.floor(second + 0.5)
        return first, second


class Walk:
    """Pearson's r below the thresholds, at every step of the walk; not a number where it is undefined."""

    def __init__(self, line: Line, sums: Sums, above: Array, classic: bool) -> None:
        self.line, self.sums = line, sums
        self.r = _below(sums, above, classic)

    def value(self, k: int) -> float:
        """Where step k is."""
        return self.line.top - k * self.line.step


def _below(sums: Sums, above: Array, classic: bool) -> npt.NDArray[np.float64]:
    """Pearson's r of all pixels less those above, for every row of moments n, a, b, aa, bb, ab."""
    every = sums.all
    n, a, b, aa, bb, ab = (np.asarray(total, above.dtype) - above[:, k] for k, total in enumerate(every.sums()))
    # about the mean, integers exactly: the squares that are then subtracted are of the size of the variance, and lose no digits
    p, q = (above.dtype.type(round(mean - pivot)) for mean, pivot in ((every.mean_a, every.p), (every.mean_b, every.q)))
    aa, bb, ab = aa - p * (2 * a - n * p), bb - q * (2 * b - n * q), ab - p * b - q * a + n * p * q
    count, x, y, xx, yy, xy = (v.astype(np.float64) for v in (n, a - n * p, b - n * q, aa, bb, ab))
    if classic:
        dx, dy = every.mean_a - every.p - float(p), every.mean_b - every.q - float(q)
        xx, yy, xy = xx - dx * (2 * x - count * dx), yy - dy * (2 * y - count * dy), xy - dx * y - dy * x + count * dx * dy
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            low = ROUNDING * xx, ROUNDING * yy
            xx, yy, xy = xx - x * x / count, yy - y * y / count, xy - x * y / count
        xx, yy = np.where(xx > low[0], xx, 0), np.where(yy > low[1], yy, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        r = xy / np.sqrt(xx * yy)
    return np.where(np.isfinite(r) & (count >= 2), np.clip(r, -1, 1), np.nan)


def find(pair: Pair, sums: Sums, method: str) -> Thresholds:
    """Costes' thresholds by one of `VARIANTS`, or why there are none.

    A threshold below 0, where the channel has no such values, is 0: what the line says of light that cannot be does not depend on whether
    the pixel type could hold it.
    """
    search, classic, variant = VARIANTS[method]
    fitted = sums.all.line()
    if isinstance(fitted, str):
        return Thresholds(method, variant, None, None, f"no thresholds, because {fitted}")
    line = _line(pair, sums, *fitted)
    walk = _walk(pair, sums, line, classic)
    searches = {"walk": _downwards, "bisection": _bisection, "first": _first}
    first, second = (max(float(t), min(0.0, low)) for t, low in zip(line.at(searches[search](walk)), sums.low))
    return Thresholds(method, variant, first, second, None, len(walk.r), line.step)


# ---------------------------------------------------------------------------------------------- searches along the table
def _downwards(walk: Walk) -> float:
    """Coloc 2's walk: one step down at a time; the last threshold tried is the result."""
    last = np.concatenate([[1.0], walk.r[:-1]])
    ended = np.flatnonzero((walk.r < NEARLY_ZERO) | (walk.r > last + RISE))
    return walk.value(int(ended[0]) if len(ended) else len(walk.r) - 1)


def _bisection(walk: Walk) -> float:
    """Coloc 2's bisection; it ends when a step is shorter than a grey level."""
    channel = 0 if walk.line.on_first else 1
    high, low = walk.sums.high[channel], walk.sums.low[channel]
    now = abs(high + low) * 0.5
    width = abs(now - high)
    tried = now
    for _ in range(HALVINGS + 1):
        if width < walk.line.step:
            break
        tried = now
        r = float(walk.r[min(max(_step_of(walk, now), 0), len(walk.r) - 1)])
        before = now
        if r < 0:
            now += width * 0.5
        elif r > 0:
            now -= width * 0.5
        width = abs(now - before)
    return tried


def _first(walk: Walk) -> float:
    """The highest threshold at which r is nearly 0 or negative; the lowest of all where r stays above. A rise of r does not end it."""
    ended = np.flatnonzero(walk.r < NEARLY_ZERO)
    return walk.value(int(ended[0]) if len(ended) else len(walk.r) - 1)


def _step_of(walk: Walk, t: float) -> int:
    """The step whose rounded threshold is the one of t."""
    return round((walk.line.top - (math.floor(t + 0.5) if walk.line.rounded else t)) / walk.line.step)


# ---------------------------------------------------------------------------------------------- the table
def _line(pair: Pair, sums: Sums, slope: float, intercept: float) -> Line:
    on_first = -1 < slope < 1
    channel = 0 if on_first else 1
    low, high = sums.low[channel], sums.high[channel]
    whole_numbers = pair.whole_numbers
    if whole_numbers and high <= STEPS:
        step = 1.0
    elif whole_numbers:
        step = float(math.ceil(high / STEPS))
    else:
        step = (high - low) / FLOAT_STEPS
    return Line(slope, intercept, on_first, high, step, whole_numbers)


def _walk(pair: Pair, sums: Sums, line: Line, classic: bool) -> Walk:
    """One pass: for every step the moments of the pixels over both thresholds."""
    from abbe.colocalization import kernels

    # Coloc 2's walk ends at 1; where all values are below, or floats, at the lowest value
    low = sums.low[0 if line.on_first else 1]
    end = 1.0 if line.rounded and line.top >= 1 else low
    count = max(1, math.floor((line.top - end) / line.step + 1e-9) + 1)
    first, second = line.at(line.top - np.arange(count) * line.step)
    rising = bool(line.slope < 0)
    falling, other = (first, second) if line.on_first else (second, first)
    flip = not line.on_first  # the kernels take the channel that is walked on, then the other
    p, q = pivot(pair)
    p, q = (q, p) if flip else (p, q)

    if pair.integers:
        low_value, high_value = pair.limits
        values = np.arange(low_value, high_value + 1)
        on = np.searchsorted(-falling, -values, side="left").astype(np.int32)
        if rising:
            across = (np.searchsorted(other, values, side="right") - 1).astype(np.int32)
        else:
            across = np.searchsorted(-other, -values, side="left").astype(np.int32)

        def step(total: Array, a: Array, b: Array) -> None:
            one, two = (b, a) if flip else (a, b)
            kernels.walk_integers(one, two, on, across, low_value, rising, total)
    else:

        def step(total: Array, a: Array, b: Array) -> None:
            one, two = (b, a) if flip else (a, b)
            kernels.walk_floats(one, two, p, q, falling, other, rising, total)

    # the largest sum of squares must fit 62 bits, which it does for 2**30 pixels of 16 bits
    exact = pair.integers and sums.all.n * max(map(abs, (*sums.low, *sums.high))) ** 2 < 2**62
    lanes = pair.accumulate(lambda: np.zeros((count + 1, 6), np.int64 if exact else np.float64), step)
    above = np.cumsum(sum(lanes[1:], lanes[0]), axis=0)[:count]
    if flip:
        above = above[:, [0, 2, 1, 4, 3, 5]]
    return Walk(line, sums, above, classic)
