"""Results as tables of plain cells: for a terminal, a spreadsheet, a text file, a report."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from abbe.colocalization.definitions import DEFINITIONS
from abbe.colocalization.pixel_information import Count
from abbe.colocalization.result import Colocalization
from abbe.colocalization.spread import HEAD, of_regions, spread
from abbe.image.computed import is_result

Cell: TypeAlias = str | int | float | None


@dataclass(frozen=True, slots=True)
class Table:
    """A title, a head and rows of cells. An undefined number is the word "undefined"; its reason is in the table "Undefined"."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def tables(results: Sequence[Colocalization]) -> list[Table]:
    """Everything that the results say, a table per subject."""
    lines = [line for result in results for line in versions(result)]
    found = [
        _coefficients(lines),
        over_regions(lines),
        _pixels(lines),
        _settings(lines),
        _shifts(lines),
        _randomisations(lines),
        _objects(lines),
        _changes(results),
        _chance(lines),
        _variants(lines),
        _undefined(lines),
        _warnings(results),
        _definitions(results),
    ]
    return [table for table in found if table.rows]


#: a result with the words that say where it is from: image, pair, ROI, frames, planes
Line: TypeAlias = tuple[tuple[Cell, ...], Colocalization]
WHERE = ("image", "channel 1", "channel 2", "ROI", "frames", "planes")


def versions(result: Colocalization) -> Iterator[Line]:
    """The original first, then what was computed from it."""
    if result.original is not None:
        yield _where(result.original, "original"), result.original
        yield _where(result, "processed"), result
    else:
        yield _where(result, "processed" if is_result(result.pair.image) else "original"), result


def _where(result: Colocalization, version: str) -> tuple[Cell, ...]:
    (t0, t1), (z0, z1) = result.region.frames, result.region.planes
    frames = str(t0) if t1 == t0 + 1 else f"{t0}-{t1 - 1}"
    planes = str(z0) if z1 == z0 + 1 else f"{z0}-{z1 - 1}"
    return version, *result.names, result.region.name, frames, planes


def _coefficients(lines: Sequence[Line]) -> Table:
    keys = list(dict.fromkeys(key for _, result in lines for key in result.coefficients))
    rows = []
    for where, result in lines:
        values = (result.coefficients.get(key) for key in keys)
        cells = ("" if c is None else "undefined" if c.value is None else c.value for c in values)
        rows.append((*where, result.pixels.pixels, *cells, ", ".join(result.doubtful), result.pair.image.provenance.names))
    return Table("Coefficients", (*WHERE, "pixels", *keys, "doubtful", "file"), tuple(rows))


#: the table over regions
OVER_REGIONS = "Over regions"


def over_regions(lines: Sequence[Line]) -> Table:
    """Each coefficient over the regions of a pair (cells, say), each region with the same weight; where there are a few.

    A region that was measured in several frames or planes counts once, with their mean; what was measured above other thresholds, or over
    another background, is summed up by itself. Regions in which a coefficient is undefined are left out, and counted. Whether a region is a
    sample of its own (a cell, an animal) is for who reads it to say.
    """
    head = (
        "image",
        "channel 1",
        "channel 2",
        "coefficient",
        "regions",
        *HEAD,
        "undefined in",
        "means little in",
        "thresholds by",
        "background by",
    )
    found: dict[tuple[Cell, ...], list[tuple[str, Colocalization]]] = {}
    for where, result in lines:
        if (roi := result.region.roi) is not None:
            by = (result.thresholds.method, result.background.method)
            found.setdefault((*where[:3], *by), []).append((json.dumps(roi.to_dict(), sort_keys=True), result))
    rows: list[tuple[Cell, ...]] = []
    for where, results in found.items():
        for key in dict.fromkeys(key for _, result in results for key in result.coefficients):
            values, undefined = of_regions((of, r.coefficients[key].value) for of, r in results if key in r.coefficients)
            if (over := spread(values)) is not None:
                little = len({of for of, result in results if key in result.doubtful})
                rows.append((*where[:3], key, len(values), *over, undefined, little, *where[3:]))
    return Table(OVER_REGIONS, head, tuple(rows))


def _pixels(lines: Sequence[Line]) -> Table:
    head = (
        *WHERE, "pixels of ROI", "size of ROI", "unit",
        "total pixels", "total % of ROI", "total size",
        "colocalized pixels", "colocalized % of ROI", "colocalized size",
        *(f"{name} {k}" for k in (1, 2) for name in ("min", "max", "mean", "above zero", "above threshold", "saturated")),
        "ROI pixels / original", "total / original", "colocalized / original", "explanation",
    )  # fmt: skip
    rows = []
    for where, result in lines:
        p = result.pixels
        cells: list[Cell] = [p.pixels, p.region.size, p.region.unit if p.region.size is not None else ""]
        cells += [*_count(p.total), *_count(p.colocalized)]
        for channel in (p.first, p.second):
            above = "undefined" if channel.above is None else channel.above.pixels
            cells += [channel.minimum, channel.maximum, channel.mean, channel.above_zero.pixels, above, channel.saturated.pixels]
        cells += ["", "", "", ""] if p.ratio is None else [p.ratio.expected, p.ratio.total, p.ratio.colocalized, p.ratio.explanation]
        rows.append((*where, *cells))
    return Table("Pixels", head, tuple(rows))


def _count(count: Count | None) -> tuple[Cell, ...]:
    return ("undefined", "undefined", "undefined") if count is None else (count.pixels, count.percent, count.size)


def _settings(lines: Sequence[Line]) -> Table:
    head = (*WHERE, "thresholds by", "variant", "threshold 1", "threshold 2", "background by", "background 1", "background 2")
    rows = []
    for where, r in lines:
        t, b = r.thresholds, r.background
        limits = tuple("undefined" if value is None else value for value in (t.first, t.second))
        rows.append((*where, t.method, t.variant, *limits, b.method, b.first, b.second))
    return Table("Settings", head, tuple(rows))


def _shifts(lines: Sequence[Line]) -> Table:
    rows = []
    for where, result in lines:
        if result.shift is not None:
            rows.append((*where, *result.shift.cells()))
    from abbe.colocalization.shift import HEAD

    return Table("Shift", (*WHERE, *HEAD), tuple(rows))


def _randomisations(lines: Sequence[Line]) -> Table:
    from abbe.colocalization.randomisation import HEAD

    rows = [(*where, *result.randomisation.cells()) for where, result in lines if result.randomisation is not None]
    return Table("Randomisation", (*WHERE, *HEAD), tuple(rows))


def _objects(lines: Sequence[Line]) -> Table:
    from abbe.colocalization.objects import HEAD

    rows = [(*where, *result.objects.cells()) for where, result in lines if result.objects is not None]
    return Table("Objects", (*WHERE, *HEAD), tuple(rows))


def _changes(results: Sequence[Colocalization]) -> Table:
    head = (*WHERE, "coefficient", "original", "processed", "difference", "interval from", "interval to", "beyond interval")
    rows = []
    for result in results:
        for change in result.changes.values():
            beyond = "no interval" if change.beyond is None else "yes" if change.beyond else "no"
            values = (change.before, change.after, change.difference, change.low, change.high)
            rows.append(
                (*_where(result, "processed"), change.key, *("undefined" if v is None else v for v in values[:3]), *values[3:], beyond)
            )
    return Table("Changes", head, tuple(rows))


def _chance(lines: Sequence[Line]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for where, result in lines:
        if result.by_chance is not None:
            rows.append((*where, "pearson", result["pearson"].value, 0, result.by_chance))
        rows += [(*where, c.key, c.value, c.chance, "") for c in result if c.chance is not None]
    return Table("By chance", (*WHERE, "coefficient", "value", "by chance", "95 % within"), tuple(rows))


def _variants(lines: Sequence[Line]) -> Table:
    rows = [(*where, c.key, c.variant) for where, result in lines for c in result if c.variant is not None]
    return Table("Variants", (*WHERE, "coefficient", "variant"), tuple(rows))


def _undefined(lines: Sequence[Line]) -> Table:
    rows = [(*where, c.key, c.reason) for where, result in lines for c in result if c.reason is not None]
    return Table("Undefined", (*WHERE, "coefficient", "reason"), tuple(rows))


def _warnings(results: Sequence[Colocalization]) -> Table:
    lines = [line for result in results for line in versions(result)]
    rows = [(*where, notice.code, notice.message) for where, result in lines for notice in result.notices]
    return Table("Warnings", (*WHERE, "about", "message"), tuple(rows))


def _definitions(results: Sequence[Colocalization]) -> Table:
    keys = dict.fromkeys(key for result in results for key in result.coefficients)
    rows = [(key, d.title, d.formula, d.source, d.meaning) for key, d in ((key, DEFINITIONS[key]) for key in keys)]
    return Table("Definitions", ("coefficient", "name", "formula", "source", "what it tells"), tuple(rows))
