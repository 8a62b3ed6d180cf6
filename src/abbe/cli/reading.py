"""Options that say what a file does not say about itself, or says wrongly: its axes and its pixel size."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from zipfile import is_zipfile

import typer

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


def open_file(file: Path, axes: str | None, pixel_size: str | None) -> Image:
    """The image in `file`, read as the options say."""
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
    if path.suffix.lower() == ".abbe" or path.name.lower().endswith(".abbe.zip"):
        return True
    return any((path / name).exists() for name in ("manifest.json", "journal.jsonl")) if path.is_dir() else is_zipfile(path)
