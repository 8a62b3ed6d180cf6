"""Sessions on the command line: `abbe merge` makes one; `abbe colocalize` and `abbe compare` measure its current version, and keep that."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from abbe import ROI, Image, Session, colocalize, compare, save
from abbe.cli import frame


@pytest.fixture
def session(tmp_path: Path) -> Path:
    rng = np.random.default_rng(4)
    shared = rng.poisson(30, (64, 64))
    pixels = np.stack([shared + rng.poisson(20, (64, 64)), shared + rng.poisson(20, (64, 64))]).astype(np.uint16)
    path = tmp_path / "cells.abbe"
    Session.create(path, Image.from_array(pixels, axes="CYX")).close()
    return path


def test_the_measurement_is_the_one_of_python_and_is_kept(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert frame.main(["colocalize", str(session), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    with Session.open(session) as opened:
        (kept,) = opened.analyses
        wanted = colocalize(opened.image()).to_dict()
    assert kept.kind == "colocalization"
    assert kept.results == printed == json.loads(json.dumps(wanted))


def test_the_same_measured_again_takes_the_place_of_the_first(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A report had every row twice; many regions are kept in one change."""
    rois = [session.with_name(f"cell {k}.json") for k in range(5)]
    for k, file in enumerate(rois):
        file.write_text(json.dumps(ROI.rectangle(4 + 9 * k, 5, 8, 20, unit="pixel", name=f"cell {k}").to_dict()))
    for _ in range(2):
        assert frame.main(["colocalize", str(session), *(word for file in rois for word in ("--roi", str(file)))]) == 0
        assert "kept in the session: 5 measurements" in capsys.readouterr().out
    with Session.open(session) as opened:
        assert len(opened.analyses) == 5
        assert opened.revision == 3
        assert not opened.can_undo


def test_regions_of_a_file_lie_on_a_cropped_version_as_they_do_on_the_whole(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = session.with_name("cell.json")
    file.write_text(json.dumps(ROI.rectangle(20, 24, 12, 10, unit="pixel", name="cell").to_dict()))
    found = []
    for crop in (False, True):
        if crop:
            with Session.open(session) as opened:
                opened.crop((15, 50), (20, 60))
        assert frame.main(["colocalize", str(session), "--roi", str(file), "--background-roi", str(file), "--json"]) == 0
        found.append(json.loads(capsys.readouterr().out))
    assert found[0]["n"] == found[1]["n"] == 120
    assert found[0]["pearson"] == pytest.approx(found[1]["pearson"])
    assert found[0]["m1"] == pytest.approx(found[1]["m1"])


def test_measurements_by_plane_leave_the_session_as_it_is(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Session.open(session, read_only=True) as opened:
        revision = opened.revision
    assert frame.main(["colocalize", str(session), "--each", "plane", "--json"]) == 0
    assert "not kept in the session" in capsys.readouterr().err
    with Session.open(session, read_only=True) as opened:
        assert opened.revision == revision
        assert not list(opened.analyses)


def test_merging_into_a_session_keeps_every_pixel(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planes = np.random.default_rng(6).integers(0, 60000, (2, 20, 30)).astype(np.uint16)
    files = [tmp_path / "a.tif", tmp_path / "b.tif"]
    for file, plane in zip(files, planes):
        save(Image.from_array(plane, axes="YX"), file)
    made = tmp_path / "both.abbe"
    words = ["merge", *map(str, files), "--channels", "actin,tubulin", "-o", str(made)]
    assert frame.main(words) == 0
    with Session.open(made, read_only=True) as opened:
        image = opened.image()
        assert np.array_equal(np.asarray(image)[0, :, 0], planes)
        assert tuple(image.channels) == ("actin", "tubulin")
    capsys.readouterr()
    assert frame.main(words) == 1  # nothing is replaced unasked
    assert capsys.readouterr().err.startswith("abbe: ")


def test_a_session_is_compared_with_what_it_was_made_from(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert frame.main(["compare", str(session)]) == 1
    assert "made from another" in capsys.readouterr().err
    with Session.open(session) as opened:
        opened.enhance(steps="denoise")
    assert frame.main(["compare", str(session), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    with Session.open(session) as opened:
        (kept,) = opened.analyses
        image = opened.image()
    assert kept.kind == "comparison"
    assert printed == json.loads(json.dumps(compare(image.original, image).to_dict(), allow_nan=False))


def test_a_result_in_a_file_is_measured_with_a_note_that_its_original_is_not_there(
    session: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Session.open(session) as opened:
        save(opened.image(), tmp_path / "cells.tif")
        opened.enhance(steps="denoise")
        save(opened.image(), tmp_path / "result.ome.tif")
    for name, noted in (("cells.tif", False), ("result.ome.tif", True), ("cells.abbe", False)):
        assert frame.main(["colocalize", str(tmp_path / name), "--json"]) == 0
        out, err = capsys.readouterr()
        assert ("measured without its original" in err) == noted, name
        assert (json.loads(out).get("original") is not None) == (name == "cells.abbe"), name


@pytest.mark.parametrize("words", [["compare", "one.tif"], ["compare", "gone.tif", "away.tif"], ["colocalize", "gone.tif"]])
def test_what_is_missing_is_said_in_one_line(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    save(Image.from_array(np.ones((8, 8), np.uint16), axes="YX"), "one.tif")
    assert frame.main(words) == 1
    said = capsys.readouterr().err
    assert said.startswith("abbe: ")
    assert said.count("\n") == 1


def test_what_is_exported_is_named_with_commas_or_again_and_again(tmp_path: Path) -> None:
    image = Image.from_array(np.random.default_rng(0).poisson(50, (2, 40, 48)).astype(np.uint16), axes="CYX")
    Session.create(tmp_path / "cells.abbe", image).close()
    written = []
    for k, words in enumerate(
        (["--what", "image,data", "--data", "csv,txt"], ["--what", "image", "--what", "data", "--data", "csv", "--data", "txt"])
    ):
        assert frame.main(["export", str(tmp_path / "cells.abbe"), "-o", str(tmp_path / f"out {k}"), *words]) == 0
        written.append(sorted(path.relative_to(tmp_path / f"out {k}").as_posix() for path in (tmp_path / f"out {k}").rglob("*")))
    assert written[0] == written[1]
    assert {Path(name).suffix for name in written[0]} >= {".csv", ".txt"}
