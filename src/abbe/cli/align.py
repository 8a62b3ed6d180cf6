"""`abbe align`: channels that lie off one another, moved back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from abbe.alignment import ChannelShift, align
from abbe.alignment.moving import measured_on
from abbe.cli.progress import Progress, progress
from abbe.cli.reading import Axes, PixelSize, each, open_file
from abbe.cli.restoring import SESSION, Reading, Writing
from abbe.cli.speech import say, warn
from abbe.errors import ParameterError
from abbe.formats import save
from abbe.formats.saving import Saved, check_fit
from abbe.image import Image

ENDING = "_aligned.ome.tif"


def command(
    files: Annotated[list[Path], typer.Argument(help="Image files.", metavar="FILE", show_default=False, readable=False)],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="File to write, a folder, or NAME.abbe for a session. [default: NAME_aligned.ome.tif here]",
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
            help="Image of beads in the same channels, to measure on. [default: each file itself]", show_default=False, readable=False
        ),
    ] = None,
    measure_only: Annotated[bool, typer.Option("--measure-only", help="Tell the shifts; write nothing.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
    axes: Axes = None,
    pixel_size: PixelSize = None,
) -> None:
    """Move channels onto one another by whole pixels, as filters and second cameras leave them apart.

    Numbers stay those recorded. After super-resolution whole pixels are a third as large.
    """
    if measure_only and (shift or out is not None):
        raise ParameterError("wanted --measure-only without --shift and --out, which say what to write")
    if shift and beads is not None:
        raise ParameterError("wanted --shift or --beads, got both")
    reading, writing = Reading(axes, pixel_size), Writing(out, ENDING, overwrite, None)
    seen = None if beads is None else open_file(beads, None, None)
    if measure_only:
        problem = each(files, lambda k, file: _tell(file, reading.open(file), seen, reference))
    else:
        targets = writing.targets(files)
        problem = each(files, lambda k, file: _align(file, reading.open(file), targets[k], seen, reference, shift, overwrite))
    if problem is not None:
        raise problem


def _tell(file: Path, image: Image, beads: Image | None, reference: str) -> None:
    first = _key(image, reference)
    found = measured_on(image, image if beads is None else beads, first)
    say(f"{file}: pixels below and right of {image.channels[image.channel(first)]}", *_lines(found))


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
    file: Path, image: Image, target: Path, beads: Image | None, reference: str, shift: Sequence[str] | None, overwrite: bool
) -> None:
    if target.suffix.lower() != SESSION:
        check_fit(image, target, None)
    shifts = None if not shift else _shifts(image, shift)
    with progress(f"aligning {file.name}") as report:
        result = align(image, shifts, reference=_key(image, reference), beads=beads)
        report(0.5, f"writing {target.name}")
        saved = _save(image, result, target, overwrite, report)
    warn((*result.notices, *saved.notices))
    said = result.recipe.to_dict()["steps"][0]["parameters"] if result.recipe is not None else {}
    moves = ", ".join(
        f"{name} by {-y:+d}, {-x:+d}" + (f" and {-z:+d} planes" if z else "")
        for name, (z, y, x) in zip(result.channels, said["moves"])
        if any((z, y, x))
    )
    say(f"{saved.path}: {'moved (down, right) ' + moves if moves else 'nothing to move: channels lie within half a pixel'}, {saved.dtype}")


def _save(image: Image, result: Image, target: Path, overwrite: bool, report: Progress) -> Saved:
    """As an image file; as a session, with the image before, where the target's name asks for one."""
    if target.suffix.lower() != SESSION:
        return save(result, target, overwrite=overwrite, progress=report)
    from abbe.session import Session

    with Session.create(target, image, overwrite=overwrite) as session:
        session.add_version(result, parent=session.original.id, progress=report)
    return Saved(target, "session", result.dtype.name, ())


def _key(image: Image, text: str) -> int | str:
    return int(text) if text.isdigit() and text not in image.channels else text


def _shifts(image: Image, texts: Sequence[str]) -> dict[int | str, list[float]]:
    shifts: dict[int | str, list[float]] = {}
    for text in texts:
        key, numbers = _shift(image, text)
        k = image.channel(key)
        if k in shifts:
            raise ParameterError(f"wanted one --shift for each channel, got two for {image.channels[k]}")
        shifts[k] = numbers
    return shifts


def _shift(image: Image, text: str) -> tuple[int | str, list[float]]:
    name, _, numbers = text.rpartition("=")
    try:
        parts = [float(part) for part in numbers.split(",")]
    except ValueError:
        parts = []
    if not name or len(parts) not in (2, 3):
        raise ParameterError(f"wanted --shift as CHANNEL=Y,X (or Z,Y,X) in pixels, as GFP=1.5,-2, got {text!r}")
    return _key(image, name), parts
