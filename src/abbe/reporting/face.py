"""`abbe.report`: one call, the format by the suffix."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from abbe.colocalization import Colocalization
from abbe.comparison import Comparison
from abbe.errors import ParameterError
from abbe.image import Image
from abbe.reporting.building import build
from abbe.reporting.case import Case, Measured, Named
from abbe.reporting.measuring import comparison, every_pair
from abbe.reporting.model import Report
from abbe.storage import write_whole

Progress = Callable[[float, str], None]


@runtime_checkable
class Reportable(Protocol):
    """What knows by itself what a report of it is about: a `Session`."""

    def case(self) -> Case: ...


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
    render = renderer(path)
    say = progress or (lambda fraction, word: None)
    say(0.0, "measuring")
    case = subject.case() if isinstance(subject, Reportable) else case_of(subject)
    say(0.3, "drawing")
    content = render(build(case))
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


def case_of(subject: Any) -> Case:
    """The case of results that are no session; of images alone, what a report measures unasked is measured.

    Raises `ParameterError` when there is no image among them.
    """
    results = [subject] if isinstance(subject, (Image, Colocalization, Comparison)) or not isinstance(subject, Iterable) else list(subject)
    images: list[Image] = []
    colocalizations, comparisons = [], []
    for result in results:
        if isinstance(result, Image):
            images.append(result)
        elif isinstance(result, Colocalization):
            images.append(result.pair.image)
            colocalizations.append((result.to_dict(), result.pair.image))
        elif isinstance(result, Comparison):
            transformed = result.transformed.replace(original=result.original)
            images.append(transformed)
            comparisons.append((result.to_dict(), transformed))
        else:
            raise ParameterError(f"wanted a session, images, colocalizations or comparisons to report, got {type(result).__name__}")
    if not images:
        raise ParameterError("wanted at least one image or result to report, got none")
    final = max(images, key=_depth)
    before, name = final.original, _name(final)
    named = Named("", "original" if before is None else name, final)
    unasked = not colocalizations and not comparisons
    return Case(
        title=Path(final.provenance.source).name if final.provenance.source else "image",
        before=named if before is None else Named("", "original", before),
        after=None if before is None else named,
        colocalizations=tuple(every_pair(named) if unasked else _measured("c", colocalizations, named.name)),
        comparisons=tuple(comparison(named) if unasked else _measured("q", comparisons, named.name)),
        source=final.provenance.source,
    )


def _measured(letter: str, found: Sequence[tuple[dict[str, Any], Image]], label: str) -> list[Measured]:
    return [Measured(f"{letter}{number}", data, image, label) for number, (data, image) in enumerate(found)]


def _depth(image: Image) -> int:
    return 0 if image.original is None else 1 + _depth(image.original)


def _name(image: Image) -> str:
    return str(getattr(image.recipe, "operation", "") or "transformed")
