"""Was it an improvement? Verdict, every measure beside doing nothing, error map and trust map."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from abbe.reporting.case import Case, Measured
from abbe.reporting.figures.maps import maps
from abbe.reporting.inert import inert, short
from abbe.reporting.model import Figure, Missing, Section, Table

#: measures of a channel, in the order of the table: key -> what it is
MEASURES = {
    "rsp": "RSP: resolution-scaled Pearson coefficient",
    "rse": "RSE: resolution-scaled error (grey values)",
    "psnr": "PSNR (dB)",
    "psnr_affine": "PSNR after gain and offset (dB)",
    "ssim": "SSIM",
    "microssim": "MicroSSIM",
    "nrmse": "NRMSE",
}
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
            "Trust in each pixel: 1 where the model's own error is small beside the noise of the input, 1/2 where it is as large, near 0 "
            "where structure is not supported by the data."
        )
        names = case.after.image.channels
        figures.append(Figure("trust", "Trust map", caption, maps(trust, "trust", "cividis", (0.0, 1.0), names)))
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
    for channel in measured.data["channels"]:
        missing = Missing()
        rows: list[list[object]] = []
        notes = [
            "Plainly enlarged: the original brought to the same grid by cubic splines; what doing nothing scores.",
            f"PSNR, SSIM, MicroSSIM and NRMSE are against the {channel['reference']}"
            + ("." if channel["reference"] == "truth" else ": they say how much was changed, not how good it is."),
        ]
        for key, title in MEASURES.items():
            rows.append([title, *_beside(channel[key], title, missing)])
        fit = channel["fit"]
        for key, title in (
            ("gain", "gain of the fit"),
            ("offset", "offset of the fit"),
            ("sigma", "width of the fit (pixels of the original)"),
        ):
            rows.append([title, _number(fit[key], title, missing), None])
        name = short(channel["channel"], 30)
        notes += missing.notes()
        heads = ["measure", measured.name, "plainly enlarged"]
        yield Table.of(f"quality-{number}-{name}", f"Measures: {name}", heads, rows, notes)
    if measured.data.get("resolution"):
        yield _resolution(number, measured)


def _resolution(number: int, measured: Measured) -> Table:
    rows: list[list[object]] = []
    missing = Missing()
    notes = ["Full period of the finest detail; smaller is finer."]
    for entry in measured.data["resolution"]:
        for key, title in RESOLUTION.items():
            values = _beside(entry[key], f"{entry['channel']}, {title}", missing)
            if values != ["undefined", "undefined"]:
                rows.append([entry["channel"], title, *values, "µm" if entry["unit"] == "um" else entry["unit"]])
    heads = ["channel", "method", measured.name, "plainly enlarged", "unit"]
    return Table.of(f"resolution-{number}", "Resolution", heads, rows, notes + missing.notes())


def _beside(pair: Mapping[str, Any], title: str, missing: Missing) -> list[object]:
    return [_number(pair["transformed"], title, missing), _number(pair["upsampled"], f"{title} (plainly enlarged)", missing)]


def _number(value: object, title: str, missing: Missing) -> object:
    if isinstance(value, Mapping):
        missing.add(title, str(value.get("undefined", "no reason was kept")))
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
        yield Figure(
            f"error-{measured.key}", f"Error map: {short(measured.name, 40)}", caption, maps(found, "error", "inferno", None, names)
        )
