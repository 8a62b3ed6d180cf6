"""Colocalization: every coefficient on the version and on its original, thresholds, pixel counts, scattergrams."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from abbe.colocalization.definitions import DEFINITIONS
from abbe.colocalization.extent import part
from abbe.colocalization.pair import select
from abbe.colocalization.result import Background, Region, Thresholds
from abbe.colocalization.scattergram import Scattergram, scattergram
from abbe.image import ROI, Image
from abbe.reporting.case import Case, Measured
from abbe.reporting.figures.charts import scattergrams
from abbe.reporting.inert import inert, short
from abbe.reporting.measuring import PAIRS
from abbe.reporting.model import Cell, Figure, Missing, Section, Table
from abbe.reporting.sections.further import further
from abbe.reporting.sections.many import fewer, in_full, over_regions, overview

#: bins a side of a scattergram: as many as its picture has pixels
BINS = 256


def colocalization(case: Case) -> Section | None:
    """None where nothing was measured of few channels; of more than are measured unasked, a line that says so."""
    if not case.colocalizations:
        return _not_measured((case.after or case.before).image.shape[1])
    tables: list[Table] = []
    figures: list[Figure] = []
    called = titles(case.colocalizations)
    for k in in_full(case.colocalizations):
        number, title, measured = k + 1, called[k], case.colocalizations[k]
        before = measured.data.get("original")
        tables.append(_coefficients(number, title, measured))
        tables.append(_pixels(number, title, measured))
        figures.append(_scattergrams(number, title, measured))
        if before is not None:
            ratio = (measured.data["pixels"].get("ratio_to_original") or {}).get("explanation")
            if ratio:
                tables[-1] = Table(**{**_fields(tables[-1]), "notes": (*tables[-1].notes, inert(ratio))})
        more = further(number, title, measured.name, measured.data, before)
        tables += [] if more is None else [more]
    return Section(
        "colocalization",
        "Colocalization",
        paragraphs=(*_of_many(case), _reading(case)),
        warnings=tuple(_warnings(case)),
        figures=tuple(figures),
        tables=(*over_regions(case.colocalizations), *overview(called, case.colocalizations), *tables, _definitions(case)),
    )


def _not_measured(count: int) -> Section | None:
    if count <= PAIRS:
        return None
    text = (
        f"Colocalization was not measured: of {count} channels there are {count * (count - 1) // 2} pairs, and a report measures those of "
        f"up to {PAIRS} channels unasked. Measure the pairs that matter, and report again."
    )
    return Section("colocalization", "Colocalization", paragraphs=(text,))


def _of_many(case: Case) -> Iterator[str]:
    measured, shown = len(case.colocalizations), len(in_full(case.colocalizations))
    if measured > shown:
        yield (
            f"{measured} measurements were made. A table has a line for each; of {shown}, whole images before regions, all numbers and "
            "scattergrams follow. Every coefficient of all of them is in the report as XLSX, CSV or text, and in what abbe rerun reads."
        )


def _warnings(case: Case) -> Iterator[str]:
    """Each warning once, behind the measurements that it is about; those of the images stand in the summary.

    What is true of the original alone is said, too: its numbers stand in the tables.
    """
    said = {notice.message for named in (case.before, case.after) if named for notice in named.image.warnings}
    about: dict[tuple[str, str], list[str]] = {}
    for title, measured in zip(titles(case.colocalizations), case.colocalizations, strict=True):
        own, before = (
            [(notice["code"], notice["message"]) for notice in (source or {}).get("warnings") or ()] for source in _sources(measured)
        )
        places = {**dict.fromkeys(before, f"{title}, on the original"), **dict.fromkeys(own, title)}
        for warning, place in places.items():
            if warning[1] not in said:
                about.setdefault(warning, []).append(place)
    yield from fewer(about)


def _sources(measured: Measured) -> tuple[Mapping[str, Any], Mapping[str, Any] | None]:
    """What was measured on the version, and on its original where there is one."""
    return measured.data, measured.data.get("original")


def _fields(table: Table) -> dict[str, Any]:
    return {"key": table.key, "title": table.title, "columns": table.columns, "rows": table.rows, "notes": table.notes, "wide": table.wide}


def titles(measurements: Sequence[Measured]) -> list[str]:
    """Channels, region, frames and planes of each; those that share these are told apart by their thresholds, then by their number."""
    short_ones = [_title(measured) for measured in measurements]
    full = [
        f"{title}, {_thresholds(measured.data)}" if short_ones.count(title) > 1 else title
        for title, measured in zip(short_ones, measurements, strict=True)
    ]
    return [f"{title}, measurement {full[:k].count(title) + 1}" if full.count(title) > 1 else title for k, title in enumerate(full)]


def _thresholds(data: Mapping[str, Any]) -> str:
    t = data["thresholds"]
    values = "" if t["first"] is None or t["second"] is None else f" {t['first']:.6g} and {t['second']:.6g}"
    return f"thresholds{values} ({t['method']})"


def found(thresholds: Mapping[str, Any]) -> str:
    """How thresholds were found: the method, and its variant where that says more."""
    method, variant = str(thresholds["method"]), thresholds["variant"]
    return f"{method} ({variant})" if variant and variant != method else method


def _title(measured: Measured) -> str:
    first, second = measured.data["names"]
    return f"{short(first, 30)} with {short(second, 30)}, {place(measured)}"


def place(measured: Measured) -> str:
    """ROI or whole image, and the frames and planes where these alone were measured."""
    region = measured.data["region"]
    return short(region["name"], 40) + part(region, measured.image)


def _reading(case: Case) -> str:
    source = case.colocalizations[0].data.get("words_source") or ""
    words = f" Words for the strength of colocalization: {source}." if source else ""
    return (
        "A number is undefined where its definition gives none; the reason stands below the table. The range is that of the coefficient "
        "over the bounds of the version's own per-pixel 90 % interval; a change beyond it is marked with an asterisk. By chance: what "
        "unrelated channels give; of Pearson's r, within what 95 % of them lie, their structure being as wide as here. Where there is a "
        f"column for what means little, it names the version whose number does; a warning says why.{words}"
    )


def _coefficients(number: int, title: str, measured: Measured) -> Table:
    data, before = measured.data, measured.data.get("original")
    changes = data.get("changes") or {}
    rows: list[list[object]] = []
    missing = Missing()
    for key in (key for key in DEFINITIONS if key in data["definitions"]):
        row: list[object] = [DEFINITIONS[key].title]
        for source in (before, data) if before else (data,):
            row.append(_value(source, key, missing))
        if before:
            change = changes.get(key) or {}
            interval = change.get("interval")
            row.append(change.get("difference"))
            row += [interval[0], interval[1]] if interval else [None, None]
            row.append("*" if change.get("beyond_interval") else "")
        row.append(_by_chance(data, key))
        row.append((data.get("words") or {}).get(key, ""))
        row.append(_means_little(measured, key))
        rows.append(row)
    last = ["means little"] if any(row[-1] for row in rows) else []
    rows = rows if last else [row[:-1] for row in rows]
    columns = ["coefficient"]
    columns += ["original", measured.name, "difference", "range from", "range to", "beyond"] if before else [measured.name]
    return Table.of(f"coefficients-{number}", f"Coefficients: {title}", [*columns, "by chance", "in words", *last], rows, missing.notes())


def _means_little(measured: Measured, key: str) -> str:
    """Which of the values rests on thresholds that mean little, or on a few pixels."""
    sources = {"original": measured.data.get("original"), measured.name: measured.data}
    return ", ".join(name for name, source in sources.items() if source and key in (source.get("doubtful") or ()))


def _by_chance(data: Mapping[str, Any], key: str) -> object:
    """What unrelated channels give; of Pearson's r, which is then 0, how far from it 95 % of them are."""
    reach = data.get("pearson_by_chance")
    if key == "pearson" and reach:
        return f"±{reach[1]:.2g}"
    return (data.get("chance") or {}).get(key, "")


def _value(data: Mapping[str, Any], key: str, missing: Missing) -> object:
    value = data.get(key)
    if value is not None:
        return value
    reason = (data.get("undefined") or {}).get(key)
    if reason:
        missing.add(DEFINITIONS[key].title, reason)
    return "undefined"


def _pixels(number: int, title: str, measured: Measured) -> Table:
    data, before = measured.data, measured.data.get("original")
    sources = (before, data) if before else (data,)
    extents = {what: _extent(source["pixels"][what] for source in sources) for what in ("total", "colocalized")}
    columns = [list(_pixel_rows(source, extents)) for source in sources]
    rows = [[entry[0], *(column[k][1] for column in columns)] for k, entry in enumerate(columns[0])]
    heads = ["", "original", measured.name] if before else ["", measured.name]
    return Table.of(f"pixels-{number}", f"Thresholds and pixels: {title}", heads, rows, list(_threshold_notes(data)))


def _threshold_notes(data: Mapping[str, Any]) -> Iterator[str]:
    t, b = data["thresholds"], data["background"]
    yield f"Thresholds: {found(t)}." + (f" None were found: {t['undefined']}." if t.get("undefined") else "")
    if data["pixels"]["region"]["size"] is None:
        yield "Areas are undefined: the pixel size is not known."
    yield "Background: nothing was subtracted." if b["method"] == "none" else f"Background ({b['method']}) was subtracted first."


def _pixel_rows(data: Mapping[str, Any], extents: Mapping[str, str]) -> Iterator[tuple[str, object]]:
    first, second = (short(name, 24) for name in data["names"])
    t, b, pixels = data["thresholds"], data["background"], data["pixels"]
    yield f"threshold {first}", t["first"] if t["first"] is not None else "undefined"
    yield f"threshold {second}", t["second"] if t["second"] is not None else "undefined"
    yield f"background {first}", b["first"]
    yield f"background {second}", b["second"]
    yield "pixels of the region", pixels["region"]["pixels"]
    for what, key in (("channel pair", "total"), ("colocalized", "colocalized")):
        count = pixels[key]
        yield f"pixels, {what}", count["pixels"] if count else "undefined"
        yield f"% of the region, {what}", count["percent_of_roi"] if count else "undefined"
        yield f"{extents[key]}, {what}", count["size"] if count and count["size"] is not None else "undefined"
    for name, channel in zip((first, second), pixels["channels"], strict=True):
        for what in ("minimum", "maximum", "mean"):
            yield f"{what} of {name}", channel[what]
        yield f"saturated pixels of {name}", channel["saturated"]["pixels"]


def _extent(counts: Iterable[Mapping[str, Any] | None]) -> str:
    """What `size` of the counts is: of one plane of a stack an area, where the restored stack has a volume of several planes there."""
    units = dict.fromkeys(count["unit"] for count in counts if count and count["unit"])
    words = {"um2": "area (µm²)", "um3": "volume (µm³)"}
    return ", then ".join(words[unit] for unit in units if unit in words) or "area or volume"


def _definitions(case: Case) -> Table:
    used = {key for measured in case.colocalizations for key in measured.data["definitions"]}
    rows = [[d.title, _whole(d.formula), _whole(d.source)] for key, d in DEFINITIONS.items() if key in used]
    return Table.of("definitions", "Definitions of the coefficients", ["coefficient", "definition", "source"], rows)


def _whole(text: str) -> Cell:
    return Cell(inert(text))


# ---------------------------------------------------------------------------------------------- scattergrams
def _scattergrams(number: int, title: str, measured: Measured) -> Figure:
    sources: list[tuple[str, Mapping[str, Any], Image]] = [(measured.name, measured.data, measured.image)]
    before = measured.data.get("original")
    if before is not None and measured.image.original is not None:
        sources.insert(0, ("original", before, measured.image.original))
    grams: Sequence[Callable[[], Scattergram]] = [_Gram(data, image) for _, data, image in sources]
    caption = (
        f"{title}. Pixels per pair of grey values, {BINS} × {BINS} bins over the values that occur, logarithmic colour scale. "
        "Dashed: thresholds. Red: orthogonal regression."
    )
    return Figure(f"scattergram-{number}", f"Scattergram: {title}", caption, scattergrams(grams, [name for name, _, _ in sources]))


class _Gram:
    """The scattergram of a measurement that is known by its numbers."""

    def __init__(self, data: Mapping[str, Any], image: Image) -> None:
        self._data = data
        self._image = image

    def __call__(self) -> Scattergram:
        data = self._data
        t, b, r = data["thresholds"], data["background"], data["region"]
        roi = None if r["roi"] is None else ROI.from_dict(r["roi"])
        first, second = data["channels"]
        region = Region(roi, tuple(r["frames"]), tuple(r["planes"]))
        pair = select(self._image, (first, second), region, Background(b["method"], b["first"], b["second"]))
        thresholds = Thresholds(t["method"], t["variant"], t["first"], t["second"], t["undefined"])
        seen = data["pixels"]["channels"]
        extremes = [(float(channel["minimum"]), float(channel["maximum"])) for channel in seen] if data["n"] else None
        return scattergram(pair, thresholds, data.get("slope"), data.get("intercept"), BINS, extremes)
