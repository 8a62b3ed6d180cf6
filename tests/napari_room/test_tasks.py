"""What the widgets do, without them: the real models on small images, and layers in the right places."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import abbe
from abbe.errors import CancelledError, ParameterError
from abbe.image import ROI
from abbe.napari import samples
from abbe.napari.layers import layers
from abbe.napari.measuring import Colocalizing, Comparing, numbers
from abbe.napari.seat import Seat
from abbe.napari.sheet import Sheet, sheet
from abbe.napari.tasks import Restoring, View, region
from napari_maker import blob, described, layer

UM = 0.1


def quiet(fraction: float, what: str) -> None: ...


def plain(array: np.ndarray, **more: object) -> Sheet:
    return sheet(layer(array, **more))


@pytest.fixture(scope="module")
def cell() -> Sheet:
    return sheet(described(*samples.cell()[0]))


@pytest.fixture(scope="module")
def enhanced(cell: Sheet) -> Sheet:
    made = Restoring(passes=1).run(cell, quiet)
    return sheet(described(*next(found for found in made.layers if "enhanced [" in found[1]["name"])))


# ------------------------------------------------------------------------------------------------ enhancing
def test_the_numbers_are_those_of_abbe_enhance(cell: Sheet) -> None:
    made = Restoring(steps=("denoise",), channels=(2,), passes=1, exact=True).run(cell, quiet)
    ours = abbe.enhance(cell.image, ("denoise",), (2,), passes=1, exact=True)
    (data, attributes, _) = made.layers[-1]
    assert attributes["name"] == "lysosomes denoised [cell]"
    assert np.array_equal(np.asarray(data), np.asarray(ours)[0, 2, 0])
    assert made.image is not None
    assert made.image.recipe is not None
    assert attributes["metadata"]["recipe"] == made.image.recipe.to_dict()


def test_frames_share_their_light_as_in_abbe_enhance() -> None:
    light = np.random.default_rng(6).poisson(50 + 100 * np.eye(40), (3, 40, 40)).astype(np.uint16)
    movie = plain(light, axis_labels=("t", "y", "x"), scale=(5.0, UM, UM), units=("s", "um", "um"))
    made = Restoring(steps=("denoise",), passes=1, frames=1).run(movie, quiet)
    assert movie.image.shape[0] == 3
    ours = np.asarray(abbe.enhance(movie.image, "denoise", passes=1, frames=1))[:, 0, 0]
    assert np.array_equal(np.squeeze(np.asarray(made.layers[-1][0])), ours)
    view = View.at(movie.seat, (5.0, 2.0, 2.0))
    (data, *_), *_ = Restoring(steps=("denoise",), passes=1, frames=1).preview(movie, view, quiet).layers
    alone = np.squeeze(np.asarray(Restoring(steps=("denoise",), passes=1).preview(movie, view, quiet).layers[0][0]))
    assert np.abs(np.squeeze(np.asarray(data)) - ours[1]).mean() < 0.3 * np.abs(alone - ours[1]).mean()
    with pytest.raises(ParameterError, match="wanted the step denoise"):
        Restoring(steps=("super_resolve",), frames=1).preview(movie, view, quiet)


def test_chosen_channels_alone_come_back_with_their_maps(cell: Sheet) -> None:
    made = Restoring(steps=(), channels=(0, 2), passes=1, maps=("trust", "interval")).run(cell, quiet)
    names = [attributes["name"] for _, attributes, _ in made.layers]
    assert names[-2:] == ["nucleus background corrected [cell]", "lysosomes background corrected [cell]"]
    assert sum("trust" in name for name in names) == 2
    assert sum("90 %" in name for name in names) == 4
    assert [attributes.get("visible", True) for _, attributes, _ in made.layers] == [False] * 6 + [True] * 2
    lower, upper, result = (np.asarray(made.layers[k][0]) for k in (2, 4, 6))
    assert (lower <= result).all()
    assert (result <= upper).all()
    assert made.line.partition(":")[0] in ("improved", "unchanged", "doubtful")


def test_a_stack_comes_out_even_and_in_its_place() -> None:
    stack = plain(np.stack([blob(40)] * 5), scale=(0.3, UM, UM), units=("um",) * 3, translate=(2.0, 5.0, 6.0), name="stack")
    made = Restoring(passes=1, maps=()).run(stack, quiet)
    (data, attributes, _), *_ = made.layers
    assert data.shape == (13, 120, 120)
    assert attributes["scale"] == pytest.approx((UM, UM / 3, UM / 3))
    assert attributes["translate"] == pytest.approx((2.0, 5.0 - UM / 3, 6.0 - UM / 3))
    assert attributes["name"] == "stack enhanced"


def test_frames_stay_frames() -> None:
    film = plain(np.stack([blob(40)] * 2), axis_labels=("t", "y", "x"), scale=(5.0, UM, UM), units=("s", "um", "um"))
    (data, attributes, _), *_ = Restoring(passes=1, maps=()).run(film, quiet).layers
    assert data.shape == (2, 120, 120)
    assert attributes["scale"][0] == 5.0


def test_a_layer_with_an_axis_of_channels_keeps_it() -> None:
    both = plain(np.stack([blob(40)] * 2), axis_labels=("c", "y", "x"))
    (data, attributes, _), *_ = Restoring(steps=("denoise",), passes=1, maps=()).run(both, quiet).layers
    assert data.shape == (2, 40, 40)
    assert attributes["axis_labels"] == ("c", "y", "x")


def test_it_stops_where_it_is_asked_to(cell: Sheet) -> None:
    told = []

    def stop(fraction: float, what: str) -> None:
        told.append(fraction)
        if fraction > 0.1:
            raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        Restoring(passes=1).run(cell, stop)
    assert told[-1] < 0.6


# ------------------------------------------------------------------------------------------------ previews
def test_a_preview_lies_where_it_was_taken(cell: Sheet) -> None:
    view = View.at(cell.seat, (100 * cell.seat.scale[0], 200 * cell.seat.scale[1]), (64 * cell.seat.scale[0],) * 2)
    assert (view.centre, view.side) == ((100, 200), (64, 64))
    made = Restoring(passes=1).preview(cell, view, quiet)
    data, attributes, _ = made.layers[1]
    assert data.shape == (192, 192)
    there = Seat("YX", attributes["scale"], attributes["translate"], ())
    assert there.corner("Y") == pytest.approx(cell.seat.corner("Y") + 68 * cell.seat.scale[0])
    assert there.corner("X") == pytest.approx(cell.seat.corner("X") + 168 * cell.seat.scale[1])


def test_a_preview_of_a_stack_is_of_the_plane_on_view() -> None:
    stack = plain(np.stack([blob(40)] * 3 + [blob(40) * 2]), scale=(0.3, UM, UM), units=("um",) * 3)
    view = View.at(stack.seat, (0.9, 2.0, 2.0))
    assert view.plane == (0, 3)
    (data, attributes, _), *_ = Restoring(passes=1).preview(stack, view, quiet).layers
    assert data.shape == (1, 120, 120)
    assert attributes["translate"][0] == pytest.approx(0.9)
    assert np.asarray(data).max() > 1000


def test_a_preview_of_a_plane_shares_light_as_the_run_does() -> None:
    light = np.exp(-(((np.arange(8) - 4) / 6) ** 2))[:, None, None] * blob(40)
    counts = np.random.default_rng(1).poisson(light / light.max() * 60 + 5).astype(np.uint16)
    stack = plain(counts, scale=(0.1, UM, UM), units=("um",) * 3)
    view = View.at(stack.seat, (0.3, 20 * UM, 20 * UM))
    task = Restoring(steps=("denoise",), passes=1, maps=())
    (whole, _, _), *_ = task.run(stack, quiet).layers
    (together, attributes, _), *_ = task.preview(stack, view, quiet).layers
    (alone, _, _), *_ = dataclasses.replace(task, planes=False).preview(stack, view, quiet).layers
    assert attributes["translate"][0] == pytest.approx(0.3)
    of_run = np.asarray(whole)[3]
    assert np.abs(np.asarray(together)[0] - of_run).mean() < 0.2 * np.abs(np.asarray(alone)[0] - of_run).mean()


def test_a_view_beyond_the_image_is_brought_back_into_it() -> None:
    image = abbe.Image.from_array(blob(40))
    part, corner, _ = region(image, View((500, -300), (9, -4), (16, 16)))
    assert part.shape == (1, 1, 1, 16, 16)
    assert corner == (24, 0)


# ------------------------------------------------------------------------------------------------ measuring
def test_colocalization_is_that_of_abbe_colocalize_on_the_result_and_on_the_original(enhanced: Sheet) -> None:
    shown = Colocalizing((1, 2), threshold="otsu").run(enhanced, quiet)
    found = abbe.colocalize(enhanced.image, (1, 2), threshold="otsu")
    assert found.original is not None
    assert shown.head == ("coefficient", "value", "on the original", "by chance", "strength")
    pearson = shown.rows[0].cells
    assert pearson[:3] == ("Pearson's r", f"{found.pearson:.4g}", f"{found.original.pearson:.4g}")
    assert found.by_chance is not None
    assert pearson[3] == f"±{found.by_chance:.2g}"
    assert shown.rows[0].tip
    assert {notice.message for notice in found.notices} <= {notice.message for notice in shown.notices}
    assert shown.picture is not None
    assert shown.picture.startswith(b"\x89PNG")


def test_channels_the_other_way_round_are_measured_the_other_way_round(enhanced: Sheet) -> None:
    there, back = (Colocalizing(pair, threshold="otsu").run(enhanced, quiet) for pair in ((1, 2), (2, 1)))
    cells = [{row.cells[0]: row.cells[1:3] for row in shown.rows} for shown in (there, back)]
    assert cells[0]["Manders' M1"] == cells[1]["Manders' M2"]
    assert cells[0]["Thresholded Manders' tM1"] == cells[1]["Thresholded Manders' tM2"]


def test_the_revealed_pixels_are_those_above_both_thresholds(cell: Sheet) -> None:
    shown = Colocalizing((1, 2), threshold="150, 140").run(cell, quiet)
    (data, attributes, _), *_ = shown.layers
    planes = np.asarray(cell.image)[0, :, 0]
    assert np.array_equal(np.asarray(data) > 0, (planes[1] >= 150) & (planes[2] >= 140))
    assert attributes["scale"] == cell.seat.scale


def test_regions_are_measured_one_by_one_in_a_table(cell: Sheet) -> None:
    regions = (ROI.rectangle(8, 8, 5, 5, name="here"), ROI.rectangle(14, 12, 4, 6, name="there"))
    shown = Colocalizing((1, 2), regions, threshold="otsu").run(cell, quiet)
    assert [row.cells[0] for row in shown.rows] == ["here", "there"]
    assert shown.rows[0].cells[3] == f"{abbe.colocalize(cell.image, (1, 2), regions[0], threshold='otsu').pearson:.4g}"


@pytest.mark.parametrize("ending", [".xlsx", ".csv", ".txt", ".html", ".pdf"])
def test_what_was_measured_goes_to_a_file(ending: str, cell: Sheet, tmp_path: Path) -> None:
    shown = Colocalizing((1, 2), threshold="otsu").run(cell, quiet)
    abbe.report(shown.subject, tmp_path / f"found{ending}")
    assert (tmp_path / f"found{ending}").stat().st_size > 1000


@pytest.mark.parametrize("text", ["120", "1, 2, 3", ""])
def test_thresholds_that_are_no_pair_are_refused(text: str) -> None:
    with pytest.raises(ParameterError, match="two numbers"):
        numbers(text, "thresholds")


def test_comparison_is_that_of_abbe_compare(enhanced: Sheet) -> None:
    shown = Comparing(resolution=False, maps=("error", "residual", "trust")).run(None, enhanced, None, quiet)
    assert enhanced.image.original is not None
    found = abbe.compare(enhanced.image.original, enhanced.image)
    assert shown.line == found.verdict.line
    cells = {row.cells[:2]: row.cells[2] for row in shown.rows}
    assert cells["lysosomes", "RSP"] == f"{found.channels[2].rsp.transformed:.4g}"
    names = [attributes["name"] for _, attributes, _ in shown.layers]
    assert len(names) == 9
    error = next(one for one in shown.layers if one[1]["name"].startswith("lysosomes error"))
    assert np.array_equal(np.asarray(error[0]), found.error_map.plane(0, 2, 0))
    assert error[1]["translate"] == pytest.approx((0.0, 0.0))  # on the original's pixels, where the original lies


def test_an_image_that_was_made_from_nothing_wants_its_original_named(cell: Sheet) -> None:
    with pytest.raises(ParameterError, match="choose it as the original"):
        Comparing().run(None, cell, None, quiet)
    again = sheet(described(*layers(cell.image, title="again")[0]))
    assert Comparing(resolution=False, maps=()).run(cell, again, None, quiet).line
