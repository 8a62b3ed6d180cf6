"""Planes of a stack that share their light: what can be asked for, what is said of it, and that it can be done again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import abbe
from abbe.errors import CancelledError, LimitError, ParameterError
from abbe.image import Image
from abbe.reporting.sections.methods import _step
from abbe.restoration import room
from abbe.restoration.depth import about_planes
from abbe.restoration.request import FEWEST_PLANES
from abbe.session.repeating import repeat


def stack(planes: int = 6, step: float | None = 0.1, frames: int = 1) -> Image:
    """Two round bodies through a lens that is long along z."""
    z, y, x = np.indices((planes, 48, 56))
    near = ((z - planes / 2) / 8) ** 2
    light = 4 + 40 * np.exp(-near - ((x - 20) ** 2 + (y - 15) ** 2) / 30) + 30 * np.exp(-near - ((x - 40) ** 2 + (y - 30) ** 2) / 8)
    counts = np.random.default_rng(2).poisson(light, (frames, *light.shape)).astype(np.uint16)
    return Image.from_array(counts, axes="TZYX", pixel_size=(step, 0.1, 0.1))


def of(result: Image) -> list[float] | None:
    assert result.recipe is not None
    found: list[float] | None = result.recipe.steps[0].parameters.get("planes")
    return found


def test_it_is_told_in_the_recipe_the_methods_and_a_notice_and_can_be_repeated() -> None:
    image = stack()
    result = abbe.enhance(image, ("denoise", "super_resolve"))
    assert result.recipe is not None
    found = of(result)
    assert found is not None
    assert 0.1 < found[0] < 0.5
    assert "averaged along z with those around it" in _step(result.recipe.steps[0], flat=False)
    assert "averaged along z" not in _step(result.recipe.steps[1], flat=False)
    told = [notice.message for notice in result.warnings if notice.code == "planes"]
    assert len(told) == 1
    assert f"({1 - found[0]:.0%} of it)" in told[0]
    again = repeat(result.recipe, image)
    assert np.array_equal(np.asarray(again), np.asarray(result))
    assert again.recipe == result.recipe


def test_nothing_is_said_where_nothing_was_shared() -> None:
    """Planes of which none has anything in common with the next."""
    image = stack()
    apart = np.random.default_rng(3).permutation(np.asarray(stack(planes=1)).ravel())
    planes = np.stack([np.random.default_rng(k).permutation(apart).reshape(48, 56) for k in range(6)])
    result = abbe.enhance(Image.from_array(planes, "ZYX", image.pixel_size), "denoise")
    assert result.recipe is not None
    assert of(result) == [1.0]
    assert "averaged along z" not in _step(result.recipe.steps[0], flat=False)
    assert not [notice for notice in result.warnings if notice.code == "planes"]


def test_recipes_from_before_are_repeated_as_they_were() -> None:
    image = stack()
    before = abbe.enhance(image, "denoise", planes=False)
    assert of(before) is None
    assert not [notice for notice in before.warnings if notice.code == "planes"]
    assert before.recipe is not None
    assert np.array_equal(np.asarray(repeat(before.recipe, image)), np.asarray(before))
    assert not np.array_equal(np.asarray(abbe.enhance(image, "denoise")), np.asarray(before))


def test_an_unknown_z_step_or_the_axial_step_leaves_planes_alone_unless_asked() -> None:
    assert of(abbe.enhance(stack(step=None), "denoise")) is None
    assert of(abbe.enhance(stack(step=None), "denoise", planes=True)) is not None
    assert of(abbe.enhance(stack(), ("denoise", "axial"))) is None
    assert of(abbe.enhance(stack(), ("denoise", "axial"), planes=True)) is not None
    unknown = stack().replace(pixel_size=(0.1, None, None))  # then the axial step works on single planes
    assert of(abbe.enhance(unknown, ("denoise", "axial"))) is not None


@pytest.mark.parametrize("planes", [1, 2, FEWEST_PLANES - 1])
def test_too_few_planes_have_none_to_share_with(planes: int) -> None:
    image = stack(planes)
    for wanted in (None, True):
        result = abbe.enhance(image, "denoise", planes=wanted)
        assert of(result) is None
        assert np.array_equal(np.asarray(result), np.asarray(abbe.enhance(image, "denoise", planes=False)))
        told = [notice.message for notice in result.warnings if notice.code == "planes"]
        asked = wanted is True and planes > 1  # what was asked for of a stack is not left out without a word
        assert told == [f"planes had no effect: this stack has {planes}, and sharing their light takes {FEWEST_PLANES} at least"] * asked


def test_frames_that_share_come_first() -> None:
    series = stack(frames=2)
    assert of(abbe.enhance(series, "denoise", frames=1)) is None
    assert of(abbe.enhance(series, "denoise")) is not None
    with pytest.raises(ParameterError, match=r"wanted either planes or frames .* got both \(frames=1\)"):
        abbe.enhance(series, "denoise", frames=1, planes=True)


def test_it_needs_denoising() -> None:
    with pytest.raises(ParameterError, match="wanted the step denoise for planes that share their light, got super_resolve"):
        abbe.enhance(stack(), "super_resolve", planes=True)
    assert of(abbe.enhance(stack(), "super_resolve")) is None


@pytest.mark.parametrize("planes", [1, "yes", 0.5])
def test_words_that_say_neither_are_refused(planes: Any) -> None:
    with pytest.raises(ParameterError, match="wanted planes as True, False, or None"):
        abbe.enhance(stack(), "denoise", planes=planes)


def test_what_it_needs_meanwhile_counts_as_room(monkeypatch: pytest.MonkeyPatch) -> None:
    image = stack()
    monkeypatch.setattr(room, "LIMITS", dataclasses.replace(room.LIMITS, in_memory=1))
    alone, together = (abbe.advise(image, "denoise", planes=planes).scratch_bytes for planes in (False, None))
    assert together == alone + 6 * image.shape[2] * 48 * 56
    monkeypatch.setattr(room, "free_disk", lambda folder: alone + 1)
    with pytest.raises(LimitError, match="scratch files"):
        abbe.enhance(image, "denoise")


@pytest.mark.filterwarnings("ignore:Duplicate provider")
def test_an_engine_that_fails_late_is_replaced_and_progress_never_goes_back(failing_late: Callable[..., None]) -> None:
    failing_late(stack())


def test_it_can_be_stopped() -> None:
    def stop(fraction: float, text: str) -> bool:
        return text != "sharing planes"

    with pytest.raises(CancelledError):
        abbe.enhance(stack(), "denoise", progress=stop)


def test_a_channel_of_which_next_to_nothing_was_taken_is_not_named() -> None:
    assert about_planes([0.998, 1.0], ["DNA", "actin"]) == []
    (notice,) = about_planes([0.998, 0.42], ["DNA", "actin"])
    assert "actin (58% of it)" in notice.message
    assert "DNA" not in notice.message
