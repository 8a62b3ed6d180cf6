"""A coefficient over several measurements: regions of an image, or files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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


def of_regions(measured: Iterable[tuple[str, float | None]]) -> tuple[list[float], int]:
    """One value for each region, from (region, value) of each measurement, and how many regions have none.

    A region that was measured in several frames or planes counts once, with their mean: they are no samples of their own.
    """
    found: dict[str, list[float]] = {}
    for region, value in measured:
        found.setdefault(region, []).extend([] if value is None else [value])
    return [fmean(values) for values in found.values() if values], sum(not values for values in found.values())


def spread(values: Sequence[float]) -> Spread | None:
    """None of fewer than `FEWEST` values."""
    if len(values) < FEWEST:
        return None
    return Spread(fmean(values), stdev(values), median(values), min(values), max(values))
