"""Charts drawn by matplotlib, which is loaded when the first one is drawn: histograms, scattergrams, maps with a colour scale."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from abbe.image import Image
from abbe.image.pixels import blocks
from abbe.reporting.figures.planes import limits, shown
from abbe.reporting.figures.scalebar import scale_bar
from abbe.reporting.inert import short

if TYPE_CHECKING:
    from abbe.colocalization.scattergram import Scattergram

DPI = 160
#: bins of a histogram
BINS = 200
#: before and after: Okabe & Ito's blue and vermilion
BEFORE, AFTER = "#0072B2", "#D55E00"


def _figure(width: float, height: float, columns: int = 1) -> tuple[Any, Any]:
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context({"text.usetex": False}):
        figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(1, columns, squeeze=False)[0]
    return figure, axes


def _png(figure: Any) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def _plain(text: str) -> str:
    """A name as matplotlib shows it and does not typeset it."""
    return short(text, 26).replace("$", r"\$")


# ---------------------------------------------------------------------------------------------- histograms
def histogram(image: Image, c: int, low: float, high: float) -> npt.NDArray[np.int64]:
    """Pixels per bin of one channel over all frames and planes, `BINS` bins from `low` to `high`."""
    counts = np.zeros(BINS, np.int64)
    scale = np.float32(BINS / max(high - low, 1e-12))
    for region in blocks(image.shape):
        if region[1].start == c:
            bins = ((image.read(region).ravel() - np.float32(low)) * scale).astype(np.int32)
            counts += np.bincount(np.clip(bins, 0, BINS - 1), minlength=BINS)
    return counts


def histograms(before: Image, after: Image | None, names: tuple[str, str]) -> Callable[[], bytes]:
    """A histogram per channel, before and after over the same range, as shares of the pixels on a logarithmic axis."""

    def draw() -> bytes:
        count = min(before.shape[1], 4)
        figure, axes = _figure(7.2, 2.5, count)
        for c, chart in enumerate(axes[:count]):
            for image, color, name in ((before, BEFORE, names[0]), (after, AFTER, names[1])):
                if image is None:
                    continue
                low, high = _range(before, after, c)
                counts = histogram(image, c, low, high)
                edges = np.linspace(low, high, BINS + 1)
                chart.stairs(counts / max(counts.sum(), 1), edges, color=color, label=_plain(name), linewidth=1.2)
            chart.set_yscale("log")
            chart.set_title(_plain(before.channels[c]), fontsize=9)
            chart.set_xlabel("grey value", fontsize=8)
            chart.tick_params(labelsize=7)
            chart.spines[["top", "right"]].set_visible(False)
        axes[0].set_ylabel("share of pixels", fontsize=8)
        axes[0].legend(fontsize=7, frameon=False)
        return _png(figure)

    return draw


def _range(before: Image, after: Image | None, c: int) -> tuple[float, float]:
    seen = [image.inspection.channels[c] for image in (before, after) if image is not None]
    return min(s.minimum for s in seen), max(s.maximum for s in seen)


# ---------------------------------------------------------------------------------------------- scattergrams
def scattergrams(grams: Sequence[Callable[[], Scattergram]], titles: Sequence[str]) -> Callable[[], bytes]:
    """Scattergrams side by side, counts on a logarithmic scale, with thresholds and regression line."""

    def draw() -> bytes:
        figure, axes = _figure(7.2, 3.3 if len(grams) > 1 else 3.6, max(len(grams), 2))
        for make, title, chart in zip(grams, titles, axes, strict=False):
            _scattergram(figure, chart, make(), title)
        for chart in axes[len(grams) :]:
            chart.set_visible(False)
        return _png(figure)

    return draw


def _scattergram(figure: Any, chart: Any, gram: Scattergram, title: str) -> None:
    from matplotlib.colors import LogNorm

    counts = np.where(gram.counts > 0, gram.counts, np.nan).astype(float)
    extent = (gram.first[0], gram.first[-1], gram.second[0], gram.second[-1])
    scale = LogNorm(1, max(2, float(gram.counts.max())))
    picture = chart.imshow(counts.T, origin="lower", extent=extent, aspect="auto", cmap="viridis", norm=scale, interpolation="nearest")
    if gram.thresholds.first is not None and gram.thresholds.second is not None:
        chart.axvline(gram.thresholds.first, color="black", linewidth=0.8, linestyle="--")
        chart.axhline(gram.thresholds.second, color="black", linewidth=0.8, linestyle="--")
    line = gram.line()
    if line is not None:
        chart.plot([line[0][0], line[1][0]], [line[0][1], line[1][1]], color="#D55E00", linewidth=1)
    chart.set_xlim(extent[:2])
    chart.set_ylim(extent[2:])
    chart.set_title(_plain(title), fontsize=9)
    chart.set_xlabel(_plain(gram.names[0]), fontsize=8)
    chart.set_ylabel(_plain(gram.names[1]), fontsize=8)
    chart.tick_params(labelsize=7)
    scale_axis = figure.colorbar(picture, ax=chart, shrink=0.85)
    scale_axis.set_label("pixels", fontsize=8)
    scale_axis.ax.tick_params(labelsize=7)


# ---------------------------------------------------------------------------------------------- maps
def maps(image: Image, what: str, cmap: str, between: tuple[float, float] | None, names: Sequence[str]) -> Callable[[], bytes]:
    """A map per channel with its colour scale; `between` None: from the map's own values."""

    def draw() -> bytes:
        count = min(image.shape[1], 3)
        height, width = image.shape[3:]
        tall = 7.2 / max(count, 2) * min(height / width, 1.6) + 0.5
        figure, axes = _figure(7.2, min(tall, 6.0), max(count, 2))
        for c, chart in enumerate(axes):
            if c >= count:
                chart.set_visible(False)
                continue
            seen = shown(image, c, 700)
            low, high = between or (0.0, limits(seen.values)[1])
            picture = chart.imshow(seen.values, cmap=cmap, vmin=low, vmax=high, interpolation="nearest")
            _bar(chart, seen.values.shape, image.pixel_size[2], seen.factor)
            chart.set_title(_plain(names[c]), fontsize=9)
            chart.set_axis_off()
            scale_axis = figure.colorbar(picture, ax=chart, shrink=0.85)
            scale_axis.set_label(what, fontsize=8)
            scale_axis.ax.tick_params(labelsize=7)
        return _png(figure)

    return draw


def _bar(chart: Any, shape: tuple[int, ...], pixel_size: float | None, factor: int) -> None:
    bar = scale_bar(shape[1], pixel_size, factor)
    right, bottom = shape[1] * 0.96, shape[0] * 0.95
    for color, width in (("black", 4.0), ("white", 2.4)):
        chart.plot([right - bar.pixels, right], [bottom, bottom], color=color, linewidth=width, solid_capstyle="butt")
    text = chart.text(right - bar.pixels / 2, bottom - shape[0] * 0.02, bar.label, color="white", fontsize=7, ha="center", va="bottom")
    from matplotlib.patheffects import withStroke

    text.set_path_effects([withStroke(linewidth=1.5, foreground="black")])
