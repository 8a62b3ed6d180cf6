"""What users said, all versions for the record, and how to do everything again."""

from __future__ import annotations

from abbe.reporting.case import Case
from abbe.reporting.inert import inert, short
from abbe.reporting.model import Section, Table


def remarks(case: Case) -> Section | None:
    if not case.comments:
        return None
    paragraphs = []
    for comment in case.comments:
        who = ", ".join(short(part, 60) for part in (comment.author, when(comment.created), comment.about) if part)
        paragraphs.append(inert(comment.text, lines=True) + (f"  ({who})" if who else ""))
    return Section("comments", "Comments", paragraphs=tuple(paragraphs))


def when(created: str | None) -> str:
    """2026-11-22T15:54:07+00:00 as 2026-11-22 15:54."""
    return (created or "")[:16].replace("T", " ")


def record(case: Case) -> Section:
    """Every version, and the way to repeat the run."""
    rows = []
    for named in case.versions:
        shape = named.image.shape
        pixels = f"{shape[4]} × {shape[3]}" + (f" × {shape[2]}" if shape[2] > 1 else "")
        rows.append([named.key, short(named.name), when(named.created), pixels, named.image.dtype.name])
    tables = (Table.of("versions", "Versions", ["id", "name", "made (UTC)", "pixels", "type"], rows),) if rows else ()
    start = "the image that was opened" if case.headless else "the original"
    digits = "Numbers are shown with 6 significant digits; the report's data hold all digits."
    if case.imported:
        text = f"abbe rerun cannot repeat this: a version was imported, and how it was made is not recorded here. {digits}"
        return Section("record", "Record", paragraphs=(text,), tables=tables)
    text = (
        f"abbe rerun followed by the name of this report (as HTML) or of the session computes everything again from {start} and says "
        f"whether the numbers agree. {digits}"
    )
    return Section("record", "Record", paragraphs=(text,), tables=tables)
