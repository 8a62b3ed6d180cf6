"""Options that say what a file does not say about itself, or says wrongly: its axes and its pixel size."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated
from zipfile import is_zipfile

import typer

from abbe.cli.speech import say
from abbe.errors import AbbeError, CancelledError, ParameterError
from abbe.formats import open as open_image
from abbe.image import Image

Axes = Annotated[
    str | None,
    typer.Option("--axes", metavar="ZCYX", help="Axes of the pixels as stored, for files that do not say.", show_default=False),
]
PixelSize = Annotated[
    str | None,
    typer.Option(
        "--pixel-size",
        metavar="UM",
        help="Pixel size in um, in place of the file's: 0.065; or z-step, rows and columns: 0.3,0.065,0.065; - leaves one as it is.",
        show_default=False,
    ),
]


def each(files: Sequence[Path], do: Callable[[int, Path], None]) -> AbbeError | None:
    """`do` number and file, in turn. One that fails does not stop the others; what is to be raised at the end tells which did.

    Raises what a single file raises, and at once where the disk is full.
    """
    failed = []
    for k, file in enumerate(files):
        try:
            do(k, file)
        except CancelledError:
            raise
        except AbbeError as problem:
            if len(files) == 1 or problem.full:  # a full disk is one for all
                raise
            say(f"{file}: {problem}", err=True)
            failed.append(file.name)
    if not failed:
        return None
    return AbbeError(f"{len(failed)} of {len(files)} files could not be done: {', '.join(failed)}; the reasons are above")


def open_file(file: Path, axes: str | None = None, pixel_size: str | None = None) -> Image:
    """The image in `file`, read as the options say. Raises `ParameterError` for a session, which holds several."""
    if os.path.exists(file) and (_named_session(file) or _holds_session(file)):
        versions = sorted(file.glob("versions/v*"), key=os.path.getmtime)
        name = f"name one of its versions, such as {versions[-1]}, or " if versions else ""
        raise ParameterError(
            f"wanted an image file, got the session {file.name}; {name}write one to a file: abbe export {file} --what image"
        )
    return open_image(file, axes=axes, pixel_size=None if pixel_size is None else parse_size(pixel_size))


def parse_size(text: str) -> tuple[float | None, ...]:
    """(z, y, x) from "0.065", "0.065,0.07" (y, x) or "0.3,-,-"; None where the file's own stays. Anything else is wrong usage."""
    try:
        parts = [None if part.strip() == "-" else float(part) for part in text.split(",")]
    except ValueError:
        parts = []
    if len(parts) not in (1, 2, 3):
        wanted = "wanted one, two or three numbers in um, such as 0.065 or 0.3,0.065,0.065"
        raise typer.BadParameter(f"{wanted}; got {text!r}", param_hint="--pixel-size")
    return (None, parts[0], parts[0]) if len(parts) == 1 else (None, *parts)[-3:]


def is_session(path: Path) -> bool:
    """A session folder or a packed session, even a damaged one; whatever else is opened as an image, which says what is wrong with it."""
    return _named_session(path) or _holds_session(path) or (path.is_file() and is_zipfile(path))


def _named_session(path: Path) -> bool:
    return path.name.lower().endswith((".abbe", ".abbe.zip"))


def _holds_session(path: Path) -> bool:
    return any((path / name).is_file() for name in ("manifest.json", "journal.jsonl"))
