"""Frames of a series that share their light: what can be asked for, what is said of it, and that it can be done again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

import abbe
from abbe.errors import CancelledError, LimitError, ParameterError
from abbe.image import Image
from abbe.image.pixels import TurnedPixels
from abbe.reporting.sections.methods import _step
from abbe.restoration import engine, room, workflow
from abbe.restoration import frames as sharing
from abbe.restoration.engine import Engine, ProviderError
from abbe.restoration.request import MOST_FRAMES
from abbe.restoration.sharing import Sharing, with_shared_light
from abbe.session.repeating import repeat


def series(frames: int = 4, axes: str = "TYX") -> Image:
    y, x = np.indices((40, 50))
    light = 30 + 200 * np.exp(-((x - 20) ** 2 + (y - 15) ** 2) / 40)
    shape = (frames, *(2 for _ in axes[1:-2]), 40, 50)
    return Image.from_array(np.random.default_rng(2).poisson(light, shape).astype(np.uint16), axes=axes)


def test_it_is_told_in_the_recipe_the_methods_and_a_notice_and_can_be_repeated() -> None:
    image = series()
    result = abbe.enhance(image, "denoise", frames=2)
    assert result.recipe is not None
    step = result.recipe.steps[0]
    assert step.parameters["frames"] == 2
    assert "averaged over up to 2 frames before and after each one" in _step(step, flat=True)
    assert [notice.code for notice in result.warnings].count("frames") == 1
    again = repeat(result.recipe, image)
    assert np.array_equal(np.asarray(again), np.asarray(result))
    assert again.recipe == result.recipe


def test_frames_are_restored_for_themselves_unless_asked() -> None:
    image = series()
    result = abbe.enhance(image, "denoise")
    assert result.recipe is not None
    assert "frames" not in result.recipe.steps[0].parameters
    assert "before and after each one" not in _step(result.recipe.steps[0], flat=True)
    assert not [notice for notice in result.warnings if notice.code == "frames"]


def test_a_single_frame_has_none_to_share_with() -> None:
    image = series(1)
    result = abbe.enhance(image, "denoise", frames=2)
    assert np.array_equal(np.asarray(result), np.asarray(abbe.enhance(image, "denoise")))
    told = [notice.message for notice in result.warnings if notice.code == "frames"]
    assert told == ["frames=2 had no effect: this image is one frame; where frames are files of their own, put them into one"]


def test_planes_that_may_be_frames_are_told() -> None:
    """A movie whose file calls its frames planes is not silently done without what was asked for."""
    result = abbe.enhance(series(4, "TYX").replace(pixels=TurnedPixels(series(4).pixels, (2, 1, 0, 3, 4))), "denoise", frames=2)
    told = [notice.message for notice in result.warnings if notice.code == "frames"]
    assert told == ["frames=2 had no effect: this image is one frame of 4 planes; if they are frames, say so: axes TYX instead of ZYX"]


@pytest.mark.parametrize("frames", [-1, MOST_FRAMES + 1, 1.5, True, "2"])
def test_numbers_that_are_none_are_refused(frames: object) -> None:
    with pytest.raises(ParameterError, match="wanted a whole number of frames on each side from 0 to 4"):
        abbe.enhance(series(), "denoise", frames=frames)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="wanted a whole number of frames on each side from 0 to 4"):
        abbe.enhance(series(1), "denoise", frames=frames)  # type: ignore[arg-type]


def test_it_needs_denoising() -> None:
    with pytest.raises(ParameterError, match="wanted the step denoise for frames that share their light, got super_resolve"):
        abbe.enhance(series(), "super_resolve", frames=1)


@pytest.mark.parametrize("axes", ["TCYX", "TZYX"])
def test_channels_and_planes_share_with_their_own_alone(axes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is another channel or plane may hold anything: the other one's result stays the same to the last bit."""
    image = series(3, axes)
    other = np.array(np.asarray(image).reshape(3, 2, 40, 50))
    other[:, 1] = np.random.default_rng(8).permutation(other[:, 1].ravel()).reshape(other[:, 1].shape)
    shared: list[np.ndarray] = []
    kept = sharing._averaged

    def watched(frame: sharing.Frame, others: list[tuple[sharing.Frame, float, sharing.Plane]]) -> tuple[sharing.Plane, sharing.Plane]:
        shared.append(kept(frame, others)[0])
        return kept(frame, others)

    monkeypatch.setattr(sharing, "_averaged", watched)
    for one in (image, Image.from_array(other, axes=axes)):
        abbe.enhance(one, "denoise", frames=1)
    assert len(shared) == 12
    assert all(part.std() > 0 for part in shared[:3])
    for before, after in zip(shared[:3], shared[6:9]):
        assert np.array_equal(before, after)


def test_what_it_needs_meanwhile_counts_as_room(monkeypatch: pytest.MonkeyPatch) -> None:
    image = Image.from_array(np.zeros((2, 64, 64), np.float32) + np.eye(64, dtype=np.float32), axes="TYX")
    monkeypatch.setattr(room, "LIMITS", dataclasses.replace(room.LIMITS, in_memory=1))
    alone, together = (room.scratch_bytes(image, (0,), room.Grid(), shared) for shared in (False, True))
    assert together == alone + 12 * 2 * 64 * 64
    assert [abbe.advise(image, "denoise", frames=count).scratch_bytes for count in (0, 1)] == [alone, together]
    monkeypatch.setattr(room, "free_disk", lambda folder: alone + 1)
    with pytest.raises(LimitError, match="scratch files"):
        abbe.enhance(image, "denoise", frames=1)


@pytest.mark.filterwarnings("ignore:Duplicate provider")
def test_an_engine_that_fails_late_is_replaced_and_progress_never_goes_back(failing_late: Callable[..., None]) -> None:
    failing_late(series(), frames=1)


def test_a_preview_survives_an_engine_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = np.asarray(with_shared_light(series(), 1, Sharing(1), exact=True))
    monkeypatch.setitem(engine.PROVIDERS, "cuda", "CPUExecutionProvider")
    honest = Engine.session

    def failing(self: Engine, content: bytes) -> object:
        if self.name == "cuda":
            raise ProviderError("the driver gave up")
        return honest(self, content)

    monkeypatch.setattr(Engine, "session", failing)
    chosen = workflow.engine
    monkeypatch.setattr(workflow, "engine", lambda name, exact: chosen("cuda" if name == "auto" else name, exact))
    np.testing.assert_allclose(np.asarray(with_shared_light(series(), 1, Sharing(1), exact=True)), expected, rtol=1e-4)


def test_a_run_is_stopped_while_frames_share_their_light() -> None:
    def enough(fraction: float, text: str) -> bool:
        return text != sharing.SHARING

    with pytest.raises(CancelledError):
        abbe.enhance(series(), "denoise", frames=1, progress=enough)


def test_a_label_is_the_same_in_a_preview() -> None:
    """A label burned into the series is found in the frame that was given light, as it is in the run."""
    noisy = np.array(np.asarray(series())[:, 0, 0]) + 100
    noisy[:, 4:24, 6:40] = 0
    lone = with_shared_light(Image.from_array(noisy, axes="TYX"), 1, Sharing(1))
    assert (np.asarray(lone)[0, 0, 0, 4:24, 6:40] == 0).all()
    result = abbe.enhance(lone, "denoise")
    assert result.mask is not None
    assert np.asarray(result.mask)[0, 0, 0, 4:24, 6:40].all()
