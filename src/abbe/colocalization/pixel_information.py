"""Pixel information: how many pixels there are, how many colocalize, how bright they are; as counts, um2 and per cent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: a region whose pixels grew by so much more or less than the image's is told apart
NOTABLE = 0.05


@dataclass(frozen=True, slots=True)
class Count:
    """A number of pixels, as a share of the region and in um2 (um3 for a stack); None where the pixel size is unknown."""

    pixels: int
    percent: float
    size: float | None
    unit: str

    def to_dict(self) -> dict[str, Any]:
        return {
            "pixels": self.pixels,
            "percent_of_roi": self.percent,
            "size": self.size,
            "unit": self.unit if self.size is not None else None,
        }


@dataclass(frozen=True, slots=True)
class ChannelPixels:
    """One channel within the region, in its units after the background was subtracted.

    Attributes:
        above_zero: pixels with light at all. above: pixels at or over the channel's threshold; None where there is none.
        saturated: pixels at the top of what the image can hold.
    """

    name: str
    minimum: float
    maximum: float
    mean: float
    total: float
    above_zero: Count
    above: Count | None
    saturated: Count

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "minimum": self.minimum,
            "maximum": self.maximum,
            "mean": self.mean,
            "total": self.total,
            "above_zero": self.above_zero.to_dict(),
            "above_threshold": None if self.above is None else self.above.to_dict(),
            "saturated": self.saturated.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Ratio:
    """Counts beside the same counts on the original image.

    Attributes:
        expected: factor by which the number of pixels of the region grew with the pixel grid: 9 after enlarging three times.
        total, colocalized: factor by which the pair's pixels grew; None where there were none before.
        explanation: why these need not agree.
    """

    expected: float
    total: float | None
    colocalized: float | None
    explanation: str

    def to_dict(self) -> dict[str, Any]:
        return {"expected": self.expected, "total": self.total, "colocalized": self.colocalized, "explanation": self.explanation}


@dataclass(frozen=True, slots=True)
class PixelInformation:
    """Counts of the region and of the pair.

    Attributes:
        pixels: pixels of the region. region: the same as um2 or um3.
        total: pixels with light in either channel: at or over the threshold of either, or above zero where there are no thresholds.
        colocalized: pixels at or over both thresholds; None where there are none.
        ratio: beside the original, for a processed image.
    """

    pixels: int
    region: Count
    first: ChannelPixels
    second: ChannelPixels
    total: Count
    colocalized: Count | None
    ratio: Ratio | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "region": self.region.to_dict(),
            "channels": [self.first.to_dict(), self.second.to_dict()],
            "total": self.total.to_dict(),
            "colocalized": None if self.colocalized is None else self.colocalized.to_dict(),
            "ratio_to_original": None if self.ratio is None else self.ratio.to_dict(),
        }


def explain(grown: tuple[float, float, float], ratio: float | None, region: float | None = None, unit: str | None = None) -> str:
    """Why a count of pixels on a processed image is not the count before times the growth of the grid, (z, y, x).

    `region` is how many times the pixels of the region grew: a ROI on one plane of a stack has as many planes as lie there now.
    `unit`: of the sizes beside the counts.
    """
    z, y, x = grown
    flat = abs(z - 1) < 1e-6
    place, unit = ("volume", "um3") if not flat or unit == "um3" else ("area", "um2")
    if max(abs(side - 1) for side in grown) < 1e-6:
        growth = "The image has the pixels of the original. "
    else:
        sides = f"{x:.3g} times as wide and high" if abs(x - y) < 1e-6 else f"{x:.3g} times as wide and {y:.3g} times as high"
        planes = "" if flat else f" and has {z:.3g} times the planes"
        here = "" if region is None or abs(region / (x * y * z) - 1) < NOTABLE else f" (this region {region:.3g} times)"
        growth = f"The image is {sides} as the original{planes}, so the same {place} has {x * y * z:.3g} times the pixels{here}. "
    if ratio is None:
        return growth + "The original has no such pixels to compare with."
    return growth + (
        f"The pair's pixels grew {ratio:.3g} times. Restoration changes colour values: blur and background that counted before no longer "
        f"do, so the total pixel count of a channel pair may rise less than one expects. That is normal; compare {place}s in {unit}, or "
        "per cent of the ROI."
    )
