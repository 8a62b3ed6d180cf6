"""`abbe batch`: Workflow A or B on a folder of images, on one machine or many."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from abbe.batch import Outcome, Settings, Summary, run
from abbe.batch.settings import MEASURE
from abbe.batch.summary import TABLE
from abbe.cli.progress import progress
from abbe.cli.reading import Axes, PixelSize, parse_size
from abbe.cli.restoring import is_zarr, listed
from abbe.cli.speech import say
from abbe.errors import AbbeError, ParameterError
from abbe.restoration.request import MOST_FRAMES, STEPS, check_steps

#: failures that are told one by one; the table has them all
MOST = 20


def command(
    folder: Annotated[Path, typer.Argument(help="Folder of images, with its sub-folders.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for results. [default: FOLDER_abbe, beside it]", show_default=False)
    ] = None,
    workflow: Annotated[str, typer.Option(help="A: denoise, axial, super-resolve; B: take background and noise.")] = "A",
    steps: Annotated[
        str | None, typer.Option(help=f"Steps of Workflow A, separated by commas. [default: {','.join(STEPS)}]", show_default=False)
    ] = None,
    channels: Annotated[
        str | None, typer.Option(help="Channels by number or name, separated by commas. [default: all]", show_default=False)
    ] = None,
    match: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help="Images to take: '*_ch1.tif', or 'plate1/*'; may be given again. [default: all that abbe opens]",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes on this machine. [default: one for every core]", show_default=False)
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Work on a Dask cluster: tcp://HOST:8786.", show_default=False)
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on for images that come, until Ctrl-C.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Do all again, and replace results that exist.")] = False,
    ending: Annotated[str, typer.Option(help="What names of results end in: .ome.tif, .tif or .ome.zarr.")] = ".ome.tif",
    dtype: Annotated[str | None, typer.Option(help="Pixel type to write, such as uint16. [default: float32]", show_default=False)] = None,
    maps: Annotated[bool, typer.Option("--maps", help="Write trust and 90 % interval too: NAME_trust, NAME_lower, NAME_upper.")] = False,
    model: Annotated[str | None, typer.Option(help="A model by name or path, for the step it is made for.", show_default=False)] = None,
    realism: Annotated[
        float | None, typer.Option(help="0 faithful to 1 crisp, where a model can be. [default: its card's]", show_default=False)
    ] = None,
    passes: Annotated[
        int | None, typer.Option(min=1, max=8, help="How often each tile is seen: 1 is fastest. [default: 2, or 4]", show_default=False)
    ] = None,
    psf: Annotated[
        str | None,
        typer.Option(
            metavar="FWHM",
            help="Width of the lens's point-spread function, as for enhance. [default: by the file's optics]",
            show_default=False,
        ),
    ] = None,
    frames: Annotated[
        int, typer.Option(min=0, max=MOST_FRAMES, help="Time series: frames that share their light with each one, as for enhance.")
    ] = 0,
    planes: Annotated[
        bool | None,
        typer.Option("--planes/--no-planes", help="Stacks: planes that overlap share their light, as for enhance.", show_default=False),
    ] = None,
    mosaic: Annotated[
        bool | None, typer.Option("--mosaic/--no-mosaic", help="Red or blue of a colour camera, as for enhance.", show_default=False)
    ] = None,
    engine: Annotated[str, typer.Option(help="auto, openvino, cpu, cuda, coreml or directml.")] = "auto",
    exact: Annotated[bool, typer.Option("--exact", help="Compute in single precision throughout; slower.")] = False,
    align: Annotated[
        str | None,
        typer.Option(
            metavar="measure|BEADS",
            help="Lay channels on one another at the end, as abbe align does: as measured on each image, or on an image of beads.",
            show_default=False,
        ),
    ] = None,
    reference: Annotated[str, typer.Option(help="With --align: the channel that stays, by number or name.")] = "0",
    axes: Axes = None,
    pixel_size: PixelSize = None,
) -> None:
    """Restore every image in a folder: each once, on from where it was stopped, on as many machines as it is started on.

    What is done already is left; what failed is tried again. batch.csv among the results has a row for every image. Started several times
    with one folder for results, on machines that share it, each image is done by one of them.
    """
    settings = Settings(
        workflow=_workflow(workflow, steps, psf, frames, planes, mosaic),
        steps=STEPS if steps is None else check_steps(listed(steps) or ()),
        channels=None if channels is None else tuple(listed(channels) or ()),
        model=_place(model),
        realism=realism,
        passes=passes,
        psf=psf,
        frames=frames,
        planes=planes,
        mosaic=mosaic,
        engine=engine,
        exact=exact,
        dtype=dtype,
        ending=f"_abbe{ending if ending.startswith('.') else f'.{ending}'}",
        maps=maps,
        axes=axes,
        pixel_size=None if pixel_size is None else parse_size(pixel_size),
        align=align if align == MEASURE else _place(align),
        reference=reference,
    )
    target = Path(f"{os.path.abspath(folder)}_abbe") if out is None else out
    whole_folder(folder, target, settings, match=match or (), workers=workers, scheduler=scheduler, watch=watch, overwrite=overwrite)


def whole_folder(folder: Path, out: Path, settings: Settings, **more: Any) -> None:
    """A batch, told as it goes on; `more` goes to `abbe.batch.run`. Raises `AbbeError` where an image failed, or is left."""
    if is_zarr(out):
        raise ParameterError(f"wanted a folder as --out for the images in {folder}, got {out}, which is an image; name another")
    told = _Told()
    with progress("batch") as report:
        summary = run(folder, out, settings, progress=report, told=told, **more)
    _conclude(summary, out)


def _place(name: str | None) -> str | None:
    """As processes and machines with another current folder find it."""
    return None if name is None else os.path.abspath(name) if os.path.exists(name) else name


def _workflow(wanted: str, steps: str | None, psf: str | None, frames: int, planes: bool | None, mosaic: bool | None) -> Literal["A", "B"]:
    if wanted.upper() not in ("A", "B"):
        raise ParameterError(f"wanted Workflow A or B, got {wanted!r}")
    if wanted.upper() == "A":
        return "A"
    if steps is not None or psf is not None or frames or planes is not None or mosaic is not None:
        raise ParameterError(
            "wanted --steps, --psf, --frames, --planes and --mosaic with Workflow A alone, got them with B, which has one step; leave them "
            "out"
        )
    return "B"


class _Told:
    """Says what becomes of each image: on a terminal failures alone, since the bar shows how many there are; elsewhere a line each."""

    def __init__(self) -> None:
        self.failed = 0

    def __call__(self, outcome: Outcome) -> None:
        if outcome.status == "failed":
            self.failed += 1
            if self.failed <= MOST:
                say(f"{outcome.key}: {outcome.error}", err=True)
            if self.failed == MOST:
                say(f"further failures are in the table {TABLE} alone", err=True)
        elif not sys.stderr.isatty():
            word = outcome.verdict or outcome.reason
            say(f"{outcome.key}: {word} ({outcome.seconds:.1f} s)")


def _conclude(summary: Summary, out: Path) -> None:
    parts = [f"{summary.done} done" + (f" ({summary.doubtful} doubtful)" if summary.doubtful else "")]
    named = {"before": summary.before, "by others": summary.beside, "failed": summary.failed}
    named |= {"failed at others": summary.failed_beside, "left": summary.elsewhere}
    parts += [f"{count} {name}" for name, count in named.items() if count]
    say(f"{out}: of {summary.count} images {', '.join(parts)}")
    if summary.maps:
        say(f"note: {summary.maps} maps of abbe's results (trust, lower, upper) are no images, and were left", err=True)
    for closed in summary.closed[:MOST]:
        say(f"note: the folder {closed} may not be read; what is in it was left", err=True)
    if summary.table_error is not None:
        raise AbbeError(f"{summary.table_error}; run the same line again for the table")
    say(f"  {summary.table} has a row for each")
    if summary.elsewhere and summary.others:
        say(f"  the rest is in the hands of {', '.join(summary.others)}")
    if summary.failed:
        raise AbbeError(
            f"{summary.failed} of {summary.count} images could not be done; {summary.table} says why; run again to try them again"
        )
    if summary.elsewhere and not summary.others:
        raise AbbeError(f"{summary.elsewhere} of {summary.count} images are left, and nobody is at them; run again to do them")
