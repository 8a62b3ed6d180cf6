"""`abbe enhance`: Workflow A."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from abbe.cli.progress import Progress
from abbe.cli.reading import Axes, PixelSize
from abbe.cli.restoring import Reading, Work, Writing, listed, listed_channels, restore_files
from abbe.image import Image
from abbe.restoration import Advice, advise, enhance
from abbe.restoration.engine import engine as check_engine
from abbe.restoration.request import FEWEST_PLANES, MOST_FRAMES, STEPS, check_request, check_sharing, check_steps, choose_mosaic

ENDING = "_abbe.ome.tif"
#: said of a stack whose planes could, and of a series whose frames do not share their light
UNKNOWN_STEP = (
    "a stack whose z-step is not known: each plane is restored for itself; say the z-step (--pixel-size 0.3,-,-), or --planes, and planes "
    "that overlap share their light"
)
ALONE = "a time series: each frame is restored for itself; --frames 2 has less noise, where it is brighter than what changes between frames"


def command(
    files: Annotated[list[Path], typer.Argument(help="Image files.", metavar="FILE", show_default=False, readable=False)],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="File to write, a folder, or NAME.abbe for a session. [default: NAME_abbe.ome.tif here]",
            show_default=False,
        ),
    ] = None,
    steps: Annotated[str, typer.Option(help="Steps, separated by commas, in this order.")] = ",".join(STEPS),
    channels: Annotated[
        str | None, typer.Option(help="Channels by number or name, separated by commas. [default: all]", show_default=False)
    ] = None,
    model: Annotated[str | None, typer.Option(help="A model by name or path, for the step it is made for.", show_default=False)] = None,
    realism: Annotated[
        float | None, typer.Option(help="0 faithful to 1 crisp, where a model can be. [default: its card's]", show_default=False)
    ] = None,
    passes: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=8,
            help="How often each tile is seen: 1 is fastest. [default: 2, or 4]",
            show_default=False,
        ),
    ] = None,
    psf: Annotated[
        str | None,
        typer.Option(
            metavar="FWHM",
            help="Width of the lens's point-spread function: in um, 0.25, or pixels, 2.6px; one per channel, separated by commas, - where "
            "not known; unknown for none. [default: by the file's optics]",
            show_default=False,
        ),
    ] = None,
    frames: Annotated[
        int,
        typer.Option(
            min=0,
            max=MOST_FRAMES,
            help="Time series: frames before and after each one that share their light with it, where they show the same.",
        ),
    ] = 0,
    planes: Annotated[
        bool | None,
        typer.Option(
            "--planes/--no-planes",
            help="Stacks: planes closer together than the lens can tell apart share their light. [default: where the z-step is known and "
            "the axial step does not look along z]",
            show_default=False,
        ),
    ] = None,
    mosaic: Annotated[
        bool | None,
        typer.Option(
            "--mosaic/--no-mosaic",
            help="Red or blue of a colour camera, for which the denoiser has weights of its own. [default: as the image's noise says]",
            show_default=False,
        ),
    ] = None,
    engine: Annotated[str, typer.Option(help="auto, openvino, cpu, cuda, coreml or directml.")] = "auto",
    exact: Annotated[bool, typer.Option("--exact", help="Compute in single precision throughout; slower.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
    dtype: Annotated[str | None, typer.Option(help="Pixel type to write, such as uint16. [default: float32]", show_default=False)] = None,
    maps: Annotated[bool, typer.Option("--maps", help="Write trust and 90 % interval too: NAME_trust, NAME_lower, NAME_upper.")] = False,
    axes: Axes = None,
    pixel_size: PixelSize = None,
) -> None:
    """Turn conventional images into super-resolved ones: denoise, sharpen along z, super-resolve (Workflow A).

    A stack whose z-step is known comes out isotropic; super_resolve triples the pixels along y and x.
    """
    wanted = check_steps(listed(steps) or ())
    check_engine(engine, exact)
    check_request(wanted, model, realism, passes)
    check_sharing(wanted, frames, planes)
    choose_mosaic(mosaic, wanted, 1)

    def look(image: Image) -> Advice:
        found = advise(image, wanted, listed_channels(channels, image), workflow="A", frames=frames, planes=planes)
        if image.shape[0] > 2 and not frames and "denoise" in wanted:
            found = dataclasses.replace(found, remarks=(*found.remarks, ALONE))
        if image.shape[2] >= FEWEST_PLANES and image.pixel_size[0] is None and planes is None and "denoise" in wanted:
            found = dataclasses.replace(found, remarks=(*found.remarks, UNKNOWN_STEP))
        return found if psf is None else dataclasses.replace(found, psf=())  # it is not the file's that will be used

    def restore(image: Image, report: Progress) -> Image:
        chosen = listed_channels(channels, image)
        return enhance(
            image,
            wanted,
            chosen,
            model=model,
            realism=realism,
            engine=engine,
            exact=exact,
            progress=report,
            passes=passes,
            psf=psf,
            frames=frames,
            planes=planes,
            mosaic=mosaic,
        )

    restore_files(files, Reading(axes, pixel_size), Work("A", "enhancing", look, restore), Writing(out, ENDING, overwrite, dtype, maps))
