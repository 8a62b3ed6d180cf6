"""A scale bar is as long as it says, in pictures of any size and shape; where it has no room the words beside the picture say so."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

import abbe
from abbe.image import Image
from abbe.reporting.building import build
from abbe.reporting.case import Named
from abbe.reporting.figures.drawing import draw_scale_bar
from abbe.reporting.figures.fonts import font
from abbe.reporting.figures.maps import maps
from abbe.reporting.figures.panels import Panels, scale_is_legible
from abbe.reporting.figures.scalebar import IN_PAPER, IN_REPORT, ON_SCREEN, edge, placed
from abbe.reporting.gathering import case_of
from abbe.session import Session

GROUND = (90, 30, 30)
SHAPES = [(64, 64), (40, 40), (24, 60), (40, 800), (30, 900), (900, 30), (300, 230), (1004, 1004), (12, 300), (200, 20)]


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ABBE_CONFIG", str(tmp_path / "settings"))


def image_of(shape: tuple[int, int], size: float | None = 0.1, frames: int = 1, planes: int = 1) -> Image:
    pixels = np.random.default_rng(1).poisson(50, (frames, planes, *shape)).astype(np.uint16)
    return Image.from_array(pixels, axes="TZYX", pixel_size=(None, size, size))


def captions(image: Image) -> list[str]:
    return [figure.caption for figure in build(case_of(image)).figures()]


def drawn_length(pixels: np.ndarray, margin: int) -> float:
    """Sum of the bar's whiteness along its lowest row, in pixels."""
    row = pixels[pixels.shape[0] - margin - 1].astype(float)
    grey = (row.max(axis=1) - row.min(axis=1)) == 0
    return float(row[grey, 0].sum() / 255)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [0.1, 0.065, 0.33])
def test_a_bar_is_drawn_as_long_as_it_says(shape: tuple[int, int], size: float) -> None:
    place = placed((shape[1], shape[0]), size, 1.0, ON_SCREEN)
    picture = Pillow.new("RGB", (shape[1], shape[0]), GROUND)
    draw_scale_bar(picture, place)
    assert place.drawn
    assert drawn_length(np.asarray(picture), place.margin) == pytest.approx(place.bar.length / size, abs=0.01)


@pytest.mark.parametrize("legible", [ON_SCREEN, IN_REPORT, IN_PAPER])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_label_is_whole_or_not_there(shape: tuple[int, int], legible: int) -> None:
    """Whatever is drawn, is drawn with a rim of the ground around it: nothing reaches over a border."""
    place = placed((shape[1], shape[0]), 0.065, 1.0, legible)
    picture, wide = (Pillow.new("RGB", (shape[1] + more, shape[0] + more), GROUND) for more in (0, 400))
    draw_scale_bar(picture, place)
    draw_scale_bar(wide, place)
    changed, whole = ((np.asarray(one) != GROUND).any(axis=2) for one in (picture, wide))
    assert changed.sum() == pytest.approx(whole.sum(), rel=0.02), "nothing is cut"
    assert not changed[0].any()
    assert not changed[:, 0].any()
    assert not changed[-1].any()
    assert not changed[:, -1].any()
    if place.labelled:
        assert place.letters >= legible
        left, _, right, _ = font(place.letters).getbbox(place.bar.label, anchor="ls", stroke_width=edge(place.letters))
        assert right - left <= shape[1]


def test_small_pictures_and_strips_have_labels() -> None:
    for shape in ((64, 64), (40, 40), (24, 60), (40, 800), (30, 900), (900, 30)):
        assert placed((shape[1], shape[0]), 0.1, 1.0, ON_SCREEN).labelled, shape


def test_what_has_no_room_for_a_bar_or_its_label_has_none() -> None:
    line, thin = placed((5000, 2), 0.1, 1.0), placed((620, 12), 0.1, 1.0, IN_REPORT)
    assert (line.drawn, line.labelled, line.bar.label) == (False, False, "100 µm")
    assert (thin.drawn, thin.labelled) == (True, False)
    picture = Pillow.new("RGB", (5000, 2), GROUND)
    draw_scale_bar(picture, line)
    assert (np.asarray(picture) == GROUND).all()


def test_captions_of_a_report_say_what_is_drawn() -> None:
    assert any("Scale bar: 5 µm." in text for text in captions(image_of((300, 340))))
    (text,) = (text for text in captions(image_of((20, 900))) if "grey values" in text)
    assert text.startswith("Scale bar: 10 µm. There is no room for the length beside it.")
    (text,) = (text for text in captions(image_of((2, 500))) if "grey values" in text)
    assert text.startswith("Too thin for a scale bar: 50 µm wide.")
    (text,) = (text for text in captions(image_of((2, 500), None)) if "grey values" in text)
    assert text.startswith("Too thin for a scale bar: 500 pixels wide, the pixel size is not known.")


def test_whether_the_scale_is_legible_is_known_without_drawing() -> None:
    assert scale_is_legible(image_of((300, 340)))
    assert not scale_is_legible(image_of((20, 900)))
    assert not scale_is_legible(image_of((2, 500)))


@pytest.mark.parametrize("shape", [(2, 5000), (1, 3000), (3000, 1), (7, 2600)])
def test_line_scans_are_reported_and_exported(shape: tuple[int, int], tmp_path: Path) -> None:
    pixels = np.random.default_rng(2).poisson(50, (2, *shape)).astype(np.uint16)
    image = Image.from_array(pixels, axes="CYX", pixel_size=(None, 0.1, 0.1))
    for suffix in ("html", "pdf"):
        abbe.report(image, tmp_path / f"line.{suffix}")
    session = Session.create(tmp_path / "line.abbe", image)
    done = session.export(tmp_path / "out", parts=("whole", "figure"))
    assert len(done.files) == 2
    with Pillow.open(done.files[0]) as picture:
        assert picture.size == (shape[1], shape[0])


def test_averages_of_a_thin_image_are_of_all_its_lines() -> None:
    """Averaged by the factor of its long side, a third of 120 lines would be left out as a rest."""
    pixels = np.zeros((120, 20_000), np.uint16)
    pixels[100:] = 1000
    panel = Panels(Named("", "original", Image.from_array(pixels)))
    seen = panel.shown(0)
    assert seen.values.shape[0] * seen.factor[0] == 120
    assert seen.values.mean() == pytest.approx(1000 / 6)
    assert panel.grey(0).size == panel.size


def test_a_map_of_a_line_scan_is_not_covered_by_its_bar() -> None:
    line = Image.from_array(np.linspace(0, 0.8, 1000, dtype=np.float32).reshape(2, 500), axes="YX", pixel_size=(None, 0.1, 0.1))
    drawn = np.asarray(Pillow.open(io.BytesIO(maps(line, "error", "viridis", None, ["GFP"], range(1), 1)())).convert("RGB"))
    chart = drawn[:, 16:456]
    lowest = np.flatnonzero((chart < 250).any(axis=2).any(axis=1))[-1]
    assert (chart[lowest - 1 : lowest + 1] < 250).any(axis=2).any(axis=0).all()


@pytest.mark.parametrize(("shape", "said"), [((60, 80), "scale bar with its length"), ((2, 900), "too thin for a scale bar")])
def test_the_checklist_says_where_an_image_is_too_thin_for_a_bar(shape: tuple[int, int], said: str, tmp_path: Path) -> None:
    assert said in abbe.report(image_of(shape), tmp_path / "scale.txt").read_text(encoding="utf-8")
