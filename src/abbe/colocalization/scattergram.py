"""`Scattergram`: the 2-D histogram of two channels, with thresholds and regression line; from a gate in it to pixels and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from abbe.colocalization.pair import LANES, Array, Pair, select
from abbe.colocalization.result import Region, Thresholds
from abbe.colocalization.sums import measure
from abbe.errors import ParameterError
from abbe.image import ROI, Grid, Mask, Polygon

#: a larger histogram is kept once, not per core: memory
SHARED = 2**20
MOST_BINS = 4096


@dataclass(frozen=True, eq=False)
class Scattergram:
    """How many pixels have which pair of values.

    Attributes:
        counts: (bins, bins); counts[j, k] pixels have the first channel in bin j and the second in bin k.
        first, second: (bins + 1,) edges of the bins, in the channels' units after the background was subtracted.
        names: of the channels.
        thresholds: where the colocalized pixels begin.
        slope, intercept: regression line, second = slope * first + intercept; None where there is none.
    """

    counts: npt.NDArray[np.int64]
    first: Array
    second: Array
    names: tuple[str, str]
    thresholds: Thresholds
    slope: float | None
    intercept: float | None
    pair: Pair = field(repr=False)

    @property
    def logarithm(self) -> npt.NDArray[np.float64]:
        """log10(1 + counts), so that single pixels can be seen beside the crowd."""
        shown: npt.NDArray[np.float64] = np.log10(1.0 + self.counts)
        return shown

    # ------------------------------------------------------------------------------------------ gate to pixels and back
    def gate(self, corners: Sequence[Sequence[float]]) -> npt.NDArray[np.bool_]:
        """(bins, bins): the bins whose centre lies in a polygon with corners (first, second), in the channels' units."""
        scaled = [
            ((x - self.first[0]) / (self.first[1] - self.first[0]), (y - self.second[0]) / (self.second[1] - self.second[0]))
            for x, y in corners
        ]
        bins = len(self.counts)
        grid = Grid(1, 1, bins, bins, (None, None, None), (1, 1, 1))
        return Polygon(rings=(tuple(scaled),), unit="pixel").rows(grid, 0, 0, 0, bins)

    def pixels(self, gate: npt.ArrayLike, t: int | None = None, name: str = "gate") -> Mask:
        """The pixels of one frame that fall in the bins of a gate, as a ROI."""
        wanted = np.asarray(gate, bool)
        if wanted.shape != self.counts.shape:
            raise ParameterError(f"wanted a gate of {self.counts.shape} bins, got {wanted.shape}")
        frame = self.pair.region.frames[0] if t is None else t
        mask = np.zeros((self.pair.grid.planes, self.pair.grid.rows, self.pair.grid.columns), bool)
        for place in self.pair.places():
            if place.t == frame:
                a, b, inside = self.pair.read(place)
                chosen = wanted[_bins(self.first, a), _bins(self.second, b)]
                mask[place.z, place.first : place.last] = chosen if inside is None else chosen & inside
        return Mask.from_pixels(mask, self.pair.image, name=name)

    def of(self, roi: ROI) -> Scattergram:
        """The same bins, with the pixels of a ROI alone: where in the scattergram a part of the image lies."""
        old = self.pair.region
        both = roi if old.roi is None else old.roi & roi
        pair = select(self.pair.image, self.pair.channels, Region(both, old.frames, old.planes), self.pair.background)
        return Scattergram(
            _counts(pair, self.first, self.second),
            self.first,
            self.second,
            self.names,
            self.thresholds,
            self.slope,
            self.intercept,
            pair,
        )

    # ------------------------------------------------------------------------------------------ for others
    def line(self) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """Both ends of the regression line within the scattergram, ((first, second), (first, second)); None where there is none."""
        if self.slope is None or self.intercept is None:
            return None
        x0, x1, y0, y1 = self.first[0], self.first[-1], self.second[0], self.second[-1]
        at = np.array([x0, x1, *(((y - self.intercept) / self.slope) for y in (y0, y1) if self.slope)])
        y = self.slope * at + self.intercept
        room = 1e-9 * (y1 - y0), 1e-9 * (x1 - x0)
        inside = (y >= y0 - room[0]) & (y <= y1 + room[0]) & (at >= x0 - room[1]) & (at <= x1 + room[1])
        if inside.sum() < 2:
            return None
        at, y = at[inside], y[inside]
        low, high = int(np.argmin(at)), int(np.argmax(at))
        return (float(at[low]), float(y[low])), (float(at[high]), float(y[high]))

    def to_dict(self) -> dict[str, Any]:
        line = self.line()
        return {
            "names": list(self.names),
            "counts": self.counts.tolist(),
            "first": [float(self.first[0]), float(self.first[-1])],
            "second": [float(self.second[0]), float(self.second[-1])],
            "bins": len(self.counts),
            "thresholds": self.thresholds.to_dict(),
            "slope": self.slope,
            "intercept": self.intercept,
            "line": None if line is None else [list(end) for end in line],
        }


def scattergram(
    pair: Pair,
    thresholds: Thresholds,
    slope: float | None,
    intercept: float | None,
    bins: int = 256,
    extremes: Sequence[tuple[float, float]] | None = None,
) -> Scattergram:
    """The scattergram over the values that occur; `extremes`: least and largest of each channel, where they are known."""
    if not 2 <= bins <= MOST_BINS:
        raise ParameterError(f"wanted 2 to {MOST_BINS} bins, got {bins}")
    if extremes is None:
        sums = measure(pair)
        extremes = tuple(zip(sums.low, sums.high))
    first, second = (_edges(low, high, bins) for low, high in extremes)
    return Scattergram(_counts(pair, first, second), first, second, pair.names, thresholds, slope, intercept, pair)


def _edges(low: float, high: float, bins: int) -> Array:
    """The edges that np.histogram2d takes."""
    if not low < high:
        low, high = (low - 0.5, low + 0.5) if np.isfinite(low) else (0.0, 1.0)
    return np.linspace(low, high, bins + 1)


def _counts(pair: Pair, first: Array, second: Array) -> npt.NDArray[np.int64]:
    from abbe.colocalization import kernels

    shape = len(first) - 1, len(second) - 1
    if pair.integers:
        low, high = pair.limits
        values = np.arange(low, high + 1)
        one, two = (_bins(edges, values).astype(np.uint16) for edges in (first, second))

        def step(total: Array, a: Array, b: Array) -> None:
            kernels.joint_counts(a, b, low, one, two, total)
    else:

        def step(total: Array, a: Array, b: Array) -> None:
            kernels.joint_counts_floats(a, b, first, second, total)

    lanes = pair.accumulate(lambda: np.zeros(shape, np.uint32), step, LANES if np.prod(shape) <= SHARED else 1)
    counts: npt.NDArray[np.int64] = np.sum(lanes, axis=0, dtype=np.int64)
    return counts


def _bins(edges: Array, values: Array) -> npt.NDArray[np.int64]:
    """The bin of each value as np.histogram2d has it; the edges cover every value that occurs."""
    found: npt.NDArray[np.int64] = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    return found
