"""A coefficient over several measurements: regions of an image, or files."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, median, stdev
from typing import NamedTuple

#: measurements from which there is a spread: a standard deviation of two says nothing
FEWEST = 3
#: the coefficients of a line that fits on a page
MAIN = ("pearson", "spearman", "icq", "m1", "m2", "tm1", "tm2")
#: heads of the columns of a `Spread`
HEAD = ("mean", "SD", "median", "least", "most")


class Spread(NamedTuple):
    """Mean, standard deviation (with n - 1), median, least and greatest value."""

    mean: float
    sd: float
    median: float
    least: float
    most: float

    def __str__(self) -> str:
        return f"{self.mean:.4g} +- {self.sd:.4g} (mean, SD), median {self.median:.4g}, {self.least:.4g} to {self.most:.4g}"


def spread(values: Sequence[float]) -> Spread | None:
    """None of fewer than `FEWEST` values."""
    if len(values) < FEWEST:
        return None
    return Spread(fmean(values), stdev(values), median(values), min(values), max(values))
