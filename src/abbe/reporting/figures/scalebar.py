"""Scale bars: a round length near a fifth of the picture's width, and where bar and label have room in the picture."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from abbe.reporting.figures.fonts import font

#: least height of letters, in pixels of the picture, that is legible: on a screen, in a report's panels, in a figure for a paper
ON_SCREEN, IN_REPORT, IN_PAPER = 8, 12, 16
#: a shorter bar, in pixels, is no measure
SHORTEST = 3
#: and one that stands alone is looked for among those that are longer than this
LONG = 7


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


@dataclass(frozen=True, slots=True)
class Placed:
    """A scale bar as a picture has room for it, in pixels of the picture.

    Attributes:
        bar: its length; what the caption tells where it is not drawn.
        letters: height of the label's letters; 0 where the label would not be legible, so that it is not drawn.
        thick: of the bar; 0 where there is no room for a bar.
        margin: from the right and the lower border.
    """

    bar: ScaleBar
    letters: int = 0
    thick: int = 0
    margin: int = 0

    @property
    def drawn(self) -> bool:
        """Is there a bar in the picture, with or without its length beside it?"""
        return self.thick > 0

    @property
    def labelled(self) -> bool:
        """Does its length stand beside it, legibly?"""
        return self.letters > 0

    def baseline(self, size: tuple[int, int]) -> tuple[int, int]:
        """(x, y) where the label begins in a picture of (width, height): above the bar's middle; over a short bar moved inside."""
        (width, height), around = size, edge(self.letters)
        first, _, last, low = font(self.letters).getbbox(self.bar.label, anchor="ls", stroke_width=around)
        middle = width - self.margin - self.bar.pixels / 2
        start = max(1 - first, min(round(middle - (first + last) / 2), width - 1 - last))
        return int(start), int(height - self.margin - self.thick - 2 - low)


def scale_bar(width: int, pixel_size: float | None, factor: float) -> ScaleBar:
    """For a picture `width` pixels wide, each of which stands for `factor` pixels of the image of `pixel_size` um."""
    return next(_bars(width, pixel_size, factor))


def placed(size: tuple[int, int], pixel_size: float | None, factor: float, legible: int = IN_REPORT) -> Placed:
    """For a picture of (width, height) pixels, else as for `scale_bar`; letters are at least `legible` pixels high.

    Of the lengths near a fifth of the width that is taken whose label can be written largest.
    """
    width, height = size
    side = min(width, 2 * height)
    thick, margin = max(3 if side > 100 else 2, side // 100), max(2, side // 30)
    bars = [bar for bar in _bars(width, pixel_size, factor) if bar.pixels >= SHORTEST and bar.pixels + margin + 1 <= width]
    if not bars or thick + margin + 1 > height / 2:
        return Placed(scale_bar(width, pixel_size, factor))
    largest = max(legible, side // 30, 16)
    for across, down in ((width / 2, height / 3), (width, height / 2), (width, height)):  # over as little of the image as can be
        letters = [_letters(bar.label, (across, down - thick - margin), largest, legible) for bar in bars]
        if any(letters):
            best = max(range(len(bars)), key=lambda k: letters[k])  # the first of equal ones
            return Placed(bars[best], letters[best], thick, margin)
    return Placed(next((bar for bar in bars if bar.pixels >= LONG), bars[0]), 0, thick, margin)


def edge(letters: int) -> int:
    """Width of the dark line around letters, in pixels."""
    return 2 if letters >= 16 else 1


def _letters(label: str, room: tuple[float, float], most: int, least: int) -> int:
    """Height of the largest letters with which a label fits into (width, height); 0 where it does with none."""
    for letters in range(most, least - 1, -1):
        left, top, right, bottom = font(letters).getbbox(label, anchor="ls", stroke_width=edge(letters))
        if right - left + 2 <= room[0] and bottom - top + 2 <= room[1]:
            return letters
    return 0


def _bars(width: int, pixel_size: float | None, factor: float) -> Iterator[ScaleBar]:
    """The longest round one of up to a fifth of the width, then the next longer ones of up to three fifths, then the next shorter one."""
    size = (pixel_size if pixel_size is not None else 1.0) * factor
    wanted = width * size / 5
    power = math.floor(math.log10(wanted))
    steps = [step * 10.0**k for k in (power - 1, power, power + 1) for step in (1, 2, 5)]
    first = max(k for k, length in enumerate(steps) if length <= wanted)
    for length in (*steps[first : first + 3], steps[first - 1]):
        if length <= 3 * wanted:
            yield ScaleBar(length, length / size, "µm" if pixel_size is not None else "px")
