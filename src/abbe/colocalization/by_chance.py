"""How far from 0 chance alone brings Pearson's r: what holds 95 % of the r of unrelated channels with structure as wide as these have."""

from __future__ import annotations

import math

from abbe.colocalization.pair import Pair
from abbe.colocalization.sums import Sums
from abbe.colocalization.unrelated import variance

#: standard deviations that hold 95 % of a normal distribution
NINETY_FIVE = 1.96


def reach_of_chance(pair: Pair, sums: Sums) -> float | None:
    """The |r| below which 95 % of unrelated channels with structure as wide as these stay; at most 1. None where r is undefined."""
    found = variance(pair, sums)
    return None if found is None else min(1.0, NINETY_FIVE * math.sqrt(found))
