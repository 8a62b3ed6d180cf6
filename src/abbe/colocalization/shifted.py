"""Pearson's r of one channel with the other moved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from abbe.colocalization.moments import Moments
from abbe.colocalization.pair import Pair
from abbe.colocalization.sums import pivot


def pearson_at(pair: Pair, y: int, x: int) -> float | None:
    """r of the first channel at each pixel with the second `y` pixels below and `x` right of it; None where it is undefined."""
    return pearsons_at(pair, [(y, x)])[0]


def pearsons_at(pair: Pair, shifts: Sequence[tuple[int, int]]) -> tuple[float | None, ...]:
    """r for each (y, x) by which the second channel is taken to lie off the first, over the pixels that then overlap."""
    from abbe.colocalization import kernels
    from abbe.colocalization.compiled import together

    p, q = pivot(pair)
    totals: list[list[int | float]] = [[0] * 6 for _ in shifts]
    nothing = np.empty((0, 0), bool)
    for place in pair.places():
        a, b, inside = pair.read(place)
        mask = nothing if inside is None else inside

        def one(k: int, a: Any = a, b: Any = b, mask: Any = mask) -> None:
            found = np.zeros(6, np.int64 if pair.integers else np.float64)
            kernels.shifted_sums(a, b, mask, *shifts[k], p, q, found)
            for j, value in enumerate(found.tolist()):
                totals[k][j] += value

        together(one, range(len(shifts)))
    r = []
    for total in totals:
        value = Moments(int(total[0]), *total[1:6], p.item(), q.item()).pearson()  # type: ignore[call-arg]
        r.append(None if isinstance(value, str) else value)
    return tuple(r)
