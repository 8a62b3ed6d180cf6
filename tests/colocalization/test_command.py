"""`abbe colocalize` on the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import openpyxl
import pytest

from abbe.cli.frame import main
from abbe.colocalization import colocalize
from abbe.formats import open as open_image
from abbe.formats import save
from abbe.formats.rois import save_rois
from abbe.image import ROI, Image
from abbe.session import Session

from .conftest import blobs, camera


@pytest.fixture
def file(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    planes = np.stack([camera(rng, blobs(rng)) for _ in range(3)])
    image = Image.from_array(planes, axes="CYX", pixel_size=0.1, channels=["=HYPERLINK(0)", "tubulin", "dapi"])
    save(image, tmp_path / "cells.ome.tif")
    return tmp_path / "cells.ome.tif"


def test_a_table_is_printed_with_warnings_beside_it(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["colocalize", str(file), "--channels", "0", "tubulin"]) == 0
    out = capsys.readouterr()
    assert "Pearson's r" in out.out
    assert "colocalized pixels" in out.out
    assert "um2" in out.out
    assert "note:" in out.err


def test_json_is_the_result(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["colocalize", str(file), "--channels", "1", "2", "--json", "--threshold", "120,120"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["names"] == ["tubulin", "dapi"]
    assert data["thresholds"]["first"] == 120


def test_all_pairs_in_rois_go_to_a_workbook_without_formulas(file: Path, tmp_path: Path) -> None:
    save_rois([ROI.rectangle(0, 0, 4, 4, name="a"), ROI.ellipse(5, 5, 3, 3, name="@b")], tmp_path / "r.json")
    out = tmp_path / "out.xlsx"
    assert main(["colocalize", str(file), "--all-pairs", "--roi", str(tmp_path / "r.json"), "-o", str(out)]) == 0
    book = openpyxl.load_workbook(out)
    sheet = book["Coefficients"]
    assert sheet.max_row == 1 + 3 * 2
    assert {"Pixels", "Settings", "Definitions"} <= set(book.sheetnames)
    assert sheet["B2"].value == "=HYPERLINK(0)"
    assert sheet["B2"].data_type == "s"
    assert isinstance(sheet["H2"].value, float)
    assert main(["colocalize", str(file), "--all-pairs", "-o", str(out)]) == 1
    assert main(["colocalize", str(file), "--all-pairs", "-o", str(out), "--overwrite"]) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--background", "mode", "--background-roi", "r.json"], "wanted --background or --background-roi, got both"),
        (["--channels", "0", "1", "--all-pairs"], "wanted --channels or --all-pairs, got both"),
        (["--all-pairs", "--randomisations", "20"], "wanted --randomise with --randomisations"),
        (["--all-pairs", "--block", "4"], "wanted --randomise with --block"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(file: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    assert main(["colocalize", str(file), *words]) == 1
    assert said in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("columns", ["30", "80"])
def test_a_narrow_terminal_cuts_no_number(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    for words in (["--channels", "0", "1"], ["--all-pairs"]):
        assert main(["colocalize", str(file), *words, "-o", str(file.with_name(f"{words[0]}{columns}.json"))]) == 0
        out = capsys.readouterr().out
        assert "\N{HORIZONTAL ELLIPSIS}" not in out
        results = json.loads(file.with_name(f"{words[0]}{columns}.json").read_text())["results"]
        assert all(f"{result['icq']:.4g}" in out for result in results)


def test_a_remark_that_is_not_about_all_pairs_names_its_pair(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(2)
    first, second = camera(rng, blobs(rng)), camera(rng, blobs(rng))
    image = Image.from_array(np.stack([first, second, (0.4 * first).astype(np.uint16)]), axes="CYX", channels=["actin", "dapi", "leak"])
    save(image, tmp_path / "c.ome.tif")
    assert main(["colocalize", str(tmp_path / "c.ome.tif"), "--all-pairs"]) == 0
    notes = [line for line in capsys.readouterr().err.splitlines() if line.startswith("note:")]
    assert any(line.startswith("note: actin with leak: wherever actin is bright") for line in notes)
    assert any(line.startswith("note: no pixel is 0 in either channel") for line in notes)  # true of all pairs
    assert len(notes) == len(set(notes))


def test_a_remark_on_the_original_of_a_session_says_so(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The original has 16 pixels where the result has 144: two counts, and whose each is."""
    save_rois(ROI.rectangle(0, 0, 0.4, 0.4, name="spot"), tmp_path / "r.json")
    image = open_image(file)
    fine = Image.from_array(np.asarray(image)[0, :, 0].astype(np.float32).repeat(3, 1).repeat(3, 2), axes="CYX", pixel_size=0.1 / 3)
    Session.create(tmp_path / "s.abbe", fine.replace(channels=image.channels, original=image)).close()
    assert main(["colocalize", str(tmp_path / "s.abbe"), "--channels", "1", "2", "--background", "mode"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    before = colocalize(image, (1, 2), background="mode", ranked=False)
    assert f"; on the original {before.thresholds.first:.6g} and {before.thresholds.second:.6g} background subtracted: mode" in printed
    assert f"; on the original {before.background.first:.6g} and {before.background.second:.6g} total pixels" in printed
    for pairs in (["--channels", "1", "2"], ["--all-pairs"]):
        assert main(["colocalize", str(tmp_path / "s.abbe"), *pairs, "--roi", str(tmp_path / "r.json")]) == 0
        said = " ".join(capsys.readouterr().err.split())
        assert "on the original: only 16 pixels" in said
        assert "on the original: only 144 pixels" not in said
        assert "only 144 pixels" in said


def test_a_file_without_rois_is_not_the_whole_image(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "none.geojson").write_text('{"type": "FeatureCollection", "features": []}')
    assert main(["colocalize", str(file), "--channels", "0", "1", "--roi", str(tmp_path / "none.geojson")]) == 1
    assert capsys.readouterr().err.strip().endswith("wanted ROIs to measure in, got none in none.geojson")


def test_further_analyses_are_printed_as_names_and_values(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--channels", "0", "1", "--shift", "--randomise", "--objects", "--randomisations", "5", "--threshold", "150,150"]
    assert main(["colocalize", str(file), *arguments]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["randomisations", "5"] in lines
    assert any(line[:3] == ["chance", "share", "1"] for line in lines)


@pytest.mark.parametrize(("suffix", "delimiter"), [(".csv", ","), (".txt", "\t")])
def test_text_files_hold_no_formulas(file: Path, tmp_path: Path, suffix: str, delimiter: str) -> None:
    out = tmp_path / f"out{suffix}"
    assert main(["colocalize", str(file), "--channels", "0", "1", "-o", str(out)]) == 0
    rows = list(csv.reader(out.open(encoding="utf-8-sig", newline=""), delimiter=delimiter))
    assert rows[1][:3] == ["image", "channel 1", "channel 2"]
    assert rows[2][1] == "'=HYPERLINK(0)"


def test_rows_of_many_images_can_be_told_apart(file: Path, tmp_path: Path) -> None:
    """Tables of twenty cells are put together for statistics."""
    out = tmp_path / "out.csv"
    assert main(["colocalize", str(file), "--all-pairs", "-o", str(out)]) == 0
    rows = list(csv.reader(out.open(encoding="utf-8-sig", newline="")))
    assert [row[-1] for row in rows[1:5]] == ["file", *[file.name] * 3]


@pytest.mark.parametrize(
    "arguments",
    [["--channels", "0", "9"], [], ["--channels", "0", "1", "--threshold", "soon"], ["--channels", "0", "1", "-o", "x.doc"]],
)
def test_what_cannot_be_is_said_in_one_line(file: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["colocalize", str(file), *arguments]) == 1
    err = capsys.readouterr().err.strip().splitlines()
    assert err[-1].startswith("abbe: wanted")
    assert "Traceback" not in "".join(err)


def test_a_file_of_one_channel_is_told_how_it_gets_another(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(open_image(file).select([0]), tmp_path / "one.tif")
    assert main(["colocalize", str(tmp_path / "one.tif")]) == 1
    assert "got one in one.tif; put files of one channel each together first: abbe merge A B" in capsys.readouterr().err
