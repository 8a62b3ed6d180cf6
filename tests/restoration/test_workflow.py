"""What comes out of enhance and correct_background: sizes, units, brightness, channels, origin."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abbe.errors import CancelledError, EngineError, LimitError, ModelError, ParameterError
from abbe.image import Image, Notice
from abbe.limits import Limits
from abbe.recipe import Recipe
from abbe.restoration import correct_background, engine, enhance, room
from abbe.restoration.engine import Engine, ProviderError
from model_maker import network, write_model


def counts(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).poisson(100, shape).astype(np.uint16)


def test_a_plane_comes_out_three_times_as_high_and_wide_with_smaller_pixels() -> None:
    result = enhance(Image.from_array(counts(50, 61), pixel_size=(0.12, 0.12), channels=["actin"]))
    assert result.shape == (1, 1, 1, 150, 183)
    assert result.pixel_size[1:] == pytest.approx((0.04, 0.04))
    assert result.dtype == np.float32
    assert result.channels == ("actin",)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (17, 3)])
def test_any_pixel_type_and_any_size_from_one_pixel_up(dtype: type, shape: tuple[int, int]) -> None:
    values = np.asarray(enhance((counts(*shape) % 100).astype(dtype), steps=("denoise", "super_resolve")))
    assert values.shape == (1, 1, 1, 3 * shape[0], 3 * shape[1])
    assert np.isfinite(values).all()


@pytest.mark.parametrize("value", [0, 1, 65535])
def test_an_image_of_one_value_stays_that_value(value: int) -> None:
    result = enhance(np.full((20, 30), value, np.uint16), steps=("denoise", "super_resolve"))
    assert np.allclose(np.asarray(result), value)
    assert not np.asarray(correct_background(np.full((20, 30), value, np.uint16))).any()


@settings(max_examples=15, deadline=None)
@given(
    frames=st.integers(1, 2), channels=st.integers(1, 3), planes=st.integers(1, 3), height=st.integers(1, 40), width=st.integers(1, 40),
    offset=st.floats(-1e4, 1e4), gain=st.floats(1e-3, 1e3),
)  # fmt: skip
def test_the_mean_of_every_plane_is_kept(
    frames: int, channels: int, planes: int, height: int, width: int, offset: float, gain: float
) -> None:
    pixels = (counts(frames, channels, planes, height, width) * gain + offset).astype(np.float32)
    result = enhance(Image.from_array(pixels, axes="TCZYX"), steps=("denoise", "super_resolve"), engine="cpu")
    before, after = (np.asarray(a, np.float64).mean(axis=(3, 4)) for a in (pixels, result))
    assert np.allclose(before, after, atol=1e-3 * gain + 1e-5 * abs(offset))


def test_a_hundred_times_brighter_image_gives_a_hundred_times_brighter_result() -> None:
    dim = counts(64, 64).astype(np.float32)
    one, hundred = (np.asarray(enhance(a, steps="denoise", engine="cpu"), np.float64) for a in (dim, 100 * dim + 5000))
    assert np.allclose(100 * one + 5000, hundred, rtol=1e-4)


def test_a_stack_of_known_step_comes_out_isotropic() -> None:
    stack = Image.from_array(counts(7, 24, 30), pixel_size=(0.25, 0.1, 0.1))
    result = enhance(stack, steps=("denoise", "axial"))
    assert result.shape == (1, 1, round(6 * 2.5) + 1, 24, 30)
    assert result.pixel_size == (0.1, 0.1, 0.1)
    finer = enhance(stack)
    assert finer.shape == (1, 1, 16, 72, 90)
    assert finer.pixel_size == pytest.approx((0.1, 0.1 / 3, 0.1 / 3))


def test_input_planes_lie_where_they_should_in_the_isotropic_stack(small_models, tmp_path) -> None:
    write_model(tmp_path, "axial_stack", network(1, 5, strength=0.0), name="nothing")
    planes = np.arange(5, dtype=np.float32)[:, None, None] * np.ones((1, 12, 14), np.float32)
    planes[:, 3:6] += np.linspace(0, 1, 14)
    stack = Image.from_array(planes, pixel_size=(0.3, 0.1, 0.1))
    result = np.asarray(enhance(stack, steps="axial", model={"axial": tmp_path / "nothing"}, exact=True))[0, 0]
    assert result.shape == (13, 12, 14)
    assert np.allclose(result[::3], planes, atol=1e-5)
    assert np.allclose(result[1], 2 / 3 * planes[0] + 1 / 3 * planes[1], atol=1e-5)


def test_a_stack_without_a_step_is_done_plane_by_plane_and_says_so() -> None:
    result = enhance(counts(4, 20, 22), steps=("denoise", "axial"))
    assert result.shape == (1, 1, 4, 20, 22)
    assert "pixel_size" in {notice.code for notice in result.notices}


def test_channels_that_were_not_chosen_keep_their_values_where_the_grid_is_the_same() -> None:
    image = Image.from_array(counts(3, 20, 30), axes="CYX")
    for result in (enhance(image, steps="denoise", channels=[1]), correct_background(image, channels=[1])):
        values, before = np.asarray(result), np.asarray(image)
        assert values.dtype == np.float32
        assert np.array_equal(values[:, [0, 2]], before[:, [0, 2]])
        assert not np.array_equal(values[:, 1], before[:, 1])
        assert np.array_equal(np.asarray(result.interval)[0][:, [0, 2]], before[:, [0, 2]])


def test_channels_that_were_not_chosen_follow_the_grid_by_plain_interpolation() -> None:
    ramp = np.broadcast_to(np.arange(24, dtype=np.uint8) * 3, (2, 20, 24))
    result = enhance(Image.from_array(ramp, axes="CYX", channels=["a", "b"]), steps="super_resolve", channels="b")
    plain = np.asarray(result)[0, 0, 0]
    assert plain.shape == (60, 72)
    assert np.allclose(plain[:, 1:-1], np.arange(70) + 0.0)
    assert any(n.code == "enlarged" and n.message.startswith("a:") for n in result.notices)


def test_a_channel_alone_gives_what_it_gives_among_others() -> None:
    image = Image.from_array(counts(2, 3, 2, 20, 21), axes="TCZYX")
    every = np.asarray(enhance(image, engine="cpu"))
    one = np.asarray(enhance(image.select([2]), engine="cpu"))
    assert np.array_equal(every[:, 2], one[:, 0])


def test_the_same_input_gives_the_same_bytes_and_the_recipe_says_how() -> None:
    image = Image.from_array(counts(40, 50), pixel_size=0.1)
    first, second = enhance(image), enhance(image)
    assert np.asarray(first).tobytes() == np.asarray(second).tobytes()
    assert isinstance(first.recipe, Recipe)
    assert first.recipe == second.recipe
    assert Recipe.from_json(first.recipe.to_json()) == first.recipe
    assert [step.name for step in first.recipe.steps] == ["denoise", "axial", "super_resolve"]
    assert all(step.model_digest and step.parameters["normalisation"] for step in first.recipe.steps)
    assert first.recipe.engine is not None
    assert first.recipe.inputs[0].digest
    assert first.original is image
    assert "denoise (denoise 0.0)" in first.provenance.history[-1]


def test_interval_and_trust_lie_around_the_estimate() -> None:
    result = enhance(counts(40, 50))
    lower, upper = (np.asarray(edge) for edge in result.interval)
    values, trust = np.asarray(result), np.asarray(result.trust)
    assert (lower <= values).all()
    assert (values <= upper).all()
    assert (upper - lower).max() > 0
    assert 0 <= trust.min() <= trust.max() <= 1
    assert trust.shape == values.shape
    widest = (upper - lower) > np.quantile(upper - lower, 0.9)
    assert trust[widest].mean() < trust[~widest].mean()


def test_warnings_and_the_mask_travel_with_the_result() -> None:
    pixels = counts(20, 20).astype(np.float32)
    pixels[3, 4] = np.nan
    image = Image.from_array(pixels, notices=(Notice("lossy", "JPEG"),))
    result = enhance(image)
    assert {"lossy", "non_finite"} <= {notice.code for notice in result.notices}
    assert np.isfinite(np.asarray(result)).all()
    assert result.mask is not None
    mask = result.mask.read((slice(0, 1), slice(0, 1), slice(0, 1), slice(0, 60), slice(0, 60)))[0, 0, 0]
    assert mask.sum() == 9
    assert mask[9:12, 12:15].all()


@pytest.mark.parametrize(
    "steps", [(), ("axial", "denoise"), ("denoise", "denoise"), ("sharpen",), "sharpen"]
)  # fmt: skip
def test_steps_that_make_no_workflow_are_refused(steps) -> None:
    with pytest.raises(ParameterError, match="denoise, axial, super_resolve"):
        enhance(counts(8, 8), steps=steps)


def test_every_choice_of_steps_in_order_works() -> None:
    names = ("denoise", "axial", "super_resolve")
    for n in (1, 2, 3):
        for steps in itertools.combinations(names, n):
            side = 36 if "super_resolve" in steps else 12
            assert enhance(counts(12, 12), steps=steps).shape == (1, 1, 1, side, side)


def test_requests_that_cannot_be_met_say_what_to_do(tmp_path) -> None:
    with pytest.raises(ParameterError, match="0 channel 0"):
        enhance(counts(8, 8), channels=[3])
    with pytest.raises(ParameterError, match="from 0"):
        enhance(counts(8, 8), realism=7)
    with pytest.raises(ParameterError, match="auto"):
        enhance(counts(8, 8), engine="abacus")
    with pytest.raises(EngineError, match="auto, "):
        enhance(counts(8, 8), engine="directml")
    with pytest.raises(ModelError, match="there are: axial_plane"):
        enhance(counts(8, 8), model="nonsense")
    with pytest.raises(ModelError, match="background"):
        enhance(counts(8, 8), model="background")
    assert enhance(counts(8, 8), realism=0.0).shape[3] == 24


def test_a_listener_can_stop_a_run() -> None:
    heard = []

    def polite(fraction: float, text: str) -> bool:
        heard.append((fraction, text))
        return fraction < 0.5

    with pytest.raises(CancelledError):
        enhance(counts(3, 40, 40), progress=polite)
    assert heard[-1][0] >= 0.5

    def rude(fraction: float, text: str) -> None:
        raise CancelledError("enough")

    with pytest.raises(CancelledError, match="enough"):
        correct_background(counts(30, 30), progress=rude)


def test_progress_goes_from_nothing_to_all() -> None:
    heard: list[float] = []
    enhance(counts(2, 30, 30), progress=lambda fraction, text: heard.append(fraction))
    assert heard == sorted(heard)
    assert heard[0] == 0
    assert heard[-1] == 1


def test_a_failing_engine_is_replaced_and_the_result_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name of a card's engine goes here the CPU's provider, which fails on its first model."""
    monkeypatch.setitem(engine.PROVIDERS, "cuda", "CPUExecutionProvider")
    honest = Engine.session

    def failing(self: Engine, content: bytes) -> object:
        if self.name == "cuda":
            raise ProviderError("the driver gave up")
        return honest(self, content)

    monkeypatch.setattr(Engine, "session", failing)
    result = enhance(counts(20, 20), engine="cuda", exact=True)
    assert next(n.message for n in result.notices if n.code == "engine").startswith("the engine cuda failed (the driver gave up)")
    assert result.recipe.engine.name == "cpu"


def test_a_result_larger_than_the_disk_is_refused_before_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LIMITS", Limits(in_memory=1000))
    monkeypatch.setattr(room, "free_disk", lambda folder: 10_000)
    with pytest.raises(LimitError, match="free some disk"):
        enhance(counts(100, 100))


def test_results_beyond_the_memory_budget_lie_in_scratch_files_and_are_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    from abbe.image import pixels

    image = Image.from_array(counts(2, 3, 20, 30), axes="CZYX", pixel_size=(0.2, 0.1, 0.1))
    in_memory = np.asarray(enhance(image, engine="cpu"))
    monkeypatch.setattr(pixels, "LIMITS", Limits(in_memory=1000))
    assert np.array_equal(np.asarray(enhance(image, engine="cpu")), in_memory)


@pytest.mark.parametrize("channels", [1, np.int64(1), [np.uint8(1)]])
def test_a_channel_is_named_by_an_integer_of_any_kind(channels: Any) -> None:
    pixels = np.random.default_rng(1).poisson(20, (2, 12, 12)).astype(np.uint16)
    result = np.asarray(enhance(Image.from_array(pixels, "CYX"), steps="denoise", channels=channels))[0, :, 0]
    assert np.array_equal(result[0], pixels[0])
    assert not np.array_equal(result[1], pixels[1])


def test_an_offset_that_float32_cannot_hold_beside_the_contrast_is_said() -> None:
    image = np.random.default_rng(0).poisson(200, (40, 40)).astype(np.uint32)
    far, near = (enhance(Image.from_array(image + np.uint32(offset), "YX"), steps="denoise") for offset in (4_000_000_000, 10_000))
    (notice,) = (notice for notice in far.notices if notice.code == "offset")
    assert "256 apart" in str(notice)
    assert not [notice for notice in near.notices if notice.code == "offset"]
