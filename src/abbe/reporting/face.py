"""`abbe.report`: one call, the format by the suffix."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from abbe.errors import ParameterError
from abbe.reporting.case import Case
from abbe.reporting.model import Report
from abbe.reporting.portable import portable
from abbe.storage import write_whole

Progress = Callable[[float, str], None]
#: share of a report that is measuring
MEASURING = 0.6


@runtime_checkable
class Reportable(Protocol):
    """What knows by itself what a report of it is about: a `Session`."""

    def case(self, *, progress: Progress | None = None) -> Case: ...


def report(subject: Any, path: str | os.PathLike[str], *, overwrite: bool = False, progress: Progress | None = None) -> Path:
    """Write a report: pictures before and after, numbers, warnings, methods, checklist.

    Args:
        subject: a `Session`; or an image, a `Colocalization`, a `Comparison`, or a list of them that belong to one image.
        path: .pdf, .html, .xlsx, .txt, .csv or .tsv; all show the same digits.
        overwrite: replace a file of that name.
        progress: called with the fraction done and a word.

    Raises:
        ParameterError: another suffix, or nothing to report. ExistsError, StorageError: as `abbe.save`; nothing was changed.
    """
    from abbe.reporting.building import build  # what measures is loaded when it is needed, not by a session that is undone

    render = renderer(path)
    say = progress or (lambda fraction, word: None)
    say(0.0, "measuring")
    if isinstance(subject, Reportable):
        case = subject.case(progress=lambda fraction, word: say(MEASURING * fraction, word))
    else:
        from abbe.reporting.gathering import case_of

        case = case_of(subject)
    say(MEASURING, "drawing")
    content = render(portable(build(case), Path(path).parent))
    with write_whole(path, overwrite) as part:
        part.write_bytes(content)
    say(1.0, "written")
    return Path(path)


def renderer(path: str | os.PathLike[str]) -> Callable[[Report], bytes]:
    """What renders for a suffix. Raises `ParameterError` for one that abbe does not write."""
    suffix = Path(path).suffix.lower()
    if suffix not in RENDERERS:
        raise ParameterError(f"wanted a report that ends in one of {', '.join(RENDERERS)}, got {Path(path).name!r}")
    return RENDERERS[suffix]


def _pdf(report: Report) -> bytes:
    from abbe.reporting.renderers.pdf import as_pdf

    return as_pdf(report)


def _html(report: Report) -> bytes:
    from abbe.reporting.renderers.html import as_html

    return as_html(report).encode("utf-8")


def _xlsx(report: Report) -> bytes:
    from abbe.reporting.renderers.xlsx import as_xlsx

    return as_xlsx(report)


def _text(report: Report) -> bytes:
    from abbe.reporting.renderers.text import as_text

    return as_text(report).encode("utf-8")


def _csv(report: Report) -> bytes:
    from abbe.reporting.renderers.text import as_delimited

    # the mark at the start makes Excel read UTF-8
    return ("\ufeff" + as_delimited(report, ",")).encode("utf-8")


def _tsv(report: Report) -> bytes:
    from abbe.reporting.renderers.text import as_delimited

    return as_delimited(report, "\t").encode("utf-8")


RENDERERS: dict[str, Callable[[Report], bytes]] = {
    ".pdf": _pdf,
    ".html": _html,
    ".htm": _html,
    ".xlsx": _xlsx,
    ".txt": _text,
    ".csv": _csv,
    ".tsv": _tsv,
}
