"""Histograms of each channel, before and after, over one range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from abbe.colocalization.pair import Array, Pair
from abbe.colocalization.sums import measure

BINS = 256


@dataclass(frozen=True, eq=False)
class ChannelHistogram:
    """Pixels per bin of one channel.

    Attributes:
        edges: (bins + 1,) in the channel's units after the background was subtracted; the same for before and after.
        counts: (bins,) of the image measured. before: (bins,) of the original; None for an original.
    """

    name: str
    edges: Array
    counts: npt.NDArray[np.int64]
    before: npt.NDArray[np.int64] | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "low": float(self.edges[0]),
            "high": float(self.edges[-1]),
            "counts": self.counts.tolist(),
            "before": None if self.before is None else self.before.tolist(),
        }


@dataclass(frozen=True, eq=False)
class Histograms:
    first: ChannelHistogram
    second: ChannelHistogram

    def to_dict(self) -> dict[str, Any]:
        return {"channels": [self.first.to_dict(), self.second.to_dict()]}


def histograms(pair: Pair, before: Pair | None = None, bins: int = BINS) -> Histograms:
    """Histograms over the values that occur in either image."""
    spans = [_span(p) for p in (pair, before) if p is not None]
    edges = []
    for k in (0, 1):
        low, high = min(s[k][0] for s in spans), max(s[k][1] for s in spans)
        edges.append(np.linspace(low, high if high > low else low + 1, bins + 1))
    after = _counts(pair, edges)
    earlier = None if before is None else _counts(before, edges)
    first, second = (ChannelHistogram(pair.names[k], edges[k], after[k], None if earlier is None else earlier[k]) for k in (0, 1))
    return Histograms(first, second)


def _span(pair: Pair) -> tuple[tuple[float, float], tuple[float, float]]:
    sums = measure(pair)
    if sums.all.n == 0:
        return (0.0, 1.0), (0.0, 1.0)
    return (sums.low[0], sums.high[0]), (sums.low[1], sums.high[1])


def _counts(pair: Pair, edges: list[Array]) -> npt.NDArray[np.int64]:
    def step(total: Array, a: Array, b: Array) -> None:
        total[0] += np.histogram(a, edges[0])[0]
        total[1] += np.histogram(b, edges[1])[0]

    counts: npt.NDArray[np.int64] = np.sum(pair.accumulate(lambda: np.zeros((2, len(edges[0]) - 1), np.int64), step), axis=0)
    return counts
