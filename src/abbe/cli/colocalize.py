"""`abbe colocalize`: how two channels colocalize, as tables."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from abbe.cli.progress import progress
from abbe.cli.reading import is_session
from abbe.cli.speech import clean, say, warn
from abbe.cli.tables import SUFFIXES, write
from abbe.colocalization import DEFINITIONS, Coefficient, Colocalization, ColocalizationTable, colocalize_all, tables
from abbe.colocalization.definitions import WORDS_SOURCE
from abbe.colocalization.result import Background, Thresholds
from abbe.colocalization.tabulation import OVER_REGIONS
from abbe.errors import ParameterError
from abbe.formats import open as open_image
from abbe.formats.rois import open_rois
from abbe.image import ROI, Image, Notice
from abbe.image.computed import is_result
from abbe.image.notice import CODES
from abbe.session import Session
from abbe.session.collections import Measured
from abbe.storage import check_target

EXTRAS = {"shift": "shift", "randomise": "randomisation", "objects": "objects"}


def command(
    file: Annotated[
        Path,
        typer.Argument(
            help="Image file with two channels or more, or a session.", metavar="FILE|SESSION", show_default=False, readable=False
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
            help="ROIs to measure in: ImageJ .roi or .zip, GeoJSON, abbe's JSON, or a label image (Cellpose, StarDist). May be repeated.",
            show_default=False,
        ),
    ] = None,
    whole: Annotated[bool, typer.Option("--whole", help="Measure the whole image too, where ROIs are given.")] = False,
    each: Annotated[str, typer.Option(help="Measure each image, frame or plane by itself.", metavar="image|frame|plane")] = "image",
    threshold: Annotated[
        str,
        typer.Option(help="Thresholds: costes, costes-walk, costes-bisection, otsu, maximum15, mean, none, or two numbers such as 120,80."),
    ] = "costes",
    background: Annotated[str, typer.Option(help="Background to subtract first: none, mode, or two numbers such as 100,98.")] = "none",
    background_roi: Annotated[Path | None, typer.Option(help="ROI whose mean is the background.", show_default=False)] = None,
    shift: Annotated[bool, typer.Option("--shift", help="Cross-correlation too: van Steensel's, 2-D, proximity index.")] = False,
    randomise: Annotated[bool, typer.Option("--randomise", help="Costes' randomisation too, for a P value.")] = False,
    objects: Annotated[bool, typer.Option("--objects", help="Objects too: overlap and distances of centres.")] = False,
    randomisations: Annotated[int, typer.Option(help="How many randomisations.")] = 200,
    block: Annotated[float | None, typer.Option(help="Side of a block in pixels; default: the blur.", show_default=False)] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write: .xlsx, .csv, .txt or .json.", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT if it exists.")] = False,
) -> None:
    """Measure the colocalization of two channels: every coefficient, with what to know before believing it.

    Of an image file, what it holds is measured. Of a session, the current version is measured and what it was made from beside it, and the
    measurement is kept in it.
    """
    if out is not None:
        if out.suffix.lower() not in SUFFIXES:
            raise ParameterError(f"wanted a file to write that ends in {', '.join(SUFFIXES)}, got {out.name}")
        check_target(out, overwrite)
    chosen = {"shift": shift, "randomise": randomise, "objects": objects}
    settings: dict[str, Any] = {
        "threshold": _numbers(threshold),
        "background": _numbers(background),
        "extras": [EXTRAS[key] for key, wanted in chosen.items() if wanted],
        "randomisations": randomisations,
        "block": block,
    }
    with ExitStack() as opened:
        session = opened.enter_context(Session.open(file)) if is_session(file) else None
        image = open_image(file) if session is None else session.image()
        drawn_on = image if session is None or session.current.offset == (0.0, 0.0) else session.image(session.original.id)
        rois = [found for path in roi or [] for found in _some(path, drawn_on)]
        if background_roi is not None:
            settings["background"] = _one(open_rois(background_roi, drawn_on), background_roi)
        if session is not None:  # whose current version may be cropped
            rois = [session.placed(one) for one in rois]
            if isinstance(settings["background"], ROI):
                settings["background"] = session.placed(settings["background"])
        pairs = _pairs(image, channels, all_pairs)
        if image.original is None and is_result(image):
            say(f"note: {file.name} is a result, measured without its original; a session has both: abbe enhance -o NAME.abbe", err=True)
        with progress(f"measuring {file.name}", quiet=as_json) as report:
            found = colocalize_all(image, pairs, rois, each, whole or None, progress=report, **settings)  # type: ignore[arg-type]
        if session is not None:
            _keep(session, found, settings, each, quiet=as_json)
    if as_json:
        print(json.dumps(found[0].to_dict() if len(found) == 1 else found.to_dict(), indent=2))
    else:
        show(found)
        warn(remarks(found))
    if out is not None:
        write(out, tables(found.results), found.to_dict(), overwrite)
        say(f"written to {out}", err=as_json)


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
    first, second = (image.channel(_key(image, channel)) for channel in channels)
    return [(first, second)]


def _key(image: Image, channel: str) -> int | str:
    return int(channel) if channel.isdigit() and channel not in image.channels else channel


def _numbers(text: str) -> str | tuple[float, ...]:
    """The numbers in "120,80"; anything else as it is."""
    try:
        return tuple(float(part) for part in text.split(",")) if "," in text else text
    except ValueError:
        return text


def _some(path: Path, image: Image) -> list[ROI]:
    """The ROIs of a file; none at all would silently measure the whole image."""
    found = open_rois(path, image)
    if not found:
        raise ParameterError(f"wanted ROIs to measure in, got none in {path.name}")
    return found


def _one(rois: Sequence[ROI], path: Path) -> ROI:
    if len(rois) != 1:
        raise ParameterError(f"wanted one ROI for the background, got {len(rois)} in {path.name}")
    return rois[0]


# ---------------------------------------------------------------------------------------------- on the terminal
#: coefficients that a table of many measurements has room for
BRIEF = ("pearson", "spearman", "icq", "m1", "m2", "tm1", "tm2")


def show(found: ColocalizationTable) -> None:
    """One measurement with everything, or many with the main numbers."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(markup=False, highlight=False)
    if not console.is_terminal:  # files and pipes have no width to wrap at
        console = Console(markup=False, highlight=False, width=160)
    table = Table(box=box.SIMPLE_HEAD, title_justify="left")
    if len(found) == 1:
        _single(table, found[0])
    else:
        _many(table, found)
    console.print(table)
    if len(found) == 1:
        for title, rows in _extras(found[0]):
            further = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", show_header=False)
            for name, shown in rows:
                further.add_row(name, shown)
            console.print(further)
    for line in _footer(found):
        say(line)


def _single(table: Any, result: Colocalization) -> None:
    table.title = clean(f"{result.names[0]} with {result.names[1]}, {result.region.name}, {result.pixels.pixels} pixels")
    before = result.original
    table.add_column("coefficient")
    table.add_column("value", justify="right")
    if before is not None:
        table.add_column("on the original", justify="right")
    table.add_column("by chance", justify="right")
    table.add_column("strength")
    table.add_column("what it is", overflow="fold")
    for coefficient in result:
        cells = [DEFINITIONS[coefficient.key].title, _number(coefficient)]
        if before is not None:
            cells.append(_number(before.coefficients[coefficient.key]) if coefficient.key in before.coefficients else "")
        cells.append("" if coefficient.chance is None else f"{coefficient.chance:.4g}")
        reason = coefficient.reason or coefficient.definition.formula + (f" ({coefficient.variant})" if coefficient.variant else "")
        table.add_row(*cells, coefficient.word or "", clean(reason))


def _many(table: Any, found: ColocalizationTable) -> None:
    for head in ("channels", "ROI", "frames", "planes"):
        table.add_column(head, overflow="fold")
    for head in ("pixels", *BRIEF):
        table.add_column(head, justify="right")
    for result in found:
        for version, measured in (("original: ", result.original), ("", result)):
            if measured is None:
                continue
            (t0, t1), (z0, z1) = measured.region.frames, measured.region.planes
            table.add_row(
                clean(f"{version}{measured.names[0]}, {measured.names[1]}"),
                clean(measured.region.name),
                f"{t0}" if t1 == t0 + 1 else f"{t0}-{t1 - 1}",
                f"{z0}" if z1 == z0 + 1 else f"{z0}-{z1 - 1}",
                str(measured.pixels.pixels),
                *(_number(measured[key]) for key in BRIEF),
            )


def _number(coefficient: Coefficient) -> str:
    return "undefined" if coefficient.value is None else f"{coefficient.value:.4g}"


def _footer(found: ColocalizationTable) -> list[str]:
    """What the table's numbers rest on: thresholds, background, counts, and what grew with the pixel grid."""
    first = found[0]
    lines = [f"thresholds: {first.thresholds.method} ({first.thresholds.variant})"]
    if len(found) == 1:
        t, b, p, before = first.thresholds, first.background, first.pixels, first.original
        if t.first is not None and t.second is not None:
            then = "" if before is None else _then(before.thresholds)
            lines.append(f"  {first.names[0]} {t.first:.6g}, {first.names[1]} {t.second:.6g}{then}")
        then = "" if before is None or b.method == "none" else _then(before.background)
        lines.append(f"background subtracted: {b.method}, {b.first:.6g} and {b.second:.6g}{then}")
        for word, count in (("total", p.total), ("colocalized", p.colocalized)):
            if count is not None:
                size = "" if count.size is None else f", {count.size:.6g} {count.unit}"
                lines.append(f"{word} pixels: {count.pixels}, {count.percent:.4g} % of the ROI{size}")
        if p.ratio is not None:
            lines.append(p.ratio.explanation)
    elif max(first.pair.image.shape[0], first.pair.image.shape[2]) > 1:
        lines.append("frames and planes count from 0")
    lines += over_regions(found.results)
    if any(coefficient.word for result in found for coefficient in result):
        lines.append(f"strength in words: {WORDS_SOURCE}")
    return lines


def over_regions(results: Sequence[Colocalization]) -> list[str]:
    """A line for each main coefficient of a pair: how it is over the regions."""
    table = next((one for one in tables(results) if one.title == OVER_REGIONS), None)
    if table is None:
        return []
    rows = [dict(zip(table.head, row)) for row in table.rows]
    return [
        f"{row['image']}, {row['channel 1']} with {row['channel 2']}, over {row['regions']} regions: {row['coefficient']} "
        f"{row['mean']:.4g} +- {row['SD']:.4g} (mean, SD), median {row['median']:.4g}, {row['least']:.4g} to {row['most']:.4g}"
        for row in rows
        if row["coefficient"] in BRIEF
    ]


def _then(found: Thresholds | Background) -> str:
    """The two values of the original."""
    if found.first is None or found.second is None:
        return "; none on the original"
    return f"; on the original {found.first:.6g} and {found.second:.6g}"


def _extras(result: Colocalization) -> list[tuple[str, list[tuple[str, str]]]]:
    """Further analyses, each as names and values."""
    import importlib

    found = []
    for title, extra in (("shift", result.shift), ("randomisation", result.randomisation), ("objects", result.objects)):
        if extra is not None:
            head: Sequence[str] = importlib.import_module(f"abbe.colocalization.{title}").HEAD
            shown = (f"{value:.4g}" if isinstance(value, float) else clean(str(value)) for value in extra.cells())
            found.append((title, [(name, value) for name, value in zip(head, shown) if value]))
    return found


#: most places that a remark names, and most remarks of one kind: of hundreds of cells each has numbers of its own
PLACES = 3


def remarks(found: ColocalizationTable) -> list[Notice]:
    """Every warning once; one that is not about all measurements with the pairs, ROIs, frames and planes that it is about, and one that
    is true of the originals alone with a word on that."""
    about: dict[tuple[Notice, bool], list[str]] = {}
    for result in found:
        before = () if result.original is None else result.original.notices
        for notice, past in (*((n, True) for n in before if n not in result.notices), *((n, False) for n in result.notices)):
            places = about.setdefault((notice, past), [])
            if (place := _place(result)) not in places:
                places.append(place)
    said = []
    for (notice, past), places in about.items():
        where = ["on the original"] if past else []
        if len(places) != len({_place(result) for result in found}):
            more = f" and {len(places) - PLACES} more" if len(places) > PLACES else ""
            where.insert(0, f"{'; '.join(places[:PLACES])}{more}")
        said.append(Notice(notice.code, f"{', '.join(where)}: {notice.message}") if where else notice)
    return list(_fewer(said))


def _fewer(said: list[Notice]) -> Iterator[Notice]:
    """Of many remarks of one kind the first, and how many more there are."""
    counts = Counter(notice.code for notice in said)
    told: Counter[str] = Counter()
    for notice in said:
        told[notice.code] += 1
        if told[notice.code] <= PLACES:
            yield notice
        elif told[notice.code] == counts[notice.code]:
            more = counts[notice.code] - PLACES
            yield Notice(notice.code, f"and {more} more of this kind ({CODES[notice.code]}); the table Warnings of a file (-o) has all")


def _place(result: Colocalization) -> str:
    (t0, t1), (z0, z1) = result.region.frames, result.region.planes
    where = [f"{result.names[0]} with {result.names[1]}"]
    where += [] if result.region.roi is None else [result.region.name]
    where += [f"frame {t0}"] if t1 == t0 + 1 and result.pair.image.shape[0] > 1 else []
    where += [f"plane {z0}"] if z1 == z0 + 1 and result.pair.image.shape[2] > 1 else []
    return ", ".join(where)
