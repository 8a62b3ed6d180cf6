"""`abbe demo`: the first thing that a new user runs."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

import abbe
from abbe.cli.demo_figures import against_truth
from abbe.cli.demo_picture import Detail, Panel, font, in_colour, side_by_side
from abbe.cli.frame import main

ROOT = Path(__file__).resolve().parents[2]
FILES = {"picture.png", "cell.ome.tif", "enhanced.ome.tif", "truth.ome.tif", "figures.txt", "figures.json"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "out"
    assert main(["demo", "--out", str(folder)]) == 0
    return folder


def test_the_demo_leaves_images_picture_and_figures(folder: Path) -> None:
    assert {p.name for p in folder.iterdir()} == FILES


def test_the_images_open_with_size_channels_and_scale(folder: Path) -> None:
    cell, enhanced, truth = (abbe.open(folder / f"{name}.ome.tif") for name in ("cell", "enhanced", "truth"))
    assert cell.shape == (1, 3, 1, 256, 256)
    assert enhanced.shape == truth.shape == (1, 3, 1, 768, 768)
    assert cell.channels == enhanced.channels == truth.channels
    assert enhanced.pixel_size[2] == pytest.approx(truth.pixel_size[2])


def test_every_channel_comes_closer_to_the_truth_than_by_upsampling(folder: Path) -> None:
    figures = json.loads((folder / "figures.json").read_text())
    plain, ours = figures["against_truth"]["plain upsampling"], figures["against_truth"]["abbe"]
    assert len(plain) == len(ours) == 3
    for before, after in zip(plain, ours):
        assert after["psnr"] > before["psnr"]
        assert after["ssim"] > before["ssim"]


def test_the_figures_can_be_measured_again_from_the_files(folder: Path) -> None:
    figures = json.loads((folder / "figures.json").read_text())
    again = against_truth(abbe.open(folder / "enhanced.ome.tif"), abbe.open(folder / "truth.ome.tif"))
    assert [s.psnr for s in again] == pytest.approx([s["psnr"] for s in figures["against_truth"]["abbe"]], abs=0.05)


def test_the_figures_carry_the_recipe(folder: Path) -> None:
    recipe = json.loads((folder / "figures.json").read_text())["recipe"]
    assert [step["name"] for step in recipe["steps"]] == ["denoise", "axial", "super_resolve"]


def test_the_readme_shows_the_figures_of_these_models(folder: Path) -> None:
    """Within what engines of different precision differ; otherwise: python docs/pictures/make.py FOLDER."""
    table = runpy.run_path(str(ROOT / "docs" / "pictures" / "make.py"))["table"](folder)
    shown = (ROOT / "README.md").read_text(encoding="utf-8")
    numbers = re.compile(r"\d+\.\d+")
    for row in table.splitlines()[2:]:
        start = row[: row.index("|", 1) + 1]
        said = next(line for line in shown.splitlines() if line.startswith(start))
        for measured, stated in zip(numbers.findall(row), numbers.findall(said), strict=True):
            assert abs(float(measured) - float(stated)) < (0.35 if float(stated) > 1 else 0.025), (row, said)


def test_the_picture_shows_four_panels(folder: Path) -> None:
    with Picture.open(folder / "picture.png") as picture:
        assert picture.size[0] > 1500
        assert len(picture.getcolors(2**24) or []) > 1000


def test_a_second_demo_does_not_replace_the_first_unasked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (folder / "figures.json").read_bytes()
    assert main(["demo", "--out", str(folder)]) == 1
    assert "exists already" in capsys.readouterr().err
    assert (folder / "figures.json").read_bytes() == before


def test_a_folder_of_the_users_own_is_never_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.txt").write_text("three years")
    assert main(["demo", "--out", str(tmp_path), "--overwrite"]) == 1
    assert (tmp_path / "thesis.txt").read_text() == "three years"
    assert len(capsys.readouterr().err.splitlines()) == 1


# ------------------------------------------------------------------------------------------------ the picture
def image(pixel: float | None = 0.1) -> abbe.Image:
    ramp = np.add.outer(np.arange(48.0), np.arange(48.0)).astype(np.float32)
    return abbe.Image.from_array(np.stack([ramp, ramp[::-1]]), "CYX", pixel, colors=("#00ff00", "#ff00ff"))


def test_channels_are_shown_in_their_colours() -> None:
    shown = in_colour(image())
    assert shown[-1, -1].argmax() == 1
    assert shown[0, -1, 1] < shown[0, -1, 0]


def test_an_even_image_is_shown_without_a_division_by_zero() -> None:
    flat = abbe.Image.from_array(np.full((8, 8), 7, np.uint16))
    assert in_colour(flat).shape == (8, 8, 3)


def test_without_a_pixel_size_there_is_no_scale_bar() -> None:
    sheets = [np.asarray(side_by_side([Panel(image(p), "", "")], Detail(0.2, 0.2, 0.5), "")) for p in (None, 0.1)]
    assert (sheets[0] != sheets[1]).any()


def test_the_font_can_write_micrometres() -> None:
    assert bytes(font(14).getmask("µ")) != bytes(font(14).getmask("\uffff"))
