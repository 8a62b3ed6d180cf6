"""`Values`: how often each value occurs in either channel, and the ranks that follow.

Integers of up to 16 bits are counted, in one pass whatever the image's size. Floats are sorted, which needs them in memory; of larger
float images each value is first put into one of 65536 equal steps of its channel's range, and the result says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from abbe.colocalization.pair import LANES, Array, Pair
from abbe.colocalization.sums import Sums
from abbe.limits import LIMITS

Counts = npt.NDArray[np.int64]

#: bytes that sorting takes per float pixel: a key and its position, twice
SORTING = 16
#: steps into which floats are put when there are too many to sort
LEVELS = 65536


@dataclass(frozen=True)
class Ranks:
    """Ranks of one channel's values. `counts` is how often each value occurs, in ascending order of the values."""

    counts: Counts

    @cached_property
    def mean(self) -> npt.NDArray[np.float64]:
        """Rank of each value from 1, the mean over equal values, less the mean of all ranks."""
        total = int(self.counts.sum())
        ended = np.cumsum(self.counts)
        return (2 * ended - self.counts + 1 - (total + 1)) / 2

    @cached_property
    def dense(self) -> npt.NDArray[np.int32]:
        """Rank of each value from 0, without gaps."""
        ranks: npt.NDArray[np.int32] = np.maximum(np.cumsum(self.counts > 0) - 1, 0).astype(np.int32)
        return ranks

    @property
    def distinct(self) -> int:
        return int(np.count_nonzero(self.counts))

    @cached_property
    def variation(self) -> int:
        """12 times the sum of squares of the centred mean ranks, exactly."""
        total = int(self.counts.sum())
        found = np.unique(self.counts[self.counts > 1], return_counts=True)
        tied: int = sum(many * (t**3 - t) for t, many in zip(found[0].tolist(), found[1].tolist()))
        return total**3 - total - tied

    @cached_property
    def ties(self) -> int:
        """Pairs of pixels with equal values, exactly."""
        found = np.unique(self.counts[self.counts > 1], return_counts=True)
        return sum(many * t * (t - 1) // 2 for t, many in zip(found[0].tolist(), found[1].tolist()))


class Values:
    """Both channels as codes: small integers in the order of the values.

    Attributes:
        low: least code; a code less `low` is an index into the ranks.
        note: how the values were made comparable, where they were not taken as they are.
    """

    def __init__(self, pair: Pair, sums: Sums) -> None:
        self.pair, self.sums = pair, sums
        self.note: str | None = None
        self.low = 0
        self._sorted: tuple[Array, Array] | None = None
        if pair.integers:
            self.low = pair.limits[0]
            self.ranks = self._counted(pair.limits[1] - self.low + 1)
        elif sums.all.n * SORTING <= LIMITS.in_memory:
            self._sort()
        else:
            self.note = f"values in {LEVELS} steps of either channel's range, because {sums.all.n} float pixels are too many to sort"
            self.ranks = self._counted(LEVELS)

    def accumulate(
        self, start: Callable[[], Any], step: Callable[[Any, Array, Array, Array, Array], None], lanes: int = LANES
    ) -> list[Any]:
        """`Pair.accumulate` with the codes of both channels besides: `step(total, a, b, codes_a, codes_b)`."""
        if self._sorted is not None:
            total = start()
            one, two = self._floats
            step(total, one, two, *self._sorted)
            return [total]
        if self.pair.integers:
            return self.pair.accumulate(start, lambda total, a, b: step(total, a, b, a, b), lanes)
        return self.pair.accumulate(start, lambda total, a, b: step(total, a, b, *self._levels(a, b)), lanes)

    # ------------------------------------------------------------------------------------------ making codes
    def _counted(self, count: int) -> tuple[Ranks, Ranks]:
        from abbe.colocalization import kernels

        def step(total: Array, a: Array, b: Array) -> None:
            one, two = (a, b) if self.pair.integers else self._levels(a, b)
            kernels.count_values(one, two, self.low, total)

        counts = np.sum(self.pair.accumulate(lambda: np.zeros((2, count), np.int64), step), axis=0)
        return Ranks(counts[0]), Ranks(counts[1])

    def _levels(self, a: Array, b: Array) -> tuple[Array, Array]:
        found = []
        for values, low, high in zip((a, b), self.sums.low, self.sums.high):
            scaled = (values.astype(np.float64) - low) * (LEVELS / max(high - low, np.finfo(float).tiny))
            found.append(np.clip(scaled, 0, LEVELS - 1).astype(np.uint16))
        return found[0], found[1]

    def _sort(self) -> None:
        def step(total: list[tuple[Array, Array]], a: Array, b: Array) -> None:
            total.append((a, b))

        start: Callable[[], list[tuple[Array, Array]]] = list
        collected = self.pair.accumulate(start, step)
        bands = [band for lane in collected for band in lane]
        self._floats = tuple(np.concatenate([band[k] for band in bands]) if bands else np.empty(0) for k in (0, 1))
        one, two = (_codes(values) for values in self._floats)
        self._sorted = one[0], two[0]
        self.ranks = Ranks(one[1]), Ranks(two[1])


def _codes(values: Array) -> tuple[Array, Counts]:
    """(dense code of each value, how often each occurs)."""
    if values.dtype == np.float32:
        # the bits of a float sort like integers once negative ones are flipped; with the position below, one sort gives the order
        bits = (values + np.float32(0)).view(np.uint32)
        keys = np.where(bits >> 31, ~bits, bits | np.uint32(2**31)).astype(np.uint64)
        keys = (keys << np.uint64(32)) | np.arange(len(values), dtype=np.uint64)
        keys.sort()
        order, ordered = (keys & np.uint64(0xFFFFFFFF)).astype(np.uint32), (keys >> np.uint64(32)).astype(np.uint32)
        del keys
    else:
        order = np.argsort(values, kind="stable").astype(np.uint32)
        ordered = values[order]
    new = np.empty(len(values), bool)
    new[:1] = True
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    codes = np.empty(len(values), np.uint32)
    codes[order] = (np.cumsum(new) - 1).astype(np.uint32)
    starts = np.flatnonzero(new)
    return codes, np.diff(starts, append=len(values)).astype(np.int64)
