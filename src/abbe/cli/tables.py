"""Tables of plain cells as files: XLSX, CSV, text, JSON; no cell is ever run as a formula."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from abbe.reporting.inert import formula_safe, inert
from abbe.storage import write_whole

SUFFIXES = (".xlsx", ".csv", ".txt", ".json")

#: longest text that a spreadsheet's cell holds
_LONGEST = 32_767


class PlainTable(Protocol):
    """A title, a head and rows of cells."""

    @property
    def title(self) -> str: ...

    @property
    def head(self) -> Sequence[str]: ...

    @property
    def rows(self) -> Sequence[Sequence[str | int | float | None]]: ...


def write(path: Path, tables: Sequence[PlainTable], data: dict[str, Any], overwrite: bool = False) -> None:
    """Write tables to a file by its suffix; JSON takes `data` instead. The file appears whole or not at all."""
    suffix = path.suffix.lower()
    with write_whole(path, overwrite) as part:
        if suffix == ".xlsx":
            _xlsx(part, tables)
        elif suffix == ".json":
            part.write_text(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False), encoding="utf-8")
        else:
            _text(part, tables, "," if suffix == ".csv" else "\t")


def harmless(cell: str | int | float | None) -> str | int | float:
    """A cell for a text file that a spreadsheet may open: texts that it would run as a formula get an apostrophe before them."""
    if cell is None:
        return ""
    return formula_safe(inert(cell)) if isinstance(cell, str) else cell


def _text(part: Path, tables: Sequence[PlainTable], delimiter: str) -> None:
    # a byte order mark lets Excel read names that are not ASCII
    with part.open("w", encoding="utf-8-sig" if delimiter == "," else "utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        for k, table in enumerate(tables):
            if k:
                writer.writerow([])
            writer.writerow([f"# {table.title}"])
            writer.writerow([harmless(cell) for cell in table.head])
            writer.writerows([[harmless(cell) for cell in row] for row in table.rows])


def _xlsx(part: Path, tables: Sequence[PlainTable]) -> None:
    import xlsxwriter

    # texts stay texts: neither formulas nor links
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "nan_inf_to_errors": True}
    out = io.BytesIO()  # where writing fails, as on a full disk, it is this process that fails, in words
    with xlsxwriter.Workbook(out, options | {"in_memory": True}) as book:
        bold = book.add_format({"bold": True, "bottom": 1})
        for table in tables:
            sheet = book.add_worksheet(table.title[:31])
            sheet.freeze_panes(1, 0)
            for column, head in enumerate(table.head):
                sheet.write_string(0, column, head, bold)
                sheet.set_column(column, column, min(60, max(10, len(head) + 2)))
            for k, row in enumerate(table.rows, 1):
                for column, cell in enumerate(row):
                    if isinstance(cell, str):
                        sheet.write_string(k, column, inert(cell)[:_LONGEST])
                    elif cell is not None:
                        sheet.write_number(k, column, cell)
    part.write_bytes(out.getvalue())
