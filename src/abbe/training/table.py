"""The table of a run, `log.csv`: a row per validation, each step once, however often the run was stopped or killed."""

from __future__ import annotations

import csv
from pathlib import Path


def write_row(table: Path, row: dict[str, str]) -> None:
    """Add a row; a table that is there keeps the columns that it has."""
    rows = _rows(table)
    new, names = not rows, next(iter(rows), list(row))
    with table.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, extrasaction="ignore")
        if new:
            writer.writeheader()
        writer.writerow(row)


def keep_rows(table: Path, step: int | None) -> None:
    """Only the whole rows up to `step`, from which a run goes on; None: it begins anew, without any.

    A run that was killed had gone further than its last checkpoint, and may have been writing.
    """
    if step is None:
        table.unlink(missing_ok=True)
        return
    rows = _rows(table)
    kept = [row for row in rows[1:] if len(row) == len(rows[0]) and row[0].isdigit() and int(row[0]) <= step]
    if len(kept) + 1 < len(rows):
        partial = table.with_suffix(".partial")
        with partial.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([rows[0], *kept])
        partial.replace(table)


def _rows(table: Path) -> list[list[str]]:
    """Header and rows; none where there is no table."""
    if not table.exists():
        return []
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))
