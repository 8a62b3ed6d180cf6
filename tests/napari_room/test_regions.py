"""Shapes and labels that are drawn in napari, as ROIs: measured is what is inside the outline on the screen."""

from __future__ import annotations

import numpy as np
import pytest

import abbe
from abbe.errors import ParameterError
from abbe.image import ROI, Grid, Image
from abbe.napari.layers import layers
from abbe.napari.regions import as_one, rois, shapes_layer
from abbe.napari.seat import Seat
from napari_maker import layer

UM = 0.2
IMAGE = Image.from_array(np.zeros((30, 40), np.uint16), pixel_size=UM)
SEAT = Seat("YX", (UM, UM), (1.0, -2.0), ("um", "um"))


def drawn(corners: object, kind: str = "rectangle", **more: object):  # type: ignore[no-untyped-def]
    """One shape in napari's world."""
    return layer([np.array(corners, float)], "shapes", shape_type=[kind], name="cells", **more)


def world(row: float, column: float) -> tuple[float, float]:
    """Where napari shows the centre of a pixel."""
    return 1.0 + UM * row, -2.0 + UM * column


def inside(roi: ROI, image: Image = IMAGE) -> set[tuple[int, int]]:
    return {(int(y), int(x)) for y, x in np.argwhere(roi.rows(Grid.of(image), 0, 0, 0, image.shape[3]))}


@pytest.mark.parametrize("kind", ["rectangle", "polygon"])
def test_a_pixel_is_in_a_region_when_its_centre_lies_in_the_outline_on_the_screen(kind: str) -> None:
    corners = [world(4.6, 9.6), world(4.6, 12.4), world(7.4, 12.4), world(7.4, 9.6)]
    (roi,) = rois(drawn(corners, kind), IMAGE, SEAT)
    assert roi.unit == "um"
    assert roi.kind == kind
    assert inside(roi) == {(y, x) for y in (5, 6, 7) for x in (10, 11, 12)}


def test_one_region_holds_the_same_place_on_a_result_of_finer_pixels() -> None:
    fine = Image.from_array(np.zeros((90, 120), np.float32), pixel_size=UM / 3)
    there = SEAT.moved(IMAGE, fine)
    corners = [world(4.5, 9.5), world(4.5, 12.5), world(7.5, 12.5), world(7.5, 9.5)]
    (roi,) = rois(drawn(corners), fine, there)
    assert inside(roi, fine) == {(y, x) for y in range(15, 24) for x in range(30, 39)}
    (coarse,) = rois(drawn(corners), IMAGE, SEAT)
    assert roi.box() == pytest.approx(coarse.box())


def test_a_shapes_layer_with_a_scale_of_its_own_lies_where_it_is_seen() -> None:
    corners = np.array([[0, 0], [0, 3], [3, 3], [3, 0]], float)
    shapes = drawn(corners, scale=(UM, UM), translate=world(4.5, 9.5))
    assert inside(rois(shapes, IMAGE, SEAT)[0]) == {(y, x) for y in (5, 6, 7) for x in (10, 11, 12)}


def test_a_turned_rectangle_is_the_polygon_that_it_looks_like() -> None:
    (roi,) = rois(drawn([world(5, 10), world(8, 13), world(11, 10), world(8, 7)]), IMAGE, SEAT)
    assert roi.kind == "polygon"
    assert (8, 10) in inside(roi)
    assert (5, 7) not in inside(roi)


@pytest.mark.parametrize("turn", [0.0, 30.0, 75.0, 110.0])
def test_a_turned_ellipse_covers_what_it_covers_on_the_screen(turn: float) -> None:
    a = np.radians(turn)
    u, v = 8.1 * np.array((np.sin(a), np.cos(a))), 3.1 * np.array((np.cos(a), -np.sin(a)))  # (row, column)
    centre = np.array((15.0, 20.0))
    corners = [world(*(centre + p * u + q * v)) for p, q in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    (roi,) = rois(drawn(corners, "ellipse"), IMAGE, SEAT)
    wanted = set()
    for y in range(30):
        for x in range(40):
            d = np.array((y, x)) - centre
            if (d @ u / (u @ u)) ** 2 + (d @ v / (v @ v)) ** 2 <= 1:
                wanted.add((y, x))
    assert inside(roi) == wanted


def test_where_no_pixel_size_is_known_regions_count_in_pixels_of_the_original() -> None:
    plain = Image.from_array(np.zeros((30, 40), np.uint16))
    fine = Image.from_array(np.zeros((90, 120), np.float32), original=plain)
    seat = Seat("YX", (1.0, 1.0), (0.0, 0.0), ("pixel", "pixel"))
    (roi,) = rois(drawn([(4.5, 9.5), (4.5, 12.5), (7.5, 12.5), (7.5, 9.5)]), fine, seat.moved(plain, fine))
    assert roi.unit == "pixel"
    assert roi.box() == pytest.approx((5, 10, 8, 13))


def test_a_shape_holds_in_every_plane_or_where_it_was_drawn() -> None:
    stack = Image.from_array(np.zeros((5, 30, 40), np.uint16), pixel_size=(1.0, UM, UM))
    seat = Seat.of(stack)
    corners = [(3.0, 0.9, 0.9), (3.0, 0.9, 2.1), (3.0, 2.1, 2.1), (3.0, 2.1, 0.9)]  # on plane 3, z-step 1 um
    everywhere, on_three = (rois(drawn(corners), stack, seat, reach)[0] for reach in ("everywhere", "drawn"))  # type: ignore[arg-type]
    grid = Grid.of(stack)
    assert [everywhere.reaches(grid, z, 0) for z in range(5)] == [True] * 5
    assert [on_three.reaches(grid, z, 0) for z in range(5)] == [False, False, False, True, False]


def test_labels_are_masks_by_name() -> None:
    labels = np.zeros((30, 40), np.int32)
    labels[5:8, 10:13], labels[20, 20] = 1, 7
    found = rois(layer(labels, "labels", name="nuclei", scale=(UM, UM), translate=(1.0, -2.0)), IMAGE, SEAT)
    assert [roi.name for roi in found] == ["nuclei 1", "nuclei 7"]
    assert inside(found[0]) == {(y, x) for y in (5, 6, 7) for x in (10, 11, 12)}
    assert inside(as_one(found, "nuclei")) == inside(found[0]) | {(20, 20)}


def test_shapes_and_labels_lie_where_they_are_seen_whatever_their_unit() -> None:
    """napari shows a layer in nm and one in um where each belongs: a region drawn from the one is the same on the other."""
    corners = 1000 * np.array([world(4.6, 9.6), world(4.6, 12.4), world(7.4, 12.4), world(7.4, 9.6)])
    (roi,) = rois(drawn(corners, units=("nm", "nm")), IMAGE, SEAT)
    assert inside(roi) == {(y, x) for y in (5, 6, 7) for x in (10, 11, 12)}
    labels = np.zeros((30, 40), np.int32)
    labels[5:8, 10:13] = 1
    (mask,) = rois(
        layer(labels, "labels", scale=(1000 * UM, 1000 * UM), translate=(1000.0, -2000.0), units=("nanometer",) * 2), IMAGE, SEAT
    )
    assert inside(mask) == inside(roi)
    planes = Image.from_array(np.zeros((3, 30, 40), np.uint16), axes="ZYX", pixel_size=(0.5, UM, UM))
    seat = Seat("ZYX", (500.0, 1000 * UM, 1000 * UM), (0.0, 1000.0, -2000.0), ("nm",) * 3)
    box = np.array([(1.0, *world(y, x)) for y, x in ((4.6, 9.6), (4.6, 12.4), (7.4, 12.4), (7.4, 9.6))])
    (there,) = rois(drawn(box, units=("um",) * 3, scale=(0.5, 1.0, 1.0)), planes, seat, "drawn")
    assert there.depth == pytest.approx((0.25, 0.75))  # plane 1
    (flat,) = rois(drawn(box[:, 1:], units=("um",) * 2), planes, seat)
    assert flat.box() == pytest.approx(there.box())
    assert inside(flat, planes) == inside(roi)


def test_labels_painted_in_single_frames_hold_there_alone() -> None:
    """A new labels layer over a time series has its frames too."""
    series = Image.from_array(np.zeros((3, 30, 40), np.uint16), axes="TYX", pixel_size=UM)
    seat = Seat("TYX", (2.0, UM, UM), (0.0, 1.0, -2.0), ("s", "um", "um"))
    labels = np.zeros((3, 30, 40), np.int32)
    labels[1, 5:8, 10:13], labels[2, 5:7, 10:12], labels[2, 20, 20] = 1, 1, 7
    painted = layer(labels, "labels", name="nuclei", scale=seat.scale, translate=seat.translate, units=seat.units)
    found = rois(painted, series, seat)
    grid = Grid.of(series)
    sizes = [(roi.name, [int(roi.rows(grid, 0, t, 0, 30).sum()) for t in range(3)]) for roi in (*found, as_one(found, "all"))]
    assert sizes == [("nuclei 1", [0, 9, 4]), ("nuclei 7", [0, 0, 1]), ("all", [0, 9, 5])]
    with pytest.raises(ParameterError, match="3 frames"):
        rois(layer(labels[:2], "labels", scale=seat.scale, translate=seat.translate, units=seat.units), series, seat)
    (flat,) = rois(layer(labels[1], "labels", scale=(UM, UM), translate=(1.0, -2.0), units=("um", "um")), series, seat)
    assert flat.frames is None


def test_labels_of_the_original_hold_on_the_result() -> None:
    fine = Image.from_array(np.zeros((90, 120), np.float32), pixel_size=UM / 3)
    labels = np.zeros((30, 40), np.uint8)
    labels[5, 10] = 1
    (roi,) = rois(layer(labels, "labels", scale=(UM, UM), translate=(1.0, -2.0)), fine, SEAT.moved(IMAGE, fine))
    assert inside(roi, fine) == {(y, x) for y in (15, 16, 17) for x in (30, 31, 32)}


REFUSED = {
    "nothing drawn": (layer([], "shapes", scale=(1.0, 1.0), translate=(0.0, 0.0), name="cells"), "no shape"),
    "lines alone": (drawn([(0, 0), (5, 5)], "line"), "no area"),
    "empty labels": (layer(np.zeros((30, 40), np.int32), "labels", scale=(UM, UM), translate=(1.0, -2.0)), "got none"),
    "labels elsewhere": (layer(np.ones((30, 40), np.int32), "labels", scale=(UM, UM), translate=(9.0, -2.0)), "elsewhere"),
    "turned shapes": (drawn([(0, 0), (0, 3), (3, 3), (3, 0)], rotate=[[0.0, -1.0], [1.0, 0.0]]), "rotated"),
    "an image": (layer(np.zeros((30, 40))), "shapes or labels"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_regions_that_are_none_are_refused_in_a_sentence(what: str) -> None:
    refused, word = REFUSED[what]
    with pytest.raises(ParameterError, match=word):
        rois(refused, IMAGE, SEAT)


def test_rois_of_a_session_come_back_as_they_went() -> None:
    kept = [
        ROI.rectangle(1.0, 2.0, 0.6, 0.8, name="a"),
        ROI.ellipse(3.0, 4.0, 0.5, 1.2, angle=35, name="b"),
        ROI.polygon([(1, 1), (1, 3), (2.5, 2)], name="c"),
    ]
    shown = shapes_layer(kept, IMAGE, SEAT)
    assert shown is not None
    data, attributes, kind = shown
    back = rois(layer(data, kind, shape_type=attributes["shape_type"], name="ROIs"), IMAGE, SEAT)
    for before, after in zip(kept, back):
        assert after.box() == pytest.approx(before.box())
        assert inside(after) == inside(before)


def test_masks_have_no_outline_and_are_left_out() -> None:
    mask = abbe.image.Mask.from_pixels(np.ones((30, 40), bool), IMAGE)
    assert shapes_layer([mask], IMAGE, SEAT) is None
    assert layers(IMAGE)[0][2] == "image"
