"""Scale bars: a round length near a fifth of the picture's width."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScaleBar:
    """A bar of `length` um (or pixels of the image where the size is unknown), `pixels` pixels of the picture long."""

    length: float
    pixels: float
    unit: str

    @property
    def label(self) -> str:
        if self.unit == "µm" and self.length < 1:
            return f"{self.length * 1000:g} nm"
        return f"{self.length:g} {self.unit}"


def scale_bar(width: int, pixel_size: float | None, factor: float) -> ScaleBar:
    """For a picture `width` pixels wide, each of which stands for `factor` pixels of the image of `pixel_size` um."""
    size = (pixel_size if pixel_size is not None else 1.0) * factor
    wanted = width * size / 5
    power = 10.0 ** math.floor(math.log10(wanted))
    length = max(step * power for step in (1, 2, 5) if step * power <= wanted)
    return ScaleBar(length, length / size, "µm" if pixel_size is not None else "px")
