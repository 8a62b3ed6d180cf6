"""A region of interest is drawn once and fits every version of an image."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from abbe.errors import ParameterError
from abbe.image import ROI, Combination, Image, Mask, Polygon
from abbe.image.outline import outline


def blank(height: int = 20, width: int = 30, planes: int = 1, pixel: float | None = 0.1) -> Image:
    return Image.from_array(np.zeros((planes, height, width), np.uint8), axes="ZYX", pixel_size=(0.3, pixel, pixel) if pixel else None)


def area(roi: ROI, image: Image) -> int:
    return int(roi.mask(image).sum())


def test_a_rectangle_holds_the_pixels_whose_centre_it_holds() -> None:
    mask = ROI.rectangle(0.2, 0.5, 0.3, 0.4).mask(blank())[0]
    assert mask[2:5, 5:9].all()
    assert mask.sum() == 12


def test_one_roi_fits_an_image_enlarged_three_times() -> None:
    small = blank()
    large = Image.from_array(np.zeros((60, 90), np.float32), pixel_size=0.1 / 3).replace(original=small)
    for roi in (
        ROI.rectangle(0.2, 0.5, 0.3, 0.4),
        ROI.rectangle(2, 5, 3, 4, unit="pixel"),
        Mask.from_pixels(ROI.rectangle(0.2, 0.5, 0.3, 0.4).mask(small)[0], small),
    ):
        assert area(roi, large) == 9 * area(roi, small)
        assert (roi.mask(large)[0, ::3, ::3] == roi.mask(small)[0]).all()


def test_a_roi_in_um_needs_a_pixel_size() -> None:
    with pytest.raises(ParameterError, match="pixel size"):
        ROI.rectangle(0, 0, 1, 1).mask(blank(pixel=None))


def test_an_ellipse_has_the_area_of_an_ellipse_also_when_turned() -> None:
    image = blank(200, 200)
    upright = area(ROI.ellipse(10, 10, 3, 6), image)
    assert upright == pytest.approx(np.pi * 30 * 60, rel=0.01)
    assert area(ROI.ellipse(10, 10, 3, 6, angle=30), image) == pytest.approx(upright, rel=0.01)
    turned = ROI.ellipse(10, 10, 1, 6, angle=45).mask(image)[0]
    assert turned[70, 130]  # up and right of the centre, for the angle runs counter-clockwise on the screen
    assert not turned[130, 130]


def test_a_polygon_with_a_hole_leaves_the_hole_out() -> None:
    outer, inner = ((0, 0), (0, 10), (10, 10), (10, 0)), ((3, 3), (3, 6), (6, 6), (6, 3))
    assert area(Polygon(rings=(outer, inner), unit="pixel"), blank()) == 100 - 9


def test_the_path_of_a_hand_may_leave_the_image() -> None:
    assert area(ROI.polygon([(-5, -5), (-5, 100), (100, 100), (100, -5)], by_hand=True, unit="pixel"), blank()) == 600


def test_rois_combine() -> None:
    one, two = ROI.rectangle(0, 0, 10, 10, unit="pixel"), ROI.rectangle(5, 5, 10, 10, unit="pixel")
    image = blank()
    assert [area(r, image) for r in (one | two, one & two, one - two, one ^ two)] == [175, 25, 75, 150]


def test_a_roi_on_some_planes_and_frames_stays_there() -> None:
    image = Image.from_array(np.zeros((2, 5, 8, 8), np.uint8), axes="TZYX", pixel_size=(0.3, 0.1, 0.1))
    roi = ROI.rectangle(0, 0, 1, 1, depth=(0.2, 0.7), frames=(1, 2))
    assert not roi.mask(image, 0).any()
    assert roi.mask(image, 1).any(axis=(1, 2)).tolist() == [False, True, True, False, False]


def test_a_threshold_and_a_label_image_give_rois() -> None:
    values = np.arange(48, dtype=np.uint8).reshape(6, 8)
    image = Image.from_array(values, pixel_size=0.1)
    assert area(Mask.from_threshold(image, 0, 20), image) == 28
    labels = np.zeros((6, 8), int)
    labels[:2], labels[4:] = 3, 7
    found = Mask.from_labels(labels, image)
    assert [(roi.name, area(roi, image)) for roi in found] == [("label 3", 16), ("label 7", 16)]


@pytest.mark.parametrize(
    "roi",
    [
        ROI.rectangle(1, 2, 3, 4, name="a"),
        ROI.ellipse(1, 2, 0.3, 0.4, angle=20, unit="pixel", depth=(0, 1)),
        ROI.polygon([(0, 0), (0, 5), (5, 0)], by_hand=True, frames=(0, 2)),
        Mask(planes=np.eye(9, dtype=bool), size=(1, 0.1, 0.1), name="diagonal"),
        (ROI.rectangle(0, 0, 1, 1) - ROI.ellipse(0.5, 0.5, 0.2, 0.2)).named("ring"),
    ],
)
def test_a_roi_survives_as_plain_data(roi: ROI) -> None:
    again = ROI.from_dict(json.loads(json.dumps(roi.to_dict())))
    assert again.to_dict() == roi.to_dict()
    assert (again.mask(blank()) == roi.mask(blank())).all()


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"type": "circle"},
        {"type": "rectangle", "y": 0},
        {"type": "rectangle", "y": 0, "x": 0, "height": -1, "width": 1},
        {"type": "rectangle", "y": float("nan"), "x": 0, "height": 1, "width": 1},
        {"type": "rectangle", "y": 0, "x": 0, "height": 1, "width": 1, "colour": "red"},
        {"type": "rectangle", "y": "0;", "x": 0, "height": 1, "width": 1},
        {"type": "polygon", "rings": [[[0, 0], [1, 1]]]},
        {"type": "polygon", "rings": 3},
        {"type": "mask", "planes": {"shape": [10**6, 10**6], "bits": ""}},
        {"type": "mask", "planes": {"shape": [2, 2], "bits": "!!"}},
        {"type": "combination", "operation": "union", "parts": []},
        {"type": "combination", "operation": "minus", "parts": [{"type": "rectangle", "y": 0, "x": 0, "height": 1, "width": 1}]},
    ],
)
def test_what_is_no_roi_is_refused_with_words(data: object) -> None:
    with pytest.raises(ParameterError, match="wanted"):
        ROI.from_dict(data)


def test_rois_nested_without_end_are_refused() -> None:
    data = ROI.rectangle(0, 0, 1, 1).to_dict()
    for _ in range(100):
        data = {"type": "combination", "operation": "union", "parts": [data], "name": "", "unit": "um", "depth": None, "frames": None}
    with pytest.raises(ParameterError, match="nested"):
        ROI.from_dict(data)
    assert isinstance(ROI.rectangle(0, 0, 1, 1) | ROI.rectangle(0, 0, 1, 1), Combination)


@settings(deadline=None, max_examples=80)
@given(hnp.arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_the_outline_of_a_mask_gives_the_mask_back(mask: np.ndarray) -> None:  # type: ignore[type-arg]
    if not mask.any():
        assert outline(mask) == []
        return
    roi = Polygon(rings=tuple(tuple((float(y), float(x)) for y, x in ring) for ring in outline(mask)), unit="pixel")
    assert (roi.mask(Image.from_array(mask.astype(np.uint8)))[0] == mask).all()
