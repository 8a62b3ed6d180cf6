"""All coefficients of one pair within one region, from the sums; nothing here looks at a pixel."""

from __future__ import annotations

import math
from dataclasses import dataclass

from abbe.colocalization import ranks
from abbe.colocalization.moments import OUT_OF_RANGE, Moments, Number
from abbe.colocalization.pair import Pair
from abbe.colocalization.result import Coefficient, Thresholds
from abbe.colocalization.sums import Signs, Sums, ThresholdSums, measure, measure_signs, measure_thresholds
from abbe.colocalization.thresholds import find
from abbe.colocalization.values import Values

#: coefficients that need the values' ranks; leave them out where only sums are wanted
RANKED = ("spearman", "kendall", "rwc1", "rwc2")


@dataclass(frozen=True)
class Measurement:
    """The coefficients of a pair, with what they came from."""

    pair: Pair
    sums: Sums
    signs: Signs
    thresholds: Thresholds
    over: ThresholdSums | None
    coefficients: dict[str, Coefficient]
    note: str | None


def measured(pair: Pair, method: str | tuple[float, float], ranked: bool = True) -> Measurement:
    """Measure a pair; `method` names the thresholds or gives them."""
    sums = measure(pair)
    thresholds = find(pair, sums, method)
    over = None
    if thresholds.first is not None and thresholds.second is not None:
        over = measure_thresholds(pair, thresholds.first, thresholds.second)
    signs = measure_signs(pair, sums)
    found: dict[str, float | str] = {
        "pearson": sums.all.pearson(),
        **_thresholded_pearson(sums, over, thresholds),
        "icq": _icq(sums, signs),
        **_overlap(sums.all, ""),
        **_manders(sums),
        **_thresholded(sums, over, thresholds),
        **_line(sums),
    }
    note = None
    if ranked:
        further, note = _ranked(pair, sums, thresholds, over)
        found.update(further)
    ordered = {key: found[key] for key in ORDER if key in found}
    coefficients = {key: _coefficient(key, value) for key, value in ordered.items()}
    return Measurement(pair, sums, signs, thresholds, over, coefficients, note)


#: the order of the tables
ORDER = (
    *("pearson", "spearman", "kendall", "icq", "moc", "k1", "k2", "m1", "m2", "tm1", "tm2"),
    *("m1_above", "m2_above", "rwc1", "rwc2", "pearson_above", "pearson_above_either", "pearson_below"),
    *("moc_above", "k1_above", "k2_above", "slope", "intercept"),
)


def _coefficient(key: str, value: float | str) -> Coefficient:
    if isinstance(value, str):
        return Coefficient(key, None, value)
    if not math.isfinite(value):
        return Coefficient(key, None, OUT_OF_RANGE)
    return Coefficient(key, float(value))


def _thresholded_pearson(sums: Sums, over: ThresholdSums | None, thresholds: Thresholds) -> dict[str, float | str]:
    keys = ("pearson_above", "pearson_above_either", "pearson_below")
    if over is None:
        return dict.fromkeys(keys, _none(thresholds))
    means = (sums.all.mean_a, sums.all.mean_b) if thresholds.method.endswith("classic") else None
    return dict(zip(keys, (m.pearson(means) for m in (over.both, over.either, sums.all - over.both))))


def _icq(sums: Sums, signs: Signs) -> float | str:
    n = sums.all.n
    if n == 0:
        return "0 pixels"
    if signs.zero == n:
        return f"a channel is constant over these {n} pixels"
    return signs.positive / n - 0.5


def _overlap(m: Moments, suffix: str) -> dict[str, float | str]:
    """MOC, k1 and k2 over some pixels."""
    aa, bb, ab = m.sum_aa, m.sum_bb, m.sum_ab
    first, second = (f"the {which} channel is 0 over these {m.n} pixels" for which in ("first", "second"))
    if m.n == 0:
        first = second = "no pixel is at or over both thresholds" if suffix else "0 pixels"
    return {
        f"moc{suffix}": _ratio(ab, math.sqrt(aa) * math.sqrt(bb), first if aa <= 0 else second) if aa >= 0 and bb >= 0 else first,
        f"k1{suffix}": _ratio(ab, aa, first),
        f"k2{suffix}": _ratio(ab, bb, second),
    }


def _manders(sums: Sums) -> dict[str, float | str]:
    return {
        "m1": _share(sums.a_where_b, sums.all.sum_a, "first", sums.low[0]),
        "m2": _share(sums.b_where_a, sums.all.sum_b, "second", sums.low[1]),
    }


def _thresholded(sums: Sums, over: ThresholdSums | None, thresholds: Thresholds) -> dict[str, float | str]:
    if over is None:
        keys = ("tm1", "tm2", "m1_above", "m2_above", "moc_above", "k1_above", "k2_above")
        return dict.fromkeys(keys, _none(thresholds))
    return {
        "tm1": _share(over.a_over, sums.all.sum_a, "first", sums.low[0]),
        "tm2": _share(over.b_over, sums.all.sum_b, "second", sums.low[1]),
        "m1_above": _share(over.both.sum_a, over.a_first, "first", sums.low[0], " above its threshold"),
        "m2_above": _share(over.both.sum_b, over.b_second, "second", sums.low[1], " above its threshold"),
        **_overlap(over.both, "_above"),
    }


def _line(sums: Sums) -> dict[str, float | str]:
    line = sums.all.line()
    slope, intercept = (line, line) if isinstance(line, str) else line
    return {"slope": slope, "intercept": intercept}


def _ranked(pair: Pair, sums: Sums, thresholds: Thresholds, over: ThresholdSums | None) -> tuple[dict[str, float | str], str | None]:
    if sums.all.n == 0:
        return dict.fromkeys(RANKED, "0 pixels"), None
    values = Values(pair, sums)
    weighted: tuple[float | str, float | str] = (_none(thresholds), _none(thresholds))
    if over is not None and thresholds.first is not None and thresholds.second is not None:
        weighted = ranks.weighted(values, (thresholds.first, thresholds.second), over)
    found = {"spearman": ranks.spearman(values), "kendall": ranks.kendall(values), "rwc1": weighted[0], "rwc2": weighted[1]}
    return found, values.note


def _none(thresholds: Thresholds) -> str:
    return thresholds.reason or "there are no thresholds"


def _ratio(part: Number, whole: Number, reason: str) -> float | str:
    if not whole > 0:
        return reason
    return part / whole


def _share(part: Number, whole: Number, which: str, low: float, where: str = "") -> float | str:
    """A share of a channel's light; none where the light is not above 0, or values below 0 make shares meaningless."""
    if low < 0:
        return f"the {which} channel has values below 0, so a share of its light means nothing; subtract the background first"
    return _ratio(part, whole, f"the {which} channel has no light{where}")
