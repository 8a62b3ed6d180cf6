"""Reports as a workbook: a sheet per section, numbers as numbers, text never as a formula or a link."""

from __future__ import annotations

import io
import re
from typing import Any

from abbe.reporting.model import Report, Section, Table

#: longest text that a cell holds
CELL = 32767


def as_xlsx(report: Report) -> bytes:
    import xlsxwriter

    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(out, options)
    book.set_properties({"title": report.title[:255], "comments": f"{report.software}, {report.created}"})
    styles = {
        "title": book.add_format({"bold": True, "font_size": 14}),
        "table": book.add_format({"bold": True, "font_size": 12}),
        "head": book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"}),
        "text": book.add_format({"text_wrap": True, "valign": "top"}),
        "note": book.add_format({"italic": True, "font_color": "#555555"}),
        "warning": book.add_format({"font_color": "#9A3B00"}),
    }
    taken: set[str] = set()
    for section in report.sections:
        sheet = book.add_worksheet(_sheet_name(section.title, taken))
        sheet.set_column(0, 0, 44)
        sheet.set_column(1, 12, 20)
        _fill(sheet, report, section, styles)
    book.close()
    return out.getvalue()


def _fill(sheet: Any, report: Report, section: Section, styles: dict[str, Any]) -> None:
    sheet.write_string(0, 0, section.title[:CELL], styles["title"])
    sheet.write_string(1, 0, f"{report.title} - {report.software}, {report.created}"[:CELL], styles["note"])
    row = 3
    for text in section.paragraphs:
        sheet.write_string(row, 0, text[:CELL])
        row += 1
    for text in section.warnings:
        sheet.write_string(row, 0, text[:CELL], styles["warning"])
        row += 1
    for table in section.tables:
        row = _table(sheet, row + 1, table, styles)


def _table(sheet: Any, row: int, table: Table, styles: dict[str, Any]) -> int:
    """Write from `row` on; returns the first row below."""
    sheet.write_string(row, 0, table.title[:CELL], styles["table"])
    row += 1
    for column, name in enumerate(table.columns):
        sheet.write_string(row, column, name[:CELL], styles["head"])
    for cells in table.rows:
        row += 1
        for column, entry in enumerate(cells):
            if entry.number is not None:
                sheet.write_number(row, column, entry.number)
            elif entry.text:
                sheet.write_string(row, column, entry.text[:CELL], styles["text"])
    for note in table.notes:
        row += 1
        sheet.write_string(row, 0, note[:CELL], styles["note"])
    return row + 1


def _sheet_name(title: str, taken: set[str]) -> str:
    """At most 31 characters, without those that a sheet's name cannot have."""
    name = re.sub(r"[\[\]:*?/\\']", " ", title)[:31].strip() or "sheet"
    while name.lower() in taken:
        name = f"{name[:28]} {len(taken)}"
    taken.add(name.lower())
    return name
