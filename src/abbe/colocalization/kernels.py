"""The loops over pixels. Each takes the values of both channels as flat arrays, all of them inside the ROI, and adds to its last argument.

Integers are summed as 64-bit integers, exactly; floats in double precision about a pivot (p, q) near their mean. The type of the pivot
decides. Bands have at most 2**20 pixels of at most 16 bits, so no sum of products overflows 63 bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from abbe.colocalization.compiled import kernel

A = npt.NDArray[Any]

#: what `sums` adds up, in order
SUMS = ("n", "a", "b", "aa", "bb", "ab", "positive_a", "positive_b", "a_where_b", "b_where_a", "either_positive")


@kernel
def sums(a: A, b: A, p: Any, q: Any, extremes: A, out: A) -> None:
    """Moments of both channels, sums where the other is above zero, minimum and maximum."""
    zero = p - p
    sa = sb = saa = sbb = sab = zero
    s_ab = s_ba = zero
    na = nb = nab = 0
    low_a, high_a, low_b, high_b = a[0], a[0], b[0], b[0]
    for i in range(a.size):
        v, w = a[i], b[i]
        x, y = v - p, w - q
        sa += x
        sb += y
        saa += x * x
        sbb += y * y
        sab += x * y
        is_a, is_b = v > 0, w > 0
        na += is_a
        nb += is_b
        nab += is_a | is_b
        s_ab += x if is_b else zero
        s_ba += y if is_a else zero
        low_a, high_a = min(low_a, v), max(high_a, v)
        low_b, high_b = min(low_b, w), max(high_b, w)
    for k, value in enumerate((zero + a.size, sa, sb, saa, sbb, sab, zero + na, zero + nb, s_ab, s_ba, zero + nab)):
        out[k] += value
    extremes[0], extremes[1] = min(extremes[0], low_a), max(extremes[1], high_a)
    extremes[2], extremes[3] = min(extremes[2], low_b), max(extremes[3], high_b)


#: what `threshold_sums` adds up, in order: moments of the pixels over both, of those over either, then single sums
THRESHOLD_SUMS = (
    *(f"both_{m}" for m in ("n", "a", "b", "aa", "bb", "ab")),
    *(f"either_{m}" for m in ("n", "a", "b", "aa", "bb", "ab")),
    "n_first", "a_first", "n_second", "b_second", "n_a_over", "a_over", "n_b_over", "b_over", "n_any",
)  # fmt: skip


@kernel
def threshold_sums(a: A, b: A, p: Any, q: Any, limits: A, out: A) -> None:
    """Sums that depend on the thresholds; `limits` holds T1, T2, and the least values strictly over them."""
    zero = p - p
    t1, t2, s1, s2 = limits[0], limits[1], limits[2], limits[3]
    n = n_e = n1 = n2 = na = nb = n_any = 0
    sa = sb = saa = sbb = sab = zero
    ea = eb = eaa = ebb = eab = zero
    a1 = b2 = a_over = b_over = zero
    for i in range(a.size):
        v, w = a[i], b[i]
        x, y = v - p, w - q
        over1, over2 = v >= t1, w >= t2
        both = over1 & over2
        either = (v >= s1) | (w >= s2)
        light1, light2 = over1 & (v > 0), over2 & (w > 0)
        xx, yy, xy = x * x, y * y, x * y
        n += both
        sa += x if both else zero
        sb += y if both else zero
        saa += xx if both else zero
        sbb += yy if both else zero
        sab += xy if both else zero
        n_e += either
        ea += x if either else zero
        eb += y if either else zero
        eaa += xx if either else zero
        ebb += yy if either else zero
        eab += xy if either else zero
        n1 += over1
        a1 += x if over1 else zero
        n2 += over2
        b2 += y if over2 else zero
        na += light2
        a_over += x if light2 else zero
        nb += light1
        b_over += y if light1 else zero
        n_any += over1 | over2
    values = (
        *(zero + n, sa, sb, saa, sbb, sab),
        *(zero + n_e, ea, eb, eaa, ebb, eab),
        *(zero + n1, a1, zero + n2, b2, zero + na, a_over, zero + nb, b_over, zero + n_any),
    )
    for k, value in enumerate(values):
        out[k] += value


#: what `light_sums` adds up, in order
LIGHT_SUMS = ("a", "b", "below_a", "below_b", "n_below_a", "n_below_b", "a_where_b", "b_where_a", "a_over", "b_over",
              "a_first", "b_second", "a_both", "b_both")  # fmt: skip


@kernel
def light_sums(a: A, b: A, limits: A, out: A) -> None:
    """Sums of light where values below 0 are none: of all, of what is below 0, where the other channel is, and over the thresholds."""
    t1, t2 = limits[0], limits[1]
    zero = t1 - t1
    sa = sb = below_a = below_b = s_ab = s_ba = a_over = b_over = a1 = b2 = both_a = both_b = zero
    na = nb = 0
    for i in range(a.size):
        v, w = zero + a[i], zero + b[i]
        x, y = max(v, zero), max(w, zero)
        over1, over2 = v >= t1, w >= t2
        sa += x
        sb += y
        below_a += v - x
        below_b += w - y
        na += v < zero
        nb += w < zero
        s_ab += x if w > zero else zero
        s_ba += y if v > zero else zero
        a_over += x if over2 & (w > zero) else zero
        b_over += y if over1 & (v > zero) else zero
        a1 += x if over1 else zero
        b2 += y if over2 else zero
        both_a += x if over1 & over2 else zero
        both_b += y if over1 & over2 else zero
    values = (sa, sb, below_a, below_b, zero + na, zero + nb, s_ab, s_ba, a_over, b_over, a1, b2, both_a, both_b)
    for k, value in enumerate(values):
        out[k] += value


@kernel
def quotient(a: A, b: A, limits: A, out: A) -> None:
    """Pixels with (a-A)(b-B) above 0, with it 0, saturated, over their mean, and under it.

    `limits`: least values over the means, least values not under them, and the values of saturation.
    """
    over_a, over_b, least_a, least_b, top_a, top_b = limits[0], limits[1], limits[2], limits[3], limits[4], limits[5]
    positive = negative = full_a = full_b = above_a = above_b = under_a = under_b = 0
    for i in range(a.size):
        v, w = a[i], b[i]
        up_a, up_b, down_a, down_b = v >= over_a, w >= over_b, v < least_a, w < least_b
        positive += (up_a & up_b) | (down_a & down_b)
        negative += (up_a & down_b) | (down_a & up_b)
        full_a += v >= top_a
        full_b += w >= top_b
        above_a += up_a
        above_b += up_b
        under_a += down_a
        under_b += down_b
    out[0] += positive
    out[1] += a.size - positive - negative
    out[2] += full_a
    out[3] += full_b
    out[4] += above_a
    out[5] += above_b
    out[6] += under_a
    out[7] += under_b


@kernel
def walk_integers(a: A, b: A, first: A, second: A, low: int, rising: bool, out: A) -> None:
    """Moments of the pixels over both thresholds, for every step of the walk at once, as differences from step to step.

    first[v - low] is the first step at which v is over channel 1's threshold; second the same for channel 2, or, where its
    threshold rises along the walk (a falling line), the last. out is (steps + 1, 6): n, a, b, aa, bb, ab.
    """
    steps = out.shape[0] - 1
    for i in range(a.size):
        x, y = np.int64(a[i]), np.int64(b[i])
        start, stop = first[x - low], steps
        if rising:
            stop = second[y - low] + 1
        else:
            start = max(start, second[y - low])
        if start < stop:
            _add(out, start, x, y, 1)
            if stop < steps:
                _add(out, stop, x, y, -1)


@kernel
def _add(out: A, k: int, x: Any, y: Any, sign: int) -> None:
    out[k, 0] += sign
    out[k, 1] += sign * x
    out[k, 2] += sign * y
    out[k, 3] += sign * x * x
    out[k, 4] += sign * y * y
    out[k, 5] += sign * x * y


@kernel
def walk_floats(a: A, b: A, p: float, q: float, t1: A, t2: A, rising: bool, out: A) -> None:
    """`walk_integers` for floats: the thresholds of every step are given, equally spaced."""
    steps = out.shape[0] - 1
    for i in range(a.size):
        start, stop = _first_at_most(t1, a[i]), steps
        if rising:
            stop = _last_at_most(t2, b[i]) + 1
        else:
            start = max(start, _first_at_most(t2, b[i]))
        if start < stop:
            _add(out, start, a[i] - p, b[i] - q, 1)
            if stop < steps:
                _add(out, stop, a[i] - p, b[i] - q, -1)


@kernel
def _first_at_most(t: A, v: float) -> int:
    """First step with t[k] <= v of falling, equally spaced thresholds; their number where there is none."""
    steps = t.size
    gap = (t[0] - t[steps - 1]) / max(steps - 1, 1)
    k = 0 if gap <= 0 else int(min(max((t[0] - v) / gap, 0.0), float(steps)))
    while k < steps and t[k] > v:
        k += 1
    while k > 0 and t[k - 1] <= v:
        k -= 1
    return k


@kernel
def _last_at_most(t: A, v: float) -> int:
    """Last step with t[k] <= v of rising, equally spaced thresholds; -1 where there is none."""
    steps = t.size
    gap = (t[steps - 1] - t[0]) / max(steps - 1, 1)
    k = steps - 1 if gap <= 0 else int(min(max((v - t[0]) / gap, -1.0), float(steps - 1)))
    while k >= 0 and t[k] > v:
        k -= 1
    while k < steps - 1 and t[k + 1] <= v:
        k += 1
    return k


@kernel
def count_values(a: A, b: A, low: int, out: A) -> None:
    """Histogram of every value of both channels: out is (2, values)."""
    for i in range(a.size):
        out[0, np.int64(a[i]) - low] += 1
        out[1, np.int64(b[i]) - low] += 1


@kernel
def rank_sums(a: A, b: A, low: int, ranks_a: A, ranks_b: A, out: A) -> None:
    """Sum of products of the ranks, given per value."""
    total = 0.0
    for i in range(a.size):
        total += ranks_a[np.int64(a[i]) - low] * ranks_b[np.int64(b[i]) - low]
    out[0] += total


@kernel
def weighted_sums(a: A, b: A, codes_a: A, codes_b: A, low: int, dense_a: A, dense_b: A, highest: int, t1: Any, t2: Any, out: A) -> None:
    """Sums of a w and b w over the pixels above both thresholds, with w = highest - |rank a - rank b|; exact for integers.

    Values below 0 are no light and add nothing.
    """
    for i in range(a.size):
        if a[i] >= t1 and b[i] >= t2:
            apart = abs(dense_a[np.int64(codes_a[i]) - low] - dense_b[np.int64(codes_b[i]) - low])
            if a[i] > 0:
                out[0] += a[i] * (highest - apart)
            if b[i] > 0:
                out[1] += b[i] * (highest - apart)


@kernel
def joint_counts(a: A, b: A, low: int, bins_a: A, bins_b: A, out: A) -> None:
    """2-D histogram, with the bin of every value given."""
    for i in range(a.size):
        out[bins_a[np.int64(a[i]) - low], bins_b[np.int64(b[i]) - low]] += 1


@kernel
def joint_counts_floats(a: A, b: A, edges_a: A, edges_b: A, out: A) -> None:
    """2-D histogram between equally spaced edges, as np.histogram2d: a value on an edge belongs to the bin above, save the last."""
    bins_a, bins_b = edges_a.size - 1, edges_b.size - 1
    scale_a, scale_b = bins_a / (edges_a[bins_a] - edges_a[0]), bins_b / (edges_b[bins_b] - edges_b[0])
    for i in range(a.size):
        v, w = a[i], b[i]
        if edges_a[0] <= v <= edges_a[bins_a] and edges_b[0] <= w <= edges_b[bins_b]:
            out[_bin(edges_a, v, scale_a), _bin(edges_b, w, scale_b)] += 1


@kernel
def _bin(edges: A, v: float, scale: float) -> int:
    last = edges.size - 2
    k = min(int((v - edges[0]) * scale), last)
    if v < edges[k]:
        k -= 1
    elif k < last and v >= edges[k + 1]:
        k += 1
    return k


@kernel
def concordant_in_table(table: A) -> Any:
    """Pairs of pixels of which one is higher in both channels, from a joint histogram."""
    rows, columns = table.shape
    before = np.zeros(columns, np.int64)  # pixels of earlier rows, by column
    total = np.int64(0)
    for j in range(rows):
        smaller = np.int64(0)
        for k in range(columns):
            total += table[j, k] * smaller
            smaller += before[k]
        for k in range(columns):
            before[k] += table[j, k]
    return total


@kernel
def concordant_in_order(ordered: A, shift: int, mask: int, columns: int) -> Any:
    """(concordant pairs, pairs tied in both) of packed codes `a << shift | b`, sorted; a Fenwick tree counts the smaller b."""
    tree = np.zeros(columns + 1, np.int64)
    total = tied = np.int64(0)
    start = 0
    while start < ordered.size:
        group = ordered[start] >> shift
        stop, run = start, np.int64(1)
        while stop < ordered.size and ordered[stop] >> shift == group:
            if stop > start and ordered[stop] == ordered[stop - 1]:
                tied += run
                run += 1
            else:
                run = np.int64(1)
            k = np.int64(ordered[stop] & mask)  # pixels of earlier groups with a smaller b
            while k > 0:
                total += tree[k]
                k &= k - 1
            stop += 1
        for i in range(start, stop):
            k = np.int64(ordered[i] & mask) + 1
            while k <= columns:
                tree[k] += 1
                k += k & -k
        start = stop
    return total, tied


@kernel
def shifted_sums(a: A, b: A, inside: A, dy: int, dx: int, p: Any, q: Any, out: A) -> None:
    """Moments of a at (y, x) with b at (y + dy, x + dx), planes (Y, X), over the pixels where both are inside."""
    rows, columns = a.shape
    zero = p - p
    masked = inside.size > 0
    for y in range(max(0, -dy), min(rows, rows - dy)):
        n = 0
        sa = sb = saa = sbb = sab = zero
        for x in range(max(0, -dx), min(columns, columns - dx)):
            if masked and not (inside[y, x] and inside[y + dy, x + dx]):
                continue
            v, w = a[y, x] - p, b[y + dy, x + dx] - q
            n += 1
            sa += v
            sb += w
            saa += v * v
            sbb += w * w
            sab += v * w
        for k, value in enumerate((zero + n, sa, sb, saa, sbb, sab)):
            out[k] += value
