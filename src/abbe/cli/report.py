"""`abbe report`: one document with pictures, numbers, comments and methods."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from abbe.cli.progress import Progress, progress
from abbe.cli.reading import is_session
from abbe.cli.speech import say
from abbe.errors import ParameterError
from abbe.formats import open as open_image
from abbe.reporting import report
from abbe.reporting.face import renderer
from abbe.session import Session
from abbe.storage import check_target


def command(
    subject: Annotated[Path, typer.Argument(help="A session, or an image file.", metavar="SESSION|FILE", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File: .pdf, .html, .xlsx, .txt, .csv or .tsv. [default: NAME.pdf]", show_default=False),
    ] = None,
    version: Annotated[str | None, typer.Option(help="Version by id or name. [default: the current one]", show_default=False)] = None,
    comment: Annotated[str | None, typer.Option(help="A comment to keep in the session and the report.", show_default=False)] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")] = False,
) -> None:
    """Write a report: before and after, quality, colocalization, methods for a paper, checklist.

    Of an image file, every channel pair is measured. A result in a file has no original beside it to be compared with (a session keeps
    it); its steps and models are told as the file records them.
    """
    target = out or Path(f"{subject.stem}.pdf")
    renderer(target)
    check_target(target, overwrite)
    with progress("reporting") as say_progress:
        if not is_session(subject):
            if version is not None or comment is not None:
                raise ParameterError(
                    f"wanted a session for --version and --comment, got {subject.name}; make one: abbe enhance -o NAME.abbe"
                )
            report(open_image(subject), target, overwrite=overwrite, progress=say_progress)
        else:
            with Session.open(subject) as opened:
                if comment:
                    opened.comments.add(comment)
                report(opened if version is None else _Version(opened, version), target, overwrite=overwrite, progress=say_progress)
    say(f"wrote {target}")


class _Version:
    """One version of a session as the subject of a report."""

    def __init__(self, session: Session, key: str) -> None:
        self._session, self._key = session, key

    def case(self, *, progress: Progress | None = None) -> object:
        return self._session.case(self._key, progress)
