"""Thresholds by name: Costes' in its variants, Otsu's, a share of the maximum, the mean, or given."""

from __future__ import annotations

import numpy as np

from abbe.colocalization import costes
from abbe.colocalization.pair import Array, Pair
from abbe.colocalization.result import Thresholds
from abbe.colocalization.sums import Sums
from abbe.errors import ParameterError

#: bins of the histogram from which Otsu's threshold of float or 16-bit pixels is found
OTSU_BINS = 4096
#: CellProfiler's threshold: this share of the maximum
SHARE = 0.15

#: whole numbers beyond it are no grey values, and none that a processor counts with
LARGEST = 2**53
METHODS: dict[str, str] = {
    **{method: variant for method, (_, _, variant) in costes.VARIANTS.items()},
    "otsu": f"Otsu, IEEE Trans Syst Man Cybern 9:62 (1979), per channel, from at most {OTSU_BINS} bins",
    "maximum15": "15 % of the channel's maximum, as CellProfiler",
    "mean": "the channel's mean",
    "none": "no thresholds asked for",
}


def find(pair: Pair, sums: Sums, method: str | tuple[float, float]) -> Thresholds:
    """The thresholds of both channels by one of `METHODS`, or as given."""
    if not isinstance(method, str):
        first, second = method
        if pair.integers and max(abs(first), abs(second)) > LARGEST:
            raise ParameterError(
                f"wanted thresholds like the grey values, which are whole numbers up to {LARGEST}, got {first:g} and {second:g}"
            )
        return Thresholds("given", "given", float(first), float(second))
    if sums.all.n == 0:
        return Thresholds(method, METHODS[method], None, None, "the region has no pixels")
    if method == "none":
        return Thresholds(method, METHODS[method], None, None, "no thresholds were asked for")
    if method.startswith("costes"):
        return costes.find(pair, sums, method)
    if method == "mean":
        found: tuple[float | None, float | None] = (sums.all.mean_a, sums.all.mean_b)
    elif method == "maximum15":
        found = (SHARE * sums.high[0], SHARE * sums.high[1])
    else:
        found = _otsu(pair, sums)
    if None in found:
        return Thresholds(method, METHODS[method], None, None, "a channel is constant, so nothing divides it")
    return Thresholds(method, METHODS[method], *found)


def check(threshold: object) -> str | tuple[float, float]:
    """A threshold as a user gave it. Raises `ParameterError` when it is no method and no pair of numbers."""
    if isinstance(threshold, str):
        if threshold not in METHODS:
            raise ParameterError(f"wanted thresholds by {', '.join(METHODS)}, or as two numbers, got {threshold!r}")
        return threshold
    if threshold is None:
        return "none"
    try:
        first, second = (float(t) for t in threshold)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        first = second = float("nan")
    if not (np.isfinite(first) and np.isfinite(second)):
        raise ParameterError(f"wanted thresholds by {', '.join(METHODS)}, or as two numbers, got {threshold!r}")
    return first, second


def _otsu(pair: Pair, sums: Sums) -> tuple[float | None, float | None]:
    """Otsu's threshold of either channel; the value from which the brighter class begins."""
    edges = [_edges(low, high, pair.whole_numbers) for low, high in zip(sums.low, sums.high)]

    def step(total: list[Array], a: Array, b: Array) -> None:
        for k, values in enumerate((a, b)):
            total[k] += np.histogram(values, edges[k])[0]

    lanes = pair.accumulate(lambda: [np.zeros(len(e) - 1, np.int64) for e in edges], step)
    first, second = (_divide(np.sum([lane[k] for lane in lanes], axis=0), edges[k]) for k in (0, 1))
    return first, second


def _edges(low: float, high: float, whole_numbers: bool) -> Array:
    """Edges of bins: one per grey level where these are few."""
    if whole_numbers and high - low < OTSU_BINS:
        return np.arange(low, high + 2)
    return np.linspace(low, high if high > low else low + 1, OTSU_BINS + 1)


def _divide(counts: Array, edges: Array) -> float | None:
    """The edge that maximises the variance between the classes below and above."""
    if np.count_nonzero(counts) < 2:
        return None
    centres = (edges[:-1] + edges[1:]) / 2
    below, above = np.cumsum(counts)[:-1], np.cumsum(counts[::-1])[::-1][1:]
    light = np.cumsum(counts * centres)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (light[:-1] / below - (light[-1] - light[:-1]) / above) ** 2
    return float(edges[int(np.nanargmax(between)) + 1])
