"""Is one channel shifted against the other? Van Steensel's and 2-D cross-correlation, and the protein proximity index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from abbe.colocalization.correlation import Correlation, correlate, part_of
from abbe.colocalization.pair import Pair
from abbe.colocalization.proximity import proximity
from abbe.colocalization.result import Coefficient
from abbe.colocalization.shifted import pearsons_at
from abbe.image import Notice

#: pixels by which one channel is shifted to either side, as van Steensel et al., J Cell Sci 109:787 (1996)
REACH = 20

#: of unrelated channels, the highest r of all shifts by what 95 % of r at a single one stay below: measured on simulated spots, filaments,
#: clouds and cells 1.4 to 2.3 in the mean, 2.9 at most
MOST_BY_CHANCE = 3.0

Curve = npt.NDArray[np.float64]

HEAD = (
    "van Steensel: shift x (px)", "r at it", "r at 0", "width (px)", "2-D: shift y (px)", "shift x (px)", "shift y (um)", "shift x (um)",
    "r at it", "width (px)", "width (um)",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Shift:
    """Where the channels fit best. A positive shift: the second channel lies to the right of, or below, the first.

    Attributes:
        shifts, r: van Steensel's curve: Pearson's r of the overlapping pixels for every shift along x, in pixels; NaN-free, None where
            r is undefined.
        best: the shift with the highest r. width: full width at half of its height over the lowest r, in pixels; None where the curve
            does not fall so far.
        peak: (y, x) of the 2-D cross-correlation's highest point in pixels, by a parabola through its neighbours; height: r there.
        spread: full width at half height of that peak in pixels, from its area; None where it does not fall so far.
        pixel: (y, x) size of a pixel in um; None where unknown.
        proximity: the protein proximity indices.
        part: which rows alone 2-D correlation and proximity indices are from, of a plane too large to transform; None: all.
    """

    shifts: tuple[int, ...]
    r: tuple[float | None, ...]
    best: int | None
    width: float | None
    peak: tuple[float, float] | None
    height: float | None
    spread: float | None
    pixel: tuple[float, float] | None
    proximity: tuple[Coefficient, Coefficient]
    part: str | None = None

    @property
    def peak_um(self) -> tuple[float, float] | None:
        if self.peak is None or self.pixel is None:
            return None
        return self.peak[0] * self.pixel[0], self.peak[1] * self.pixel[1]

    @property
    def spread_um(self) -> float | None:
        return None if self.spread is None or self.pixel is None else self.spread * float(np.sqrt(self.pixel[0] * self.pixel[1]))

    def cells(self) -> tuple[float | str | None, ...]:
        at = None if self.best is None else self.r[self.shifts.index(self.best)]
        peak, um = self.peak or (None, None), self.peak_um or (None, None)
        found = (self.best, at, self.r[self.shifts.index(0)], self.width, *peak, *um, self.height, self.spread, self.spread_um)
        return tuple("undefined" if value is None else value for value in found)

    def to_dict(self) -> dict[str, Any]:
        return {
            "van_steensel": {"shifts": list(self.shifts), "r": list(self.r), "best": self.best, "width": self.width},
            "cross_correlation": {
                "peak": None if self.peak is None else list(self.peak),
                "peak_um": None if self.peak_um is None else list(self.peak_um),
                "height": self.height,
                "width": self.spread,
                "width_um": self.spread_um,
                "part": self.part,
            },
        }


def no_more_than_chance(shift: Shift, by_chance: float | None) -> Notice | None:
    """A peak that unrelated channels have, too: of so many shifts one fits by chance. `by_chance`: what 95 % of |r| at one stay below."""
    if shift.height is None or shift.peak is None or by_chance is None or shift.height > (most := MOST_BY_CHANCE * by_chance):
        return None
    y, x = shift.peak
    return Notice(
        "chance",
        f"cross-correlation: the highest r, {shift.height:.2g} at a shift of ({y:.3g}, {x:.3g}) pixels (y, x), is no higher than chance "
        f"makes the best of so many shifts of unrelated channels (up to {min(most, 1.0):.2g}): it shows no shift of one channel",
    )


def measure_shift(pair: Pair) -> Shift:
    """Van Steensel's curve, the 2-D cross-correlation and the protein proximity index."""
    reach = min(REACH, pair.grid.columns - 1)
    shifts = tuple(range(-reach, reach + 1))
    r = van_steensel(pair, shifts)
    defined = [(value, -abs(shift), shift) for shift, value in zip(shifts, r) if value is not None]
    best = max(defined)[2] if defined else None
    cross = correlate(pair, (0, 1))
    peak, height = (None, None) if cross is None else cross.peak()
    y, x = pair.grid.um[1:]
    return Shift(
        shifts=shifts,
        r=r,
        best=best,
        width=None if best is None else _width(np.array(shifts), np.array([np.nan if v is None else v for v in r])),
        peak=peak,
        height=height,
        spread=None if cross is None or peak is None else cross.spread(peak),
        pixel=None if y is None or x is None else (y, x),
        proximity=proximity(pair, cross),
        part=part_of(pair),
    )


def van_steensel(pair: Pair, shifts: tuple[int, ...]) -> tuple[float | None, ...]:
    """Pearson's r of the first channel with the second moved by each shift along x, over the pixels that then overlap."""
    return pearsons_at(pair, [(0, shift) for shift in shifts])


def _width(shifts: Curve, r: Curve) -> float | None:
    """Full width at half height of the highest peak, between its top and the lowest r."""
    if not np.isfinite(r).any():
        return None
    top = int(np.nanargmax(r))
    half = (r[top] + np.nanmin(r)) / 2
    ends = []
    for direction in (-1, 1):
        k = top
        while 0 <= k + direction < len(r) and r[k + direction] > half:
            k += direction
        after = k + direction
        if not 0 <= after < len(r) or not np.isfinite(r[after]):
            return None
        ends.append(shifts[k] + direction * (r[k] - half) / (r[k] - r[after]))
    return float(ends[1] - ends[0])


__all__ = ["HEAD", "Correlation", "Shift", "measure_shift", "van_steensel"]
