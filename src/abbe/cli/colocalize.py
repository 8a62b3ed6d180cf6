"""`abbe colocalize`: how two channels colocalize, as tables."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from abbe.cli.progress import progress
from abbe.cli.reading import each as one_by_one
from abbe.cli.reading import is_session
from abbe.cli.shown import fewer, remarks, remarks_of_file, show, show_files
from abbe.cli.speech import say, warn
from abbe.cli.tables import SUFFIXES, write
from abbe.colocalization import ColocalizationTable, colocalize_all, tables
from abbe.colocalization.analysis import RANDOMISATIONS
from abbe.colocalization.over import OfFile, tables_of_files
from abbe.errors import AbbeError, ParameterError
from abbe.formats import open as open_image
from abbe.formats.rois import open_rois
from abbe.image import ROI, Image, Notice
from abbe.image.computed import is_result
from abbe.image.keys import channel_key
from abbe.session import Session
from abbe.session.collections import Measured
from abbe.storage import check_target

EXTRAS = {"shift": "shift", "randomise": "randomisation", "objects": "objects"}


def command(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Image files with two channels or more, or sessions.", metavar="FILE|SESSION...", show_default=False, readable=False
        ),
    ],
    channels: Annotated[
        tuple[str, str] | None, typer.Option("--channels", help="Two channels, by number or name.", metavar="A B", show_default=False)
    ] = None,
    all_pairs: Annotated[bool, typer.Option("--all-pairs", help="Every pair of channels.")] = False,
    roi: Annotated[
        list[Path] | None,
        typer.Option(
            "--roi",
            help="ROIs to measure in: ImageJ .roi or .zip, GeoJSON, abbe's JSON, or a label image (Cellpose, StarDist); {} stands for "
            "the image's name without its ending. May be repeated.",
            show_default=False,
        ),
    ] = None,
    whole: Annotated[bool, typer.Option("--whole", help="Measure the whole image too, where ROIs are given.")] = False,
    each: Annotated[str, typer.Option(help="Measure each image, frame or plane by itself.", metavar="image|frame|plane")] = "image",
    threshold: Annotated[
        str,
        typer.Option(help="Thresholds: costes, costes-walk, costes-bisection, otsu, maximum15, mean, none, or two numbers such as 120,80."),
    ] = "costes",
    background: Annotated[
        str | None,
        typer.Option(help="Background to subtract first: none, mode, or two numbers such as 100,98. [default: none]", show_default=False),
    ] = None,
    background_roi: Annotated[Path | None, typer.Option(help="ROI whose mean is the background.", show_default=False)] = None,
    shift: Annotated[bool, typer.Option("--shift", help="Cross-correlation too: van Steensel's, 2-D, proximity index.")] = False,
    randomise: Annotated[bool, typer.Option("--randomise", help="Costes' randomisation too, for a P value.")] = False,
    objects: Annotated[bool, typer.Option("--objects", help="Objects too: overlap and distances of centres.")] = False,
    randomisations: Annotated[
        int | None, typer.Option(help=f"How many randomisations. [default: {RANDOMISATIONS}]", show_default=False)
    ] = None,
    block: Annotated[float | None, typer.Option(help="Side of a block in pixels; default: the blur.", show_default=False)] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write: .xlsx, .csv, .txt or .json.", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT if it exists.")] = False,
) -> None:
    """Measure the colocalization of two channels: every coefficient, with what to know before believing it.

    Of an image file, what it holds is measured. Of a session, the current version is measured and what it was made from beside it, and the
    measurement is kept in it. Of several files the tables are one, with a line for each file, and each coefficient over the files.
    """
    if out is not None:
        if out.suffix.lower() not in SUFFIXES:
            raise ParameterError(f"wanted a file to write that ends in {', '.join(SUFFIXES)}, got {out.name}")
        check_target(out, overwrite)
    _check_apart(
        ("--background", background, "--background-roi", background_roi, "each says what the background is"),
        ("--channels", channels, "--all-pairs", all_pairs or None, "the one means two channels, the other all"),
    )
    for option, given in (("--randomisations", randomisations), ("--block", block)):
        if given is not None and not randomise:
            raise ParameterError(f"wanted --randomise with {option}, got none; add it")
    chosen = {"shift": shift, "randomise": randomise, "objects": objects}
    settings: dict[str, Any] = {
        "threshold": _numbers(threshold),
        "background": _numbers(background or "none"),
        "extras": [EXTRAS[key] for key, wanted in chosen.items() if wanted],
        "randomisations": RANDOMISATIONS if randomisations is None else randomisations,
        "block": block,
    }
    asked = Asked(tuple(roi or ()), channels, all_pairs, each, whole, background_roi, settings)
    if len(files) > 1:
        several(files, asked, out, as_json=as_json, overwrite=overwrite)
        return
    found = measure(files[0], asked, quiet=as_json)
    if as_json:
        print(json.dumps(found[0].to_dict() if len(found) == 1 else found.to_dict(), indent=2))
    else:
        show(found)
        warn(remarks(found))
    if out is not None:
        write(out, tables(found.results), found.to_dict(), overwrite)
        say(f"written to {out}", err=as_json)


def _check_apart(*pairs: tuple[str, object, str, object, str]) -> None:
    """Raises `ParameterError` where both of two options are given of which one alone can count."""
    for first, one, second, other, why in pairs:
        if one is not None and other is not None:
            raise ParameterError(f"wanted {first} or {second}, got both; {why}, so leave one out")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be measured in each file."""

    rois: tuple[Path, ...]
    channels: tuple[str, str] | None
    all_pairs: bool
    each: str
    whole: bool
    background_roi: Path | None
    settings: dict[str, Any]


def measure(file: Path, asked: Asked, *, quiet: bool) -> ColocalizationTable:
    """Measure one file or session; in a session it is kept."""
    settings = dict(asked.settings)
    with ExitStack() as opened:
        session = opened.enter_context(Session.open(file)) if is_session(file) else None
        image = open_image(file) if session is None else session.image()
        if image.shape[1] < 2:
            raise ParameterError(
                f"wanted an image with two channels, got one in {file.name}; put files of one channel each together first: "
                "abbe merge A B -o BOTH.ome.tif (in Python abbe.merge([...]))"
            )
        rois = [found for path in asked.rois for found in _some(_for(path, file), image, session)]
        if asked.background_roi is not None:
            place = _for(asked.background_roi, file)
            settings["background"] = _one(_lying(place, image, session), place)
        pairs = _pairs(image, asked.channels, asked.all_pairs)
        if image.original is None and is_result(image):
            what = "is a result" if session is None else "began with a result"
            other = "a session" if session is None else "one that is made with it"
            say(f"note: {file.name} {what}, measured without its original; {other} has both: abbe enhance -o NAME.abbe", err=True)
        with progress(f"measuring {file.name}", quiet=quiet) as report:
            found = colocalize_all(image, pairs, rois, asked.each, asked.whole or None, progress=report, **settings)  # type: ignore[arg-type]
        if session is not None:
            _keep(session, found, settings, asked.each, quiet=quiet)
    return found


def several(files: Sequence[Path], asked: Asked, out: Path | None, *, as_json: bool, overwrite: bool) -> None:
    """Measure many files; one that cannot be measured does not stop the others."""
    found: list[OfFile] = []
    data: list[dict[str, Any]] = []
    said: list[Notice] = []
    alone = Counter(file.name for file in files)
    wanted = as_json or (out is not None and out.suffix.lower() == ".json")

    def one(_: int, file: Path) -> None:
        """What is kept of a file holds none of its pixels."""
        source = file.name if alone[file.name] == 1 else str(file)
        measured = measure(file, asked, quiet=as_json)
        found.append(OfFile.of(source, measured.results))
        said.extend(remarks_of_file(source, measured))
        if wanted:
            data.append({"source": source, **measured.to_dict()})

    failed = one_by_one(files, one)
    if as_json:
        print(json.dumps({"files": data}, indent=2))
    elif found:
        show_files(found)
        warn(list(fewer(said)))
    if out is not None and found:
        write(out, tables_of_files(found), {"files": data}, overwrite)
        say(f"written to {out}", err=as_json)
    if failed is not None:
        raise failed


def _for(path: Path, file: Path) -> Path:
    """The file of ROIs that belongs to an image: {} in its name is the image's name without its ending; here, or beside the image."""
    if "{}" not in str(path):
        return path
    name = file.name[: -len(".zip")] if file.name.lower().endswith(".abbe.zip") else file.name
    found = Path(str(path).replace("{}", Path(name).stem.removesuffix(".ome")))
    beside = file.parent / found
    return beside if not found.exists() and beside.exists() else found


def _keep(session: Session, found: ColocalizationTable, settings: dict[str, Any], each: str, *, quiet: bool) -> None:
    """The measurements as analyses of the session's current version, as `Session.colocalize` keeps them."""
    if session.read_only or each != "image":
        reason = session.read_only or f"measurements of each {each} by itself are not kept in one"
        say(f"not kept in the session: {reason}", err=quiet)
        return
    version = session.version()
    asked = [{"channels": list(result.channels), "roi": result.region.roi, **settings} for result in found.results]
    session.analyses.put(
        [
            Measured("colocalization", result.to_dict(), version.id, version.parent, result.channels, None, parameters)
            for result, parameters in zip(found.results, asked, strict=True)
        ]
    )
    say(f"kept in the session: {len(found)} measurement{'s' * (len(found) != 1)} of {version.name[:80]}", err=quiet)


def _pairs(image: Image, channels: tuple[str, str] | None, all_pairs: bool) -> list[tuple[int, int]] | None:
    if all_pairs:
        return None
    if channels is None:
        if image.shape[1] > 2:
            names = ", ".join(f"{k} {name}" for k, name in enumerate(image.channels))
            raise ParameterError(f"wanted --channels A B or --all-pairs for an image of {image.shape[1]} channels ({names})")
        return [(0, 1)]
    first, second = (image.channel(channel_key(image, channel)) for channel in channels)
    return [(first, second)]


def _numbers(text: str) -> str | tuple[float, ...]:
    """The numbers in "120,80"; anything else as it is."""
    try:
        return tuple(float(part) for part in text.split(",")) if "," in text else text
    except ValueError:
        return text


def _some(path: Path, image: Image, session: Session | None) -> list[ROI]:
    """The ROIs of a file; none at all would silently measure the whole image."""
    found = _lying(path, image, session)
    if not found:
        raise ParameterError(f"wanted ROIs to measure in, got none in {path.name}")
    return found


def _lying(path: Path, image: Image, session: Session | None) -> list[ROI]:
    """The ROIs of a file as they lie on a session's current version, which may be cropped; labels are of its original, or of itself."""
    if session is None or not session.is_cropped(session.current):
        return open_rois(path, image)
    try:
        return [session.placed(roi) for roi in open_rois(path, session.image(session.original.id))]
    except ParameterError:
        with suppress(AbbeError):
            return open_rois(path, image)
        raise


def _one(rois: Sequence[ROI], path: Path) -> ROI:
    if len(rois) != 1:
        raise ParameterError(f"wanted one ROI for the background, got {len(rois)} in {path.name}")
    return rois[0]
