"""A bead slide is measured once for all images that were taken with it, and says which it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import abbe
from abbe.alignment import Beads, beads
from abbe.errors import ParameterError
from abbe.reporting.sections.methods import _aligned
from shift_maker import apart


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The channels of every image in which shifts are measured."""
    seen, measure = list[tuple[str, ...]](), beads.channel_shifts

    def counting(image: abbe.Image, reference: int | str = 0) -> Any:
        seen.append(image.channels)
        return measure(image, reference)

    monkeypatch.setattr(beads, "channel_shifts", counting)
    return seen


def test_many_images_are_aligned_by_beads_that_are_measured_once(measured: list[tuple[str, ...]]) -> None:
    slide = Beads(apart((3.1, -2.2), 1.0, seed=4))
    for seed in range(3):
        image = apart((3, -2), 0.0, seed=seed)
        one = abbe.align(image, beads=slide)
        assert np.array_equal(np.asarray(one), np.asarray(abbe.align(image, {"tubulin": (3, -2)})))
    assert len(measured) == 1
    abbe.align(apart((3, -2), 0.0), beads=slide, reference="tubulin")
    assert len(measured) == 2


def three(names: tuple[str, str, str]) -> abbe.Image:
    """Beads in three channels: the second lies 3 below and 2 left of the first, the third as the first."""
    two, pixels = apart((3, -2), 1.0, seed=4), apart((0, 0), 1.0, seed=4)
    stack = np.concatenate([np.asarray(two), np.asarray(pixels)[:, 1:]], axis=1)
    return abbe.Image.from_array(stack, "TCZYX", channels=names, pixel_size=0.1)


def test_channels_with_names_are_found_among_those_of_the_beads_in_any_order() -> None:
    """By their order alone tubulin would be taken for DAPI, which does not lie off."""
    image = apart((3, -2), 0.0)
    wanted = np.asarray(abbe.align(image, {"tubulin": (3, -2)}))
    assert np.array_equal(np.asarray(abbe.align(image, beads=three(("actin", "tubulin", "DAPI")))), wanted)
    both = three(("actin", "tubulin", "DAPI")).select([1, 0])
    assert both.channels == ("tubulin", "actin")
    assert np.array_equal(np.asarray(abbe.align(image, beads=both)), wanted)


def test_beads_in_more_channels_that_cannot_be_told_apart_are_refused() -> None:
    with pytest.raises(ParameterError, match="wanted beads in the image's 2 channels, got 3"):
        abbe.align(apart((3, -2), 0.0), beads=three(("channel 0", "channel 1", "channel 2")))


@pytest.mark.parametrize("names", [("actin", "FITC", "DAPI"), ("tubulin", "actin", "tubulin")])
def test_beads_without_a_channel_of_that_name_are_refused_and_not_taken_in_their_order(names: tuple[str, str, str]) -> None:
    """Of beads in DAPI, GFP and Cy5 an image in Cy5, DAPI and mCherry had DAPI moved by what GFP was off."""
    found = "none" if "tubulin" not in names else "more than one"
    with pytest.raises(ParameterError, match=rf"got 3 \({', '.join(names)}\) with {found} called tubulin; .*--shift"):
        abbe.align(apart((3, -2), 0.0), beads=three(names))
    with pytest.raises(ParameterError, match="called mCherry"):
        abbe.align(three(("Cy5", "DAPI", "mCherry")), beads=three(("DAPI", "GFP", "Cy5")))


def test_channels_are_taken_in_their_order_where_some_have_no_names_and_found_whatever_their_capitals() -> None:
    image = apart((3, -2), 0.0)
    wanted = np.asarray(abbe.align(image, {"tubulin": (3, -2)}))
    two = three(("actin", "tubulin", "DAPI")).select([0, 1])
    for names in (("channel 0", "channel 1"), ("channel 0", "FITC"), ("Actin", "TUBULIN")):
        assert np.array_equal(np.asarray(abbe.align(image, beads=two.replace(channels=names))), wanted)
    swapped = three(("actin", "tubulin", "DAPI")).select([1, 0]).replace(channels=("Tubulin", "Actin"))
    assert np.array_equal(np.asarray(abbe.align(image, beads=swapped)), wanted)


def test_beads_of_which_no_name_is_in_common_are_taken_in_their_order_and_a_warning_says_so() -> None:
    image = apart((3, -2), 0.0)
    two = three(("actin", "tubulin", "DAPI")).select([0, 1])
    found = abbe.align(image, beads=two.replace(channels=("GFP", "mCherry")))
    assert np.array_equal(np.asarray(found), np.asarray(abbe.align(image, {"tubulin": (3, -2)})))
    (said,) = [notice.message for notice in found.notices if "taken in their order" in notice.message]
    assert "actin by GFP, tubulin by mCherry" in said
    assert not [n for n in abbe.align(image, beads=two).notices if "in their order" in n.message]


def test_beads_of_the_pixel_size_of_the_images_get_the_one_that_is_told_for_these() -> None:
    slide = Beads(apart((3.1, -2.2), 1.0, seed=4))
    assert slide.sized((None, 0.1, 0.1), (None, 0.05, 0.05)).image.pixel_size == (None, 0.05, 0.05)
    assert slide.sized((None, 0.2, 0.2), (None, 0.05, 0.05)) is slide
    assert slide.sized((None, 0.1, 0.1), (0.3, None, 0.05)).image.pixel_size == (0.3, 0.1, 0.05)


def test_shifts_that_are_scaled_because_beads_have_other_pixels_are_told() -> None:
    slide = apart((4.2, -2.1), 1.0, seed=5).replace(pixel_size=(None, 0.05, 0.05))
    said = [notice.message for notice in abbe.align(apart((2, -1), 0.0), beads=slide).notices]
    assert any("beads' pixels are 0.05 um wide and the image's 0.1 um, so shifts in pixels are 0.5 times" in line for line in said)
    alike = abbe.align(apart((3, -2), 0.0), beads=apart((3.1, -2.2), 1.0, seed=4))
    assert not any("beads'" in notice.message for notice in alike.notices)
    result = computed(apart((3, -2), size=192))  # with pixels of its own, taken with the same
    assert not any("beads'" in notice.message for notice in abbe.align(result, beads=apart((3, -2), 1.0, seed=4)).notices)


def test_the_recipe_and_the_methods_say_which_beads(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    abbe.save(apart((3.1, -2.2), 1.0, seed=4), tmp_path / "beads of May.ome.tif")
    aligned = abbe.align(apart((3, -2), 0.0), beads=abbe.open(tmp_path / "beads of May.ome.tif"))
    assert aligned.recipe is not None
    said = aligned.recipe.to_dict()["steps"][0]["parameters"]
    assert said["on"] == "beads"
    assert said["beads"]["source"] == "beads of May.ome.tif"
    assert len(said["beads"]["digest"]) == 64
    assert "as measured on an image of beads (beads of May.ome.tif)" in _aligned(abbe.Recipe.from_dict(aligned.recipe.to_dict()))


def computed(image: abbe.Image) -> abbe.Image:
    """As a result of super-resolution that is faithful: each pixel three times, smoothly."""
    from abbe.comparison import enlarged

    planes = [enlarged(image.plane(0, c, 0).astype(float), (3 * image.shape[3], 3 * image.shape[4])) for c in range(2)]
    made = abbe.Image.from_array(np.stack(planes).astype(np.float32), "CYX", channels=image.channels, pixel_size=0.1 / 3)
    step = abbe.recipe.Step(name="super_resolve")
    recipe = abbe.Recipe(operation="enhance", inputs=(abbe.recipe.Input.of(image),), steps=(step,))
    provenance = abbe.image.Provenance(history=("enhance: super_resolve; abbe",))
    return made.replace(original=image, recipe=recipe, provenance=provenance)


@pytest.mark.parametrize("how", ["in memory", "from a file", "with its own original"])
def test_a_result_that_was_aligned_is_not_called_displaced(tmp_path: Any, how: str) -> None:
    """It lay 3.8 pixels beside the original of which only its file tells, and 0.34 beside the one that was moved by whole pixels."""
    image = apart((3, -2), size=192)
    aligned: abbe.Image = abbe.align(computed(image), {"tubulin": (9, -7)})
    original = image
    if how == "from a file":
        aligned = abbe.open(abbe.save(aligned, tmp_path / "aligned.ome.tif").path)
    elif how == "with its own original":
        assert aligned.original is not None
        original = aligned.original
    found = abbe.compare(original, aligned)
    for channel in found.channels:
        assert channel.registration.shift == pytest.approx((0, 0), abs=0.05)
    assert any("were moved by as much" in notice.message for notice in found.notices) is (how != "with its own original")


def test_a_part_of_a_result_that_was_aligned_is_not_called_displaced(tmp_path: Any) -> None:
    """It was doubtful: tubulin lay 0.46 pixels beside the original, which had been moved by whole pixels."""
    image = apart((3, -2), size=192)
    with abbe.Session.create(tmp_path / "s.abbe", image) as session:
        session.add_version(computed(image), parent=session.original.id)
        session.align({"tubulin": (10, -7)})
        for box in ((60, 480), (30, 360)):
            session.crop(box, box)
            part = session.image()
            assert part.original is not None
            opened = abbe.open(abbe.save(part, tmp_path / "part.ome.tif", overwrite=True).path)
            for found in (abbe.compare(part.original, part), abbe.compare(part.original, opened)):
                assert found.verdict.word == "unchanged"
                for channel in found.channels:
                    assert channel.registration.shift == pytest.approx((0, 0), abs=0.05)


@pytest.mark.usefixtures("small_models_in_use")
def test_numbers_of_an_aligned_result_in_a_session_are_repeated_to_the_same(tmp_path: Any) -> None:
    """What repeats a recipe writes no history; the comparison was of channels that lay a third of a pixel apart then."""
    from abbe.session.repeating import rerun

    image = abbe.open(abbe.save(apart((3, -2), size=96), tmp_path / "cells.ome.tif").path)
    with abbe.Session.create(tmp_path / "s.abbe", image) as session:
        session.enhance(passes=1)
        session.align({"tubulin": (9, -7)})
        session.compare()
        session.crop((30, 270), (30, 270))
        session.compare()
    outcome = rerun(tmp_path / "s.abbe")
    assert outcome.identical
    assert outcome.differing == ()


def test_a_file_of_an_aligned_result_says_how_it_was_computed(tmp_path: Any) -> None:
    from abbe.comparison.recorded import computed_by, recorded

    image = apart((3, -2), size=192)
    opened = abbe.open(abbe.save(abbe.align(computed(image), {"tubulin": (9, -7)}), tmp_path / "aligned.ome.tif").path)
    assert recorded(opened) is None
    before = computed_by(opened)
    assert before is not None
    assert [step.name for step in before.steps] == ["super_resolve"]
    assert computed_by(abbe.align(opened, {"tubulin": (1, 0)})) == before
