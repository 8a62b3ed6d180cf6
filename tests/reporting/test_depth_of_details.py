"""Details of stacks: before and after show the same depth, and the words beside them say which plane that is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from abbe.image import Image
from abbe.reporting.building import build
from abbe.reporting.case import Named
from abbe.reporting.figures.panels import Detail, Panels, cut, detail
from abbe.reporting.gathering import case_of
from abbe.session import Session

PLANES, FINER = 4, 6


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ABBE_CONFIG", str(tmp_path / "settings"))


def stack(step: float | None, channels: int = 1, frames: int = 1) -> Image:
    """Each plane has a grey value of its own, with structure in the middle of the field."""
    pixels = np.zeros((frames, channels, PLANES, 160, 160), np.uint16)
    pixels += (100 * np.arange(1, PLANES + 1, dtype=np.uint16))[:, None, None]
    pixels[..., 70:90:4, 70:90] += 50
    return Image.from_array(pixels, axes="TCZYX", pixel_size=(step, 0.1, 0.1))


def enlarged(image: Image, step: float | None) -> Image:
    """Six times the planes between the first and the last, which lie where they lay."""
    planes = np.asarray(image).astype(np.float32)
    places = np.arange((PLANES - 1) * FINER + 1) / FINER
    low = np.minimum(places.astype(int), PLANES - 2)
    share = (places - low)[:, None, None].astype(np.float32)
    made = planes[:, :, low] * (1 - share) + planes[:, :, low + 1] * share
    return Image.from_array(made, axes="TCZYX", pixel_size=(step, 0.1, 0.1), channels=image.channels).replace(original=image)


@pytest.mark.parametrize("step", [0.6, None])
def test_before_and_after_show_the_same_depth(step: float | None) -> None:
    image = stack(step)
    made = enlarged(image, None if step is None else step / FINER)
    where = detail(Panels(Named("v1", "original", image)))
    assert where is not None
    assert (where.plane(image), where.plane(made)) == (2, 12)
    np.testing.assert_allclose(cut(image, 0, where), cut(made, 0, where), rtol=1e-5)


def test_a_result_of_one_plane_or_of_fewer_has_a_plane_there() -> None:
    where = Detail(0.4, 0.4, 0.2, 1.0, 99.0)
    for planes in (1, 3):
        assert where.plane(Image.from_array(np.zeros((planes, 8, 8), np.uint8), axes="ZYX", pixel_size=(0.5, 0.1, 0.1))) == planes - 1


@pytest.mark.parametrize(("step", "words"), [(0.6, (" (z 1.2 µm)", " (z 1.2 µm)")), (None, ("", ""))])
def test_captions_name_the_plane_of_each(step: float | None, words: tuple[str, str]) -> None:
    made = enlarged(stack(step), None if step is None else step / FINER)
    said = next(figure.caption for figure in build(case_of(made)).figures() if figure.key == "channel-0-detail")
    assert f"plane 3 of 4{words[0]}, " in said
    assert f"plane 13 of 19{words[1]}." in said
    assert "Scale bar: " in said or "Bar: " in said


def test_captions_of_series_and_stacks_name_frame_and_projection() -> None:
    found = {figure.key: figure.caption for figure in build(case_of(stack(0.6, channels=2, frames=3))).figures()}
    assert "Maximum projection, frame 1 of 3." in found["merged"]
    for key in ("merged-detail", "channel-0-detail", "channel-1-detail"):
        assert "Frame 1 of 3, " in found[key]
        assert "plane 3 of 4 (z 1.2 µm)." in found[key]
    flat = {figure.key: figure.caption for figure in build(case_of(stack(0.6).replace(original=None))).figures()}
    assert "rame 1" not in flat["channel-0-detail"]


@pytest.mark.parametrize("kind", ["png", "tif", "jpg"])
def test_an_exported_figure_says_which_planes_its_insets_are(kind: str, tmp_path: Path) -> None:
    session = Session.create(tmp_path / "cells.abbe", stack(0.6))
    session.add_version(enlarged(stack(0.6), 0.1).replace(original=session.image()), name="finer")
    done = session.export(tmp_path / "out", parts=("figure",), pictures=kind)
    said = "each inset is one plane: of original plane 3 of 4 (z 1.2 µm), of finer plane 13 of 19 (z 1.2 µm)"
    assert said in done.notices
    with Pillow.open(done.files[0]) as picture:
        written = {"png": "Description", "tif": "tag", "jpg": "comment"}[kind]
        text = picture.tag_v2[270].encode("latin-1").decode() if kind == "tif" else picture.info[written]  # type: ignore[attr-defined]
    assert said in (text.decode() if isinstance(text, bytes) else text)
