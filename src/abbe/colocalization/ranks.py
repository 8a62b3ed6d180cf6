"""What depends on the order of the values alone: Spearman's rho, Kendall's tau-b, and rank-weighted colocalization."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from abbe.colocalization.moments import Number
from abbe.colocalization.pair import LANES, Array
from abbe.colocalization.values import Values
from abbe.limits import LIMITS

#: most cells of a joint histogram from which Kendall's tau is counted: 4096 x 4096, all pairs of 12-bit values
CELLS = 2**24
#: a larger histogram is kept once, not per core: memory
SHARED = 2**20


def spearman(values: Values) -> float | str:
    """Pearson's r of the ranks, equal values sharing the mean of theirs; or why there is none."""
    from abbe.colocalization import kernels

    one, two = values.ranks
    if constant := _constant(values):
        return constant
    a, b, low = one.mean, two.mean, values.low

    def step(total: Array, x: Array, y: Array, codes_a: Array, codes_b: Array) -> None:
        kernels.rank_sums(codes_a, codes_b, low, a, b, total)

    products = math.fsum(float(lane[0]) for lane in values.accumulate(lambda: np.zeros(1), step))
    rho = 12 * products / (math.sqrt(one.variation) * math.sqrt(two.variation))
    return min(1.0, max(-1.0, rho))


def kendall(values: Values) -> float | str:
    """tau-b = (concordant - discordant) / sqrt((pairs - ties in a)(pairs - ties in b)); or why there is none."""
    one, two = values.ranks
    if constant := _constant(values):
        return constant
    n = values.sums.all.n
    if n >= 2**32:
        return f"{n} pixels are too many to count their pairs; draw a ROI"
    if one.distinct * two.distinct <= CELLS:
        concordant, both = _pairs_in_table(values)
    else:
        width = 4 if max(one.distinct, two.distinct) <= 65536 else 8
        if n * width > LIMITS.in_memory:
            return f"{n} pixels of many values are too many to sort in memory; draw a ROI"
        concordant, both = _pairs_in_order(values, width)
    pairs = n * (n - 1) // 2
    discordant = pairs - concordant - one.ties - two.ties + both
    tau = (concordant - discordant) / (math.sqrt(pairs - one.ties) * math.sqrt(pairs - two.ties))
    return min(1.0, max(-1.0, tau))


def _pairs_in_table(values: Values) -> tuple[int, int]:
    """(concordant pairs, pairs tied in both channels) from the joint histogram of the values that occur."""
    from abbe.colocalization import kernels

    one, two = values.ranks
    # few enough values for the table are few enough for 16 bits
    small = np.uint16 if max(one.distinct, two.distinct) <= 65536 else np.int32
    a, b, low = one.dense.astype(small), two.dense.astype(small), values.low

    def step(total: Array, x: Array, y: Array, codes_a: Array, codes_b: Array) -> None:
        kernels.joint_counts(codes_a, codes_b, low, a, b, total)

    cells = one.distinct * two.distinct
    lanes = values.accumulate(lambda: np.zeros((one.distinct, two.distinct), np.uint32), step, LANES if cells <= SHARED else 1)
    table = lanes[0]
    for lane in lanes[1:]:
        table += lane
    counts, many = np.unique(table[table > 1], return_counts=True)
    both = sum(m * t * (t - 1) // 2 for t, m in zip(counts.tolist(), many.tolist()))
    return int(kernels.concordant_in_table(table)), both


def _pairs_in_order(values: Values, width: int) -> tuple[int, int]:
    """The same by sorting: both codes packed into one integer, then a Fenwick tree over the second."""
    from abbe.colocalization import kernels

    one, two = values.ranks
    kind: Any = np.uint32 if width == 4 else np.uint64
    shift = 8 * width // 2
    packed = np.empty(values.sums.all.n, kind)
    filled = 0

    a, b, low = one.dense.astype(kind), two.dense.astype(kind), values.low

    def step(total: list[Array], x: Array, y: Array, codes_a: Array, codes_b: Array) -> None:
        one, two = (codes.astype(np.int64) - low if low else codes for codes in (codes_a, codes_b))
        total.append((a[one] << kind(shift)) | b[two])

    for lane in values.accumulate(list, step):
        for part in lane:
            packed[filled : filled + len(part)] = part
            filled += len(part)
        lane.clear()
    packed.sort()
    concordant, both = kernels.concordant_in_order(packed, kind(shift), kind(2**shift - 1), two.distinct)
    return int(concordant), int(both)


def weighted(values: Values, thresholds: tuple[float, float], own: tuple[Number, Number]) -> tuple[float | str, float | str]:
    """Rank-weighted colocalization (Singan et al. 2011) of either channel; or why there is none.

    `own` is either channel's light over its threshold. Ranks are dense and start at 0, the highest rank R is that of the channel with more
    values, and a pixel weighs (R + 1 - |rank a - rank b|) / (R + 1), as CellProfiler computes it.
    """
    from abbe.colocalization import kernels

    one, two = values.ranks
    highest = max(one.distinct, two.distinct)
    a, b, low = one.dense, two.dense, values.low
    limits = [math.ceil(t) if values.pair.integers else float(t) for t in thresholds]

    def step(total: list[Number], x: Array, y: Array, codes_a: Array, codes_b: Array) -> None:
        band = np.zeros(2, np.int64 if values.pair.integers else np.float64)
        kernels.weighted_sums(x, y, codes_a, codes_b, low, a, b, highest, limits[0], limits[1], band)
        for k, light in enumerate(band.tolist()):
            total[k] += light

    lanes = values.accumulate(lambda: [0, 0], step)
    light = [sum(lane[k] for lane in lanes) for k in (0, 1)]
    first = light[0] / (highest * own[0]) if own[0] > 0 else "the first channel has no light above its threshold"
    second = light[1] / (highest * own[1]) if own[1] > 0 else "the second channel has no light above its threshold"
    return first, second


def _constant(values: Values) -> str | None:
    one, two = (ranks.distinct < 2 for ranks in values.ranks)
    n = values.sums.all.n
    if n < 2:
        return f"{n} pixels; a correlation needs at least 2"
    if one or two:
        which = "both channels are" if one and two else f"the {'first' if one else 'second'} channel is"
        return f"{which} constant over these {n} pixels"
    return None
