"""Charts drawn by matplotlib, which is loaded when the first one is drawn: histograms and scattergrams."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from abbe.image import Image
from abbe.image.pixels import blocks
from abbe.reporting.figures.canvas import Row, few_ticks, plain, png, scale, title

if TYPE_CHECKING:
    from abbe.colocalization.scattergram import Scattergram

#: bins of a histogram
BINS = 200
#: before and after: Okabe & Ito's blue and vermilion
BEFORE, AFTER = "#0072B2", "#D55E00"


# ---------------------------------------------------------------------------------------------- histograms
def histogram(image: Image, c: int, low: float, high: float) -> npt.NDArray[np.int64]:
    """Pixels per bin of one channel over all frames and planes, `BINS` bins from `low` to `high`."""
    counts = np.zeros(BINS, np.int64)
    scale = np.float32(BINS / max(high - low, 1e-12))
    for region in blocks(image.shape):
        if region[1].start == c:
            place = image.read(region).ravel().astype(np.float32)
            place -= np.float32(low)
            place *= scale
            bins = place.astype(np.intp)  # what `bincount` takes as it is
            counts += np.bincount(np.clip(bins, 0, BINS - 1, out=bins), minlength=BINS)
    return counts


def histograms(before: Image, after: Image | None, names: tuple[str, str], channels: range, places: int) -> Callable[[], bytes]:
    """A histogram for each of some channels, before and after over the same range, as shares of the pixels on a logarithmic axis.

    `places`: how many there is room for side by side.
    """

    def draw() -> bytes:
        row = Row(places, min(0.6, 0.26 * places), right=0.12)
        figure, axes = row.draw(len(channels))
        for c, chart in zip(channels, axes, strict=True):
            for image, color, name, instead in ((before, BEFORE, names[0], "before"), (after, AFTER, names[1], "after")):
                if image is None:
                    continue
                low, high = _range(before, after, c)
                counts = histogram(image, c, low, high)
                edges = np.linspace(low, high, BINS + 1)
                chart.stairs(counts / max(counts.sum(), 1), edges, color=color, label=plain(name, instead=instead), linewidth=1.2)
            chart.set_yscale("log", subs=[])
            title(chart, plain(before.channels[c], 60 // places, f"channel {c + 1}"))
            chart.set_xlabel("grey value", fontsize=8)
            few_ticks(chart, 10 // places)
            chart.set_ylim(top=10 * chart.get_ylim()[1])  # room for the legend
            chart.spines[["top", "right"]].set_visible(False)
        axes[0].set_ylabel("share of pixels", fontsize=8)
        axes[0].legend(fontsize=7, frameon=False, loc="upper right", borderaxespad=0)
        return png(figure)

    return draw


def _range(before: Image, after: Image | None, c: int) -> tuple[float, float]:
    seen = [image.inspection.channels[c] for image in (before, after) if image is not None]
    return min(s.minimum for s in seen), max(s.maximum for s in seen)


# ---------------------------------------------------------------------------------------------- scattergrams
def scattergrams(grams: Sequence[Callable[[], Scattergram]], titles: Sequence[str]) -> Callable[[], bytes]:
    """Scattergrams side by side, counts on a logarithmic scale, with thresholds and regression line."""

    def draw() -> bytes:
        figure, axes = Row(max(len(grams), 2), 1.0, right=0.62).draw(len(grams))
        for make, name, chart in zip(grams, titles, axes, strict=True):
            _scattergram(figure, chart, make(), name)
        return png(figure)

    return draw


def _scattergram(figure: Any, chart: Any, gram: Scattergram, name: str) -> None:
    from matplotlib.colors import LogNorm

    counts = np.where(gram.counts > 0, gram.counts, np.nan).astype(float)
    extent = (gram.first[0], gram.first[-1], gram.second[0], gram.second[-1])
    shades = LogNorm(1, max(2, float(gram.counts.max())))
    picture = chart.imshow(counts.T, origin="lower", extent=extent, aspect="auto", cmap="viridis", norm=shades, interpolation="nearest")
    if gram.thresholds.first is not None and gram.thresholds.second is not None:
        chart.axvline(gram.thresholds.first, color="black", linewidth=0.8, linestyle="--")
        chart.axhline(gram.thresholds.second, color="black", linewidth=0.8, linestyle="--")
    line = gram.line()
    if line is not None:
        chart.plot([line[0][0], line[1][0]], [line[0][1], line[1][1]], color="#D55E00", linewidth=1)
    chart.set_xlim(extent[:2])
    chart.set_ylim(extent[2:])
    title(chart, plain(name, instead="result"))
    chart.set_xlabel(plain(gram.names[0], instead="first channel"), fontsize=8)
    chart.set_ylabel(plain(gram.names[1], instead="second channel"), fontsize=8)
    few_ticks(chart, 5)
    scale(figure, chart, picture, "pixels")
