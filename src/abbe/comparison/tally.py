"""`Tally`: what is summed up over the planes of one channel, frame by frame."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from abbe.comparison.evidence import Noise, Places, Spectra, possible_rsp, together
from abbe.comparison.records import Evidence, Number, PlaneErrors, Undefined
from abbe.comparison.squirrel import SquirrelFit, Sums


@dataclass
class Seen:
    """What speaks for and against one frame, or all of them."""

    spectra: Spectra = field(default_factory=Spectra)
    places: Places = field(default_factory=Places)
    total: Sums = field(default_factory=Sums)
    #: the same of each plane
    planes: list[Sums] = field(default_factory=list)

    def evidence(self, noise: tuple[float, float], change: Number) -> Evidence:
        carried, added = self.spectra.noise()
        return Evidence(
            change=change,
            rsp_possible=possible_rsp(self.planes, noise),
            unexplained=self.places.unexplained(),
            unsupported=self.places.unsupported(),
            places=self.places.number,
            lost_detail=self.spectra.lost_detail(),
            noise_carried=carried,
            noise_added=added,
            sharper=self.spectra.sharper(),
            background_removed=self.places.background_removed(),
        )


@dataclass
class Tally:
    """Running sums over the planes of one channel.

    Attributes:
        planes: of each plane its errors, its fit, that of the plain image, and the original's variance in it.
        frames: what was seen of each.
        sample: pairs of result, at the original's resolution, and original.
        levels: a sample of the original's brightness.
    """

    planes: list[tuple[PlaneErrors, SquirrelFit, SquirrelFit, float]] = field(default_factory=list)
    noise: Noise = field(default_factory=Noise)
    frames: list[Seen] = field(default_factory=list)
    pixels: int = 0
    sample: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    levels: list[np.ndarray] = field(default_factory=list)

    def all(self) -> Seen:
        return Seen(
            together(frame.spectra for frame in self.frames),
            together(frame.places for frame in self.frames),
            sum((frame.total for frame in self.frames), Sums()),
            [plane for frame in self.frames for plane in frame.planes],
        )

    def contrast(self) -> float:
        levels = np.concatenate(self.levels)
        low, high = np.percentile(levels, (5, 99.9)) if levels.size else (0.0, 0.0)
        return float(high - low)

    def mean(self, name: Literal["rsp", "rse"], which: Literal["result", "plain"]) -> Number:
        """Over planes: RSP weighted by the original's variance, so that empty planes do not count; RSE as root mean square over pixels."""
        fits = [(row[1] if which == "result" else row[2], row[3]) for row in self.planes]
        rows: list[tuple[Number, float, int]] = [(fit.rsp if name == "rsp" else fit.rse, weight, fit.pixels) for fit, weight in fits]
        defined = [(v, w, n) for v, w, n in rows if not isinstance(v, Undefined)]
        if not defined:
            return rows[0][0]
        if name == "rse":
            return math.sqrt(sum(v * v * n for v, _, n in defined) / max(sum(n for _, _, n in defined), 1))
        weight = sum(w for _, w, _ in defined)
        return sum(v * w for v, w, _ in defined) / weight if weight > 0 else float(np.mean([v for v, _, _ in defined]))

    def median(self, name: str, frame: int | None = None) -> Number:
        """Of one of the fit's numbers over all planes, or over those of one frame."""
        values = [getattr(fit, name) for errors, fit, _, _ in self.planes if frame is None or errors.t == frame]
        defined = [v for v in values if not isinstance(v, Undefined)]
        return float(np.median(defined)) if defined else values[0]
