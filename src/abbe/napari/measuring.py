"""Colocalization and comparison as the widgets run them: the numbers are those of `abbe.colocalize` and `abbe.compare`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from abbe.errors import ParameterError
from abbe.image import ROI, Image, Notice
from abbe.image.computed import is_result
from abbe.image.notice import join
from abbe.napari.layers import TRUST, LayerData, layers, map_layers
from abbe.napari.sheet import Sheet
from abbe.napari.tasks import Progress, part

if TYPE_CHECKING:  # loading compiled coefficients takes seconds the first time; a widget that opens should not wait for them
    from abbe.colocalization import Coefficient, Colocalization, ColocalizationTable
    from abbe.comparison import Comparison
    from abbe.comparison.squirrel import Border

THRESHOLDS = ("costes", "costes-walk", "costes-bisection", "otsu", "maximum15", "mean", "none")
EXTRAS = {"shift": "Shift", "randomisation": "Randomisation", "objects": "Objects"}
#: coefficients that a table of many measurements has room for
BRIEF = ("pearson", "spearman", "icq", "m1", "m2", "tm1", "tm2")
#: white where pixels colocalize, nothing elsewhere
VEIL = {"name": "abbe colocalized", "colors": [[0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]]}
#: share of the work of a measurement that is measuring; the rest is drawing
MEASURING = 0.9
ALONE = "this is a result whose original is not at hand: it is measured alone"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table on the screen, and what a pointer that rests on it is told."""

    cells: tuple[str, ...]
    tip: str = ""


@dataclass(frozen=True, eq=False)
class Shown:
    """Measurements as they are shown.

    Attributes:
        subject: what `abbe.report` takes.
        line: one line on what came out.
        head, rows: of the table.
        picture: PNG of the scattergrams, where there are some.
        layers: to add to the viewer.
    """

    subject: list[Any]
    line: str
    head: tuple[str, ...]
    rows: tuple[Row, ...]
    notices: tuple[Notice, ...] = ()
    picture: bytes | None = None
    layers: tuple[LayerData, ...] = ()


# ------------------------------------------------------------------------------------------------ colocalization
@dataclass(frozen=True)
class Colocalizing:
    """What is measured of two channels of a sheet.

    Attributes:
        channels: which.
        rois: where; none: everywhere.
        each: "image" pools frames and planes, "frame" and "plane" keep them apart.
        threshold, background: as in `abbe.colocalize`.
        revealed: show the colocalized pixels as a layer.
    """

    channels: tuple[int, int] = (0, 1)
    rois: tuple[ROI, ...] = ()
    each: Literal["image", "frame", "plane"] = "image"
    threshold: str = "costes"
    background: str = "none"
    extras: tuple[str, ...] = ()
    revealed: bool = True

    def run(self, sheet: Sheet, progress: Progress) -> Shown:
        """Everything to show. Raises `AbbeError` for channels, regions or thresholds that cannot be."""
        from abbe.colocalization import colocalize_all

        settings: dict[str, Any] = {
            "threshold": numbers(self.threshold, "thresholds"),
            "background": numbers(self.background, "background"),
            "extras": list(self.extras),
        }
        progress(0.0, "measuring")
        found = colocalize_all(sheet.image, [self.channels], self.rois, self.each, progress=part(progress, 0.0, MEASURING), **settings)
        progress(MEASURING, "drawing")
        first = found[0]
        alone = (Notice("changed", ALONE),) if first.original is None and is_result(sheet.image) else ()
        notices = join(alone, *(result.notices for result in found))
        before = join(*(result.original.notices for result in found if result.original is not None))
        notices += tuple(Notice(n.code, f"on the original: {n.message}") for n in before if n not in notices)
        head, rows = single(first) if len(found) == 1 else many(found)
        drawn = scattergrams(first)
        return Shown(list(found), _summary(found), head, rows, notices, drawn, tuple(self._layers(found, sheet)))

    def _layers(self, found: ColocalizationTable, sheet: Sheet) -> list[LayerData]:
        if not self.revealed:
            return []
        made = []
        for result in found.results[:1] if self.each != "image" else found.results:
            if result.thresholds.found:
                where = "" if result.region.roi is None else f" in {result.region.name}"
                style: dict[str, Any] = {"contrast_limits": (0.0, 1.0), "colormap": VEIL, "opacity": 0.7}
                image = result.revealed().mask_image
                made += layers(image, _without_channels(sheet), f"{' and '.join(result.names)}{where}", "colocalized", **style)
        return made


def numbers(text: str, what: str) -> str | tuple[float, ...]:
    """The two numbers in "120, 80"; a word as it is. Raises `ParameterError` for anything else."""
    words = [word for word in text.replace(";", ",").split(",") if word.strip()]
    try:
        values = tuple(float(word) for word in words)
    except ValueError:
        return text.strip()
    if len(values) != 2:
        raise ParameterError(f"wanted two numbers for {what}, such as 120, 80, or a method, got {text!r}")
    return values


def _without_channels(sheet: Sheet) -> Any:
    """The sheet's seat without its axis of channels."""
    import dataclasses

    k = sheet.seat.axes.find("C")
    if k < 0:
        return sheet.seat
    rest = {name: tuple(v for n, v in enumerate(getattr(sheet.seat, name)) if n != k) for name in ("scale", "translate", "units")}
    return dataclasses.replace(sheet.seat, axes=sheet.seat.axes.replace("C", ""), **rest)


def single(result: Colocalization) -> tuple[tuple[str, ...], tuple[Row, ...]]:
    """Every coefficient of one measurement, on the result and on its original."""
    before = result.original
    head = ("coefficient", "value", *(("on the original",) if before is not None else ()), "by chance", "strength")
    rows = []
    for coefficient in result:
        d = coefficient.definition
        cells = [d.title, shown(coefficient)]
        if before is not None:
            cells.append(shown(before.coefficients[coefficient.key]) if coefficient.key in before.coefficients else "")
        cells += [by_chance(result, coefficient), coefficient.word or ""]
        tip = f"{d.meaning}\n{d.formula}\n{d.source}" + (f"\n{coefficient.variant}" if coefficient.variant else "")
        rows.append(Row(tuple(cells), f"{coefficient.reason}\n{tip}" if coefficient.reason else tip))
    for title, extra in (("shift", result.shift), ("randomisation", result.randomisation), ("objects", result.objects)):
        rows += _further(title, extra, len(head))
    return head, tuple(rows)


def by_chance(result: Colocalization, coefficient: Coefficient) -> str:
    """What unrelated channels give; of Pearson's r, within what 95 % of them lie, their structure being as wide as here."""
    if coefficient.key == "pearson" and result.by_chance is not None:
        return f"±{result.by_chance:.2g}"
    return "" if coefficient.chance is None else f"{coefficient.chance:.4g}"


def _further(title: str, extra: Any, columns: int) -> list[Row]:
    """A further analysis as rows of name and value."""
    import importlib

    if extra is None:
        return []
    names: Sequence[str] = importlib.import_module(f"abbe.colocalization.{title}").HEAD
    cells = ((name, f"{value:.4g}" if isinstance(value, float) else str(value)) for name, value in zip(names, extra.cells()))
    return [Row((f"{title}: {name}", value, *("",) * (columns - 2))) for name, value in cells if value not in ("", "None")]


def many(found: ColocalizationTable) -> tuple[tuple[str, ...], tuple[Row, ...]]:
    """The main numbers of many measurements, the original above what was made from it."""
    rows = []
    for result in found:
        for version, measured in (("original", result.original), ("result" if result.original else "", result)):
            if measured is None:
                continue
            (t0, t1), (z0, z1) = measured.region.frames, measured.region.planes
            where = [measured.region.name] + [f"frame {t0}"] * (t1 == t0 + 1 and measured.pair.image.shape[0] > 1)
            where += [f"plane {z0}"] * (z1 == z0 + 1 and measured.pair.image.shape[2] > 1)
            rows.append(Row((", ".join(where), version, str(measured.pixels.pixels), *(shown(measured[key]) for key in BRIEF))))
    from abbe.colocalization import DEFINITIONS

    return ("where", "image", "pixels", *(DEFINITIONS[key].title for key in BRIEF)), tuple(rows)


def shown(coefficient: Coefficient) -> str:
    return "undefined" if coefficient.value is None else f"{coefficient.value:.4g}"


def _summary(found: ColocalizationTable) -> str:
    first = found[0]
    t = first.thresholds
    at = f" ({first.names[0]} {t.first:.5g}, {first.names[1]} {t.second:.5g})" if t.first is not None and t.second is not None else ""
    if len(found) > 1:
        return f"{len(found)} measurements of {first.names[0]} with {first.names[1]}; thresholds {t.method}"
    return f"{first.names[0]} with {first.names[1]}, {first.region.name}, {first.pixels.pixels} pixels; thresholds {t.method}{at}"


def scattergrams(result: Colocalization) -> bytes:
    """PNG: on the original and on the result, side by side."""
    from abbe.reporting.figures.charts import scattergrams as draw

    versions = [(result.original, "original"), (result, "result")] if result.original is not None else [(result, "")]
    pairs = [(r, title) for r, title in versions if r is not None]
    return draw([r.scattergram for r, _ in pairs], [title for _, title in pairs])()


# ------------------------------------------------------------------------------------------------ before and after
@dataclass(frozen=True)
class Comparing:
    """How two images are compared, as in `abbe.compare`.

    Attributes:
        resolution: measure it too; it takes longest.
        maps: "error", "residual", "trust": shown as layers.
    """

    border: str = "clamped"
    resolution: bool = True
    maps: tuple[str, ...] = ("error",)

    def run(self, original: Sheet | None, transformed: Sheet, truth: Image | None, progress: Progress) -> Shown:
        """Everything to show. `original` None: what the transformed image was made from. Raises `AbbeError` for images that do not fit."""
        from abbe.comparison import compare

        made = transformed.image
        before = original.image if original is not None else made.original
        if before is None:
            raise ParameterError(f"wanted the image that {transformed.title} was made from, got none; choose it as the original")
        seat = original.seat if original is not None else transformed.seat.moved(made, before)
        border = cast("Border", self.border)
        found = compare(before, made, truth, border=border, progress=part(progress, 0.0, MEASURING if self.resolution else 0.95))
        line = found.verdict.line
        if self.resolution:
            progress(MEASURING, "resolution")
        rows = tuple(row for k in range(len(found.channels)) for row in compared(found, k, self.resolution))
        progress(0.97, "maps")
        head = ("channel", "measure", "result", "upsampled", "unit")
        maps = self._layers(found, seat, transformed)
        return Shown([found], line, head, rows, join(found.notices), None, tuple(maps))

    def _layers(self, found: Comparison, seat: Any, transformed: Sheet) -> list[LayerData]:
        made: list[LayerData] = []
        title = transformed.title
        if "error" in self.maps:
            image = found.error_map
            for c in range(image.shape[1]):
                made += map_layers(image, seat, title, "error", [c], colormap="inferno", contrast_limits=(0.0, _reach(image, c)))
        if "residual" in self.maps:
            image = found.residual
            for c in range(image.shape[1]):
                reach = _reach(image, c)
                made += map_layers(image, seat, title, "residual", [c], colormap="PiYG", contrast_limits=(-reach, reach))
        trust = transformed.image.trust
        if "trust" in self.maps and trust is not None:
            made += map_layers(trust, transformed.seat, title, "trust", **TRUST)
        return made


def _reach(image: Image, c: int) -> float:
    """What is shown as the brightest: nearly the largest error of the middle plane."""
    plane = np.abs(image.plane(image.shape[0] // 2, c, image.shape[2] // 2))
    return float(np.percentile(plane[::2, ::2], 99.8)) or 1.0


def compared(found: Comparison, k: int, resolution: bool) -> list[Row]:
    """The measures of one channel."""
    from abbe.comparison.tables import rows

    channel = found.channels[k]
    listed = [Row((channel.channel, "verdict", channel.verdict.word, "", ""), channel.verdict.line)]
    for name, unit, ours, plain, note in rows(found, k, resolution):
        listed.append(Row((channel.channel, name, _cell(ours), _cell(plain), unit), note))
    return listed


def _cell(cell: str | int | float | None) -> str:
    return "" if cell is None else f"{cell:.4g}" if isinstance(cell, float) else str(cell)
