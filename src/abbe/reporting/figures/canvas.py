"""The sheet that charts are drawn on: a row of charts whose places are given in inches, which is quicker and steadier than finding them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from abbe.reporting.figures import drawing
from abbe.reporting.figures.fonts import families
from abbe.reporting.inert import inert

#: pixels per inch
DPI = 160
#: inches of a sheet's width: a page's, so that text keeps its size
WIDTH = 7.2
#: most inches of a chart's height
TALLEST = 5.5
#: inches between a chart and its colour scale, and of the scale's width
SCALE_GAP, SCALE = 0.07, 0.09


@dataclass(frozen=True, slots=True)
class Row:
    """Charts side by side.

    Attributes:
        count: places for charts; of fewer charts the rest stays white.
        aspect: height of a chart over its width.
        left, right, bottom, top: inches around each chart, for its labels and its colour scale.
    """

    count: int
    aspect: float
    left: float = 0.6
    right: float = 0.15
    bottom: float = 0.45
    top: float = 0.28

    @property
    def _size(self) -> tuple[float, float]:
        """(width, height) of a chart in inches."""
        width = WIDTH / self.count - self.left - self.right
        scale = min(1.0, TALLEST / (width * self.aspect))
        return width * scale, width * scale * self.aspect

    def draw(self, charts: int) -> tuple[Any, list[Any]]:
        """(figure, axes of the charts)."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        width, height = self._size
        total = height + self.bottom + self.top
        figure = Figure(figsize=(WIDTH, total), dpi=DPI)
        FigureCanvasAgg(figure)
        column = width + self.left + self.right
        places = [(k * column + self.left, self.bottom) for k in range(charts)]
        return figure, [figure.add_axes((x / WIDTH, y / total, width / WIDTH, height / total)) for x, y in places]


def rows_of(count: int, most: int) -> list[range]:
    """The numbers 0 to `count` in even rows of at most `most`."""
    lines = max(1, math.ceil(count / most))
    places = math.ceil(count / lines)
    return [range(first, min(first + places, count)) for first in range(0, count, places)]


def scale(figure: Any, chart: Any, picture: Any, label: str) -> None:
    """A colour scale to the right of a chart, as high as the chart."""
    place = chart.get_position()
    width = figure.get_figwidth()
    box = figure.add_axes((place.x1 + SCALE_GAP / width, place.y0, SCALE / width, place.height))
    bar = figure.colorbar(picture, cax=box)
    bar.set_label(label, fontsize=8, labelpad=2)
    bar.minorticks_off()  # on logarithmic scales they take longer to draw than the picture
    box.tick_params(labelsize=7, length=2.5, pad=2)


def title(chart: Any, text: str) -> None:
    """Above a chart, at a given height: looking for a free one means drawing all labels twice."""
    chart.set_title(text, fontsize=9, y=1.0, pad=5)


def few_ticks(chart: Any, most: int) -> None:
    """So few numbers along x that they do not touch; large ones in powers of ten."""
    from matplotlib.ticker import MaxNLocator

    chart.xaxis.set_major_locator(MaxNLocator(most))
    chart.tick_params(labelsize=7)


def plain(text: str, length: int = 30, instead: str = "") -> str:
    """A name as matplotlib shows it and does not typeset it, cut where it would reach into the next chart.

    `instead`: what is said where no font of this computer has all of its characters; the tables have them.
    """
    whole = inert(text)
    whole = whole if families(whole) is not None else instead
    return (whole if len(whole) <= length else whole[: length - 1] + "…").replace("$", r"\$")


def png(figure: Any) -> bytes:
    """Without an alpha channel, as all figures are: PDF takes such PNGs as they are."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        named = families(text.get_text())
        if named is not None and len(named) > 1:
            text.set_fontfamily(list(named))
    figure.canvas.draw()
    return drawing.png(drawing.picture(np.asarray(figure.canvas.buffer_rgba())[..., :3]))
