"""Maps of a quantity per pixel, each channel with its colour scale: the error map, the map of trust."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from abbe.image import Image
from abbe.reporting.figures.canvas import DPI, Row, plain, png, scale, title
from abbe.reporting.figures.planes import limits, shown, stretch
from abbe.reporting.figures.scalebar import placed

#: most maps side by side
MOST = 3
#: most pixels along a map's side
SIDE = 700
#: of a pixel
POINTS = 72 / DPI
#: how bright red, green and blue look (ITU-R BT.709), and the ground from which on a dark scale bar is read better than a white one
LUMINANCE, BRIGHT = np.array([0.2126, 0.7152, 0.0722]), 0.55


def maps(
    image: Image, what: str, cmap: str, between: tuple[float, float] | None, names: Sequence[str], channels: range, places: int
) -> Callable[[], bytes]:
    """A map for each of some channels; `between` None: from 0 to the map's own values. `places`: room for so many side by side."""

    def draw() -> bytes:
        row = Row(max(places, 2), stretch(image) * image.shape[3] / image.shape[4], left=0.08, right=0.72, bottom=0.08)
        figure, charts = row.draw(len(channels))
        for c, chart in zip(channels, charts, strict=True):
            seen = shown(image, c, SIDE)
            low, high = between or (0.0, limits(seen.values)[1])
            picture = chart.imshow(seen.values, cmap=cmap, vmin=low, vmax=high, interpolation="nearest", aspect="auto")
            corner = seen.values[-max(seen.values.shape[0] // 8, 1) :, -max(seen.values.shape[1] // 3, 1) :]
            bright = float((picture.to_rgba(corner)[..., :3] @ LUMINANCE).mean()) > BRIGHT
            _bar(figure, chart, image, seen.values.shape, ("white", "black") if bright else ("black", "white"))
            title(chart, plain(names[c], 48 // row.count, f"channel {c + 1}"))
            chart.set_axis_off()
            scale(figure, chart, picture, what)
        return png(figure)

    return draw


def _bar(figure: Any, chart: Any, image: Image, shape: tuple[int, ...], inks: tuple[str, str]) -> None:
    """A scale bar in the lower right corner, as far as there is room for it; `inks`: of the edge and of the bar, as the ground asks for."""
    from matplotlib.patheffects import withStroke

    box = chart.get_window_extent(figure.canvas.get_renderer())
    size = max(1, round(box.width)), max(1, round(box.height))
    place = placed(size, image.pixel_size[2], image.shape[4] / size[0])
    if not place.drawn:
        return
    down, across = shape[0] / size[1], shape[1] / size[0]  # pixels of the map per pixel of the chart
    right, middle = (size[0] - place.margin) * across - 0.5, (size[1] - place.margin - place.thick / 2) * down - 0.5
    edge, ink = inks
    for color, more in ((edge, 2), (ink, 0)):
        width = (place.thick + more) * POINTS
        chart.plot([right - place.bar.pixels * across, right], [middle, middle], color=color, linewidth=width, solid_capstyle="butt")
    if place.labelled:
        x, y = place.baseline(size)
        text = chart.text(x * across - 0.5, y * down - 0.5, place.bar.label, color=ink, fontsize=place.letters * POINTS, va="baseline")
        text.set_path_effects([withStroke(linewidth=1.5, foreground=edge)])
