"""`abbe export`: everything that leaves a session as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from abbe.cli.progress import progress
from abbe.cli.speech import say
from abbe.errors import ParameterError
from abbe.session import Session
from abbe.session.choices import DATA, IMAGES, PARTS, PICTURES, REPORTS
from abbe.session.packing import unpack as unpack_session

#: how several of an option are given
SEVERAL = "; several with commas, or given again"


def _formats(what: str, known: Sequence[str], several: str = "") -> Any:
    return typer.Option(help=f"Formats of {what}: {', '.join(known)}{several}. [default: the last]", show_default=False)


def command(
    session: Annotated[Path, typer.Argument(help="The session.", metavar="SESSION", show_default=False)],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder to write to. [default: NAME_export]", show_default=False)] = None,
    what: Annotated[list[str] | None, typer.Option(help=f"Of {', '.join(PARTS)}{SEVERAL}. [default: most]", show_default=False)] = None,
    version: Annotated[str | None, typer.Option(help="Version by id or name. [default: the current one]", show_default=False)] = None,
    images: Annotated[str | None, _formats("images", IMAGES)] = None,
    pictures: Annotated[str | None, _formats("pictures", PICTURES)] = None,
    data: Annotated[list[str] | None, _formats("the numbers", DATA, SEVERAL)] = None,
    report: Annotated[list[str] | None, _formats("the report", REPORTS, SEVERAL)] = None,
    colors: Annotated[
        str | None, typer.Option(help="Colours of the channels in pictures: magenta,green or #ff00ff,... or viridis.", show_default=False)
    ] = None,
    pack: Annotated[bool, typer.Option("--pack", help="Make one file of the whole session instead.")] = False,
    unpack: Annotated[bool, typer.Option("--unpack", help="Make a folder again of a packed session instead.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
) -> None:
    """Write images, pictures, numbers and a report of a session to a folder; formats are remembered for the next time."""
    if pack and unpack:
        raise ParameterError("wanted --pack or --unpack, got both")
    if unpack:
        say(f"wrote {unpack_session(session, out or session.with_suffix(''), overwrite)}")
        return
    with Session.open(session) as opened, progress("exporting") as report_progress:
        if pack:
            target = out or session.with_name(f"{session.name}.zip")
            say(f"wrote {opened.pack(target, overwrite=overwrite, progress=report_progress)}")
            return
        choices = {
            "parts": _listed(what),
            "version": version,
            "images": images,
            "pictures": pictures,
            "data": _listed(data),
            "report": _listed(report),
            "colors": _listed(None if colors is None else [colors]),
        }
        chosen = {key: value for key, value in choices.items() if value is not None}
        done = opened.export(out or Path(f"{session.stem}_export"), overwrite=overwrite, progress=report_progress, **chosen)
    for path in done.files:
        say(f"wrote {path}")
    for text in done.notices:
        say(f"note: {text}", err=True)
    for text in done.left_out:
        if text not in done.failed:
            say(f"left out: {text}", err=True)
    if done.failed or not done.files:
        raise ParameterError("could not write all that was wanted: " + ("; ".join(done.failed) or "none of it is there"))


def _listed(texts: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if not texts else tuple(part.strip() for text in texts for part in text.split(",") if part.strip())
