"""`abbe align`: channels that lie off one another, moved back: of files, or of a whole folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from abbe.alignment import Beads, ChannelShift, align
from abbe.alignment.beads import open_beads
from abbe.alignment.given import given_shifts
from abbe.alignment.moving import beads_in_words, measured_on, moved_in_words
from abbe.batch import Settings
from abbe.batch.finding import find
from abbe.batch.settings import MEASURE
from abbe.cli.batch import whole_folder
from abbe.cli.progress import Progress, progress
from abbe.cli.reading import Axes, PixelSize, each, is_session, open_file, parse_size
from abbe.cli.restoring import SESSION, Reading, Writing
from abbe.cli.speech import say, warn
from abbe.errors import AbbeError, ParameterError
from abbe.formats import save
from abbe.formats.saving import Saved, check_fit
from abbe.formats.zarr import Zarr
from abbe.image import Image
from abbe.image.keys import channel_key

ENDING = "_aligned.ome.tif"


def command(
    files: Annotated[
        list[Path], typer.Argument(help="Image files, or a folder.", metavar="FILE...|FOLDER", show_default=False, readable=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="File to write, a folder, or NAME.abbe for a session. [default: NAME_aligned.ome.tif here; of a folder FOLDER_aligned]",
            show_default=False,
        ),
    ] = None,
    reference: Annotated[str, typer.Option(help="The channel that stays, by number or name.")] = "0",
    shift: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CHANNEL=Y,X",
            help="How far below and right of the reference a channel lies, in pixels; for each channel once. [default: as measured]",
            show_default=False,
        ),
    ] = None,
    beads: Annotated[
        Path | None,
        typer.Option(
            help="Image of beads in the same channels, to measure on, once for all files. [default: each file itself]",
            show_default=False,
            readable=False,
        ),
    ] = None,
    measure_only: Annotated[bool, typer.Option("--measure-only", help="Tell the shifts; write nothing.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
    axes: Axes = None,
    pixel_size: PixelSize = None,
) -> None:
    """Move channels onto one another by whole pixels, as filters and second cameras leave them apart.

    Numbers stay those recorded. After super-resolution whole pixels are a third as large. One file that fails does not stop the others. A
    folder is done with its sub-folders, as by abbe batch: stopped, the same line goes on, and a table has a row for each image.
    """
    if measure_only and (shift or out is not None):
        raise ParameterError("wanted --measure-only without --shift and --out, which say what to write")
    if shift and beads is not None:
        raise ParameterError("wanted --shift or --beads, got both")
    reading, writing = Reading(axes, pixel_size), Writing(out, ENDING, overwrite, None)
    folder = _folder(files)
    if folder is not None and not measure_only:
        given = tuple(shift or ())
        on = None if given else MEASURE if beads is None else os.path.abspath(beads)
        size = None if pixel_size is None else parse_size(pixel_size)
        settings = Settings(workflow="align", align=on, shifts=given, reference=reference, ending=ENDING, axes=axes, pixel_size=size)
        whole_folder(folder, Path(f"{os.path.abspath(folder)}_aligned") if out is None else out, settings, overwrite=overwrite)
        return
    seen = None if beads is None else Beads(open_beads(beads, axes, open_file))
    if measure_only:
        if folder is not None:
            files = [source.within(folder) for source in find(folder, folder / f"no{ENDING}").sources]
        problem = each(files, lambda k, file: _tell(file, reading.open(file), _sized(seen, file, reading), reference))
        if problem is not None:
            raise problem
        return
    with writing.begun(files) as targets:
        told = set[str]()
        same = (reference, shift, overwrite, told)
        problem = each(files, lambda k, file: _align(file, reading.open(file), targets[k], _sized(seen, file, reading), *same))
        if problem is not None:
            raise problem


def _folder(files: Sequence[Path]) -> Path | None:
    """The folder of images that is named, and no image or session itself. Raises `ParameterError` for one beside others."""
    folders = [file for file in files if os.path.isdir(file) and not Zarr().claims(b"", file) and not is_session(file)]
    if folders and len(files) > 1:
        raise ParameterError(f"wanted image files, or one folder, got {folders[0]} beside others; run it for each")
    return folders[0] if folders else None


def _sized(beads: Beads | None, file: Path, reading: Reading) -> Beads | None:
    """With the pixel size that is given for the image, where the beads say of theirs what its file does."""
    if beads is None or reading.pixel_size is None:
        return beads
    z, y, x = parse_size(reading.pixel_size)
    return beads.sized(open_file(file, reading.axes).pixel_size, (z, y, x))


def _tell(file: Path, image: Image, beads: Beads | None, reference: str) -> None:
    first = channel_key(image, reference)
    found = measured_on(image, image if beads is None else beads, first)
    say(f"{file}: pixels below and right of {image.channels[image.channel(first)]}", *_lines(found))
    for text in [] if beads is None else beads_in_words(image, beads):
        say(f"  {text}", err=True)


def _lines(found: Sequence[ChannelShift]) -> list[str]:
    lines = []
    for one in found:
        if one.of == 0 and one.shift is not None:
            lines.append(f"  {one.name}: stays")
        elif one.shift is None:
            lines.append(f"  {one.name}: cannot be told; {one.reason}")
        else:
            y, x = one.shift
            deep = "" if one.planes is None else f", {one.planes:+.1f} planes behind"
            lines.append(f"  {one.name}: {y:+.2f}, {x:+.2f}{deep} (in {one.places} of {one.of} places, which scatter by {one.scatter:.2f})")
    return lines


def _align(
    file: Path,
    image: Image,
    target: Path,
    beads: Beads | None,
    reference: str,
    shift: Sequence[str] | None,
    overwrite: bool,
    told: set[str],
) -> None:
    """`told`: notes that were printed for another file, which stand once."""
    if target.suffix.lower() != SESSION:
        check_fit(image, target, None)
    shifts = None if not shift else given_shifts(image, shift)
    with progress(f"aligning {file.name}") as report:
        result = align(image, shifts, reference=channel_key(image, reference), beads=beads)
        report(0.5, f"writing {target.name}")
        saved = _save(image, result, target, overwrite, report)
    notices = [notice for notice in (*result.notices, *saved.notices) if notice.message not in told]
    warn(notices)
    told.update(notice.message for notice in notices)
    say(f"{saved.path}: {moved_in_words(result)}, {saved.dtype}")


def _save(image: Image, result: Image, target: Path, overwrite: bool, report: Progress) -> Saved:
    """As an image file; as a session, with the image before, where the target's name asks for one."""
    if target.suffix.lower() != SESSION:
        return save(result, target, overwrite=overwrite, progress=report)
    from abbe.session import Session

    with Session.create(target, image, overwrite=overwrite) as session:
        try:
            session.add_version(result, parent=session.original.id, progress=report)
        except AbbeError:  # as on a full disk; a session without the result is none that was asked for
            shutil.rmtree(target, ignore_errors=True)
            raise
    return Saved(target, "session", result.dtype.name, ())
