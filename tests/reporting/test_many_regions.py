"""Reports of many regions, as a segmentation gives: a line for each, and what they have in common."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import abbe
from abbe.colocalization import colocalize_all
from abbe.colocalization.spread import MAIN
from abbe.image import ROI
from abbe.reporting.building import build
from abbe.reporting.sections.many import MANY
from abbe.session.repeating import rerun

CELLS = 40


@pytest.fixture
def session(tmp_path: Path) -> abbe.Session:
    rng = np.random.default_rng(3)
    shared = np.kron(rng.random((20, 20)), np.ones((10, 10)))
    own = np.kron(rng.random((20, 20)), np.ones((10, 10)))
    pixels = rng.poisson(np.stack([20 + 200 * shared, 30 + 100 * shared + 100 * own])).astype(np.uint16)
    abbe.save(abbe.Image.from_array(pixels, axes="CYX", pixel_size=0.1, channels=["actin", "tubulin"]), tmp_path / "a.tif")
    made = abbe.Session.create(tmp_path / "a.abbe", tmp_path / "a.tif")
    made.rois.put([ROI.rectangle(1 + 4 * (k // 5) / 2, 1 + 3.5 * (k % 5), 1.2, 3, name=f"cell {k}") for k in range(CELLS)], "cells")
    made.colocalize()
    for region in made.rois:
        made.colocalize(roi=region.id)
    return made


def test_many_measurements_are_lines_and_few_are_shown_in_full(session: abbe.Session, tmp_path: Path) -> None:
    section = next(one for one in build(session.case()).sections if one.key == "colocalization")
    tables = {table.key: table for table in section.tables}
    assert f"{CELLS + 1} measurements were made" in section.paragraphs[0]
    assert len(section.figures) == len([key for key in tables if key.startswith("coefficients-")]) == MANY
    assert tables["coefficients-1"].title.endswith("whole image")
    lines = tables["measurements"]
    assert len(lines.rows) == CELLS + 1
    assert [row[0].text for row in lines.rows] == ["whole image", *(f"cell {k}" for k in range(CELLS))]
    found = [abbe.colocalize(session.image(), roi=session.rois.roi(region.id)) for region in session.rois]
    for row, one in zip(lines.rows[1:], found, strict=True):
        assert row[2].number == one.pixels.pixels
        for cell, key in zip(row[3:], MAIN):
            value = one[key].value
            assert cell.text == "undefined" if value is None else cell.number == pytest.approx(value, rel=1e-5)
    r = [float(one["pearson"].value or 0) for one in found]
    spread = {row[0].text: row for row in tables["regions-1"].rows}["Pearson's r"]
    assert [spread[k].number for k in range(1, 7)] == pytest.approx(
        [CELLS, np.mean(r), np.std(r, ddof=1), np.median(r), min(r), max(r)], rel=1e-5
    )
    alike = [text for text in section.warnings if "even if each were independent" in text]
    assert 0 < len(alike) <= 6
    assert any("more warnings of that kind in other measurements (too few pixels to measure)" in text for text in section.warnings)


def test_data_files_hold_every_coefficient_and_the_page_can_be_run_again(session: abbe.Session, tmp_path: Path) -> None:
    abbe.report(session, tmp_path / "a.csv")
    rows = list(csv.reader((tmp_path / "a.csv").read_text(encoding="utf-8-sig").splitlines()))
    kendall = [row for row in rows if row[0] == "measurements-all" and row[2] == "Kendall's tau-b"]
    assert len(kendall) == CELLS + 1
    abbe.report(session, tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "Every measurement, all coefficients" not in page
    outcome = rerun(tmp_path / "a.html")
    assert outcome.agrees
    assert outcome.numbers > 20 * CELLS


def test_few_measurements_are_shown_as_ever(session: abbe.Session) -> None:
    results = colocalize_all(session.image(), [(0, 1)], [session.rois.roi(region.id) for region in session.rois][:3]).results
    from abbe.reporting.gathering import case_of

    section = next(one for one in build(case_of(list(results))).sections if one.key == "colocalization")
    keys = [table.key for table in section.tables]
    assert "measurements" not in keys
    assert (keys[0], len(section.figures)) == ("regions-1", 3)
