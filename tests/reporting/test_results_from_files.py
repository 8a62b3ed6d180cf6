"""A report of a result that was opened from a file: what the file records is told, and nothing false."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import abbe
from abbe.image import Image
from abbe.reporting.building import build
from abbe.reporting.gathering import case_of
from abbe.reporting.model import Report


@pytest.fixture(autouse=True)
def _use_small_models(small_models_in_use: None) -> None: ...


@pytest.fixture
def cells() -> Image:
    light = gaussian_filter(np.random.default_rng(5).random((2, 64, 60)), (0, 2, 2))
    a = np.random.default_rng(6).poisson(4000 * (light - light.min())).astype(np.uint16)
    return Image.from_array(a, "CYX", 0.1, channels=["actin", "tubulin"])


def reopened(image: Image, file: Path) -> Image:
    abbe.save(image, file)
    found: Image = abbe.open(file)
    return found


def words(report: Report, key: str) -> str:
    return " ".join(next(section for section in report.sections if section.key == key).paragraphs)


def learned(report: Report) -> tuple[str, str]:
    """State and manner of the checklist's item on models."""
    (table,) = (table for table in report.tables() if table.key == "checklist")
    row = next(row for row in table.rows if row[0].text.startswith("machine learning: exact model"))
    return row[2].text, row[3].text


def test_the_steps_of_a_result_are_told_as_its_file_records_them(cells: Image, tmp_path: Path) -> None:
    made = abbe.enhance(reopened(cells, tmp_path / "cells.tif"), steps=("denoise", "super_resolve"), channels=[1])
    report = build(case_of(reopened(made, tmp_path / "result.ome.tif")))
    text = words(report, "methods")
    assert "No restoration was applied" not in text
    assert "Channels tubulin were denoised (model " in text
    assert "then super-resolved to three times as many pixels" in text
    assert "Its original (actin, tubulin; 60 × 64 pixels of 100 nm, uint16; cells.tif) was not at hand" in text
    models = [step.model for step in made.recipe.steps]  # type: ignore[union-attr]
    state, how = learned(report)
    assert state == "fulfilled"
    assert all(str(model) in how for model in models)
    assert "original" not in report.subtitle
    assert any("not at hand" in warning for section in report.sections for warning in section.warnings)
    assert report.repeat["original"]["recipe"] == made.recipe.to_dict()  # type: ignore[union-attr]


def test_steps_before_the_last_run_are_told_too(cells: Image, tmp_path: Path) -> None:
    sharp = reopened(abbe.enhance(cells, steps="denoise"), tmp_path / "sharp.ome.tif")
    clean = reopened(abbe.correct_background(sharp), tmp_path / "clean.ome.tif")
    text = words(build(case_of(clean)), "methods")
    assert "Recorded as earlier steps: enhance: denoise (" in text
    assert "All channels were freed from background" in text


def test_what_is_made_of_an_opened_result_is_told_from_the_first_step_on(cells: Image, tmp_path: Path) -> None:
    sharp = reopened(abbe.enhance(cells, steps="denoise"), tmp_path / "sharp.ome.tif")
    text = words(build(case_of(abbe.correct_background(sharp))), "methods")
    assert text.index("All channels were denoised") < text.index("All channels were freed from background")


def test_a_comparison_of_two_files_tells_the_steps_between_them(cells: Image, tmp_path: Path) -> None:
    before = reopened(cells, tmp_path / "cells.tif")
    after = reopened(abbe.enhance(before, steps=("denoise", "axial")), tmp_path / "result.ome.tif")
    report = build(case_of(abbe.compare(before, after)))
    text = words(report, "methods")
    assert "The original image (actin, tubulin; 60 × 64 pixels of 100 nm, uint16) was used as recorded." in text
    assert "All channels were denoised (model " in text
    assert "then freed from light of other planes (model " in text
    (images,) = (table for table in report.tables() if table.key == "images")
    assert images.columns[1:] == ("original", "enhance")


def test_a_merged_result_is_no_result_of_one_recipe(cells: Image, tmp_path: Path) -> None:
    reopened(abbe.enhance(cells.select([0]), steps="denoise"), tmp_path / "actin.ome.tif")
    reopened(cells.select([1]), tmp_path / "tubulin.ome.tif")
    report = build(case_of(abbe.merge([tmp_path / "actin.ome.tif", tmp_path / "tubulin.ome.tif"])))
    text = words(report, "methods")
    assert "All channels were" not in text
    assert "enhance: denoise (" in text
    assert "merged from actin.ome.tif, tubulin.ome.tif" in text
    assert learned(report)[0] == "for the author"


@pytest.mark.parametrize("text", ["", "no recipe", "[]", '{"operation": "enhance", "inputs": [], "steps": []}', None])
def test_a_file_that_records_nonsense_is_believed_nothing_but_its_history(cells: Image, tmp_path: Path, text: str | None) -> None:
    found = reopened(abbe.enhance(cells, steps="denoise"), tmp_path / "result.ome.tif")
    recipe = json.loads(found.provenance.facts["recipe"])
    recipe["steps"][0]["channels"] = [7]
    found.provenance.facts["recipe"] = json.dumps(recipe) if text is None else text
    assert "enhance: denoise (" in words(build(case_of(found)), "methods")


def test_an_image_as_recorded_stays_an_original(cells: Image, tmp_path: Path) -> None:
    report = build(case_of(reopened(cells, tmp_path / "cells.tif")))
    assert "No restoration was applied." in words(report, "methods")
    assert learned(report)[0] == "not applicable"
    assert "original" in report.subtitle
