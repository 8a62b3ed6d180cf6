"""Measurements of many files as one set of tables, and each coefficient over the files: as one counts samples, not cells."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, median, stdev

from abbe.colocalization.result import Colocalization
from abbe.colocalization.tabulation import REGIONS, Cell, Table, tables, versions

#: the table over files; each file counts once, by the mean of its regions where it has some
OVER_FILES = "Over files"
#: the table that is the same for all files
SHARED = "Definitions"

#: what a file is called, and what was measured in it
Measured = tuple[str, Sequence[Colocalization]]


def tables_of_files(found: Sequence[Measured]) -> list[Table]:
    """The tables of each file with the same title as one, whose first column names the file; and `OVER_FILES`."""
    heads: dict[str, dict[str, None]] = {}
    rows: dict[str, list[dict[str, Cell]]] = {}
    for source, results in found:
        for table in tables(results):
            first = () if table.title == SHARED else ("source",)
            heads.setdefault(table.title, {}).update(dict.fromkeys((*first, *table.head)))
            made = [dict(zip((*first, *table.head), (*(source for _ in first), *row))) for row in table.rows]
            known = rows.setdefault(table.title, [])
            known += [row for row in made if table.title != SHARED or row not in known]
    merged = [
        Table(title, tuple(head), tuple(tuple(row.get(key, "") for key in head) for row in rows[title])) for title, head in heads.items()
    ]
    over = over_files(found)
    return [*merged[:1], *([over] if over.rows else []), *merged[1:]]


def of_file(results: Sequence[Colocalization]) -> dict[tuple[Cell, ...], dict[str, list[float]]]:
    """By version and pair of channels: of each coefficient the values of a file's regions, or of what else was measured."""
    some = any(result.region.roi is not None for result in results)
    found: dict[tuple[Cell, ...], dict[str, list[float]]] = {}
    for result in results:
        if some and result.region.roi is None:
            continue
        for where, one in versions(result):
            for key, coefficient in one.coefficients.items():
                if coefficient.value is not None:
                    found.setdefault(where[:3], {}).setdefault(key, []).append(coefficient.value)
    return found


def over_files(found: Sequence[Measured]) -> Table:
    """Each coefficient over the files, where there are `REGIONS` or more; SD with n - 1."""
    gathered: dict[tuple[Cell, ...], dict[str, list[float]]] = {}
    for _, results in found:
        for where, coefficients in of_file(results).items():
            for key, values in coefficients.items():
                gathered.setdefault(where, {}).setdefault(key, []).append(fmean(values))
    head = ("image", "channel 1", "channel 2", "coefficient", "files", "mean", "SD", "median", "least", "most")
    rows = [
        (*where, key, len(values), fmean(values), stdev(values), median(values), min(values), max(values))
        for where, coefficients in gathered.items()
        for key, values in coefficients.items()
        if len(values) >= REGIONS
    ]
    return Table(OVER_FILES, head, tuple(rows))
