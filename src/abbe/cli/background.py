"""`abbe background`: Workflow B."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from abbe.cli.progress import Progress
from abbe.cli.reading import Axes, PixelSize
from abbe.cli.restoring import Reading, Work, Writing, listed_channels, restore_files
from abbe.image import Image
from abbe.restoration import Advice, advise, correct_background
from abbe.restoration.engine import engine as check_engine
from abbe.restoration.request import check_request

ENDING = "_background.ome.tif"


def command(
    files: Annotated[list[Path], typer.Argument(help="Image files.", metavar="FILE", show_default=False, readable=False)],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="File to write, a folder, or NAME.abbe for a session. [default: NAME_background.ome.tif here]",
            show_default=False,
        ),
    ] = None,
    channels: Annotated[
        str | None, typer.Option(help="Channels by number or name, separated by commas. [default: all]", show_default=False)
    ] = None,
    model: Annotated[str | None, typer.Option(help="A model by name or path.", show_default=False)] = None,
    realism: Annotated[
        float | None, typer.Option(help="0 faithful to 1 crisp, where a model can be. [default: its card's]", show_default=False)
    ] = None,
    passes: Annotated[
        int | None,
        typer.Option(min=1, max=8, help="How often each tile is seen: 1 is fastest. [default: 4]", show_default=False),
    ] = None,
    engine: Annotated[str, typer.Option(help="auto, openvino, cpu, cuda, coreml or directml.")] = "auto",
    exact: Annotated[bool, typer.Option("--exact", help="Compute in single precision throughout; slower.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
    dtype: Annotated[str | None, typer.Option(help="Pixel type to write, such as uint16. [default: float32]", show_default=False)] = None,
    maps: Annotated[bool, typer.Option("--maps", help="Write trust and 90 % interval too: NAME_trust, NAME_lower, NAME_upper.")] = False,
    axes: Axes = None,
    pixel_size: PixelSize = None,
) -> None:
    """Take background and noise from chosen channels, on the same pixels (Workflow B).

    For images that are super-resolved already, and any other whose background is to go. Other channels keep their values.
    """
    check_engine(engine, exact)
    check_request(("background",), model, realism, passes)

    def look(image: Image) -> Advice:
        return advise(image, channels=listed_channels(channels, image), workflow="B")

    def restore(image: Image, report: Progress) -> Image:
        chosen = listed_channels(channels, image)
        return correct_background(image, chosen, model=model, engine=engine, exact=exact, progress=report, realism=realism, passes=passes)

    restore_files(files, Reading(axes, pixel_size), Work("B", "correcting", look, restore), Writing(out, ENDING, overwrite, dtype, maps))
