"""Colocalization in many regions, cells say: what would fill hundreds of pages in a few tables."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from abbe.colocalization.definitions import DEFINITIONS
from abbe.colocalization.extent import part
from abbe.colocalization.spread import HEAD, MAIN, of_regions, spread
from abbe.image.notice import CODES
from abbe.reporting.case import Measured
from abbe.reporting.inert import inert
from abbe.reporting.model import Table

#: measurements with tables and a scattergram of their own, at most: more are a table with a line for each
MANY = 12
#: places that a warning names, and warnings of one kind, at most
PLACES, ALIKE = 3, 5


def in_full(measurements: Sequence[Measured]) -> list[int]:
    """Which get tables and a scattergram of their own: all of a few; of many those of whole images, and the first others."""
    if len(measurements) <= MANY:
        return list(range(len(measurements)))
    whole = [k for k, measured in enumerate(measurements) if measured.data["region"]["roi"] is None]
    others = [k for k in range(len(measurements)) if k not in set(whole)]
    return sorted((whole + others)[:MANY])


def sources(measured: Measured) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The original where there is one, then the version, by name."""
    before = measured.data.get("original")
    if before:
        yield "original", before
    yield measured.name, measured.data


def overview(titles: Sequence[str], measurements: Sequence[Measured]) -> list[Table]:
    """A line for each measurement: the main coefficients on a page, and all of them for data files. Nothing of a few."""
    if len(measurements) <= MANY:
        return []
    regions = [measured.data["region"]["name"] + part(measured.data["region"], measured.image) for measured in measurements]
    if len({tuple(measured.data["names"]) for measured in measurements}) == 1 and len(set(regions)) == len(regions):
        titles = regions  # what they have in common need not stand in each line
    keys = [key for key in DEFINITIONS if any(key in measured.data["definitions"] for measured in measurements)]
    return [
        _lines("measurements", "Every measurement", titles, measurements, [key for key in MAIN if key in keys]),
        _lines("measurements-all", "Every measurement, all coefficients", titles, measurements, keys, wide=True),
    ]


def _lines(key: str, title: str, titles: Sequence[str], measurements: Sequence[Measured], keys: Sequence[str], wide: bool = False) -> Table:
    rows = []
    called = {one: DEFINITIONS[one].title if wide else SHORT[one] for one in keys}
    for name, measured in zip(titles, measurements, strict=True):
        for version, data in sources(measured):
            little = ", ".join(title for one, title in called.items() if one in (data.get("doubtful") or ()))
            values = ["undefined" if data.get(one) is None else data[one] for one in keys]
            rows.append([name, version, data["n"], *values, little])
    heads = list(called.values())
    notes = (
        [] if wide else ["M1, M2: Manders' coefficients; tM1, tM2: the same over the thresholds; ICQ: Li's intensity correlation quotient."]
    )
    return Table.of(key, title, ["measurement", "of", "pixels", *heads, "means little"], rows, notes, wide=wide)


SHORT = {"pearson": "Pearson's r", "spearman": "Spearman", "icq": "ICQ", "m1": "M1", "m2": "M2", "tm1": "tM1", "tm2": "tM2"}


def over_regions(measurements: Sequence[Measured]) -> list[Table]:
    """Each coefficient over the regions of a pair of channels, each region with the same weight; SD with n - 1.

    A region that was measured in several frames or planes counts once, with their mean; other thresholds and backgrounds by themselves.
    """
    found: dict[tuple[str, ...], list[tuple[str, Mapping[str, Any]]]] = {}
    for measured in measurements:
        if measured.data["region"]["roi"] is not None:
            for version, data in sources(measured):
                by = (data["thresholds"]["method"], data["background"]["method"])
                of = json.dumps(measured.data["region"]["roi"], sort_keys=True)
                found.setdefault((*measured.data["names"], version, *by), []).append((of, data))
    tables = []
    for number, ((first, second, version, limits, below), measured_in) in enumerate(found.items(), 1):
        regions = len({of for of, _ in measured_in})
        rows = []
        for key in DEFINITIONS:
            there = ((of, None if data.get(key) is None else float(data[key])) for of, data in measured_in)
            values, _ = of_regions(there)
            if (over := spread(values)) is not None:
                little = len({of for of, data in measured_in if key in (data.get("doubtful") or ())})
                rows.append([DEFINITIONS[key].title, len(values), *over, little])
        if rows:
            settings = f", thresholds by {limits}, background by {below}" if len({key[3:] for key in found}) > 1 else ""
            title = f"Over {regions} regions: {first} with {second}, {version}{settings}"
            if len(measured_in) > regions:
                often = ["A region that was measured in several frames or planes counts once, with their mean."]
            else:
                often = []
            notes = [
                *often,
                "Each region counts the same. Whether one is a sample of its own (a cell, an animal) is for the reader to say.",
            ]
            tables.append(Table.of(f"regions-{number}", title, ["coefficient", "regions", *HEAD, "means little in"], rows, notes))
    return tables


def fewer(about: Mapping[tuple[str, str], Iterable[str]]) -> Iterator[str]:
    """Warnings, (code, message) with the places that each is about, in few lines: of many places the first, of many of a kind too."""
    counts = Counter(code for code, _ in about)
    told: Counter[str] = Counter()
    for (code, message), places in about.items():
        told[code] += 1
        where = list(dict.fromkeys(places))
        if told[code] <= ALIKE or counts[code] <= ALIKE + 1:
            more = f" and {len(where) - PLACES} more" if len(where) > MANY else ""
            yield inert(f"{'; '.join(where[:PLACES] if more else where)}{more}: {message}")
        elif told[code] == counts[code]:
            yield inert(f"{counts[code] - ALIKE} more warnings of that kind in other measurements ({CODES.get(code, code)})")
