"""How measurements of colocalization look on a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Any

from abbe.cli.speech import clean, say
from abbe.colocalization import DEFINITIONS, Coefficient, Colocalization, ColocalizationTable
from abbe.colocalization.definitions import WORDS_SOURCE
from abbe.colocalization.over import OfFile, over_files
from abbe.colocalization.result import Background, Thresholds
from abbe.colocalization.spread import HEAD, MAIN, Spread
from abbe.colocalization.tabulation import over_regions, versions
from abbe.image import Notice
from abbe.image.notice import CODES

#: a column of numbers: words give way to them where a terminal is narrow
NUMBERS: Any = {"justify": "right", "min_width": len("-2.347e-05")}
#: a column of words, which breaks into lines
WORDS: Any = {"overflow": "fold", "min_width": 11}


def show(found: ColocalizationTable) -> None:
    """One measurement with everything, or many with the main numbers."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, title_justify="left")
    if len(found) == 1:
        _single(table, found[0])
    else:
        _many(table, found)
    printed(table)
    if len(found) == 1:
        for title, rows in _extras(found[0]):
            further = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", show_header=False)
            for name, shown in rows:
                further.add_row(name, shown)
            printed(further)
    for line in _footer(found):
        say(line)


def show_files(found: Sequence[OfFile]) -> None:
    """A line for each file and pair: the mean over its regions, or what was measured; then each coefficient over the files."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, title_justify="left")
    for head in ("file", "channels"):
        table.add_column(head, **WORDS)
    for head in ("measurements", *MAIN):
        table.add_column(head, **NUMBERS)
    for one in found:
        for (version, first, second), coefficients in one.values.items():
            said = clean(f"{'' if version == 'processed' else 'original: '}{first}, {second}")
            measured = max(map(len, coefficients.values()))
            cells = (f"{fmean(coefficients[key]):.4g}" if key in coefficients else "undefined" for key in MAIN)
            table.add_row(clean(one.source), said, str(measured), *cells)
    printed(table)
    for line in over_files(found):
        if line.key in MAIN:
            version, first, second = line.which
            little = f"; means little in {line.little}" if line.little else ""
            say(f"{version}, {first} with {second}, over {line.files} files: {line.key} {line.spread}{little}")


def printed(table: Any) -> None:
    """As wide as the terminal, or as its numbers need where that is narrower: the terminal breaks lines, and no number is cut."""
    from rich.console import Console
    from rich.measure import Measurement

    console = Console(markup=False, highlight=False)
    if not console.is_terminal:  # files and pipes have no width to wrap at
        console = Console(markup=False, highlight=False, width=160)
    needed = Measurement.get(console, console.options.update(width=1000), table).minimum
    Console(markup=False, highlight=False, width=max(console.width, needed)).print(table)


def _single(table: Any, result: Colocalization) -> None:
    table.title = clean(f"{result.names[0]} with {result.names[1]}, {result.where}, {result.pixels.pixels} pixels")
    before = result.original
    table.add_column("coefficient", **WORDS)
    table.add_column("value", **NUMBERS)
    if before is not None:
        table.add_column("on the original", **NUMBERS)
    table.add_column("by chance", **NUMBERS)
    table.add_column("strength", **WORDS)
    table.add_column("what it is", **WORDS)
    for coefficient in result:
        cells = [DEFINITIONS[coefficient.key].title, _number(coefficient)]
        if before is not None:
            cells.append(_number(before.coefficients[coefficient.key]) if coefficient.key in before.coefficients else "")
        cells.append("" if coefficient.chance is None else f"{coefficient.chance:.4g}")
        reason = coefficient.reason or coefficient.definition.formula + (f" ({coefficient.variant})" if coefficient.variant else "")
        table.add_row(*cells, coefficient.word or "", clean(reason))


def _many(table: Any, found: ColocalizationTable) -> None:
    for head in ("channels", "ROI"):
        table.add_column(head, **WORDS)
    for head in ("frames", "planes"):
        table.add_column(head, overflow="fold")
    for head in ("pixels", *MAIN):
        table.add_column(head, **NUMBERS)
    for result in found:
        for version, measured in (("original: ", result.original), ("", result)):
            if measured is None:
                continue
            (t0, t1), (z0, z1) = measured.region.frames, measured.region.planes
            table.add_row(
                clean(f"{version}{measured.names[0]}, {measured.names[1]}"),
                clean(measured.region.name),
                f"{t0}" if t1 == t0 + 1 else f"{t0}-{t1 - 1}",
                f"{z0}" if z1 == z0 + 1 else f"{z0}-{z1 - 1}",
                str(measured.pixels.pixels),
                *(_number(measured[key]) for key in MAIN),
            )


def _number(coefficient: Coefficient) -> str:
    return "undefined" if coefficient.value is None else f"{coefficient.value:.4g}"


def _footer(found: ColocalizationTable) -> list[str]:
    """What the table's numbers rest on: thresholds, background, counts, and what grew with the pixel grid."""
    first = found[0]
    lines = [f"thresholds: {first.thresholds.method} ({first.thresholds.variant})"]
    if len(found) == 1:
        t, b, p, before = first.thresholds, first.background, first.pixels, first.original
        if t.first is not None and t.second is not None:
            then = "" if before is None else _then(before.thresholds)
            lines.append(f"  {first.names[0]} {t.first:.6g}, {first.names[1]} {t.second:.6g}{then}")
        then = "" if before is None or b.method == "none" else _then(before.background)
        lines.append(f"background subtracted: {b.method}, {b.first:.6g} and {b.second:.6g}{then}")
        for word, count in (("total", p.total), ("colocalized", p.colocalized)):
            if count is not None:
                size = "" if count.size is None else f", {count.size:.6g} {count.unit}"
                lines.append(f"{word} pixels: {count.pixels}, {count.percent:.4g} % of the ROI{size}")
        if p.ratio is not None:
            lines.append(p.ratio.explanation)
    elif max(first.pair.image.shape[0], first.pair.image.shape[2]) > 1:
        lines.append("frames and planes count from 0")
    lines += _over_regions(found.results)
    if any(coefficient.word for result in found for coefficient in result):
        lines.append(f"strength in words: {WORDS_SOURCE}")
    return lines


def _over_regions(results: Sequence[Colocalization]) -> list[str]:
    """A line for each main coefficient of a pair: how it is over the regions."""
    table = over_regions([line for result in results for line in versions(result)])
    said = []
    for row in (dict(zip(table.head, cells)) for cells in table.rows):
        if row["coefficient"] in MAIN:
            over = Spread(*(float(row[key] or 0) for key in HEAD))
            little = f"; means little in {row['means little in']}" if row["means little in"] else ""
            where = f"{row['image']}, {row['channel 1']} with {row['channel 2']}, over {row['regions']} regions"
            said.append(f"{where}: {row['coefficient']} {over}{little}")
    return said


def _then(found: Thresholds | Background) -> str:
    """The two values of the original."""
    if found.first is None or found.second is None:
        return "; none on the original"
    return f"; on the original {found.first:.6g} and {found.second:.6g}"


def _extras(result: Colocalization) -> list[tuple[str, list[tuple[str, str]]]]:
    """Further analyses, each as names and values."""
    import importlib

    found = []
    for title, extra in (("shift", result.shift), ("randomisation", result.randomisation), ("objects", result.objects)):
        if extra is not None:
            head: Sequence[str] = importlib.import_module(f"abbe.colocalization.{title}").HEAD
            shown = (f"{value:.4g}" if isinstance(value, float) else clean(str(value)) for value in extra.cells())
            found.append((title, [(name, value) for name, value in zip(head, shown) if value]))
    return found


#: most places that a remark names, and most remarks of one kind: of hundreds of cells each has numbers of its own
PLACES = 3


def remarks(found: ColocalizationTable) -> list[Notice]:
    """What `_remarks` says; of many of a kind the first few."""
    return list(fewer(_remarks(found)))


def _remarks(found: ColocalizationTable) -> list[Notice]:
    """Every warning once; one that is not about all measurements with the pairs, ROIs, frames and planes that it is about, and one that
    is true of the originals alone with a word on that."""
    about: dict[tuple[Notice, bool], list[str]] = {}
    for result in found:
        before = () if result.original is None else result.original.notices
        for notice, past in (*((n, True) for n in before if n not in result.notices), *((n, False) for n in result.notices)):
            places = about.setdefault((notice, past), [])
            if (place := _place(result)) not in places:
                places.append(place)
    said = []
    for (notice, past), places in about.items():
        where = ["on the original"] if past else []
        if len(places) != len({_place(result) for result in found}):
            more = f" and {len(places) - PLACES} more" if len(places) > PLACES else ""
            where.insert(0, f"{'; '.join(places[:PLACES])}{more}")
        said.append(Notice(notice.code, f"{', '.join(where)}: {notice.message}") if where else notice)
    return said


def remarks_of_file(source: str, found: ColocalizationTable) -> list[Notice]:
    """All remarks on a file, its name before each."""
    return [Notice(one.code, f"{source}: {one.message}") for one in _remarks(found)]


def fewer(said: list[Notice]) -> Iterator[Notice]:
    """Of many remarks of one kind the first, and how many more there are."""
    counts = Counter(notice.code for notice in said)
    told: Counter[str] = Counter()
    for notice in said:
        told[notice.code] += 1
        if told[notice.code] <= PLACES:
            yield notice
        elif told[notice.code] == counts[notice.code]:
            more = counts[notice.code] - PLACES
            yield Notice(notice.code, f"and {more} more of this kind ({CODES[notice.code]}); the table Warnings of a file (-o) has all")


def _place(result: Colocalization) -> str:
    (t0, t1), (z0, z1) = result.region.frames, result.region.planes
    where = [f"{result.names[0]} with {result.names[1]}"]
    where += [] if result.region.roi is None else [result.region.name]
    where += [f"frame {t0}"] if t1 == t0 + 1 and result.pair.image.shape[0] > 1 else []
    where += [f"plane {z0}"] if z1 == z0 + 1 and result.pair.image.shape[2] > 1 else []
    return ", ".join(where)
