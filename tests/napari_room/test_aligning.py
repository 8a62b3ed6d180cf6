"""Channels that lie off one another, as the widget Align channels tells and moves them, without napari."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import abbe
from abbe.errors import CancelledError, MergeError, ParameterError
from abbe.image.pixels import whole
from abbe.napari.aligning import Aligning, HeedingPixels, gathered
from abbe.napari.layers import layers
from abbe.napari.measuring import Colocalizing
from abbe.napari.seat import Seat
from abbe.napari.sheet import Sheet, sheet
from abbe.napari.writing import image_of
from napari_maker import described, layer
from shift_maker import apart


def quiet(fraction: float, what: str) -> None: ...


def laid(image: abbe.Image, title: str = "cells") -> Sheet:
    return Sheet(image, Seat.of(image), title)


def three() -> abbe.Image:
    """Actin, tubulin 3 below and 2 left of it, and light that tells nothing."""
    two = np.asarray(apart((3, -2), 1.0))[0]
    empty = np.random.default_rng(5).poisson(20, two[:1].shape).astype(np.uint16)
    return abbe.Image.from_array(np.concatenate([two, empty])[:, 0], "CYX", 0.1, ["actin", "tubulin", "empty"])


def test_what_is_told_is_what_abbe_channel_shifts_finds() -> None:
    image = apart((3.1, -2.2), 1.0)
    found = abbe.channel_shifts(image)[1]
    told = Aligning().measure(laid(image), None, quiet)
    assert found.shift is not None
    assert told.head == ("channel", "below", "right", "places", "scatter")
    assert told.rows[0].cells[:2] == ("actin", "stays")
    y, x = found.shift
    assert told.rows[1].cells[:4] == ("tubulin", f"{y:+.2f}", f"{x:+.2f}", f"{found.places} of {found.of}")
    assert f"{y:.2f} pixels below and {-x:.2f} left of actin ({y / 10:.3f} and {-x / 10:.3f} um)" in told.rows[1].tip
    assert told.line == f"tubulin lies {np.hypot(y, x):.2f} pixels off actin; measured on the image itself"
    assert told.layers == ()


def test_the_result_is_that_of_abbe_align_in_the_place_of_the_image() -> None:
    image = apart((3, -2), 1.0)
    seat = Seat("YX", (0.1, 0.1), (5.0, 6.0), ("um", "um"))
    made = Aligning().run(Sheet(image, seat, "cells"), None, quiet)
    ours = abbe.align(image)
    assert [attributes["name"] for _, attributes, _ in made.layers] == ["actin aligned [cells]", "tubulin aligned [cells]"]
    for k, (data, attributes, _) in enumerate(made.layers):
        assert np.array_equal(np.asarray(data), ours.plane(0, k, 0))
        assert (attributes["scale"], attributes["translate"]) == (seat.scale, seat.translate)
    assert ours.recipe is not None
    held = made.layers[1][1]["metadata"]["abbe"].image
    assert held.recipe.to_dict()["steps"] == ours.recipe.to_dict()["steps"]
    assert held.recipe.to_dict()["inputs"] == ours.recipe.to_dict()["inputs"]
    assert held.notices == ours.notices == made.notices
    assert held.provenance == ours.provenance
    assert held.mask is not None
    assert ours.mask is not None
    everywhere = whole(image.shape)
    assert np.array_equal(held.mask.read(everywhere), ours.mask.read(everywhere))
    assert held.mask.read(everywhere)[0, 1, 0].any()
    assert made.rows[1].cells[-1] == "-3, +2"
    assert made.line == "moved (down, right) tubulin by -3, +2; measured on the image itself"
    assert not isinstance(held.pixels.source, HeedingPixels)  # looking at the result later tells no progress of a run that is over


def test_what_was_aligned_is_saved_with_its_recipe_and_its_mask(tmp_path: object) -> None:
    made = Aligning().run(laid(apart((3, -2), 1.0)), None, quiet)
    image = image_of([described(*one) for one in made.layers])
    abbe.save(image, f"{tmp_path}/a.ome.tif")
    back = abbe.open(f"{tmp_path}/a.ome.tif")
    assert back.mask is not None
    assert any(line.startswith("align: tubulin") for line in back.provenance.history)


def test_beads_are_what_it_is_measured_on() -> None:
    image = apart((3, -2), 0.0)
    slide = Sheet(apart((3.1, -2.2), 1.0, seed=4), laid(image).seat, "beads of May")
    made = Aligning().run(laid(image), slide, quiet)
    assert made.line == "moved (down, right) tubulin by -3, +2; measured on beads of May"
    held = made.layers[0][1]["metadata"]["abbe"].image
    ours = abbe.align(image, beads=slide.image)
    assert ours.recipe is not None
    assert held.recipe.to_dict()["steps"] == ours.recipe.to_dict()["steps"]
    assert held.recipe.steps[0].parameters["on"] == "beads"
    told = Aligning().measure(laid(image), slide, quiet)
    assert told.rows[1].cells[:3] == made.rows[1].cells[:3]
    assert told.line.endswith("measured on beads of May")


def test_the_image_chosen_as_its_own_beads_is_the_image_itself() -> None:
    cells = laid(apart((3, -2), 1.0))
    held = Aligning().run(cells, cells, quiet).layers[0][1]["metadata"]["abbe"].image
    assert held.recipe.steps[0].parameters["on"] == "image"


def test_a_result_may_be_measured_on_what_it_was_made_from_and_is_compared_with_it_as_before() -> None:
    image = apart((3, -2), 1.0, size=192)
    result = abbe.enhance(image, passes=1)
    assert result.original is not None
    made = Aligning().run(laid(result, "cells enhanced"), Sheet(result.original, Seat.of(image), "cells"), quiet)
    held = made.layers[0][1]["metadata"]["abbe"].image
    assert held.recipe.steps[0].parameters["on"] == "original"
    assert [abs(d) for d in held.recipe.steps[0].parameters["moves"][1][1:]] == pytest.approx([9, 6], abs=1)
    assert held.original is not None
    assert held.original.shape == image.shape


def test_a_channel_that_cannot_be_told_has_a_row_and_a_warning_and_can_be_left_out() -> None:
    told = Aligning().measure(laid(three()), None, quiet)
    assert told.rows[2].cells[:3] == ("empty", "?", "?")
    assert [notice.code for notice in told.notices] == ["shifted"]
    with pytest.raises(ParameterError, match=r"where empty lies, and cannot: .* take away the channel's tick"):
        Aligning().run(laid(three()), None, quiet)
    made = Aligning(channels=(0, 1)).run(laid(three()), None, quiet)
    assert [attributes["name"] for _, attributes, _ in made.layers] == ["actin aligned [cells]", "tubulin aligned [cells]"]
    with pytest.raises(ParameterError, match="two channels or more"):
        Aligning(channels=(1,)).measure(laid(three()), None, quiet)


@pytest.mark.parametrize("names", [("actin", "tubulin", "empty"), ("red", "green", "blue"), ("channel 0", "channel 1", "channel 2")])
def test_of_beads_the_same_channels_are_left_out(names: tuple[str, str, str]) -> None:
    slide = laid(three().replace(channels=names), "beads")
    made = Aligning(channels=(1, 0)).run(laid(three()), slide, quiet)
    assert made.rows[1].cells[-1] == "+3, -2"


def test_a_part_of_a_result_is_refused_as_its_recipe_counts_channels() -> None:
    result = abbe.enhance(three(), "denoise", passes=1)
    with pytest.raises(ParameterError, match="wanted all 3 channels of cells"):
        Aligning(channels=(0, 1)).run(laid(result), None, quiet)


def test_layers_of_another_program_are_aligned_together() -> None:
    planes = np.asarray(apart((3, -2), 1.0))[0, :, 0]
    both = [layer(plane, name=name, scale=(0.1, 0.1), units=("um", "um")) for plane, name in zip(planes, ("red", "green"))]
    cells = gathered([(one, 0) for one in both])
    assert cells.title == "red + green"
    made = Aligning().run(cells, None, quiet)
    assert [attributes["name"] for _, attributes, _ in made.layers] == ["red aligned [red + green]", "green aligned [red + green]"]
    assert made.rows[1].cells[-1] == "-3, +2"
    with pytest.raises((ParameterError, MergeError), match="same place"):
        gathered([(both[0], 0), (layer(planes[1], name="moved", scale=(0.1, 0.1), translate=(3.0, 0.0), units=("um", "um")), 0)])


def test_files_that_name_no_channels_are_told_apart_by_their_names() -> None:
    planes = np.asarray(apart((3, -2), 1.0))[0, :, 0]
    singles = [abbe.Image.from_array(plane, pixel_size=0.1) for plane in planes]
    found = [(described(*layers(image, title=title)[0]), 0) for image, title in zip(singles, ("day", "night"))]
    assert gathered(found).image.channels == ("day", "night")


def test_layers_of_one_image_are_that_image_with_its_recipe() -> None:
    image = apart((3, -2), 1.0)
    found = [(described(*one), k) for k, one in enumerate(layers(image))]
    assert gathered(found).image is image
    assert gathered(found[::-1]).image.channels == ("tubulin", "actin")


def test_an_axis_of_channels_stays_one() -> None:
    planes = np.asarray(apart((3, -2), 1.0))[0, :, 0]
    made = Aligning().run(sheet(layer(planes, axis_labels=("c", "y", "x"))), None, quiet)
    (data, attributes, _), *more = made.layers
    assert more == []
    assert data.shape == (2, 384, 384)
    assert attributes["axis_labels"] == ("c", "y", "x")


def test_of_a_stack_planes_are_told_and_moved_too() -> None:
    points = np.zeros((27, 128, 128))
    points.ravel()[np.random.default_rng(1).integers(0, points.size, points.size // 1200)] = 1
    light = gaussian_filter(points, (2.4, 1.2, 1.2))
    counts = np.random.default_rng(2).poisson(np.stack([light[6:-6], light[4:-8]]) / light.max() * 60 + 3).astype(np.uint16)
    stack = laid(abbe.Image.from_array(counts, "CZYX", (0.3, 0.1, 0.1), ["actin", "tubulin"]))
    told = Aligning().measure(stack, None, quiet)
    assert told.head[3] == "planes behind"
    assert float(told.rows[1].cells[3]) == pytest.approx(2, abs=0.4)
    assert "tubulin" in told.line
    assert "planes behind" in told.line
    made = Aligning().run(stack, None, quiet)
    assert made.rows[1].cells[-1] == "+0, +0, -2 planes"
    assert made.layers[1][0].shape == (15, 128, 128)


def test_an_aligned_result_is_measured_beside_its_original_that_was_moved_by_as_much() -> None:
    result = abbe.enhance(apart((3, -2), 1.0, size=192), "denoise", passes=1)
    before, after = (Colocalizing(threshold="otsu", revealed=False).run(cells, quiet) for cells in (laid(result), _aligned(result)))
    r = [[float(cell) for cell in shown.rows[0].cells[1:3]] for shown in (before, after)]
    assert max(r[0]) < 0.3
    assert r[1][0] > 0.8
    assert r[1][1] > r[0][1] + 0.3


def _aligned(image: abbe.Image) -> Sheet:
    made = Aligning().run(laid(image), None, quiet)
    return gathered([(described(*one), k) for k, one in enumerate(made.layers)])


@pytest.mark.parametrize("on", ["itself", "beads"])
def test_it_stops_where_it_is_asked_to(on: str) -> None:
    image, reads = apart((3, -2), 1.0), 0

    def stop(fraction: float, what: str) -> None:
        nonlocal reads
        reads += 1
        if reads > 2:
            raise CancelledError("stopped")

    slide = None if on == "itself" else laid(apart((3, -2), 1.0, seed=4), "beads")
    for task in (Aligning.measure, Aligning.run):
        reads = 0
        with pytest.raises(CancelledError):
            task(Aligning(), laid(image), slide, stop)
