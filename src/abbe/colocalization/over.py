"""Measurements of many files as one set of tables, and each coefficient over the files: as one counts samples, not cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TypeAlias

from abbe.colocalization.result import Colocalization
from abbe.colocalization.spread import HEAD, Spread, spread
from abbe.colocalization.tabulation import Cell, Table, tables, versions

#: the table over files; each file counts once, by the mean of its regions where it has some
OVER_FILES = "Over files"
#: the table that is the same for all files
SHARED = "Definitions"

#: a version (original, processed) and two channels
Which: TypeAlias = tuple[Cell, Cell, Cell]


@dataclass(frozen=True, slots=True)
class OfFile:
    """What is kept of a file's measurements: numbers and words, and no pixels, so that memory does not grow with the files.

    Attributes:
        source: what the file is called.
        tables: everything that the results say.
        values: of each coefficient those of the regions, or, where there are none, of what was measured.
        little: of how many of these it means little.
    """

    source: str
    tables: tuple[Table, ...]
    values: Mapping[Which, Mapping[str, Sequence[float]]]
    little: Mapping[Which, Mapping[str, int]]

    @classmethod
    def of(cls, source: str, results: Sequence[Colocalization]) -> OfFile:
        regions = [result for result in results if result.region.roi is not None]
        values: dict[Which, dict[str, list[float]]] = {}
        little: dict[Which, dict[str, int]] = {}
        for result in regions or results:
            for (version, first, second, *_), one in versions(result):
                which = (version, first, second)
                for key, coefficient in one.coefficients.items():
                    if coefficient.value is not None:
                        values.setdefault(which, {}).setdefault(key, []).append(coefficient.value)
                counts = little.setdefault(which, {})
                for key in one.doubtful:
                    counts[key] = counts.get(key, 0) + 1
        return cls(source, tuple(tables(results)), values, little)


@dataclass(frozen=True, slots=True)
class Line:
    """One coefficient over the files; `little`: in how many of them it means little somewhere."""

    which: Which
    key: str
    files: int
    spread: Spread
    little: int


def over_files(found: Sequence[OfFile]) -> Iterator[Line]:
    """Each coefficient, where enough files have it."""
    gathered: dict[Which, dict[str, list[float]]] = {}
    for one in found:
        for which, coefficients in one.values.items():
            for key, values in coefficients.items():
                gathered.setdefault(which, {}).setdefault(key, []).append(fmean(values))
    for which, coefficients in gathered.items():
        for key, values in coefficients.items():
            if (over := spread(values)) is not None:
                little = sum(one.little.get(which, {}).get(key, 0) > 0 for one in found)
                yield Line(which, key, len(values), over, little)


def tables_of_files(found: Sequence[OfFile]) -> list[Table]:
    """The tables of each file with the same title as one, whose first column names the file; and `OVER_FILES`."""
    heads: dict[str, dict[str, None]] = {}
    rows: dict[str, list[dict[str, Cell]]] = {}
    for one in found:
        for table in one.tables:
            first = () if table.title == SHARED else ("source",)
            heads.setdefault(table.title, {}).update(dict.fromkeys((*first, *table.head)))
            made = [dict(zip((*first, *table.head), (*(one.source for _ in first), *row))) for row in table.rows]
            known = rows.setdefault(table.title, [])
            known += [row for row in made if table.title != SHARED or row not in known]
    merged = [
        Table(title, tuple(head), tuple(tuple(row.get(key, "") for key in head) for row in rows[title])) for title, head in heads.items()
    ]
    lines = tuple((*line.which, line.key, line.files, *line.spread, line.little) for line in over_files(found))
    head = ("image", "channel 1", "channel 2", "coefficient", "files", *HEAD, "means little in")
    return [*merged[:1], *([Table(OVER_FILES, head, lines)] if lines else []), *merged[1:]]
