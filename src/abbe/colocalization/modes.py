"""`modes`: the most frequent value of either channel, which is its background where most of a region is empty.

Whole numbers are counted level by level. Of other floats hardly two are alike: their most frequent value is where they lie densest, found
by smoothing a fine histogram with a Gaussian of Silverman's width (Density Estimation, 1986), from the noise around the background.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from abbe.colocalization.pair import Pair
from abbe.colocalization.sums import measure

#: bins in which the most frequent value of a channel is looked for
BINS = 65536
#: quarter of a normal distribution's values lie so many standard deviations below its median, to it
QUARTER = 0.6745
#: bins of the smoothed histogram to a standard deviation of the smoothing
FINE = 8
#: a bin of so many times the smoothed counts, and of so many more, holds a value that comes again: a level of grey, a floor of zeros
REPEATED, CHANCE = 4.0, 10.0

Counts = npt.NDArray[np.int64]


def modes(pair: Pair) -> tuple[float, float]:
    """The most frequent value of either channel; 0 of a region without pixels."""
    sums = measure(pair)
    if sums.all.n == 0:
        return 0.0, 0.0
    edges, levels = [], [pair.whole_numbers and high - low < BINS for low, high in zip(sums.low, sums.high)]
    for low, high, level in zip(sums.low, sums.high, levels):
        edges.append(np.arange(low, high + 2) if level else np.linspace(low, max(high, np.nextafter(low, np.inf)), BINS + 1))

    def step(total: list[Counts], a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> None:
        for k, values in enumerate((a, b)):
            total[k] += np.histogram(values, edges[k])[0]

    lanes = pair.accumulate(lambda: [np.zeros(len(e) - 1, np.int64) for e in edges], step)
    first, second = (_most(np.sum([lane[k] for lane in lanes], axis=0), edges[k], levels[k]) for k in (0, 1))
    return first, second


def _most(counts: Counts, edges: npt.NDArray[np.float64], level: bool) -> float:
    best = int(np.argmax(counts))
    if level:
        return float(edges[best])
    width = _smoothing(counts)
    group = int(width / FINE)  # bins of the smoothed histogram are that many of these
    if width >= 1:
        group = max(group, 1)
        coarse = np.add.reduceat(counts, np.arange(0, len(counts), group)).astype(np.float64)
        smooth = gaussian_filter1d(coarse, width / group, mode="constant")
        if counts[best] <= REPEATED * smooth[best // group] / group + CHANCE:
            best = int(np.argmax(smooth)) * group
            return float((edges[best] + edges[min(best + group, len(counts))]) / 2)
    return float((edges[best] + edges[best + 1]) / 2)


def _smoothing(counts: Counts) -> float:
    """Silverman's width in bins, of the values at and below the median: structure lies above."""
    total = np.cumsum(counts)
    quarter, half = (int(np.searchsorted(total, share * total[-1])) for share in (0.25, 0.5))
    return float(0.9 * (half - quarter) / QUARTER * float(total[-1]) ** -0.2)
