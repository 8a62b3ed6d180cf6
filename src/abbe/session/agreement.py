"""Do the results of a measurement agree with those of the same measurement made again? Numbers, what is undefined, verdicts and words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

#: relative difference up to which two numbers agree when the engines differ; float32 sums in another order differ by less
TOLERANCE = 1e-6
#: and difference up to which they do, being nothing but rounding: of numbers without a unit, and as a part of the largest grey value
ROUNDING = 1e-12
#: keys of what is in grey values, wherever it stands
GREY = {
    *("thresholds", "background", "intercept", "costes_threshold1", "costes_threshold2", "costes_intercept"),
    *("minimum", "maximum", "mean", "median", "rse", "offset", "edges", "curve", "data_range"),
}
#: keys of ratios of grey values, and of sizes: of any magnitude, so that these agree relatively or not at all
ANY = {"slope", "costes_slope", "gain", "k1", "k2", "k1_above", "k2_above", "size"}
#: keys of what is said in words, and compared as such
WORDS = ("verdict", "words", "doubtful")


@dataclass(frozen=True, slots=True)
class Differences:
    """How much was compared, and "what: before, now" for each that differs."""

    compared: int
    differing: tuple[str, ...]


def differences(before: Any, after: Any, name: str) -> Differences:
    """What differs between two results as plain data (`to_dict`), under a name.

    What only the later one has is no difference: a newer abbe measures more.
    """
    grey = _largest(before)
    compared, differing = 0, []
    for path, was, now in _leaves(before, after, ()):
        compared += 1
        if not _agree(was, now, path, grey):
            where = "".join(f" {step + 1}" if isinstance(step, int) else f", {step}" for step in path)
            differing.append(f"{name}{where}: {_said(was)} before, {_said(now)} now")
    return Differences(compared, tuple(differing))


_Path = tuple[str | int, ...]


def _leaves(before: Any, after: Any, path: _Path) -> Iterator[tuple[_Path, Any, Any]]:
    """Everything that is compared: (where, before, after); None is what is undefined or missing."""
    before, after = _defined(before), _defined(after)
    if path and path[-1] in WORDS:
        yield from _words(before, after, path)
    elif isinstance(before, Mapping):
        for key, value in before.items():
            if key != "undefined":  # reasons in words; what is undefined is None in its own place
                yield from _leaves(value, after.get(key) if isinstance(after, Mapping) else None, (*path, key))
    elif isinstance(before, list):
        same = isinstance(after, list) and len(after) == len(before)
        for index, value in enumerate(before):
            yield from _leaves(value, after[index] if same else None, (*path, index))
        if not before and _holds_numbers(after):
            yield path, None, after
    elif _is_number(before) or (before is None and (_is_number(after) or _holds_numbers(after))):
        yield path, before, after


def _words(before: Any, after: Any, path: _Path) -> Iterator[tuple[_Path, Any, Any]]:
    """A verdict, a word for each coefficient, or a list of those that mean little; a word on either side alone counts."""
    if before is None and after is None:
        return
    if path[-1] == "words" and isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys((*before, *after)):
            yield (*path, key), before.get(key), after.get(key)
    elif path[-1] == "verdict" and isinstance(before, Mapping) and isinstance(after, Mapping):
        yield (*path, "word"), before.get("word"), after.get("word")  # its line may be worded otherwise by a newer abbe
    else:
        yield path, before, after


def _defined(value: Any) -> Any:
    """None for a number that a comparison calls undefined."""
    return None if isinstance(value, Mapping) and set(value) == {"undefined"} else value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _holds_numbers(value: Any) -> bool:
    inside = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return any(_is_number(one) or _holds_numbers(one) for one in inside)


def _agree(before: Any, after: Any, path: _Path, grey: float) -> bool:
    if before == after:
        return True
    try:
        if _is_number(before) and _is_number(after):
            keys = set(path)
            rounding = 0.0 if keys & ANY else ROUNDING * (grey if keys & GREY and "randomisation" not in keys else 1.0)
            return math.isclose(before, after, rel_tol=TOLERANCE, abs_tol=rounding)
    except OverflowError:  # a report may say anything
        pass
    return False


def _largest(results: Any) -> float:
    """The largest grey value of the images, by their extremes; 0 where none are told."""
    found = 0.0
    if isinstance(results, Mapping):
        for key, value in results.items():
            found = max(found, abs(value) if key in ("minimum", "maximum") and _is_number(value) else _largest(value))
    elif isinstance(results, list):
        found = max((_largest(value) for value in results), default=0.0)
    return found


def _said(value: Any) -> str:
    if value is None:
        return "undefined or nothing"
    if isinstance(value, Mapping):
        return str(value.get("word") or "numbers")
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
