"""One pass over the pixels for everything that is a sum; one more for what depends on thresholds, and one for what depends on means."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from abbe.colocalization.moments import Moments, Number
from abbe.colocalization.pair import Array, Pair
from abbe.image.computed import is_result
from abbe.image.inspection import tops_of


@dataclass(frozen=True, slots=True)
class Sums:
    """The whole region: moments, pixels above zero, light where the other channel is above zero, extremes."""

    all: Moments
    positive: tuple[int, int]
    either_positive: int
    a_where_b: Number
    b_where_a: Number
    low: tuple[float, float]
    high: tuple[float, float]


@dataclass(frozen=True, slots=True)
class ThresholdSums:
    """What depends on the thresholds: moments of the pixels over both and over either; light and pixels over one of them.

    `a_over` is the first channel's light where the second is above zero and at its threshold; `b_over` the reverse.
    """

    both: Moments
    either: Moments
    n_first: int
    a_first: Number
    n_second: int
    b_second: Number
    a_over: Number
    b_over: Number
    n_any: int


@dataclass(frozen=True, slots=True)
class Signs:
    """Pixels with (a-A)(b-B) above 0 and equal to 0; saturated pixels of either channel, those over its mean, and those under it."""

    positive: int
    zero: int
    saturated: tuple[int, int]
    over_mean: tuple[int, int]
    under_mean: tuple[int, int]


def measure(pair: Pair) -> Sums:
    """Everything that needs neither thresholds nor means, in one pass; a pair is measured once."""
    found: Sums | None = pair.known.get("sums")
    if found is None:
        found = pair.known["sums"] = measure_now(pair)
    return found


def measure_now(pair: Pair) -> Sums:
    """`measure`, without looking whether it was done before."""
    from abbe.colocalization import kernels

    p, q = pivot(pair)
    kind = np.int64 if pair.integers else np.float64

    def start() -> tuple[list[Number], Array]:
        return [0] * len(kernels.SUMS), np.array([np.inf, -np.inf, np.inf, -np.inf])

    def step(total: tuple[list[Number], Array], a: Array, b: Array) -> None:
        band = np.zeros(len(kernels.SUMS), kind)
        kernels.sums(a, b, p, q, total[1], band)
        _into(total[0], band)

    lanes = pair.accumulate(start, step)
    n, a, b, aa, bb, ab, pa, pb, a_b, b_a, either = _added([lane[0] for lane in lanes])
    extremes = np.array([lane[1] for lane in lanes])
    return Sums(
        all=Moments(int(n), a, b, aa, bb, ab, p.item(), q.item()),
        positive=(int(pa), int(pb)),
        either_positive=int(either),
        a_where_b=a_b + p.item() * int(pb),
        b_where_a=b_a + q.item() * int(pa),
        low=(float(extremes[:, 0].min()), float(extremes[:, 2].min())),
        high=(float(extremes[:, 1].max()), float(extremes[:, 3].max())),
    )


def measure_thresholds(pair: Pair, first: float, second: float) -> ThresholdSums:
    """What depends on the thresholds, in one pass."""
    from abbe.colocalization import kernels

    p, q = pivot(pair)
    first, second = held(pair, first), held(pair, second)
    limits = least(pair, (first, second, _over(pair, first), _over(pair, second)))

    def start() -> list[Number]:
        return [0] * len(kernels.THRESHOLD_SUMS)

    def step(total: list[Number], a: Array, b: Array) -> None:
        band = np.zeros(len(kernels.THRESHOLD_SUMS), limits.dtype)
        kernels.threshold_sums(a, b, p, q, limits, band)
        _into(total, band)

    s = dict(zip(kernels.THRESHOLD_SUMS, _added(pair.accumulate(start, step))))

    def moments(which: str) -> Moments:
        n, a, b, aa, bb, ab = (s[f"{which}_{m}"] for m in ("n", "a", "b", "aa", "bb", "ab"))
        return Moments(int(n), a, b, aa, bb, ab, p.item(), q.item())

    return ThresholdSums(
        both=moments("both"),
        either=moments("either"),
        n_first=int(s["n_first"]),
        a_first=s["a_first"] + p.item() * int(s["n_first"]),
        n_second=int(s["n_second"]),
        b_second=s["b_second"] + q.item() * int(s["n_second"]),
        a_over=s["a_over"] + p.item() * int(s["n_a_over"]),
        b_over=s["b_over"] + q.item() * int(s["n_b_over"]),
        n_any=int(s["n_any"]),
    )


def measure_signs(pair: Pair, sums: Sums) -> Signs:
    """What depends on the means, and saturation, whose value is known once the maximum is; in one pass."""
    from abbe.colocalization import kernels

    means = sums.all.mean_a, sums.all.mean_b
    full = saturation(pair, sums)
    limits = least(pair, (_over(pair, means[0]), _over(pair, means[1]), *means, *full))

    def step(total: Array, a: Array, b: Array) -> None:
        kernels.quotient(a, b, limits, total)

    counts = np.sum(pair.accumulate(lambda: np.zeros(8, np.int64), step), axis=0).tolist()
    return Signs(counts[0], counts[1], (counts[2], counts[3]), (counts[4], counts[5]), (counts[6], counts[7]))


def saturation(pair: Pair, sums: Sums) -> tuple[float, float]:
    """The value at which a pixel of either channel is saturated; infinite where none is.

    As `abbe.image.inspection` has it: a channel is taken for saturated when its maximum is the largest value of the pixel type or of a
    usual camera (10, 12 or 14 bits), or where the image's values are cut off. Results are not: no pixel of theirs is at a top.
    """
    image = pair.image
    highs = [high + level for high, level in zip(sums.high, (pair.background.first, pair.background.second))]
    tops = tops_of(image.dtype) | {image.range[1]} if image.dtype.kind in "iu" else set()
    ends = [high in tops for high in highs]
    if not all(ends) and not is_result(image) and image.original is None:
        seen = [image.inspection.channels[c] for c in pair.channels]
        cut = [s.saturated > 0 and math.isclose(high, s.maximum, rel_tol=1e-6) for s, high in zip(seen, highs)]
        ends = [end or off for end, off in zip(ends, cut)]
    full = [high if end and high > low else math.inf for end, low, high in zip(ends, sums.low, sums.high)]
    return full[0], full[1]


def pivot(pair: Pair) -> tuple[Any, Any]:
    """What is subtracted before summing: 0 as an integer for integers, a value near the mean for floats."""
    if pair.integers:
        return np.int64(0), np.int64(0)
    a, b = pair.first_values()
    return np.float64(a), np.float64(b)


def held(pair: Pair, threshold: float) -> float:
    """`threshold` as the pixels' type holds it: a pixel of 0.7 in single precision lies under 0.7 in double, and is at the threshold."""
    return float(np.float32(threshold)) if pair.dtype == np.float32 else threshold


def _over(pair: Pair, value: float) -> float:
    """The least value strictly over `value`."""
    if not math.isfinite(value):
        return math.inf
    return math.floor(value) + 1 if pair.integers else math.nextafter(value, math.inf)


def least(pair: Pair, values: tuple[float, ...]) -> Array:
    """Limits for "at or over": whole numbers for integer pixels, where at or over 3.4 is at or over 4."""
    if not pair.integers:
        return np.array(values, np.float64)
    return np.array([math.ceil(v) if math.isfinite(v) else 2**62 for v in values], np.int64)


def _into(total: list[Number], band: Array) -> None:
    for k, value in enumerate(band.tolist()):
        total[k] += value


def _added(lanes: list[list[Number]]) -> list[Number]:
    """Lanes in their fixed order; Python's integers do not overflow."""
    return [sum(column) if isinstance(column[0], int) else math.fsum(column) for column in zip(*lanes)]
