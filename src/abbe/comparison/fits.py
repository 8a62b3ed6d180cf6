"""The fit of each plane: as it was measured with everything else, or made when that plane is first looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from abbe.comparison.channel import Question, fit_plane, width_along_z
from abbe.comparison.pair import Pair
from abbe.comparison.records import ChannelComparison, Number


@dataclass(frozen=True, slots=True)
class Fit:
    """Of one plane; `sigma` in pixels, `sigma_z` in planes of the original."""

    gain: Number
    offset: Number
    sigma: Number
    sigma_z: float


class Fits(Protocol):
    """Where the fit of plane k of channel c in frame t is had from."""

    def of(self, t: int, c: int, k: int) -> Fit: ...


@dataclass(frozen=True, slots=True)
class Measured:
    """Those of a comparison that was made."""

    channels: Sequence[ChannelComparison]

    def of(self, t: int, c: int, k: int) -> Fit:
        channel = self.channels[c]
        plane = next(p for p in channel.planes if (p.t, p.z) == (t, k))
        width = channel.fit.sigma_z
        return Fit(plane.gain, plane.offset, plane.sigma, width if isinstance(width, float) else 0.0)


@dataclass(frozen=True, slots=True)
class Fitting:
    """The same numbers, of the planes that are looked at alone: one of a stack of 60 costs no measure of all others."""

    question: Question
    _known: dict[tuple[int, int, int], Fit] = field(default_factory=dict)
    _widths: dict[int, float] = field(default_factory=dict)

    def of(self, t: int, c: int, k: int) -> Fit:
        if (t, c, k) not in self._known:
            if c not in self._widths:
                self._widths[c] = width_along_z(self.question, c)
            q, width = self.question, self._widths[c]
            fit = fit_plane(Pair(q.original, q.transformed, q.grid, t, c, width), k, q.border)[0]
            self._known[t, c, k] = Fit(fit.gain, fit.offset, fit.sigma, width)
        return self._known[t, c, k]
