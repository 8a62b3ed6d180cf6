"""From a file to a session, a report, and the same numbers again: on the shell, with small networks in place of abbe's own."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from pypdf import PdfReader
from scipy.ndimage import gaussian_filter

import abbe
from abbe.cli.frame import main
from abbe.image import ROI
from abbe.session import Session
from abbe.session.repeating import rerun
from abbe.zoo import catalogue
from model_maker import network, write_model


@pytest.fixture(autouse=True)
def _use_small_models(small_models_in_use: None) -> None: ...


@pytest.fixture
def cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two channels of camera counts in a file of the current folder."""
    light = gaussian_filter(np.random.default_rng(5).random((2, 90, 80)), (0, 2, 2))
    a = np.random.default_rng(6).poisson(4000 * (light - light.min())).astype(np.uint16)
    abbe.save(abbe.Image.from_array(a, "CYX", 0.1, channels=["actin", "tubulin"]), tmp_path / "cells.tif")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "cells.tif"


def test_a_shell_goes_from_a_file_to_a_report_and_back(cells: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["enhance", "cells.tif", "-o", "cells.abbe", "--steps", "denoise,super_resolve"]) == 0
    session = Session.open("cells.abbe")
    assert [version.name for version in session.versions] == ["original", "super-resolved"]
    np.testing.assert_array_equal(np.asarray(session.image(1)), np.asarray(abbe.open(cells)))
    assert main(["report", "cells.abbe", "-o", "report.html"]) == 0
    capsys.readouterr()
    assert main(["rerun", "report.html"]) == 0
    assert "all pixels are the same" in capsys.readouterr().out
    assert main(["rerun", "cells.abbe"]) == 0


def test_nothing_goes_into_a_session_that_is_there(cells: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Session.create("cells.abbe", cells)
    before = sorted(Path("cells.abbe").rglob("*"))
    assert main(["enhance", "cells.tif", "-o", "cells.abbe", "--steps", "denoise"]) == 1
    assert "exists already" in capsys.readouterr().err
    assert main(["enhance", "cells.tif", "-o", "new.abbe", "--steps", "denoise", "--dtype", "uint16"]) == 1
    assert "keeps results as computed" in capsys.readouterr().err
    assert sorted(Path("cells.abbe").rglob("*")) == before
    assert not Path("new.abbe").exists()


def test_an_image_file_is_reported_with_everything_that_can_be_measured(cells: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "cells.tif", "-o", "report.html"]) == 0
    assert "Coefficients: actin with tubulin, whole image" in Path("report.html").read_text(encoding="utf-8")
    assert main(["rerun", "report.html"]) == 0
    assert main(["report", "cells.tif", "--comment", "kept where?", "-o", "other.html"]) == 1
    assert "wanted a session for --version and --comment" in capsys.readouterr().err
    assert main(["report", "nothing.tif", "-o", "other.html"]) == 1
    assert main(["report", "cells.tif", "-o", "report.html"]) == 1, "a report that is there is not replaced unasked"
    assert not Path("other.html").exists()


def test_every_kind_of_version_is_computed_again_to_the_byte(cells: Path) -> None:
    session = Session.create("cells.abbe", cells)
    session.rois.add(ROI.ellipse(4, 4, 2, 3), name="cell")
    session.enhance(steps=("denoise", "super_resolve"), exact=True)
    session.colocalize(roi="cell", background=(3.0, 5.0), threshold="otsu")
    session.compare()
    session.correct_background("v2", channels=("tubulin",))
    session.crop((30, 150), (60, 180), "v2")
    session.duplicate("v1")
    for version, numbers in (("v2", 100), ("v3", 50), ("v4", 50), ("v5", 20)):
        session.revert_to(version)
        outcome = rerun("cells.abbe")
        assert (outcome.differing, outcome.identical) == ((), True), version
        assert outcome.numbers > numbers, version


def test_another_engine_or_model_than_the_reports_is_told(cells: Path, small_models: Path) -> None:
    session = Session.create("cells.abbe", cells)
    session.enhance(steps=("denoise",))
    abbe.report(session, "report.html")
    text = Path("report.html").read_text(encoding="utf-8")
    digest = catalogue.find("denoise").card.digest
    Path("report.html").write_text(text.replace('"CPUExecutionProvider"', '"AnotherProvider"').replace(digest, "0" * 64), encoding="utf-8")
    outcome = rerun("report.html")
    assert outcome.agrees
    assert any("engine differs" in note for note in outcome.notes)
    assert any("model of denoise differs" in note for note in outcome.notes)


def test_a_model_that_was_trained_further_is_told_from_that_of_the_report(
    cells: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It keeps its name and its version."""
    first = write_model(tmp_path / "runs", "denoise", network(), name="mine")
    session = Session.create("cells.abbe", cells)
    session.enhance(steps=("denoise",), model=first)
    before = catalogue.find(str(first)).card.digest
    abbe.report(session, "report.html")
    further = write_model(tmp_path / "further", "denoise", network(seed=9), name="mine")
    after = catalogue.find(str(further)).card.digest
    monkeypatch.setenv(catalogue.MODELS_VARIABLE, str(tmp_path / "further"))
    assert rerun("report.html").notes == (
        f"the model of denoise differs: mine 0.0 ({before[:8]}), now mine 0.0 ({after[:8]})",
        "the pixels differ in some bytes from those reported",
    )


def test_an_original_that_moved_is_found_beside_the_report_or_where_it_is_said_to_be(cells: Path, tmp_path: Path) -> None:
    abbe.report(abbe.open(cells), "report.html")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "renamed.tif").write_bytes(cells.read_bytes())
    (tmp_path / "elsewhere" / "report.html").write_bytes(Path("report.html").read_bytes())
    cells.rename(tmp_path / "elsewhere" / "cells.tif")
    assert rerun(tmp_path / "elsewhere" / "report.html").identical
    (tmp_path / "elsewhere" / "cells.tif").unlink()
    with pytest.raises(abbe.AbbeError, match="name it with --input"):
        rerun(tmp_path / "elsewhere" / "report.html")
    assert rerun("report.html", tmp_path / "elsewhere" / "renamed.tif").identical


def _reports(folder: Path) -> str:
    """Everything that can be read in reports of all kinds of a session with a restored version and its measurements."""
    text = ""
    for path in sorted(folder.iterdir()):
        if path.suffix == ".pdf":
            text += "".join(page.extract_text().replace("\n", "") for page in PdfReader(path).pages)
        elif path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as archive:
                text += "".join(archive.read(name).decode("utf-8", "replace") for name in archive.namelist())
        elif path.is_file():  # of images, what their metadata say
            text += path.read_bytes().decode("latin-1")
    return text


def test_a_report_names_no_folder_of_the_users_disk(cells: Path, tmp_path: Path) -> None:
    parts = [tmp_path / "private" / f"{name}.tif" for name in ("red", "green")]
    parts[0].parent.mkdir()
    for part, plane in zip(parts, np.asarray(abbe.open(cells))[0, :, 0]):
        abbe.save(abbe.Image.from_array(plane, "YX", 0.1), part)
    (tmp_path / "out").mkdir()
    with Session.create(tmp_path / "private" / "both.abbe", abbe.merge([abbe.open(part) for part in parts])) as session:
        session.enhance(steps=("denoise",))
        session.colocalize()
        session.compare()
        for suffix in ("html", "pdf", "xlsx", "txt"):
            abbe.report(session, tmp_path / "out" / f"report.{suffix}")
        session.export(tmp_path / "out" / "all", report=("html",))
    abbe.report(abbe.enhance(abbe.open(cells), steps=("denoise",)), tmp_path / "out" / "image.html")
    said = _reports(tmp_path / "out") + _reports(tmp_path / "out" / "all")
    assert "both.abbe" in said
    assert str(tmp_path) not in said
    assert str(tmp_path.parent) not in said
    for report in (tmp_path / "out").glob("*.html"):
        assert rerun(report).identical


def test_what_is_not_where_the_report_says_is_asked_for_by_name(cells: Path, tmp_path: Path) -> None:
    abbe.report(abbe.open(cells), tmp_path / "report.html")
    cells.unlink()
    with pytest.raises(abbe.AbbeError, match=r"wanted cells\.tif, of which report\.html is"):
        rerun(tmp_path / "report.html")


def test_a_report_of_results_measures_again_what_was_measured(cells: Path) -> None:
    """With the channels, ROI, thresholds and further analyses that each had, without a session."""
    rng = np.random.default_rng(8)
    light = gaussian_filter(rng.random((3, 90, 80)), (0, 2, 2))
    three = abbe.Image.from_array(rng.poisson(4000 * (light - light.min())).astype(np.uint16), "CYX", 0.1, channels=["a", "b", "c"])
    abbe.save(three, "three.ome.tif")
    image = abbe.open("three.ome.tif")
    made = abbe.enhance(image, steps=("denoise",))
    nucleus = ROI.ellipse(4, 4, 2.5, 2)
    corner = ROI.rectangle(0, 0, 1, 1)
    measured = [
        abbe.colocalize(made, channels=("b", "c")),
        abbe.colocalize(image, ("a", "c"), nucleus, (30.0, 40.0), background=corner, ranked=False),
        abbe.colocalize(made, ("c", "a"), nucleus, "otsu", extras=("shift", "randomisation"), randomisations=9, block=4, seed=3),
    ]
    abbe.report([made, *measured, abbe.compare(image, made, border="inside", data_range=700.0)], "report.html")
    outcome = rerun("report.html")
    assert outcome.numbers > 500
    assert outcome.agrees, outcome.differing[:5]
    assert outcome.identical


def test_a_comparison_with_a_truth_is_left_out_and_says_why(cells: Path) -> None:
    session = Session.create("cells.abbe", cells)
    session.enhance(steps=("denoise",))
    session.compare(truth=abbe.open(cells))
    outcome = rerun("cells.abbe")
    assert outcome.agrees, outcome.differing[:5]
    assert any("needs the truth" in note for note in outcome.notes)


def test_a_pixel_size_that_the_file_does_not_hold_is_that_of_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    stack = np.random.default_rng(9).poisson(300, (4, 40, 40)).astype(np.uint16)
    abbe.save(abbe.Image.from_array(stack, "ZYX"), "stack.tif")
    image = abbe.open("stack.tif").replace(pixel_size=(0.3, 0.1, 0.1))
    abbe.report([abbe.enhance(image, steps=("axial",))], "report.html")
    outcome = rerun("report.html")
    assert outcome.identical
    assert outcome.agrees, outcome.differing[:5]


@pytest.mark.parametrize("steps", ["denoise", "denoise,axial,super_resolve"])
def test_what_was_not_measured_is_left_out_of_a_kept_versions_original_too(tmp_path: Path, steps: str) -> None:
    """As of a result just made: a session's report had counted dead lines and empty planes as darkness, and repeated itself otherwise."""
    light = gaussian_filter(np.random.default_rng(5).random((2, 9, 60, 50)), (0, 1, 2, 2))
    stack = (np.random.default_rng(6).poisson(4000 * (light - light.min())) + 100).astype(np.uint16)
    stack[0, 3:] = stack[1, 2] = stack[1, :, 40] = 0
    abbe.save(abbe.Image.from_array(stack, "CZYX", (0.23, 0.1, 0.1), channels=["actin", "tubulin"]), tmp_path / "stack.ome.tif")
    made = abbe.enhance(abbe.open(tmp_path / "stack.ome.tif"), tuple(steps.split(",")))
    assert made.original is not None
    assert made.original.mask is not None
    with Session.create(tmp_path / "stack.abbe", abbe.open(tmp_path / "stack.ome.tif")) as session:
        session.add_version(made, parent="v1")
        kept = session.image("v2").original
        assert kept is not None
        assert kept.mask is not None
        everything = tuple(slice(0, n) for n in stack[None].shape)
        there = made.original.mask.read(everything)  # type: ignore[arg-type]
        assert 0 < there.mean() < 1
        assert np.array_equal(kept.mask.read(everything), there)  # type: ignore[arg-type]
        assert session.image("v1").mask is None
        if steps == "denoise":
            abbe.report(session, tmp_path / "report.html")
    if steps == "denoise":
        outcome = rerun(tmp_path / "report.html", tmp_path / "stack.ome.tif")
        assert outcome.identical
        assert outcome.differing == ()
