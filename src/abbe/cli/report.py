"""`abbe report`: one document with pictures, numbers, comments and methods."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from abbe.cli.progress import progress
from abbe.cli.speech import say
from abbe.reporting import report
from abbe.reporting.face import renderer
from abbe.session import Session


def command(
    session: Annotated[Path, typer.Argument(help="The session.", metavar="SESSION", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File: .pdf, .html, .xlsx, .txt, .csv or .tsv. [default: NAME.pdf]", show_default=False),
    ] = None,
    version: Annotated[str | None, typer.Option(help="Version by id or name. [default: the current one]", show_default=False)] = None,
    comment: Annotated[str | None, typer.Option(help="A comment to keep in the session and the report.", show_default=False)] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")] = False,
) -> None:
    """Write a report of a session: before and after, quality, colocalization, methods for a paper, checklist."""
    target = out or Path(f"{session.stem}.pdf")
    renderer(target)
    with Session.open(session) as opened, progress("reporting") as say_progress:
        if comment:
            opened.comments.add(comment)
        subject = opened if version is None else _Version(opened, version)
        report(subject, target, overwrite=overwrite, progress=say_progress)
    say(f"wrote {target}")


class _Version:
    """One version of a session as the subject of a report."""

    def __init__(self, session: Session, key: str) -> None:
        self._session, self._key = session, key

    def case(self) -> object:
        return self._session.case(self._key)
