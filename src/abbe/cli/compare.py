"""`abbe compare`: an image beside what was computed from it, and a verdict."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Annotated, Any, cast

import numpy as np
import typer

from abbe.cli.progress import progress
from abbe.cli.reading import is_session, open_file
from abbe.cli.shown import NUMBERS, WORDS, printed
from abbe.cli.speech import clean, say, warn
from abbe.cli.tables import SUFFIXES, write
from abbe.comparison import Comparison, compare
from abbe.comparison.criterion import checked
from abbe.comparison.squirrel import Border
from abbe.comparison.tables import rows, tables
from abbe.errors import ParameterError
from abbe.formats import save
from abbe.formats.saving import FOR_PICTURES, check_fit, check_place, format_of
from abbe.image import Image
from abbe.image.pixels import Array, MappedPixels
from abbe.session import Session
from abbe.storage import check_target


def command(
    original: Annotated[
        Path, typer.Argument(help="The recorded image; or a session, alone.", metavar="A|SESSION", show_default=False, readable=False)
    ],
    transformed: Annotated[
        Path | None, typer.Argument(help="What was computed from it.", metavar="B", show_default=False, readable=False)
    ] = None,
    truth: Annotated[Path | None, typer.Option(help="The truth, on B's pixels.", metavar="T", show_default=False)] = None,
    repeat: Annotated[
        tuple[Path, Path] | None,
        typer.Option(help="A second acquisition and its result, for resolution by two frames.", metavar="A2 B2", show_default=False),
    ] = None,
    border: Annotated[str, typer.Option(help="Border rule of RSP and RSE: clamped or inside.")] = "clamped",
    data_range: Annotated[
        float | None, typer.Option(help="Peak of PSNR and SSIM; default: the reference's range.", show_default=False)
    ] = None,
    frc_threshold: Annotated[
        str, typer.Option(help="Threshold of ring correlation: 1/7, half-bit, 3-sigma, or a number between 0 and 1.", metavar="T")
    ] = "1/7",
    resolution: Annotated[bool, typer.Option(help="Measure the resolution, too.")] = True,
    error_map: Annotated[Path | None, typer.Option(help="Image file to write the error map to.", metavar="MAP", show_default=False)] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write: .xlsx, .csv, .txt or .json.", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
) -> None:
    """Compare an image with what was computed from it: improved, unchanged or doubtful, and why.

    Of a session, the current version is compared with what it was made from, and the comparison is kept in it.

    Every number stands beside the one of the plainly upsampled original, because doing nothing scores highest on RSP.
    """
    if out is not None and out.suffix.lower() not in SUFFIXES:
        raise ParameterError(f"wanted a file to write that ends in {', '.join(SUFFIXES)}, got {out.name}")
    if error_map is not None:
        format_of(error_map)  # now, and not when all is measured
        check_place(error_map, overwrite)
        _check_apart(error_map, [file for file in (original, transformed, truth, *(repeat or ())) if file is not None])
    if out is not None:
        check_target(out, overwrite)
    if repeat is not None and not resolution:
        raise ParameterError("wanted --repeat for the resolution by two frames, got --no-resolution too; leave one out")
    again = None if repeat is None else (open_file(repeat[0]), open_file(repeat[1]))
    options: dict[str, Any] = {"border": cast(Border, border), "data_range": data_range, "frc_threshold": checked(frc_threshold)}
    with ExitStack() as opened:
        session = opened.enter_context(Session.open(original)) if transformed is None and is_session(original) else None
        first, second = _images(original, transformed) if session is None else _of(session)
        with progress(f"comparing {(transformed or original).name}", quiet=as_json) as report:
            found = compare(first, second, None if truth is None else open_file(truth), repeats=again, progress=report, **options)
            if error_map is not None:
                _check_map(found, error_map)
            data = found.to_dict(resolution)
        if session is not None:
            _keep(session, found, options, alone=truth is None and again is None, quiet=as_json)
    if as_json:
        print(json.dumps(data, indent=2, allow_nan=False))
    else:
        show(found, resolution)
        warn(found.notices)
    if out is not None:
        write(out, tables(found, resolution), data, overwrite)
        say(f"written to {out}", err=as_json)
    if error_map is not None:
        save(found.error_map, error_map, overwrite=overwrite)
        say(f"error map written to {error_map}", err=as_json)


def _check_apart(target: Path, compared: Iterable[Path]) -> None:
    """Raises `ParameterError` where the error map would replace what is compared: a recording would be gone."""
    for file in compared:
        with suppress(OSError, ValueError):
            if os.path.samefile(target, file):
                raise ParameterError(f"will not replace {target}, which is compared, by the error map; name another file")


def _images(original: Path, transformed: Path | None) -> tuple[Image, Image]:
    if transformed is None:
        raise ParameterError(f"wanted two images, or a session alone, got {original.name}; name what was computed from it too")
    return open_file(original), open_file(transformed)


def _of(session: Session) -> tuple[Image, Image]:
    """The current version of a session behind what it was made from."""
    made = session.image()
    if not isinstance(made.original, Image):
        raise ParameterError(f"wanted a session whose current version was made from another, got {session.version().name[:80]!r}")
    return made.original, made


def _check_map(found: Comparison, target: Path) -> None:
    """Raises `ParameterError` where the format of `target` cannot hold an error map, before it is measured: it is as the original is."""
    original = found.original
    pixels = MappedPixels(_as_floats, (original.pixels,), np.dtype(np.float32))
    try:
        check_fit(Image(pixels, channels=original.channels, colors=original.colors), target)
    except ParameterError as problem:
        raise ParameterError(f"--error-map: {str(problem).removesuffix(f'; {FOR_PICTURES}')}") from problem


def _as_floats(block: Array) -> Array:
    return block.astype(np.float32)


def _keep(session: Session, found: Comparison, options: dict[str, Any], *, alone: bool, quiet: bool) -> None:
    """The comparison as an analysis of the session's current version, as `Session.compare` keeps it; `alone`: of nothing else."""
    if session.read_only or not alone:
        say(f"not kept in the session: {session.read_only or 'the truth and second acquisitions are not in it'}", err=quiet)
        return
    version = session.version()
    session.analyses.add("comparison", found, version=version.id, reference=version.parent, parameters=options)
    say(f"kept in the session: the comparison of {version.name[:80]}", err=quiet)


def show(found: Comparison, resolution: bool) -> None:
    """The verdict, then a table per channel."""
    from rich import box
    from rich.table import Table

    say(found.verdict.line)
    for k, channel in enumerate(found.channels):
        table = Table(box=box.SIMPLE_HEAD, title_justify="left", title=clean(f"{channel.channel}: {channel.verdict.word}"))
        table.add_column("measure", **WORDS)
        table.add_column("transformed", **NUMBERS)
        table.add_column("upsampled", **NUMBERS)
        table.add_column("unit")
        table.add_column("note", **WORDS)
        for name, unit, ours, plain, note in rows(found, k, resolution):
            table.add_row(name, _shown(ours), _shown(plain), unit, clean(note))
        printed(table)


def _shown(cell: str | int | float | None) -> str:
    return "" if cell is None else f"{cell:.4g}" if isinstance(cell, float) else clean(cell)
