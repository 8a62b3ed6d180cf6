"""Was it an improvement? Verdict, every measure beside doing nothing, error map and trust map."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from abbe.image import Image
from abbe.reporting.case import Case, Measured
from abbe.reporting.figures.canvas import rows_of
from abbe.reporting.figures.maps import MOST, maps
from abbe.reporting.inert import inert, short
from abbe.reporting.model import Figure, Missing, Section, Table
from abbe.reporting.sections.compared import enlarged
from abbe.reporting.sections.pictures import MOST as SHOWN

#: measures of a channel, in the order of the table: key -> heading
MEASURES = {
    "rsp": "RSP",
    "rse": "RSE",
    "psnr": "PSNR (dB)",
    "psnr_affine": "PSNR after fit (dB)",
    "ssim": "SSIM",
    "microssim": "MicroSSIM",
    "nrmse": "NRMSE",
}
FIT = {"gain": "gain", "offset": "offset", "sigma": "blur"}
ENLARGED = "plainly enlarged"
RESOLUTION = {
    "decorrelation": "decorrelation analysis",
    "frc_one_image": "Fourier ring correlation, one image",
    "frc_two_frames": "Fourier ring correlation, two frames",
    "frc_with_truth": "Fourier ring correlation with the truth",
}


def quality(case: Case) -> Section | None:
    """None where nothing was done to the image."""
    figures = [figure for measured in case.comparisons for figure in _error_map(measured)]
    trust = case.after.image.trust if case.after else None
    if case.after is not None and trust is not None:
        caption = (
            "How well the data support what each pixel shows: near 1 where the structure stands far out of the model's error (and where an "
            "even ground is known far better than one pixel of the input told), 1/2 where the error may be as large as the structure, near "
            "0 where what is seen is not supported by the data."
        )
        names = case.after.image.channels
        figures += _rows("trust", "Trust map", caption, trust, names, ("trust", "cividis", (0.0, 1.0)))
    if not case.comparisons and not figures:
        return None
    tables, lines, warnings = [], [], []
    for number, measured in enumerate(case.comparisons, 1):
        lines.append(f"{measured.name}: {measured.data['verdict']['line']}")
        tables += list(_tables(number, measured))
        warnings += [notice["message"] for notice in measured.data.get("notices") or ()]
    return Section(
        "quality",
        "Control of success",
        paragraphs=tuple(inert(line) for line in lines),
        warnings=tuple(dict.fromkeys(inert(text) for text in warnings)),
        figures=tuple(figures),
        tables=tuple(tables),
    )


def _tables(number: int, measured: Measured) -> Iterator[Table]:
    yield _measures(number, measured)
    if measured.data.get("resolution"):
        yield _resolution(number, measured)


def _measures(number: int, measured: Measured) -> Table:
    """Two rows for each channel: the result, and what doing nothing scores."""
    channels, finer = measured.data["channels"], enlarged(measured.data)
    missing = Missing([channel["channel"] for channel in channels])
    rows: list[list[object]] = []
    for channel in channels:
        name = channel["channel"]
        for kind, label in (("transformed", ""), ("upsampled", ENLARGED if finer else "original")):
            row: list[object] = [f"{short(name, 30)}, {'enlarged' if finer else label}" if label else short(name, 30)]
            row += [_number(channel[key][kind], ", ".join(filter(None, (title, label))), missing, name) for key, title in MEASURES.items()]
            fit = channel["fit"]
            row += [None if label else _number(fit[key], f"{title} of the fit", missing, name) for key, title in FIT.items()]
            rows.append(row)
    how = " plainly enlarged to its grid by cubic splines" if finer else ""
    against = " and ".join(dict.fromkeys(str(channel["reference"]) for channel in channels))
    notes = [
        f"{measured.name} first, then the original{how}: what doing nothing scores.",
        "RSP, RSE: Pearson coefficient with, and error against, the original at its resolution (NanoJ-SQUIRREL), after the gain, offset "
        "(grey values) and blur (pixels of the original) of the best fit.",
        f"PSNR, SSIM, MicroSSIM and NRMSE are against the {against}"
        + ("." if against == "truth" else ": they say how much was changed, not how good it is."),
        "PSNR, SSIM and NRMSE count a background that was taken away, and any other gain; PSNR after fit and MicroSSIM do not.",
    ]
    return Table.of(f"quality-{number}", "Measures", ["", *MEASURES.values(), *FIT.values()], rows, notes + missing.notes())


def _resolution(number: int, measured: Measured) -> Table:
    rows: list[list[object]] = []
    plain = ENLARGED if enlarged(measured.data) else "original"
    entries = measured.data["resolution"]
    missing = Missing([entry["channel"] for entry in entries])
    for entry in entries:
        for key, title in RESOLUTION.items():
            values = [
                _number(entry[key]["transformed"], title, missing, entry["channel"]),
                _number(entry[key]["upsampled"], f"{title}, {plain}", missing, entry["channel"]),
            ]
            if values != ["undefined", "undefined"]:
                unit = "µm" if entry["unit"] == "um" else entry["unit"]
                rows.append([f"{short(entry['channel'], 30)}, {title}", *values, unit])
    told = " or ".join(dict.fromkeys(str(entry.get("threshold", "1/7")) for entry in entries))
    notes = [
        f"Full period of the finest detail; smaller is finer. Decorrelation analysis, and ring correlation of one image, that stand under "
        f"{plain!r} are of the original on its own pixels.",
        f"Fourier ring correlation: the first crossing of the threshold {inert(told)}; of that with the truth, 1/2.",
    ]
    return Table.of(f"resolution-{number}", "Resolution", ["", measured.name, plain, "unit"], rows, notes + missing.notes())


def _number(value: object, title: str, missing: Missing, channel: str) -> object:
    if isinstance(value, Mapping):
        missing.add(title, str(value.get("undefined", "no reason was kept")), channel)
        return "undefined"
    return value


def _error_map(measured: Measured) -> Iterator[Figure]:
    from abbe.reporting.error_map import error_map

    if measured.image.original is not None:
        found = error_map(measured.data, measured.image.original, measured.image)
        caption = (
            "NanoJ-SQUIRREL's error map: absolute difference between the original and the result brought back to the original's resolution "
            "by the best gain, offset and blur, in grey values of the original. Bright: what the result does not explain."
        )
        names = [short(name, 30) for name in measured.image.channels]
        title = f"Error map: {short(measured.name, 40)}"
        yield from _rows(f"error-{measured.key}", title, caption, found, names, ("error", "inferno", None))


def _rows(
    key: str, title: str, caption: str, image: Image, names: Sequence[str], look: tuple[str, str, tuple[float, float] | None]
) -> Iterator[Figure]:
    """A figure for each row of maps, of as many channels as have pictures. `look`: what it is of, colour table, limits."""
    rows = rows_of(min(image.shape[1], SHOWN), MOST)
    for row in rows:
        more = f", from channel {row.start + 1}" if row.start else ""
        yield Figure(f"{key}-{row.start}" if row.start else key, title + more, caption, maps(image, *look, names, row, len(rows[0])))
