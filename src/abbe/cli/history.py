"""`abbe history`, `abbe revert`, `abbe undo`: a session's versions and changes, and the way back."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from abbe.cli.speech import say
from abbe.errors import ParameterError
from abbe.session import Session

SESSION = typer.Argument(help="The session.", metavar="SESSION", show_default=False)


def command(
    session: Annotated[Path, SESSION],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    rename: Annotated[
        tuple[str, str] | None, typer.Option(help="A version, and its new name.", metavar="VERSION NAME", show_default=False)
    ] = None,
    duplicate: Annotated[str | None, typer.Option(help="Make a copy of a version.", metavar="VERSION", show_default=False)] = None,
    delete: Annotated[str | None, typer.Option(help="Delete a version; asks first.", metavar="VERSION", show_default=False)] = None,
    purge: Annotated[bool, typer.Option("--purge", help="Free the disk of deleted versions; asks first, cannot be undone.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Read every byte and say what is damaged.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Show the versions and changes of a session; rename, duplicate or delete a version."""
    with Session.open(session) as opened:
        if rename is not None:
            version = opened.rename(*rename)
            say(f"{version.id} is now called {version.name}")
        if duplicate is not None:
            say(f"made {opened.duplicate(duplicate).id}")
        if delete is not None:
            version = opened.version(delete)
            _ask(f"Delete {version.id} {version.name}? It can be undone until the session is purged.", yes)
            opened.delete(version.id)
            say(f"deleted {version.id} {version.name}")
        if purge:
            _ask("Free the disk of deleted versions? What was done until now can then not be undone.", yes)
            say(f"freed {opened.purge()} bytes")
        if not any((rename, duplicate, delete, purge, verify)):
            _show(opened, as_json)
        problems = opened.verify() if verify else opened.problems
        for problem in problems:
            say(f"note: {problem}", err=True)
        if verify:
            say("damaged, see above" if problems else "every byte is as it was saved")
            raise typer.Exit(1 if problems else 0)


def _ask(question: str, yes: bool) -> None:
    """Raises `ParameterError` where the answer is no, or where there is nobody to ask."""
    if yes:
        return
    try:
        agreed = sys.stdin is not None and typer.confirm(question)
    except (typer.Abort, RuntimeError, OSError) as nobody:  # the end of the input, or no input; on a terminal, Ctrl-C
        if sys.stdin.isatty():
            raise KeyboardInterrupt from nobody
        raise ParameterError("nothing was changed: nobody could be asked; add --yes") from nobody
    if not agreed:
        raise ParameterError("nothing was changed" if sys.stdin is not None else "nothing was changed: nobody could be asked; add --yes")


def _show(session: Session, as_json: bool) -> None:
    if as_json:
        content = {
            "name": session.name,
            "revision": session.revision,
            "current": session.current.id,
            "versions": [version.model_dump(mode="json") for version in session.versions],
            "history": [change.model_dump(mode="json") for change in session.history()],
            "rois": [region.model_dump(mode="json") for region in session.rois],
            "analyses": [analysis.model_dump(mode="json") for analysis in session.analyses],
            "comments": [comment.model_dump(mode="json") for comment in session.comments],
            "problems": list(session.problems),
        }
        print(json.dumps(content, indent=2, ensure_ascii=True))
        return
    say(f"{session.name}, revision {session.revision}", "")
    for version in session.versions:
        mark = "->" if version.id == session.current.id else "  "
        _, _, z, y, x = version.shape
        size = f"{x} x {y}" + (f" x {z}" if z > 1 else "")
        parent = f" from {version.parent}" if version.parent else ""
        say(f"{mark} {version.id:4} {version.name[:60]:32} {size:>16} {version.dtype:8} {version.created}  {version.operation}{parent}")
    say("")
    for change in session.history():
        say(f"   {change.revision:4} {change.time}  {change.action}" + (f" ({change.author})" if change.author else ""))


def revert(
    session: Annotated[Path, SESSION],
    version: Annotated[
        str, typer.Argument(help="Version by id, number or name; 1 is the original.", metavar="VERSION", show_default=False)
    ],
) -> None:
    """Go back (or forward) to any version; the others stay."""
    with Session.open(session) as opened:
        found = opened.revert_to(version)
        say(f"{opened.name} is at {found.id} {found.name}")


def undo(
    session: Annotated[Path, SESSION],
    redo: Annotated[bool, typer.Option("--redo", help="Do again what was undone last.")] = False,
) -> None:
    """Take the last change of a session back."""
    with Session.open(session) as opened:
        change = opened.redo() if redo else opened.undo()
        say(change.action, f"{opened.name} is at {opened.current.id} {opened.current.name}")
