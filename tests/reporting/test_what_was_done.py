"""The methods and the checklist claim no more than what was done, shown, measured, and is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import abbe
from abbe.errors import ParameterError
from abbe.image import Image
from abbe.reporting.building import build
from abbe.reporting.gathering import case_of
from abbe.reporting.model import Report
from abbe.session.repeating import rerun


@pytest.fixture(autouse=True)
def _use_small_models(small_models_in_use: None) -> None: ...


def cells(channels: int = 2, size: tuple[int, int] = (64, 60)) -> Image:
    light = gaussian_filter(np.random.default_rng(5).random((channels, *size)), (0, 2, 2))
    pixels = np.random.default_rng(6).poisson(4000 * (light - light.min())).astype(np.uint16)
    return Image.from_array(pixels, axes="CYX", pixel_size=0.1, channels=[f"stain {k + 1}" for k in range(channels)])


def said(report: Report, key: str) -> str:
    return " ".join(" ".join(section.paragraphs) for section in report.sections if section.key == key)


def items(report: Report) -> dict[str, tuple[str, str]]:
    """State and manner of each item of the checklist."""
    (table,) = (table for table in report.tables() if table.key == "checklist")
    return {row[0].text: (row[2].text, row[3].text) for row in table.rows}


def made_elsewhere(image: Image) -> Image:
    values = np.asarray(image)[0, :, 0].astype(np.float32)
    return Image.from_array(np.maximum(values - 0.9 * gaussian_filter(values, (0, 10, 10)), 0), "CYX", 0.1, channels=image.channels)


@pytest.fixture
def imported(tmp_path: Path) -> abbe.Session:
    session = abbe.Session.create(tmp_path / "cells.abbe", cells())
    session.add_version(made_elsewhere(cells()), name="deconvolved")
    return session


def test_an_imported_version_is_told_as_one(imported: abbe.Session) -> None:
    report = build(imported.case())
    text = said(report, "methods")
    assert "The version deconvolved (stain 1, stain 2; 60 × 64 pixels of 100 nm, float32) was imported" in text
    assert "made outside abbe, by means that are not recorded here" in text
    assert text.index("was used as recorded") < text.index("was imported") < text.index("The result has")
    assert "cannot repeat" in said(report, "record")


def test_the_checklist_leaves_what_is_not_known_of_an_imported_version_to_the_author(imported: abbe.Session) -> None:
    found = items(build(imported.case()))
    for item in ("all settings and manual steps given", "the workflow can be repeated", "workflow and software cited with their versions"):
        state, how = found[item]
        assert (state, "imported version" in how) == ("for the author", True), item
    assert found["all settings and manual steps given"][1].endswith("add its settings and manual steps")
    assert found["machine learning: exact model named and available"][0] == "for the author"
    with pytest.raises(ParameterError, match="imported"):  # as the checklist says
        rerun(imported.path)


def test_what_abbe_made_of_an_imported_version_is_told_after_it(imported: abbe.Session) -> None:
    imported.enhance(steps=("denoise",))
    text = said(build(imported.case()), "methods")
    assert text.index("was imported") < text.index("All channels were denoised")


def test_an_import_that_its_file_tells_of_is_told_as_the_file_does(tmp_path: Path) -> None:
    session = abbe.Session.create(tmp_path / "cells.abbe", cells())
    abbe.save(abbe.enhance(cells(), steps="denoise"), tmp_path / "result.ome.tif")
    session.add_version(abbe.open(tmp_path / "result.ome.tif"), name="from a file")
    text = said(build(session.case()), "methods")
    assert "was imported from result.ome.tif, which tells how it was made: " in text
    assert "enhance: denoise (" in text
    assert "outside abbe" not in text


def test_versions_that_abbe_made_and_copies_are_no_imports(tmp_path: Path) -> None:
    session = abbe.Session.create(tmp_path / "cells.abbe", cells())
    session.enhance(steps=("denoise",))
    session.duplicate("v2")
    for version in ("v1", "v2", "v3"):
        report = build(session.case(version))
        assert "imported" not in said(report, "methods"), version
        assert items(report)["all settings and manual steps given"][0] == "fulfilled"
        assert items(report)["the workflow can be repeated"][0] == "fulfilled"


def test_a_result_of_another_program_that_was_compared_is_told_as_one() -> None:
    report = build(case_of(abbe.compare(original=cells(), transformed=made_elsewhere(cells()))))
    assert "was imported: it was made outside abbe" in said(report, "methods")


def test_the_channels_that_were_not_enhanced_are_told_with_what_became_of_them() -> None:
    sharp = said(build(case_of(abbe.enhance(cells(), steps=("super_resolve",), channels=(0,)))), "methods")
    assert "Channels stain 1 were super-resolved" in sharp
    assert "The other channels (stain 2) were only brought to the grid of the result, by plain linear interpolation." in sharp
    calm = said(build(case_of(abbe.enhance(cells(), steps=("denoise",), channels=(0,)))), "methods")
    assert "The other channels (stain 2) were left as they were." in calm
    assert "other channels" not in said(build(case_of(abbe.enhance(cells(), steps=("denoise",)))), "methods")


def test_an_image_on_its_originals_grid_was_compared_with_the_original_itself() -> None:
    calm = build(case_of(abbe.enhance(cells(), steps=("denoise",))))
    assert "NRMSE are against the original." in said(calm, "methods")
    (table,) = (table for table in calm.tables() if table.key == "quality-1")
    assert not any("enlarged" in text for text in (*table.notes, *(row[0].text for row in table.rows)))
    sharp = build(case_of(abbe.enhance(cells(), steps=("super_resolve",))))
    assert "NRMSE are against the plainly enlarged original." in said(sharp, "methods")


def test_a_checklist_of_many_channels_claims_no_pictures_that_are_not_there() -> None:
    report = build(case_of(cells(channels=8, size=(20, 20))))
    state, how = items(report)["each channel also in grey"]
    assert (state, "first 6 of 8" in how) == ("for the author", True)
    assert items(report)["an example of each image that numbers come from"] == ("not applicable", "nothing was measured")
    assert "each of the first 6 is shown" in items(report)["colours that colour-blind readers tell apart"][1]
    assert "Colocalization was not measured: of 8 channels there are 28 pairs" in said(report, "colocalization")
    few = build(case_of(cells(channels=3, size=(20, 20))))
    assert items(few)["each channel also in grey"][0] == "fulfilled"
    assert items(few)["an example of each image that numbers come from"][0] == "fulfilled"


def test_measured_channels_without_a_picture_are_named() -> None:
    state, how = items(build(case_of(abbe.colocalize(cells(channels=8), (0, 7)))))["an example of each image that numbers come from"]
    assert state == "for the author"
    assert "channel 8, which was measured" in how


@pytest.mark.parametrize("span", ["frames", "planes"])
def test_a_frame_or_plane_is_not_headed_as_the_whole_image(span: str) -> None:
    pixels = np.random.default_rng(1).poisson(50, (4, 2, 40, 40)).astype(np.uint16)
    image = Image.from_array(pixels, axes="TCYX" if span == "frames" else "ZCYX", pixel_size=(0.3, 0.1, 0.1))
    found = [abbe.colocalize(image, **{span: part}) for part in ((0, 1), (1, 4))] + [abbe.colocalize(image)]
    report = build(case_of(found))
    titles = [table.title for table in report.tables() if table.key.startswith("coefficients-")]
    one = span[:-1]
    assert [title.partition("whole image")[2] for title in titles] == [f", {one} 1 of 4", f", {span} 2 to 4 of 4", ""]
    assert f"whole image, {one} 1 of 4" in repr(found[0])
    captions = [figure.title for figure in report.figures() if figure.key.startswith("scattergram")]
    assert len(set(captions)) == 3
