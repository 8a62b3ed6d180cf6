"""`abbe merge`: single-channel files into one image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from abbe.cli.progress import progress
from abbe.cli.reading import PixelSize, open_file
from abbe.cli.restoring import SESSION, folder_made
from abbe.cli.speech import say, warn
from abbe.errors import MergeError
from abbe.formats import merge, save
from abbe.formats.saving import check_fit
from abbe.image import Image
from abbe.image.keys import channel_key
from abbe.session import Session


def command(
    files: Annotated[
        list[Path], typer.Argument(help="Files, one for each channel.", metavar="A B [C...]", show_default=False, readable=False)
    ],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="File to write (.ome.tif keeps everything), or NAME.abbe for a session.", show_default=False),
    ],
    channels: Annotated[str | None, typer.Option(help="Names, separated by commas: actin,tubulin", show_default=False)] = None,
    colors: Annotated[str | None, typer.Option(help="Colours, separated by commas: magenta,#00ff00", show_default=False)] = None,
    pick: Annotated[
        str | None, typer.Option(help="Channel to take of each file that has several, by name or number: 0,-,GFP", show_default=False)
    ] = None,
    pixel_size: PixelSize = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT if it exists.")] = False,
) -> None:
    """Put single-channel files together as the channels of one image.

    An RGB picture in which one colour alone is filled counts as one channel.
    """
    images: list[Image] = [open_file(file, None, pixel_size) for file in files]
    if pick is not None:
        images = _picked(images, pick.split(","))
    image = merge(images, _split(channels), _split(colors))
    about = f"{image.shape[1]} channels ({', '.join(image.channels)}), {image.shape[3]} x {image.shape[4]} pixels"
    if out.suffix.lower() != SESSION:
        check_fit(image, out)
    with folder_made(out), progress(f"writing {out.name}") as report:
        if out.suffix.lower() == SESSION:
            Session.create(out, image, overwrite=overwrite, progress=report).close()
            warn(image.notices)
            say(f"{out}: {about}, {image.dtype}")
            return
        saved = save(image, out, overwrite=overwrite, progress=report)
    warn((*image.notices, *saved.notices))
    say(f"{saved.path}: {about}, {saved.dtype}")


def _split(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in text.split(",")]


def _picked(images: Sequence[Image], choices: Sequence[str]) -> list[Image]:
    """Each image with the channel that was chosen of it; "-" leaves it as it is."""
    if len(choices) != len(images):
        raise MergeError(f"wanted a choice for each of the {len(images)} files (- for none), got {len(choices)}")
    picked = []
    for image, choice in zip(images, (c.strip() for c in choices)):
        if choice == "-":
            picked.append(image)
        else:
            picked.append(image.select([image.channel(channel_key(image, choice))]))
    return picked
