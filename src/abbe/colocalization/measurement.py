"""All coefficients of one pair within one region, from the sums; nothing here looks at a pixel."""

from __future__ import annotations

import math
from dataclasses import dataclass

from abbe.colocalization import ranks
from abbe.colocalization.by_chance import reach_of_chance
from abbe.colocalization.leverage import Few, decided_by_few
from abbe.colocalization.light import MOST_BELOW, ChannelLight, Light, light
from abbe.colocalization.moments import OUT_OF_RANGE, Moments, Number
from abbe.colocalization.pair import Pair
from abbe.colocalization.result import Coefficient, Thresholds
from abbe.colocalization.sums import Signs, Sums, ThresholdSums, measure, measure_signs, measure_thresholds
from abbe.colocalization.thresholds import find
from abbe.colocalization.values import Values

#: r below the thresholds further from 0 than this: Costes' criterion was not met
FAR_FROM_ZERO = 0.05
#: r nearer to 0 than this: the orthogonal regression line runs along one channel's axis, whichever varies more, and gives the other's
#: threshold near its mean. Of unrelated channels with r below it, shares above Costes' thresholds are anything; abbe's choice
HARDLY = 0.1
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
    light: Light
    coefficients: dict[str, Coefficient]
    note: str | None
    #: why the thresholds mean little
    doubt: str | None = None
    #: |r| below which 95 % of unrelated channels with structure as wide as these stay; None where not looked at
    by_chance: float | None = None
    #: few pixels that decide r; None where none do, or where not looked at
    decided: Few | None = None

    @property
    def perhaps_chance(self) -> bool:
        """Is r no farther from 0 than chance brings it?"""
        r = self.coefficients["pearson"].value
        return r is not None and self.by_chance is not None and abs(r) <= self.by_chance

    @property
    def doubtful(self) -> tuple[str, ...]:
        """Coefficients that mean little: they rest on thresholds that do, on a few pixels, or on a channel that is above 0 everywhere."""
        over = THRESHOLDED if self.doubt is not None or (self.decided is not None and self.thresholds.method.startswith("costes")) else ()
        linear = ("pearson", "moc", "k1", "k2", "slope", "intercept") if self.decided is not None else ()
        n = max(self.sums.all.n, 1)
        # M1 is the share of the first channel's light where the second is above 0, and M2 the other way round
        filled = tuple(key for key, other in (("m1", 1), ("m2", 0)) if self.sums.positive[other] / n > FILLED)
        return tuple(key for key in self.coefficients if key in (*over, *linear, *filled))


def measured(
    pair: Pair, method: str | tuple[float, float], ranked: bool = True, most_below: float = MOST_BELOW, against_chance: bool = True
) -> Measurement:
    """Measure a pair; `method` names the thresholds or gives them, `most_below` is how much may lie below 0 where light is shared."""
    sums = measure(pair)
    thresholds = find(pair, sums, method)
    over = None
    if thresholds.first is not None and thresholds.second is not None:
        over = measure_thresholds(pair, thresholds.first, thresholds.second)
    signs = measure_signs(pair, sums)
    lit = light(pair, sums, over, thresholds)
    found: dict[str, float | str] = {
        "pearson": sums.all.pearson(),
        **_thresholded_pearson(sums, over, thresholds),
        "icq": _icq(sums, signs),
        **_overlap(sums.all, ""),
        **_manders(lit, most_below),
        **_thresholded(lit, over, thresholds, most_below),
        **_line(sums),
    }
    note = None
    if ranked:
        further, note = _ranked(pair, sums, thresholds, lit)
        found.update({**further, **(_dark(lit, thresholds, most_below, "rwc{}") if over is not None else {})})
    ordered = {key: found[key] for key in ORDER if key in found}
    reach = reach_of_chance(pair, sums) if against_chance else None
    doubt = doubted(thresholds, sums, found, reach)
    decided = decided_by_few(pair, sums) if against_chance else None
    r = found["pearson"]
    trusted = doubt is None and decided is None and not (reach is not None and isinstance(r, float) and abs(r) <= reach)
    extras = _extras(lit, sums, signs, over)
    coefficients = {key: _coefficient(key, value, *extras.get(key, (None, None)), trusted) for key, value in ordered.items()}
    return Measurement(pair, sums, signs, thresholds, over, lit, coefficients, note, doubt, reach, decided)


#: share of a channel's pixels above 0 from which the other's M1 or M2 says nothing: it is at least about that by chance
FILLED = 0.9
#: those that rest on thresholds
THRESHOLDED = (
    *("tm1", "tm2", "m1_above", "m2_above", "rwc1", "rwc2", "pearson_above", "pearson_above_either", "pearson_below"),
    *("moc_above", "k1_above", "k2_above"),
)
#: the order of the tables
ORDER = (
    *("pearson", "spearman", "kendall", "icq", "moc", "k1", "k2", "m1", "m2", "tm1", "tm2"),
    *("m1_above", "m2_above", "rwc1", "rwc2", "pearson_above", "pearson_above_either", "pearson_below"),
    *("moc_above", "k1_above", "k2_above", "slope", "intercept"),
)


def _extras(lit: Light, sums: Sums, signs: Signs, over: ThresholdSums | None) -> dict[str, tuple[str | None, float | None]]:
    """(variant, value by chance) of what is not 0 by chance.

    By chance, light lies on the other channel as often as pixels do: a share of the pixels equal to that which the other channel covers.
    """
    found: dict[str, tuple[str | None, float | None]] = {"icq": (None, _icq_by_chance(sums, signs)), "moc": (None, _moc_by_chance(sums))}
    n = sums.all.n
    for k, (m, tm, above, rank) in enumerate((("m1", "tm1", "m1_above", "rwc1"), ("m2", "tm2", "m2_above", "rwc2"))):
        own, other = lit[k].variant, lit[1 - k].variant
        found[m] = own or other, sums.positive[1 - k] / n if n else None
        covered = None if over is None or not n else (over.n_second, over.n_first)[k]
        found[tm] = own, None if covered is None else min(covered, sums.positive[1 - k]) / n
        found[above] = own, None if covered is None else covered / n
        found[rank] = own, None
    return found


def _icq_by_chance(sums: Sums, signs: Signs) -> float | None:
    """Li's quotient of unrelated channels: over 0 where most pixels of both are darker than their means, as sparse staining has it."""
    n = sums.all.n
    if not n or signs.zero == n:
        return None
    over, under = ([count / n for count in counts] for counts in (signs.over_mean, signs.under_mean))
    return over[0] * over[1] + under[0] * under[1] - 0.5


def _moc_by_chance(sums: Sums) -> float | None:
    """The overlap coefficient of unrelated channels: their means, and with them any offset, raise it."""
    m = sums.all
    if not m.n or not (m.sum_aa > 0 and m.sum_bb > 0):
        return None
    found = m.mean_a * m.mean_b / (math.sqrt(m.sum_aa / m.n) * math.sqrt(m.sum_bb / m.n))
    return found if math.isfinite(found) else None


def doubted(thresholds: Thresholds, sums: Sums, found: dict[str, float | str], reach: float | None = None) -> str | None:
    """Why Costes' thresholds mean little: his criterion, that what is below them does not correlate, was not met; None where it was.

    `reach` is the |r| that chance reaches.
    """
    first, second, below, slope = thresholds.first, thresholds.second, found["pearson_below"], found["slope"]
    if first is None or second is None or not thresholds.method.startswith("costes"):
        return None
    remedy = "subtract the background, draw a ROI around the cells, or set thresholds of your own"
    r = found["pearson"]
    if isinstance(r, float) and abs(r) < HARDLY:
        falls = " (it falls)" if isinstance(slope, float) and slope < 0 else ""
        return (
            f"the channels hardly correlate (r = {r:.2g}), so the regression line that Costes' thresholds lie on has no direction of its "
            f"own{falls}; tM1, tM2 and all else above threshold mean little; set thresholds of your own, or by otsu"
        )
    if isinstance(slope, float) and slope < 0 and isinstance(r, float) and reach is not None and -r <= reach:
        return (
            f"the regression line falls, for which Costes' thresholds were not made, and r = {r:.2g} is no more than chance brings (within "
            f"{reach:.2g} of 0): tM1, tM2 and all else above threshold mean little"
        )
    if isinstance(slope, float) and slope < 0:
        return (
            "the channels exclude one another (the regression line falls), for which Costes' thresholds were not made; tM1, tM2 and all "
            "else above threshold mean little"
        )
    if first <= sums.low[0] or second <= sums.low[1]:
        return (
            "a threshold of Costes' lies at the channel's darkest pixel or below, so every pixel is above it: no background was found, and "
            f"thresholded numbers mean little; {remedy}"
        )
    if isinstance(below, str):
        return (
            f"Costes' thresholds went down to where nothing is left to correlate ({below}): all pixels correlate, no background was found, "
            f"and thresholded numbers mean little; {remedy}"
        )
    if abs(below) > FAR_FROM_ZERO and not thresholds.method.endswith("classic"):
        return (
            f"Costes' thresholds ended where r below them is {below:.2f}, not 0, so what is below is no mere background: either all pixels "
            f"correlate, down to the lowest grey level, or the search ended early; {remedy}"
        )
    return None


def _coefficient(key: str, value: float | str, variant: str | None, chance: float | None, trusted: bool) -> Coefficient:
    if isinstance(value, str):
        return Coefficient(key, None, value)
    if not math.isfinite(value):
        return Coefficient(key, None, OUT_OF_RANGE)
    return Coefficient(key, float(value), variant=variant, chance=chance, trusted=trusted)


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


def _manders(lit: Light, most_below: float) -> dict[str, float | str]:
    """M1 and M2; which pixels of a channel are above 0 means nothing either where too many are below."""
    found: dict[str, float | str] = {}
    for k, key in enumerate(("m1", "m2")):
        reasons = (_too_dark(lit[j], NAMES[j], most_below) for j in (k, 1 - k))
        found[key] = next((reason for reason in reasons if reason), None) or _ratio(lit[k].where, lit[k].total, f"{NAMES[k]} has no light")
    return found


def _thresholded(lit: Light, over: ThresholdSums | None, thresholds: Thresholds, most_below: float) -> dict[str, float | str]:
    if over is None:
        keys = ("tm1", "tm2", "m1_above", "m2_above", "moc_above", "k1_above", "k2_above")
        return dict.fromkeys(keys, _none(thresholds))
    found: dict[str, float | str] = {}
    for k, channel in enumerate(lit):
        dark = _too_dark(channel, NAMES[k], most_below)
        found[f"tm{k + 1}"] = dark or _ratio(channel.over or 0, channel.total, f"{NAMES[k]} has no light")
        found[f"m{k + 1}_above"] = _ratio(channel.both or 0, channel.own or 0, f"{NAMES[k]} has no light above its threshold")
    return {**found, **_dark(lit, thresholds, most_below, "m{}_above"), **_overlap(over.both, "_above")}


def _dark(lit: Light, thresholds: Thresholds, most_below: float, key: str) -> dict[str, float | str]:
    """Why there is no share of the light above a threshold, by `key` with the channel's number.

    What lies above 0 is light; above a threshold below 0 is also what counts as none, and where that is much the share means nothing.
    """
    limits = (thresholds.first, thresholds.second)
    reasons = {k: _too_dark(lit[k], NAMES[k], most_below) for k, limit in enumerate(limits) if limit is not None and limit < 0}
    return {key.format(k + 1): reason for k, reason in reasons.items() if reason}


def _line(sums: Sums) -> dict[str, float | str]:
    line = sums.all.line()
    slope, intercept = (line, line) if isinstance(line, str) else line
    return {"slope": slope, "intercept": intercept}


def _ranked(pair: Pair, sums: Sums, thresholds: Thresholds, lit: Light) -> tuple[dict[str, float | str], str | None]:
    if sums.all.n == 0:
        return dict.fromkeys(RANKED, "0 pixels"), None
    values = Values(pair, sums)
    weighted: tuple[float | str, float | str] = (_none(thresholds), _none(thresholds))
    if thresholds.first is not None and thresholds.second is not None:
        weighted = ranks.weighted(values, (thresholds.first, thresholds.second), (lit[0].own or 0, lit[1].own or 0))
    found = {"spearman": ranks.spearman(values), "kendall": ranks.kendall(values), "rwc1": weighted[0], "rwc2": weighted[1]}
    return found, values.note


def _none(thresholds: Thresholds) -> str:
    return thresholds.reason or "there are no thresholds"


def _ratio(part: Number, whole: Number, reason: str) -> float | str:
    if not whole > 0:
        return reason
    return part / whole


#: how a reason calls the channels
NAMES = ("the first channel", "the second channel")


def _too_dark(channel: ChannelLight, name: str, most_below: float) -> str | None:
    """Why a share of a channel's light means nothing."""
    if channel.share_below <= most_below:
        return None
    if channel.total <= 0:
        return f"{name} has no light: no value is above 0, and some are below 0"
    return (
        f"{name} has values below 0 that sum to {percent(channel.share_below)} % of its light, so a share of its light means nothing; "
        "subtract another background, or use the unsubtracted image"
    )


def percent(share: float) -> str:
    """0.123 as 12, 44 as 4400."""
    return f"{100 * share:.2g}" if share < 1 else f"{100 * share:.0f}"
