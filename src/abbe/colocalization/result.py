"""What a measurement of colocalization says: frozen records, every number with its definition, or with the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from abbe.colocalization.definitions import DEFINITIONS, WORDS_SOURCE, Definition, word
from abbe.colocalization.extent import part
from abbe.errors import ParameterError
from abbe.image import ROI, Notice

if TYPE_CHECKING:
    from abbe.colocalization.histograms import Histograms
    from abbe.colocalization.objects import Objects
    from abbe.colocalization.pair import Pair
    from abbe.colocalization.pixel_information import PixelInformation
    from abbe.colocalization.randomisation import Randomisation
    from abbe.colocalization.revealed import Revealed
    from abbe.colocalization.scattergram import Scattergram
    from abbe.colocalization.shift import Shift


#: part of what chance leaves over that a share of light has to have beyond it, before it is called colocalization of any strength
BEYOND_CHANCE = 0.1


@dataclass(frozen=True, slots=True)
class Coefficient:
    """One number, or why there is none.

    Attributes:
        key: its name in tables and files; `DEFINITIONS[key]` says what it is.
        value: None where undefined.
        reason: why it is undefined; None where it has a value.
        variant: what differs from the definition for this image's sake; None where nothing does.
        chance: what it would be if the channels had nothing to do with each other; None where that is 0 or not known.
        trusted: False where it rests on thresholds that mean little, or may be chance; no word is given for its strength then.
    """

    key: str
    value: float | None
    reason: str | None = None
    variant: str | None = None
    chance: float | None = None
    trusted: bool = True

    @property
    def definition(self) -> Definition:
        return DEFINITIONS[self.key]

    @property
    def word(self) -> str | None:
        """Strength of colocalization in a word, on a published scale, where there is one for this number, and it is more than chance's."""
        by_chance = self.value is not None and self.chance is not None and self.value - self.chance <= BEYOND_CHANCE * (1 - self.chance)
        return word(self.key, self.value) if self.trusted and not by_chance else None

    def __str__(self) -> str:
        return f"{self.value:.6g}" if self.value is not None else f"undefined: {self.reason}"

    def to_dict(self) -> dict[str, Any]:
        d = self.definition
        return {
            "key": self.key,
            "title": d.title,
            "value": self.value,
            "undefined": self.reason,
            "variant": self.variant,
            "chance": self.chance,
            "word": self.word,
            "word_source": None if self.word is None else WORDS_SOURCE,
            "formula": d.formula,
            "source": d.source,
            "meaning": d.meaning,
        }


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The thresholds used, and how they were found.

    Attributes:
        method: the method asked for, "costes" for instance.
        variant: in words, which implementation of it.
        first, second: thresholds of the two channels in their units after the background was subtracted; a pixel is above at or over
            both. None where the method found none.
        reason: why there are none.
        steps: thresholds tried along the regression line; 0 for other methods.
        step: distance between them.
    """

    method: str
    variant: str
    first: float | None
    second: float | None
    reason: str | None = None
    steps: int = 0
    step: float = 0.0

    @property
    def found(self) -> bool:
        return self.first is not None and self.second is not None

    def to_dict(self) -> dict[str, Any]:
        return {
            "method": self.method,
            "variant": self.variant,
            "first": self.first,
            "second": self.second,
            "undefined": self.reason,
            "steps": self.steps,
            "step": self.step,
        }


@dataclass(frozen=True, slots=True)
class Background:
    """What was subtracted from the two channels before anything was measured; values below it count as 0."""

    method: Literal["none", "given", "roi", "mode"]
    first: float = 0.0
    second: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        return {"method": self.method, "first": self.first, "second": self.second}


@dataclass(frozen=True, slots=True)
class Region:
    """Where it was measured: ROI, frames and planes."""

    roi: ROI | None
    frames: tuple[int, int]
    planes: tuple[int, int]

    @property
    def name(self) -> str:
        return "whole image" if self.roi is None else str(self.roi)

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "roi": None if self.roi is None else self.roi.to_dict(),
            "frames": list(self.frames),
            "planes": list(self.planes),
        }


@dataclass(frozen=True, slots=True)
class Change:
    """A coefficient on the processed image beside the same on the original.

    Attributes:
        low, high: the coefficient's range over the bounds of the image's own per-pixel 90 % interval; None where the image has none.
        beyond: is the original's value outside that range? None where there is no range.
    """

    key: str
    before: float | None
    after: float | None
    low: float | None = None
    high: float | None = None
    beyond: bool | None = None

    @property
    def difference(self) -> float | None:
        return None if self.before is None or self.after is None else self.after - self.before

    def to_dict(self) -> dict[str, Any]:
        interval = None if self.low is None else [self.low, self.high]
        return {
            "before": self.before,
            "after": self.after,
            "difference": self.difference,
            "interval": interval,
            "beyond_interval": self.beyond,
        }


@dataclass(frozen=True, eq=False)
class Colocalization:
    """Colocalization of two channels in one region.

    `result["pearson"]` is a `Coefficient`; `result.pearson` its value (None where undefined, and `result["pearson"].reason` says why).

    Attributes:
        channels: indices of the two channels; names: their names.
        region: ROI, frames and planes.
        coefficients: every number by its key.
        thresholds: used for everything called above or thresholded.
        background: what was subtracted before.
        pixels: counts, areas, extremes, of each channel and of the pair.
        shift, randomisation, objects: further analyses, where asked for.
        notices: what to know before believing the numbers.
        original: the same measurement on the image that this one was computed from; None for an original.
        changes: the coefficients before and after, by key; empty for an original.
        pair: the pixels that were measured; for scattergram, revealed pixels and histograms.
        asked: the settings of `colocalize` as plain data: what it takes to measure it again.
        by_chance: |r| below which 95 % of unrelated channels with structure as wide as these stay; None where r is undefined.
        doubtful: keys of coefficients that rest on thresholds which mean little, or on a few pixels; a notice says why.
    """

    channels: tuple[int, int]
    names: tuple[str, str]
    region: Region
    coefficients: Mapping[str, Coefficient]
    thresholds: Thresholds
    background: Background
    pixels: PixelInformation
    notices: tuple[Notice, ...]
    pair: Pair = field(repr=False)
    shift: Shift | None = None
    randomisation: Randomisation | None = None
    objects: Objects | None = None
    original: Colocalization | None = None
    changes: Mapping[str, Change] = field(default_factory=dict)
    asked: Mapping[str, Any] = field(default_factory=dict, repr=False)
    by_chance: float | None = None
    doubtful: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """ROI or whole image, and the frames and planes where these alone were measured: "whole image, frame 2 of 3"."""
        return self.region.name + part(self.region.to_dict(), self.pair.image)

    def __getitem__(self, key: str) -> Coefficient:
        if key not in self.coefficients:
            raise ParameterError(f"wanted one of the coefficients {', '.join(self.coefficients)}, got {key!r}")
        return self.coefficients[key]

    def __iter__(self) -> Iterator[Coefficient]:
        return iter(self.coefficients.values())

    def __getattr__(self, key: str) -> float | None:
        coefficients = self.__dict__.get("coefficients", {})
        if key in coefficients:
            value: float | None = coefficients[key].value
            return value
        raise AttributeError(f"no coefficient {key!r} was measured; there are {', '.join(coefficients)}")

    # ------------------------------------------------------------------------------------------ pictures of it
    def scattergram(self, bins: int = 256) -> Scattergram:
        """The 2-D histogram of the two channels, with thresholds and regression line."""
        from abbe.colocalization.scattergram import scattergram

        return scattergram(self.pair, self.thresholds, self["slope"].value, self["intercept"].value, bins)

    def revealed(self) -> Revealed:
        """The colocalized pixels: as a mask, as an image, as an overlay. Raises `ParameterError` when there are no thresholds."""
        from abbe.colocalization.revealed import Revealed

        if self.thresholds.first is None or self.thresholds.second is None:
            raise ParameterError(f"wanted thresholds to reveal the pixels above them, but there are none: {self.thresholds.reason}")
        return Revealed(self.pair, self.thresholds.first, self.thresholds.second)

    @cached_property
    def histograms(self) -> Histograms:
        """Histogram of each channel, beside the original's over the same range where there is one."""
        from abbe.colocalization.histograms import histograms

        return histograms(self.pair, None if self.original is None else self.original.pair)

    # ------------------------------------------------------------------------------------------ as plain data
    def to_dict(self) -> dict[str, Any]:
        """Plain data for files, scripts and the page.

        Each coefficient by its key, None where undefined with its reason in `undefined`; `costes_...` keys; then `thresholds`,
        `background`, `region`, `pixels`, `warnings`, `definitions`, further analyses, and `original` and `changes` on a processed image.
        """
        values: dict[str, Any] = {key: c.value for key, c in self.coefficients.items()}
        undefined = {key: c.reason for key, c in self.coefficients.items() if c.reason is not None}
        costes = self.thresholds.method.startswith("costes")
        return {
            "channels": list(self.channels),
            "names": list(self.names),
            "n": self.pixels.pixels,
            **values,
            "costes_threshold1": self.thresholds.first if costes else None,
            "costes_threshold2": self.thresholds.second if costes else None,
            "costes_slope": values.get("slope"),
            "costes_intercept": values.get("intercept"),
            "undefined": undefined,
            "chance": {key: c.chance for key, c in self.coefficients.items() if c.chance is not None},
            "pearson_by_chance": None if self.by_chance is None else [-self.by_chance, self.by_chance],
            "doubtful": list(self.doubtful),
            "variants": {key: c.variant for key, c in self.coefficients.items() if c.variant is not None},
            "words": {key: c.word for key, c in self.coefficients.items() if c.word is not None},
            "words_source": WORDS_SOURCE,
            "thresholds": self.thresholds.to_dict(),
            "background": self.background.to_dict(),
            "region": self.region.to_dict(),
            "pixels": self.pixels.to_dict(),
            "shift": None if self.shift is None else self.shift.to_dict(),
            "randomisation": None if self.randomisation is None else self.randomisation.to_dict(),
            "objects": None if self.objects is None else self.objects.to_dict(),
            "warnings": [notice.to_dict() for notice in self.notices],
            "definitions": {key: c.definition.formula for key, c in self.coefficients.items()},
            "original": None if self.original is None else self.original.to_dict(),
            "changes": {key: change.to_dict() for key, change in self.changes.items()},
        }

    def __repr__(self) -> str:
        first = ", ".join(f"{key} {self[key]}" for key in ("pearson", "spearman", "m1", "m2", "tm1", "tm2") if key in self.coefficients)
        return f"<abbe.Colocalization {self.names[0]} with {self.names[1]}, {self.where}, {self.pixels.pixels} pixels: {first}>"
