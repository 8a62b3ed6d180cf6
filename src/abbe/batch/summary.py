"""What a run of a batch came to; and the table, with a row for every image, for a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from abbe.batch.finding import Source, file_of
from abbe.batch.record import Line
from abbe.limits import LIMITS
from abbe.reporting.inert import formula_safe, inert
from abbe.storage import write_whole

#: the table of all images, in the folder of results
TABLE = "batch.csv"
HEAD = (
    *("image", "name in the file", "status", "result", "verdict", "reason", "warnings", "error"),
    *("result's frames", "channels", "planes", "rows", "columns", "z-step (um)", "pixel height (um)", "pixel width (um)"),
    *("seconds", "computed with", "done by", "done at (UTC)"),
)


@dataclass(slots=True)
class Summary:
    """What a run came to."""

    #: images in the folder
    count: int = 0
    #: done by this run; before it; beside it, by other processes; failed
    done: int = 0
    before: int = 0
    beside: int = 0
    failed: int = 0
    #: failed beside it, at other processes, which have told why
    failed_beside: int = 0
    #: of those done by this run, how many are called doubtful
    doubtful: int = 0
    #: neither, when this run had nothing left to do: in the hands of other processes
    elsewhere: int = 0
    #: other processes that were at it at the end
    others: tuple[str, ...] = ()
    #: files that are no images, by ending
    ignored: dict[str, int] = field(default_factory=dict)
    #: maps of abbe's own results, which are no images
    maps: int = 0
    #: sub-folders that may not be read
    closed: tuple[str, ...] = ()
    table: Path = Path()
    #: why the table could not be written, where it could not
    table_error: str | None = None


def write_summary(path: Path, sources: Mapping[str, Source], lines: Mapping[str, Line]) -> None:
    """CSV with a row for each of `sources`, in their order, and for images that were done and are gone since."""
    gone = [key for key, line in lines.items() if key not in sources and line.status != "several"]
    with write_whole(path, overwrite=True) as part, part.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEAD)
        for key in (*sources, *gone):
            row = _row(key, sources.get(key), lines.get(key), key not in sources and _is_left(key, lines[key], sources))
            writer.writerow([_cell(value) for value in row])


def _is_left(key: str, line: Line, sources: Mapping[str, Source]) -> bool:
    """Was it in a file of several that is there, and holds it no more?"""
    file = file_of(key, line.number)
    return file != key and (file in sources or f"{file}#0" in sources)


def _row(key: str, source: Source | None, line: Line | None, left: bool) -> list[str | int | float | None]:
    if line is None or line.status == "several":
        return [key, None, "not done", *[None] * (len(HEAD) - 3)]
    outcome = line.outcome()
    changed = source is not None and not line.of(source)
    since = ", changed since" if changed else ", no longer in the file" if left else ""
    return [
        *(key, outcome.name, "part of another" if outcome.status == "part" else outcome.status + since),
        *(outcome.result, outcome.verdict, outcome.reason, " | ".join(outcome.notices), outcome.error),
        *(outcome.shape or (None,) * 5),
        *(outcome.pixel_size or (None,) * 3),
        *(outcome.seconds, outcome.engine, outcome.by, outcome.when.removesuffix("+00:00").replace("T", " ")),
    ]


def _cell(value: str | int | float | None) -> str | int | float:
    """Texts from files and their names, made harmless for a spreadsheet."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    return formula_safe(value if value.isascii() and value.isprintable() and len(value) < LIMITS.name else inert(value))
