"""`Light`: how much light each channel has, and how much of it lies where the other is; what Manders' shares are made of.

A share of light needs light that is not below 0. A restored image, or one from which an offset was subtracted, has values a little below 0
in empty places: noise around nothing. They count as no light, as Manders et al. (J Microsc 169:375, 1993) have it for what lies below the
background, and the result names that variant. Where they are many, as much of what counts as light is noise too, and there is no share.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from abbe.colocalization.moments import Number
from abbe.colocalization.pair import Array, Pair
from abbe.colocalization.result import Thresholds
from abbe.colocalization.sums import Sums, ThresholdSums, held, least

#: values below 0 may sum to this part of the light: noise around 0 adds as much to the light as it takes away, so a tenth of what then
#: counts as light is none; abbe's choice
MOST_BELOW = 0.1
VARIANT = "values below 0 count as no light"


@dataclass(frozen=True, slots=True)
class ChannelLight:
    """One channel's light; `other` is the other channel.

    Attributes:
        total: all of it. below: sum of the values below 0, which count as none; pixels_below: how many there are.
        where: light where the other is above 0. over: where the other is above 0 and over its threshold, at it included.
        own: light over the channel's own threshold. both: over both.
    """

    total: Number
    below: Number
    pixels_below: int
    where: Number
    over: Number | None = None
    own: Number | None = None
    both: Number | None = None

    @property
    def share_below(self) -> float:
        """What lies below 0, relative to the light; infinite where there is no light."""
        return -self.below / self.total if self.total > 0 else math.inf if self.below else 0.0

    @property
    def variant(self) -> str | None:
        return VARIANT if self.pixels_below else None


Light = tuple[ChannelLight, ChannelLight]


def light(pair: Pair, sums: Sums, over: ThresholdSums | None, thresholds: Thresholds) -> Light:
    """The light of both channels; a pass over the pixels only where some are below 0."""
    if min(sums.low) < 0 and sums.all.n:
        return _counted(pair, thresholds)
    found = [ChannelLight(sums.all.sum_a, 0, 0, sums.a_where_b), ChannelLight(sums.all.sum_b, 0, 0, sums.b_where_a)]
    if over is not None:
        a, b = found
        found = [
            ChannelLight(a.total, 0, 0, a.where, over.a_over, over.a_first, over.both.sum_a),
            ChannelLight(b.total, 0, 0, b.where, over.b_over, over.b_second, over.both.sum_b),
        ]
    return found[0], found[1]


def _counted(pair: Pair, thresholds: Thresholds) -> Light:
    from abbe.colocalization import kernels

    given = thresholds.first is not None and thresholds.second is not None
    limits = least(pair, (held(pair, thresholds.first or 0.0), held(pair, thresholds.second or 0.0)))

    def step(total: Array, a: Array, b: Array) -> None:
        kernels.light_sums(a, b, limits, total)

    lanes = pair.accumulate(lambda: np.zeros(len(kernels.LIGHT_SUMS), limits.dtype), step)
    s = dict(zip(kernels.LIGHT_SUMS, np.sum(lanes, axis=0).tolist()))
    first = ChannelLight(s["a"], s["below_a"], int(s["n_below_a"]), s["a_where_b"])
    second = ChannelLight(s["b"], s["below_b"], int(s["n_below_b"]), s["b_where_a"])
    if not given:
        return first, second
    return (
        ChannelLight(first.total, first.below, first.pixels_below, first.where, s["a_over"], s["a_first"], s["a_both"]),
        ChannelLight(second.total, second.below, second.pixels_below, second.where, s["b_over"], s["b_second"], s["b_both"]),
    )
