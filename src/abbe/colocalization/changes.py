"""Coefficients of a processed image beside those of its original, and whether processing changed them by more than its own interval."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from abbe.colocalization.measurement import Measurement, measured
from abbe.colocalization.once import Once
from abbe.colocalization.pair import select
from abbe.colocalization.result import Change, Colocalization
from abbe.image import Notice

#: a change worth a word where the image carries no interval to judge it by; abbe's choice
WORTH_A_WORD = 0.05
#: a change smaller than this is none, whatever the interval; abbe's choice
SLIGHT = 0.005
#: coefficients that a warning names, and how; the others follow from the same pixels
SAID = {
    "pearson": "Pearson's r",
    "spearman": "Spearman's rank correlation",
    "icq": "Li's ICQ",
    "moc": "the overlap coefficient (MOC)",
    "m1": "Manders' M1",
    "m2": "Manders' M2",
    "tm1": "Manders' tM1",
    "tm2": "Manders' tM2",
}
#: those of them that change with the background alone, whatever else was restored
BACKGROUND = ("moc", "m1", "m2", "tm1", "tm2")


def changes(m: Measurement, before: Colocalization) -> dict[str, Change]:
    """Every coefficient before and after, with its range over the bounds of the image's interval where it has one."""
    ranges = _ranges(m)
    found = {}
    for key, coefficient in m.coefficients.items():
        earlier = before.coefficients[key].value if key in before.coefficients else None
        low, high = ranges.get(key, (None, None))
        beyond = None
        if low is not None and high is not None and earlier is not None:
            beyond = not low - SLIGHT <= earlier <= high + SLIGHT
        found[key] = Change(key, earlier, coefficient.value, low, high, beyond)
    return found


def _ranges(m: Measurement) -> Mapping[str, tuple[float, float]]:
    """Least and largest value of each coefficient over the image and the bounds of its per-pixel 90 % interval.

    Four extremes are measured, either channel at its lower or upper bound, with the image's own thresholds. That is the range which a
    bias of the whole image within its interval could cause; independent errors of the pixels average out and change far less.
    Ranked coefficients have no range.
    """
    interval = m.pair.image.interval
    if interval is None:
        return {}
    thresholds = m.thresholds
    given = (thresholds.first, thresholds.second) if thresholds.first is not None and thresholds.second is not None else "none"
    found: dict[str, list[float]] = {}
    once = Once()
    bounds = [once.image(bound) for bound in interval]
    sources = [(a, b) for a in bounds for b in bounds]
    for pair_of in sources:
        bound = select(m.pair.image, m.pair.channels, m.pair.region, m.pair.background, pair_of)
        # a lower bound reaches below 0 in every empty place, which is no reason to leave shares of light without a range
        for key, coefficient in measured(bound, given, ranked=False, most_below=math.inf, against_chance=False).coefficients.items():
            if coefficient.value is not None:
                found.setdefault(key, []).append(coefficient.value)
    whole = {key: values for key, values in found.items() if len(values) == len(sources) and m.coefficients[key].value is not None}
    own = {key: m.coefficients[key].value for key in whole}
    return {key: (min(*values, own[key] or 0.0), max(*values, own[key] or 0.0)) for key, values in whole.items()}


def changed(beside: Mapping[str, Change], judged: bool) -> Iterator[Notice]:
    """A warning for coefficients that processing changed."""
    for key in SAID:
        change = beside.get(key)
        if change is None or change.difference is None:
            continue
        was, now = f"{SAID[key]} was {change.before:.3f} on the original", f"is {change.after:.3f} here"
        if key in BACKGROUND:
            now += " (taking away background alone changes it)"
        if change.beyond:
            yield Notice(
                "changed",
                f"{was} and {now}. The original's value is beyond the image's own 90 % interval ({change.low:.3f} to {change.high:.3f}): "
                "what restoration changed is more than it claims to know. Report the original's value beside it",
            )
        elif change.beyond is None and abs(change.difference) > WORTH_A_WORD:
            lacks = "this coefficient has no interval" if judged else "the image carries no interval"
            yield Notice(
                "changed",
                f"{was} and {now}; {lacks}, so whether that is gained resolution or an artefact cannot be told from it. Report both values",
            )
