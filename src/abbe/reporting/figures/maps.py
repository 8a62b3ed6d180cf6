"""Maps of a quantity per pixel, each channel with its colour scale: the error map, the map of trust."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from abbe.image import Image
from abbe.reporting.figures.canvas import Row, plain, png, scale, title
from abbe.reporting.figures.planes import limits, shown, stretch
from abbe.reporting.figures.scalebar import scale_bar

#: most maps side by side
MOST = 3
#: most pixels along a map's side
SIDE = 700
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
            _bar(chart, seen.values.shape, image.pixel_size[2], seen.factor, ("white", "black") if bright else ("black", "white"))
            title(chart, plain(names[c], 48 // row.count, f"channel {c + 1}"))
            chart.set_axis_off()
            scale(figure, chart, picture, what)
        return png(figure)

    return draw


def _bar(chart: Any, shape: tuple[int, ...], pixel_size: float | None, factor: int, inks: tuple[str, str]) -> None:
    """A scale bar in the lower right corner; `inks`: of the edge and of the bar, as the ground asks for."""
    from matplotlib.patheffects import withStroke

    bar = scale_bar(shape[1], pixel_size, factor)
    right, bottom = shape[1] * 0.96, shape[0] * 0.95
    edge, ink = inks
    for color, width in ((edge, 4.0), (ink, 2.4)):
        chart.plot([right - bar.pixels, right], [bottom, bottom], color=color, linewidth=width, solid_capstyle="butt")
    text = chart.text(right - bar.pixels / 2, bottom - shape[0] * 0.02, bar.label, color=ink, fontsize=7, ha="center", va="bottom")
    text.set_path_effects([withStroke(linewidth=1.5, foreground=edge)])
