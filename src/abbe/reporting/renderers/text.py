"""Reports as text: a readable page, or everything but the pictures as CSV or TSV, one number or sentence a line."""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Iterator, Sequence

from abbe.reporting.inert import formula_safe
from abbe.reporting.model import Cell, Report, Section, Table

WIDTH = 100


def as_text(report: Report) -> str:
    """The report to read in any editor."""
    parts = [f"{report.title}\n{report.subtitle}\n{report.software}, {report.created}\n"]
    parts += [part for section in report.sections if section.paragraphs or section.warnings or section.tables for part in _section(section)]
    return "\n".join(parts) + "\n"


def _section(section: Section) -> Iterator[str]:
    yield f"\n{section.title}\n{'=' * len(section.title)}\n"
    for text in section.paragraphs:
        yield "\n".join(textwrap.fill(line, WIDTH) for line in text.split("\n")) + "\n"
    for text in section.warnings:
        yield textwrap.fill(f"! {text}", WIDTH, subsequent_indent="  ") + "\n"
    for table in section.tables:
        yield _table(table)


def _table(table: Table) -> str:
    rows = [[Cell(name) for name in table.columns], *table.rows]
    widths = [min(60, max(len(row[k].text) for row in rows)) for k in range(len(table.columns))]
    lines = [table.title, "-" * len(table.title)]
    for row in rows:
        cells = [
            entry.text.rjust(width) if entry.number is not None else entry.text.ljust(width)
            for entry, width in zip(row, widths, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    lines += [textwrap.fill(note, WIDTH, initial_indent="  ", subsequent_indent="  ") for note in table.notes]
    return "\n".join(lines) + "\n"


#: columns of a data file
COLUMNS = ("table", "row", "column", "value", "title")


def as_delimited(report: Report, delimiter: str) -> str:
    """Everything but the pictures as lines of table, row, column, value, title: made for programs, safe in spreadsheets.

    The title says what a line belongs to: the table's, which names channels, region, frames and thresholds where these tell it from others.
    Paragraphs, warnings and the notes below tables are lines too, whose column is "text", "warning" or "note" and whose row counts them;
    `table` is then the section's key, of notes the table's. No two lines share table, row and column.
    """
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(COLUMNS)
    for table, row, column, entry, title in _lines(report):
        value = entry.text if entry.number is not None else formula_safe(" ".join(entry.text.split("\n")))
        if value:
            writer.writerow([formula_safe(table), formula_safe(row), formula_safe(column), value, formula_safe(title)])
    return out.getvalue()


def _lines(report: Report) -> Iterator[tuple[str, str, str, Cell, str]]:
    for name in ("title", "subtitle", "software", "created"):
        yield "report", name, "text", Cell(getattr(report, name)), "Report"
    for section in report.sections:
        yield from _counted(section.key, "text", section.paragraphs, section.title)
        yield from _counted(section.key, "warning", section.warnings, section.title)
        for table in section.tables:
            for row, name in zip(table.rows, _names(table), strict=True):
                for column, entry in zip(table.columns[1:], row[1:], strict=True):
                    yield table.key, name, column, entry, table.title
            yield from _counted(table.key, "note", table.notes, table.title)


def _counted(key: str, what: str, texts: Sequence[str], title: str) -> Iterator[tuple[str, str, str, Cell, str]]:
    for number, text in enumerate(texts, 1):
        yield key, f"{what} {number}", what, Cell(text), title


def _names(table: Table) -> list[str]:
    """What each row is called: its first cell; with its second where others begin alike, and with a number where that is not enough."""
    first = [row[0].text for row in table.rows]
    found = [
        f"{name}, {row[1].text}" if first.count(name) > 1 and len(row) > 2 and row[1].text else name
        for name, row in zip(first, table.rows, strict=True)
    ]
    return [f"{name}, {found[:k].count(name) + 1}" if found.count(name) > 1 else name for k, name in enumerate(found)]
