"""Reports as text: a readable page, or all numbers as CSV or TSV, one number a line."""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Iterator

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


def as_delimited(report: Report, delimiter: str) -> str:
    """All tables as lines of table, row, column, value: made for programs, safe in spreadsheets."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(["table", "row", "column", "value"])
    for table in report.tables():
        for row in table.rows:
            for column, entry in zip(table.columns[1:], row[1:], strict=True):
                value = entry.text if entry.number is not None else formula_safe(entry.text)
                if value:
                    writer.writerow([formula_safe(table.key), formula_safe(row[0].text), formula_safe(column), value])
    return out.getvalue()
