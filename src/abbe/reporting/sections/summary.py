"""What was done, in a glance: verdict, warnings, and the facts of the images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from abbe.image import Image
from abbe.image.metadata import file_names
from abbe.recipe import Input
from abbe.reporting.case import Case, Named
from abbe.reporting.inert import inert, short
from abbe.reporting.model import Cell, Section, Table

#: channels that are named, at most
CHANNELS = 12


def summary(case: Case) -> Section:
    """The first thing that is read."""
    shown = [case.before] + ([case.after] if case.after else [])
    lines = []
    for measured in case.comparisons:
        verdict = measured.data.get("verdict") or {}
        if verdict.get("line"):
            lines.append(f"{measured.name}: {verdict['line']}")
    rows = [[title, *values] for title, *values in zip(*(list(_facts(named)) for named in [None, *shown]), strict=True)]
    columns = ["", *(f"{named.key} {named.name}".strip() for named in shown)]
    return Section(
        "summary",
        "Summary",
        paragraphs=tuple(inert(line) for line in lines),
        warnings=tuple(dict.fromkeys(inert(text) for text in (*case.problems, *_notices(shown)))),
        tables=(Table.of("images", "Images", columns, rows),),
    )


def _notices(shown: list[Named]) -> Iterator[str]:
    for named in shown:
        for notice in named.image.warnings:
            yield notice.message


def _facts(named: Named | None) -> Iterator[object]:
    """One column of the table; None gives the headings."""
    image = named.image if named else None
    yield "channels" if image is None else _whole([short(name, 30) for name in image.channels], ", ")
    yield "pixels (x × y)" if image is None else f"{image.shape[4]} × {image.shape[3]}"
    yield "planes, frames" if image is None else f"{image.shape[2]}, {image.shape[0]}"
    yield "pixel size (nm)" if image is None else nanometres(image)
    yield "z-step (nm)" if image is None else (_nm(image.pixel_size[0]) if image.pixel_size[0] else "–")
    yield "time step (s)" if image is None else (f"{image.time_step:.6g}" if image.time_step else "–")
    yield "field of view (µm)" if image is None else _field(image)
    yield "pixel type" if image is None else image.dtype.name + (f", {image.bits} bits" if image.bits else "")
    yield "grey values" if image is None else _values(image)
    yield "microscope" if image is None else _optics(image)
    yield "file" if image is None else file_name(image.provenance.source)


def file_name(source: str | None) -> str:
    """The name of a file without its folders, which are nobody's business in a paper's supplement."""
    return short(file_names(source) if source else "–", 80)


def nanometres(image: Image | Input) -> str:
    _, y, x = image.pixel_size
    if x is None or y is None:
        return "not known"
    return _nm(x) if abs(x - y) < 1e-9 else f"{_nm(x)} × {_nm(y)}"


def _nm(micrometres: float) -> str:
    return f"{micrometres * 1000:.4g}"


def _field(image: Image) -> str:
    _, y, x = image.pixel_size
    return "not known" if x is None or y is None else f"{image.shape[4] * x:.4g} × {image.shape[3] * y:.4g}"


def _values(image: Image) -> Cell:
    return _whole([f"{c.minimum:.6g} to {c.maximum:.6g}, mean {c.mean:.6g}" for c in image.inspection.channels], "; ")


def _whole(parts: Sequence[str], between: str) -> Cell:
    """What stands of each channel, in a cell that is not cut, however long; of very many channels the first."""
    more = f"{between}and {len(parts) - CHANNELS} more" if len(parts) > CHANNELS else ""
    return Cell(between.join(parts[:CHANNELS]) + more)


def _optics(image: Image) -> str:
    o = image.optics
    parts = [o.modality or ""]
    parts += [f"NA {o.numerical_aperture:g}"] if o.numerical_aperture else []
    parts += [f"{o.magnification:g}×"] if o.magnification else []
    parts += [f"emission {', '.join('?' if w is None else f'{w:g}' for w in o.emission)} nm"] if any(o.emission) else []
    return ", ".join(part for part in parts if part) or "–"
