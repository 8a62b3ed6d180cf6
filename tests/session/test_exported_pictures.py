"""Exported pictures tell their scale and their limits, and parts of a version are shown between those of the whole of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from abbe.image import ROI, Image
from abbe.session import Session


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ABBE_CONFIG", str(tmp_path / "settings"))


@pytest.fixture
def bright_and_dim(tmp_path: Path) -> Session:
    """Two channels, bright on the left and a twentieth of that on the right, with a ROI on either side."""
    rng = np.random.default_rng(0)
    light = np.where(np.arange(128) < 64, 1000.0, 50.0) * np.ones((2, 128, 1))
    image = Image.from_array((rng.poisson(light) + 100).astype(np.uint16), axes="CYX", pixel_size=(None, 0.1, 0.1), channels=("GFP", "RFP"))
    session = Session.create(tmp_path / "cells.abbe", image)
    session.rois.add(ROI.rectangle(y=1, x=0.5, height=5, width=5, name="bright"))
    session.rois.add(ROI.rectangle(y=1, x=7, height=5, width=5, name="dim"))
    return session


def opened(path: Path) -> tuple[np.ndarray, str]:
    """Pixels and description of a PNG."""
    with Pillow.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int), str(picture.info.get("Description", ""))


def exported(session: Session, folder: Path, **choices: Any) -> tuple[dict[str, Path], tuple[str, ...]]:
    done = session.export(folder, images="png", pictures="png", **choices)
    return {path.stem: path for path in done.files}, done.notices


def test_regions_are_shown_between_the_limits_of_the_whole(bright_and_dim: Session, tmp_path: Path) -> None:
    files, notices = exported(bright_and_dim, tmp_path / "out", parts=("whole", "rois"))
    whole, said = opened(files["cells_v1_whole"])
    for name, left in (("bright", 5), ("dim", 70)):
        part, text = opened(files[f"cells_v1_{name}"])
        np.testing.assert_array_equal(part[:25], whole[10:35, left : left + 50], name)
        limits = said.partition("original: ")[2].partition(" (")[0]
        assert f"region {name}: {limits} (the 0.5 and 99.8 percentiles of the whole view)" in text
        assert f"scale bar of region {name}: 1 µm, 10 pixels of the picture (0.1 µm each)" in text
        assert (part[-10:] == 255).all(axis=2).sum() >= 20, "there is a scale bar"
    assert sum("in pictures of regions of interest: GFP" in notice for notice in notices) == 1


def test_the_contrast_that_was_set_is_that_of_regions_and_revealed_pixels(bright_and_dim: Session, tmp_path: Path) -> None:
    session = bright_and_dim
    session.colocalize((1, 0), threshold=(500.0, 500.0))
    limits = {"v1": ((100.0, 2000.0), (0.0, 4000.0))}
    files, notices = exported(session, tmp_path / "out", parts=("rois", "revealed"), contrast=limits, colors=("red", "green"))
    values = np.asarray(session.image())[0, :, 0]
    part, text = opened(files["cells_v1_dim"])
    expected = np.clip((values[0, 10:35, 70:120] - 100.0) / 1900, 0, 1) * 255
    np.testing.assert_allclose(part[:25, :, 0], expected, atol=0.6)
    assert "region dim: GFP 100 to 2000, RFP 0 to 4000 (as set for the whole view)" in text
    part, text = opened(files["cells_v1_revealed_RFP_GFP"])
    expected = np.clip(np.where((values >= 500).all(axis=0), values[1], 0) / 4000, 0, 1) * 255
    np.testing.assert_allclose(part[:90, :, 1], expected[:90], atol=0.6)
    assert "revealed pixels of RFP and GFP: RFP 0 to 4000, GFP 100 to 2000 (as set for the whole view)" in text
    assert any("in pictures of revealed pixels of RFP and GFP: RFP 0 to 4000" in notice for notice in notices)


def test_limits_of_revealed_pixels_are_lower_by_the_background_that_was_subtracted(bright_and_dim: Session, tmp_path: Path) -> None:
    bright_and_dim.colocalize((0, 1), threshold=(400.0, 400.0), background=(100.0, 60.0))
    limits = {"v1": ((100.0, 2100.0), (60.0, 2060.0))}
    files, _ = exported(bright_and_dim, tmp_path / "out", parts=("revealed",), contrast=limits, colors=("red", "green"))
    part, text = opened(files["cells_v1_revealed_GFP_RFP"])
    assert "GFP 0 to 2000, RFP 0 to 2000 (as set for the whole view, less the background)" in text
    values = np.asarray(bright_and_dim.image())[0, 0, 0, :90, :60] - 100.0
    np.testing.assert_allclose(part[:90, :60, 0], np.clip(values / 2000, 0, 1) * 255, atol=0.6)


def test_a_hidden_channel_is_neither_in_a_region_nor_in_its_words(bright_and_dim: Session, tmp_path: Path) -> None:
    files, _ = exported(bright_and_dim, tmp_path / "out", parts=("rois",), colors=("#000000", "green"))
    part, text = opened(files["cells_v1_bright"])
    assert part[:25, :, 0].max() == 0
    assert "RFP" in text
    assert "GFP" not in text


@pytest.mark.parametrize(
    ("side", "size", "said"), [(64, 0.1, "1 µm, 10 pixels"), (40, 0.065, "1 µm, 15.38 pixels"), (40, None, "5 px, 5 pixels")]
)
def test_small_pictures_tell_their_scale(side: int, size: float | None, said: str, tmp_path: Path) -> None:
    pixels = np.zeros((side, side), np.uint16)
    pixels[2:8, 2:8] = 100  # dark where the bar is
    session = Session.create(tmp_path / "small.abbe", Image.from_array(pixels, axes="YX", pixel_size=(None, size, size)))
    files, notices = exported(session, tmp_path / "out", parts=("whole",))
    drawn, text = opened(files["small_v1_whole"])
    assert drawn.shape[:2] == (side, side)
    assert f"scale bar of original: {said} of the picture ({'the pixel size is not known' if size is None else f'{size} µm each'})" in text
    assert not any("room" in notice for notice in notices)
    row = drawn[-3, :, 0]  # through the bar
    assert row.sum() / 255 == pytest.approx(float(said.split()[2]), abs=0.02)


@pytest.mark.parametrize(
    ("shape", "said", "told"),
    [
        (
            (2, 500),
            "none, for want of room: 10 µm are 100 pixels of the picture (0.1 µm each)",
            "no room for a scale bar, 10 µm are 100 pixels",
        ),
        (
            (12, 300),
            "5 µm, drawn without its length, 50 pixels of the picture (0.1 µm each)",
            "no room for the length of its scale bar, 5 µm are 50 pixels",
        ),
    ],
)
def test_where_a_bar_has_no_room_its_length_is_told(shape: tuple[int, int], said: str, told: str, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).poisson(50, shape).astype(np.uint16)
    session = Session.create(tmp_path / "thin.abbe", Image.from_array(pixels, axes="YX", pixel_size=(None, 0.1, 0.1)))
    files, notices = exported(session, tmp_path / "out", parts=("whole", "figure"))
    assert f"scale bar of original: {said}" in opened(files["thin_v1_whole"])[1]
    assert any(f"whole view, original: {told} of the picture" in notice for notice in notices)
    assert "scale bar of original: " in opened(files["thin_v1_figure"])[1]


def test_the_length_of_an_insets_bar_is_told(session: Session, tmp_path: Path) -> None:
    files, _ = exported(session, tmp_path / "out", parts=("figure",))
    assert (
        "scale bar of original: 2 µm, 66.96 pixels of the picture (0.02987 µm each), in its inset 500 nm"
        in opened(files["cells_v1_figure"])[1]
    )


@pytest.mark.parametrize("kind", ["png", "tif"])
def test_descriptions_keep_what_is_not_ascii(kind: str, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).poisson(50, (60, 60)).astype(np.uint16)
    image = Image.from_array(pixels, axes="YX", pixel_size=(None, 0.1, 0.1), channels=["β-Tubulin"])
    (file,) = Session.create(tmp_path / "a.abbe", image).export(tmp_path / "out", parts=("whole",), pictures=kind).files
    assert "β-Tubulin".encode() in file.read_bytes()
    assert "1 µm".encode() in file.read_bytes()
