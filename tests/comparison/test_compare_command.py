"""`abbe compare` says what it found, in words, in JSON, and in files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from abbe.cli.frame import main
from abbe.formats import save
from abbe.image import Image

from .conftest import Scene


@pytest.fixture
def files(tmp_path: Path, scene: Scene) -> tuple[str, str]:
    paths = tmp_path / "recorded.tif", tmp_path / "result.tif"
    tifffile.imwrite(paths[0], scene.recorded[:80, :80].astype(np.float32))
    tifffile.imwrite(paths[1], scene.blurred[:80, :80].astype(np.float32))
    return str(paths[0]), str(paths[1])


def test_the_first_line_is_the_verdict(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *files]) == 0
    out = capsys.readouterr().out
    assert out.startswith("improved: RSP 0.")
    assert "MicroSSIM" in out


def test_json_goes_to_scripts(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *files, "--truth", files[1], "--json", "--no-resolution"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["verdict"]["word"] == "improved"
    assert data["channels"][0]["reference"] == "truth"
    assert "resolution" not in data


def test_tables_and_error_map_are_written_and_kept(files: tuple[str, str], tmp_path: Path) -> None:
    out, error = str(tmp_path / "numbers.xlsx"), str(tmp_path / "error.tif")
    assert main(["compare", *files, "-o", out, "--error-map", error]) == 0
    assert tifffile.imread(error).shape[-2:] == (80, 80)
    assert main(["compare", *files, "-o", out]) == 1
    assert main(["compare", *files, "-o", str(tmp_path / "numbers.txt"), "--overwrite"]) == 0
    assert "structure not explained" in (tmp_path / "numbers.txt").read_text()


def test_fields_that_do_not_fit_are_one_line(files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tifffile.imwrite(tmp_path / "small.tif", np.zeros((33, 33), np.float32))
    assert main(["compare", files[0], str(tmp_path / "small.tif")]) == 1
    assert capsys.readouterr().err.strip().count("\n") == 0


def test_a_name_that_no_image_can_have_is_refused_before_anything_is_measured(
    files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "numbers.json"
    assert main(["compare", *files, "-o", str(out), "--error-map", str(tmp_path / "error.foo")]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "error.foo" in told.err
    assert not out.exists()


def test_an_error_map_that_its_format_cannot_hold_is_refused_before_anything_is_measured(
    tmp_path: Path, scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out, picture = tmp_path / "two.ome.tif", tmp_path / "numbers.json", tmp_path / "error.png"
    save(Image.from_array(np.stack([scene.recorded[:80, :80]] * 2).astype(np.float32), axes="CYX"), file)
    line = ["compare", str(file), str(file), "-o", str(out), "--no-resolution", "--error-map"]
    assert main([*line, str(picture)]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.strip().endswith("save as .ome.tif, which holds all")
    assert not out.exists()
    assert main([*line, str(tmp_path / "error.ome.tif")]) == 0
    assert tifffile.imread(tmp_path / "error.ome.tif").shape == (2, 80, 80)


def test_an_error_map_of_fractions_is_no_picture_either(files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in files:
        pixels = tifffile.imread(file)
        tifffile.imwrite(file, pixels / (2 * pixels.max()))
    out = tmp_path / "numbers.json"
    assert main(["compare", *files, "-o", str(out), "--error-map", str(tmp_path / "error.png")]) == 1
    assert "save as .tif, which holds fractions" in capsys.readouterr().err
    assert not out.exists()
