"""Images as napari's layers: where they lie, what they are called, what they keep."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest

import abbe
from abbe.image import Optics
from abbe.napari import samples
from abbe.napari.layers import KEY, contrast, layers
from abbe.napari.lazy import SMALL, Plane, array_of
from abbe.napari.seat import Seat
from napari_maker import blob, described, seen

UM = 0.1


def test_a_file_becomes_a_layer_per_channel_in_um_with_its_colours(tmp_path: Path) -> None:
    a = np.arange(2 * 3 * 20 * 30, dtype=np.uint16).reshape(2, 3, 20, 30)
    image = abbe.Image.from_array(a, "CZYX", (0.3, UM, UM), ["DAPI", "actin"], colors=("#0000ff", None))
    abbe.save(image, tmp_path / "cells.ome.tif")
    found = layers(abbe.open(tmp_path / "cells.ome.tif"))
    assert [attributes["name"] for _, attributes, _ in found] == ["DAPI [cells]", "actin [cells]"]
    for c, (data, attributes, kind) in enumerate(found):
        assert kind == "image"
        assert np.array_equal(np.asarray(data), a[c])
        assert attributes["scale"] == pytest.approx((0.3, UM, UM))
        assert attributes["units"] == ("um", "um", "um")
        assert attributes["axis_labels"] == ("z", "y", "x")
        assert attributes["rgb"] is False
    assert found[0][1]["colormap"] == "#0000ff"
    assert found[1][1]["colormap"] not in ("#0000ff", "gray")  # one that tells it from the other


def test_the_lowest_layer_covers_and_the_others_add_so_that_a_result_hides_its_original() -> None:
    blending = [attributes["blending"] for _, attributes, _ in samples.cell()]
    assert blending == ["translucent_no_depth", "additive", "additive"]


def test_metadata_say_in_plain_data_where_an_image_comes_from() -> None:
    image = abbe.Image.from_array(blob(), pixel_size=UM, channels=["actin"], optics=Optics(numerical_aperture=1.4))
    result = abbe.correct_background(image, passes=1)
    (_, attributes, _), *_ = layers(result, title="cell", what="background corrected")
    about = attributes["metadata"]
    assert about["channel"] == "actin"
    assert about["pixel_size_um"] == [None, UM, UM]
    assert about["optics"]["numerical_aperture"] == 1.4
    assert about["recipe"]["operation"] == "background"
    assert about[KEY].image is result


@pytest.mark.parametrize("finer", [3, 1])
def test_a_finer_result_covers_the_same_field(finer: int) -> None:
    """Pixels cover areas: the corners meet, not the centres of the first pixels."""
    before = abbe.Image.from_array(blob(24), pixel_size=0.3)
    after = abbe.Image.from_array(np.repeat(np.repeat(blob(24), finer, 0), finer, 1), pixel_size=0.3 / finer)
    seat = Seat("YX", (0.3, 0.3), (5.0, -7.0), ("um", "um"))
    there = seat.moved(before, after)
    for k, letter in enumerate("YX"):
        assert there.corner(letter) == pytest.approx(seat.corner(letter))
        end = [s.translate[k] + (n - 0.5) * s.scale[k] for s, n in ((seat, 24), (there, 24 * finer))]
        assert end[0] == pytest.approx(end[1])


def test_what_is_bright_in_the_original_is_bright_in_the_result_at_the_same_place() -> None:
    """The real thing: a bead, super-resolved, has its centre of mass where napari shows the original's."""
    spot = blob(64, at=(20.0, 41.0))
    image = abbe.Image.from_array(spot, pixel_size=UM)
    result = abbe.enhance(image, "super_resolve", passes=1)
    before, after = Seat.of(image), Seat.of(image).moved(image, result)
    places = [centre(np.asarray(i)[0, 0, 0], seat) for i, seat in ((image, before), (result, after))]
    assert places[0] == pytest.approx((2.0, 4.1), abs=0.01)
    assert places[1] == pytest.approx(places[0], abs=0.02)  # a fifth of a pixel


def centre(plane: np.ndarray, seat: Seat) -> tuple[float, float]:
    light = plane.astype(float) - np.percentile(plane, 50)
    light[light < 0.2 * light.max()] = 0
    found = []
    for k, letter in enumerate("YX"):
        scale, place = seat.along(letter)
        weight = light.sum(axis=1 - k)
        found.append(float((weight * np.arange(len(weight))).sum() / weight.sum()) * scale + place)
    return found[0], found[1]


def test_a_stack_that_became_even_along_z_begins_at_the_same_plane() -> None:
    before = abbe.Image.from_array(np.zeros((5, 8, 8), np.float32), pixel_size=(0.5, UM, UM))
    after = abbe.Image.from_array(np.zeros((21, 24, 24), np.float32), pixel_size=(UM, UM / 3, UM / 3))
    there = Seat.of(before).moved(before, after)
    assert there.along("Z") == pytest.approx((UM, 0.0))  # planes are points: plane 0 stays, plane 5 lies where plane 1 lay


def test_a_result_opened_from_its_file_lies_over_its_original(tmp_path: Path) -> None:
    image = abbe.Image.from_array(blob(), pixel_size=UM)
    abbe.save(abbe.enhance(image, "super_resolve", passes=1), tmp_path / "fine.ome.tif")
    opened = Seat.of(abbe.open(tmp_path / "fine.ome.tif"))
    assert opened.scale == pytest.approx((UM / 3, UM / 3))
    assert opened.translate == pytest.approx((-UM / 3, -UM / 3))


def test_contrast_is_that_of_the_light_and_not_of_a_hot_pixel() -> None:
    a = blob(256)
    a[3, 3] = 60_000
    low, high = contrast(abbe.Image.from_array(a), 0)
    assert 0 <= low < high < 1000


def test_contrast_of_a_large_plane_looks_at_a_part_of_it() -> None:
    a = np.tile(np.arange(4096, dtype=np.uint16), (4096, 1))
    low, high = contrast(abbe.Image.from_array(a), 0)
    assert low == pytest.approx(4, abs=4)
    assert high == pytest.approx(4091, abs=4)


def test_a_flat_image_has_a_contrast_that_napari_takes() -> None:
    low, high = contrast(abbe.Image.from_array(np.full((8, 8), 7, np.uint8)), 0)
    assert low < high


def test_pixels_of_a_large_file_are_read_when_they_are_looked_at(tmp_path: Path) -> None:
    shape = (40, 1, 700, 1000)
    assert np.prod(shape) * 2 > SMALL
    a = np.zeros(shape, np.uint16)
    a[17, 0, 300, 400] = 999
    abbe.save(abbe.Image.from_array(a, "TCYX"), tmp_path / "film.tif")
    image = abbe.open(tmp_path / "film.tif")
    reads = seen(image)
    data = array_of(reads.image.pixels, "TYX", 0)
    assert not reads.regions
    assert np.asarray(data[17])[300, 400] == 999
    assert {(region[0].start, region[0].stop) for region in reads.regions} == {(17, 18)}


def test_a_part_of_a_lazy_layer_can_be_cut_in_any_order_of_axes() -> None:
    a = np.arange(2 * 3 * 4 * 5 * 6, dtype=np.int32).reshape(2, 3, 4, 5, 6)
    pixels = abbe.Image.from_array(a, "TCZYX").pixels
    assert np.array_equal(Plane(pixels, "XZY", 2)[1:5:2, 3, ...], a[0, 2].transpose(2, 0, 1)[1:5:2, 3])
    assert np.array_equal(np.asarray(Plane(pixels, "CYXT", None)), a[:, :, 0].transpose(1, 2, 3, 0))


def test_a_duplicated_layer_does_not_copy_the_image() -> None:
    layer = samples.cell()[0]
    assert deepcopy(layer[1]["metadata"])[KEY] is layer[1]["metadata"][KEY]


def test_a_layer_whose_pixels_were_replaced_is_no_longer_abbes() -> None:
    data, attributes, kind = samples.cell()[0]
    assert described(data, attributes, kind).held is not None
    assert described(data * 2, attributes, kind).held is None


def test_the_truth_of_the_sample_lies_over_it() -> None:
    cell, truth = samples.cell(), samples.cell_truth()
    names = [attributes["name"] for _, attributes, _ in truth]
    assert names == ["nucleus truth [cell]", "microtubules truth [cell]", "lysosomes truth [cell]"]
    seats = [Seat("YX", part[0][1]["scale"], part[0][1]["translate"], ()) for part in (cell, truth)]
    assert seats[1].scale[0] == pytest.approx(seats[0].scale[0] / 3)
    assert [seats[1].corner(letter) for letter in "YX"] == pytest.approx([seats[0].corner(letter) for letter in "YX"])
    seen, there = np.asarray(cell[1][0]).astype(float), np.asarray(truth[1][0]).reshape(256, 3, 256, 3).mean(axis=(1, 3))
    alike = [np.corrcoef(np.roll(there, shift, axis=1).ravel(), seen.ravel())[0, 1] for shift in (-1, 0, 1)]
    assert alike[1] == max(alike)
