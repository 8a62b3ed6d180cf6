"""A data file alone says what each number belongs to, what to know before believing it, and why there is none."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import abbe
from abbe.image import ROI, Image
from abbe.reporting.building import build
from abbe.reporting.gathering import case_of

Row = dict[str, str]


def read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ","))


def series(frames: int = 3) -> Image:
    """Frames that get brighter, two channels, no pixel of them 0."""
    light = gaussian_filter(np.random.default_rng(5).random((2, 64, 60)), (0, 2, 2))
    light[1] = 0.6 * light[0] + 0.4 * light[1]
    counts = np.random.default_rng(6).poisson(4000 * (light - light.min())) + 100
    pixels = np.stack([counts * (k + 1) for k in range(frames)]).astype(np.uint16)
    return Image.from_array(pixels, axes="TCYX", pixel_size=0.1, channels=["actin", "tubulin"])


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_every_number_says_channels_region_and_frames(tmp_path: Path, suffix: str) -> None:
    cell = ROI.rectangle(1, 1, 3, 3, name="cell 7")
    image = series()
    where = ({"frames": (0, 1)}, {"frames": (2, 3)}, {}, {"roi": cell})
    found = [abbe.colocalize(image, **settings) for settings in where]  # type: ignore[arg-type]
    rows = read(abbe.report(found, tmp_path / f"all{suffix}"))
    assert list(rows[0]) == ["table", "row", "column", "value", "title"]
    about = {row["table"]: row["title"] for row in rows if row["row"] == "Pearson's r" and row["table"] != "definitions"}
    assert about == {
        "coefficients-1": "Coefficients: actin with tubulin, whole image, frame 1 of 3",
        "coefficients-2": "Coefficients: actin with tubulin, whole image, frame 3 of 3",
        "coefficients-3": "Coefficients: actin with tubulin, whole image",
        "coefficients-4": "Coefficients: actin with tubulin, cell 7",
    }
    assert all(row["title"] for row in rows)
    assert any(row["table"] == "pixels-2" and row["title"].endswith("frame 3 of 3") for row in rows)


def test_measurements_that_differ_by_their_thresholds_alone_say_which(tmp_path: Path) -> None:
    found = [abbe.colocalize(series(1), threshold=limits) for limits in ((200, 300), (400, 500))]
    rows = read(abbe.report(found, tmp_path / "two.csv"))
    titles = [row["title"] for row in rows if row["row"] == "Pearson's r" and row["column"] != "by chance"]
    assert ["thresholds 200 and 300" in titles[0], "thresholds 400 and 500" in titles[1]] == [True, True]


def test_verdict_warnings_and_reasons_are_rows(tmp_path: Path) -> None:
    image = series(1)
    flat = np.asarray(image)[0, :, 0].copy()
    flat[1] = 7
    measured = abbe.colocalize(Image.from_array(flat, axes="CYX", channels=["actin", "tubulin"]))
    rows = read(abbe.report(measured, tmp_path / "flat.csv"))
    undefined = next(row for row in rows if row["row"] == "Pearson's r")
    assert undefined["value"] == "undefined"
    notes = [row for row in rows if row["column"] == "note" and row["table"] == undefined["table"]]
    assert any("Pearson's r" in row["value"] and "constant" in row["value"] and row["title"] == undefined["title"] for row in notes)
    report = build(case_of(measured))
    for section in report.sections:
        told = [row["value"].lstrip("'") for row in rows if row["table"] == section.key and row["column"] in ("text", "warning")]
        assert told == [" ".join(text.split("\n")) for text in (*section.paragraphs, *section.warnings)], section.key
    assert sum(len(section.warnings) for section in report.sections) > 0
    doubled = Image.from_array(np.asarray(image)[0, :, 0] * 2.0, "CYX", 0.1, channels=image.channels)
    rows = read(abbe.report(abbe.compare(original=image, transformed=doubled), tmp_path / "compared.csv"))
    assert any(row["table"] == "summary" and "grey values were rescaled" in row["value"] for row in rows)


def test_no_two_lines_share_table_row_and_column(tmp_path: Path) -> None:
    """Also where a table has a line for the original and one for the version of each measurement."""
    image = series(1)
    made = image.replace(pixels=Image.from_array(gaussian_filter(np.asarray(image)[0, :, 0].astype(np.float32), (0, 1, 1)), "CYX").pixels)
    made = made.replace(original=image)
    found = [abbe.colocalize(made, roi=ROI.rectangle(0.1 * k, 0, 3, 3, name=f"cell {k}")) for k in range(14)]
    rows = read(abbe.report(found, tmp_path / "many.csv"))
    places = Counter((row["table"], row["row"], row["column"]) for row in rows)
    assert [place for place, count in places.items() if count > 1] == []
    kendall = [row for row in rows if row["table"] == "measurements-all" and row["column"] == "Kendall's tau-b"]
    assert len(kendall) == 28
    assert {row["row"].partition(", ")[2] for row in kendall} == {"original", "transformed"}


def test_grey_values_of_many_channels_are_whole(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).poisson(3000, (14, 30, 30)).astype(np.uint16)
    image = Image.from_array(pixels, axes="CYX", channels=[f"a stain with a long name {k}" for k in range(14)])
    for suffix in (".csv", ".txt"):
        text = abbe.report(image, tmp_path / f"many{suffix}").read_text(encoding="utf-8-sig")
        assert "characters)" not in text
        assert f"{pixels[11].min()} to {pixels[11].max()}, mean {pixels[11].mean():.6g}" in text
        assert "a stain with a long name 11, and 2 more" in text
