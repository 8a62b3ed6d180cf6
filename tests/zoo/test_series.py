"""Frames of a series that share their light: what stands still gains, what moves and how bright it is stays its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import gaussian_filter, shift

import abbe
from abbe.image import Image
from abbe.restoration import frames as sharing
from abbe.restoration import sharing as shared_light
from abbe.restoration.sharing import Sharing, with_shared_light
from abbe.simulation import specimen

Series = npt.NDArray[np.float32]
SIDE, MIDDLE = 96, 2


def standing(light: float) -> Series:
    """(5, SIDE, SIDE) expected photons of structure that stands still."""
    plane = np.maximum(gaussian_filter(specimen(np.random.default_rng([11, 1, 0]), 160)[30 : 30 + SIDE, 30 : 30 + SIDE], 1.3), 0)
    return np.repeat((plane / np.percentile(plane, 99.8) * light + 2)[None], 5, axis=0).astype(np.float32)


def moving(light: float, speed: float) -> Series:
    """Vesicles that move by `speed` pixels a frame, each its own way."""
    rng = np.random.default_rng(4)
    places, ways = rng.uniform(8, SIDE - 8, (14, 2)), rng.uniform(0, 2 * np.pi, 14)
    y, x = np.indices((SIDE, SIDE))
    out = np.full((5, SIDE, SIDE), 2.0)
    for t in range(5):
        for (a, b), way in zip(places, ways):
            a, b = a + speed * (t - MIDDLE) * np.sin(way), b + speed * (t - MIDDLE) * np.cos(way)
            out[t] += light * np.exp(-((y - a) ** 2 + (x - b) ** 2) / (2 * 1.8**2))
    return out.astype(np.float32)


def exposed(light: Series, seed: int = 1) -> Series:
    rng = np.random.default_rng(seed)
    return (rng.poisson(light) + rng.normal(0, 1.5, light.shape)).astype(np.float32)


def denoised(series: Series, frames: int) -> tuple[Series, Series, Series]:
    """Result, and both ends of its interval: each (T, Y, X)."""
    result = abbe.enhance(Image.from_array(series, axes="TYX"), steps="denoise", frames=frames, passes=1)
    assert result.interval is not None
    one, low, high = (np.asarray(part)[:, 0, 0] for part in (result, *result.interval))
    return one, low, high


def gain(light: Series, frames: int) -> float:
    """By how many dB the middle frame comes nearer to the truth."""
    noisy = exposed(light)
    alone, together = (((denoised(noisy, n)[0] - light)[MIDDLE] ** 2).mean() for n in (0, frames))
    return float(10 * np.log10(alone / together))


@pytest.mark.parametrize("light", [10, 60, 400])
def test_what_stands_still_gains(light: float) -> None:
    assert gain(standing(light), 1) > 1.5
    assert gain(standing(light), 2) > 2.5


@pytest.mark.parametrize("light", [20, 100, 1000])
@pytest.mark.parametrize("speed", [0.7, 2.0, 6.0])
def test_what_moves_loses_nothing(light: float, speed: float) -> None:
    assert gain(moving(light, speed), 2) > -0.25


def test_a_flash_is_not_spread_over_the_frames_beside_it() -> None:
    """A spot that is there in one frame alone: its light, and none of it before or after."""
    light = standing(60) * 0.3
    y, x = np.indices((SIDE, SIDE))
    spot = 60 * np.exp(-((y - 48) ** 2 + (x - 40) ** 2) / (2 * 1.8**2))
    light[MIDDLE] += spot.astype(np.float32)
    near = (y - 48) ** 2 + (x - 40) ** 2 < 6**2
    result = denoised(exposed(light), 2)[0]
    without = denoised(exposed(light), 0)[0]
    for t in range(5):
        expected = spot[near].sum() if t == MIDDLE else 0.0
        got = (result[t] - light[t])[near].sum() + expected
        alone = (without[t] - light[t])[near].sum() + expected
        assert abs(got - expected) < max(abs(alone - expected), 0.05 * spot[near].sum())


def test_how_bright_a_cell_is_stays_each_frames_own() -> None:
    """A tenth more light in one frame, far less than the noise of a pixel, is there in that frame and in no other."""
    light = standing(15)
    y, x = np.indices((SIDE, SIDE))
    cell = (y - 48) ** 2 + (x - 48) ** 2 < 30**2
    light[MIDDLE] *= 1.1
    noisy = exposed(light)
    result = denoised(noisy, 2)[0]
    for t in range(5):
        assert result[t][cell].mean() == pytest.approx(noisy[t][cell].mean(), rel=0.01)


def test_bleaching_and_a_frame_without_light_do_no_harm() -> None:
    light = standing(100) * np.array([1, 0.9, 0.8, 0.7, 0.6], np.float32)[:, None, None]
    light[1] = 2.0
    noisy = exposed(light)
    alone, together = (denoised(noisy, n)[0] for n in (0, 2))
    error = [((one - light)[[0, 2, 3, 4]] ** 2).mean() for one in (alone, together)]
    assert error[1] < 0.75 * error[0]
    assert abs(together[1] - 2).mean() <= abs(alone[1] - 2).mean() * 1.05 + 0.02


@pytest.mark.parametrize(("light", "widest"), [(standing(60), 1.1), (moving(100, 2.0), 1.2)], ids=["still", "moving"])
def test_the_interval_holds_what_it_says(light: Series, widest: float) -> None:
    _, low, high = denoised(exposed(light), 2)
    assert ((light >= low) & (light <= high))[MIDDLE].mean() > 0.85
    alone = denoised(exposed(light), 0)
    assert np.median(high - low) < widest * np.median(alone[2] - alone[1])  # on empty ground a fifth: it is widened there as well


def test_what_is_no_number_is_in_no_other_frame() -> None:
    series = exposed(standing(60))
    series[1, 40:44, 40:44] = np.nan
    whole = exposed(standing(60))
    one, other = (denoised(s, 2)[0] for s in (series, whole))
    far = np.ones((SIDE, SIDE), bool)
    far[30:54, 30:54] = False
    assert np.isfinite(one[[0, 2, 3, 4]]).all()
    assert np.abs(one[2] - other[2]).max() < 0.5 * np.abs(whole[2] - standing(60)[2]).max()
    assert np.abs((one - other)[2][far]).max() < 0.02 * other[2].max()


@pytest.mark.parametrize("bright", [3, 20])
def test_something_bright_in_one_frame_changes_nothing_of_what_stands_still(bright: float) -> None:
    """What is dim elsewhere in that frame gains as without it, and is neither brighter nor dimmer for it."""
    light = standing(15)
    y, x = np.indices((SIDE, SIDE))
    far = np.hypot(y - 24, x - 24) > 34
    without = light.copy()
    light[MIDDLE] += (bright * 15 * np.exp(-((y - 24) ** 2 + (x - 24) ** 2) / (2 * 5**2))).astype(np.float32)
    gains, slopes = [], []
    for truth in (without, light):
        alone, together = (denoised(exposed(truth), n)[0][MIDDLE][far] for n in (0, 2))
        gains.append(10 * np.log10(((alone - truth[MIDDLE][far]) ** 2).mean() / ((together - truth[MIDDLE][far]) ** 2).mean()))
        slopes.append(np.polyfit(truth[MIDDLE][far], together, 1)[0])
    assert gains[1] > gains[0] - 0.6
    assert slopes[1] == pytest.approx(slopes[0], abs=0.03)


def test_how_much_stronger_a_frame_is_comes_from_what_both_show() -> None:
    detail = np.random.default_rng(5).normal(0, 1, (60, 60)).astype(np.float32)
    other = 0.8 * detail
    detail[:12, :12] += 50
    assert sharing._stronger(detail, other) == pytest.approx(1.25, rel=0.01)
    assert sharing._stronger(other, detail) == pytest.approx(0.8, rel=0.01)
    assert sharing._stronger(detail, np.zeros_like(detail)) == 0


def test_a_bright_cell_that_fires_does_not_say_how_bright_the_rest_is() -> None:
    detail = np.random.default_rng(5).normal(0, 1, (60, 60)).astype(np.float32)
    detail[:18, :18] *= 20
    firing = detail.copy()
    firing[:18, :18] *= 1.6
    noise = np.random.default_rng(6).normal(0, 0.1, (2, 60, 60)).astype(np.float32)
    assert sharing._stronger(firing + noise[0], detail + noise[1]) == pytest.approx(1, abs=0.08)


@pytest.mark.parametrize("value", [np.nan, 0], ids=["no numbers", "a label"])
def test_what_was_not_measured_in_one_frame_has_no_part_in_another(value: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is filled in from around looks like what the other frame has there, and is a guess: there the other frame keeps its own."""
    image = exposed(np.full((2, SIDE, SIDE), 60, np.float32))
    image[1, 30:60, 20:70] = value
    made: list[sharing.Shared] = []
    honest = sharing.share_frames

    def watched(*given: Any, **named: Any) -> sharing.Shared:
        made.append(honest(*given, **named))
        return made[-1]

    monkeypatch.setattr(shared_light, "share_frames", watched)
    denoised(image, 1)
    of_preview = with_shared_light(Image.from_array(image, axes="TYX"), 0, Sharing(1)).pixels
    for pixels in (made[0].pixels, of_preview):
        first = pixels.read((slice(0, 1), slice(0, 1), slice(0, 1), slice(0, SIDE), slice(0, SIDE)))[0, 0, 0]
        np.testing.assert_allclose(first[30:60, 20:70], image[0, 30:60, 20:70], atol=1e-4)
        assert first[70:].std() < 0.85 * image[0, 70:].std()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [1e30, -1e30])
def test_a_number_that_stands_for_nothing_stays_in_its_frame(value: float) -> None:
    series = exposed(standing(60))
    series[1, 60:66, 60:70] = value
    result = denoised(series, 2)[0]
    alone = denoised(exposed(standing(60)), 0)[0]
    for t in (0, 2, 3, 4):
        assert ((result[t] - standing(60)[t]) ** 2).mean() < 0.8 * ((alone[t] - standing(60)[t]) ** 2).mean()


def test_bands_leave_no_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    series = Image.from_array(np.tile(exposed(standing(60)), (1, 3, 1)), axes="TYX")
    whole = np.asarray(abbe.enhance(series, steps="denoise", frames=1, passes=1))
    monkeypatch.setattr(sharing, "PIXELS", 1)
    banded = np.asarray(abbe.enhance(series, steps="denoise", frames=1, passes=1))
    np.testing.assert_allclose(banded, whole, atol=1e-3)


def test_one_frame_alone_is_that_of_the_series() -> None:
    series = exposed(standing(60))
    lone = with_shared_light(Image.from_array(series, axes="TYX"), 3, Sharing(2))
    assert lone.shape == (1, 1, 1, SIDE, SIDE)
    made = np.asarray(abbe.enhance(lone, steps="denoise", passes=1))[0, 0, 0]
    np.testing.assert_allclose(made, denoised(series, 2)[0][3], atol=0.02 * series.max())


def test_the_whole_chain_on_a_series() -> None:
    """Super-resolution behind it: nearer to the truth, on the finer grid, each channel by itself."""
    fine = np.maximum(gaussian_filter(specimen(np.random.default_rng([11, 1, 3]), 192), 2.0), 0)
    fine = fine / np.percentile(fine, 99.8) * 20 + 2
    coarse = np.repeat(gaussian_filter(fine, 3.0).reshape(64, 3, 64, 3).mean(axis=(1, 3))[None], 3, axis=0).astype(np.float32)
    series = np.stack([exposed(coarse, 2), exposed(coarse[:, ::-1], 3)], axis=1)
    image = Image.from_array(series, axes="TCYX")
    errors = []
    for frames in (0, 1):
        result = abbe.enhance(image, steps=("denoise", "super_resolve"), frames=frames)
        assert result.shape == (3, 2, 1, 192, 192)
        errors.append(((np.asarray(result)[1, 0, 0] - fine) ** 2).mean())
    assert errors[1] < errors[0]


@pytest.mark.parametrize("light", [20, 400])
@pytest.mark.parametrize("speed", [0.4, 1.7, -6.3])
def test_a_specimen_that_drifts_as_a_whole_gains_as_one_that_stands_still(light: float, speed: float) -> None:
    whole = np.maximum(specimen(np.random.default_rng([11, 1, 0]), 200).astype(np.float64), 0)
    whole = gaussian_filter(whole / np.percentile(whole, 99.8), 1.3)
    there = [shift(whole, (speed * (t - MIDDLE), -0.7 * speed * (t - MIDDLE)), order=3)[50 : 50 + SIDE, 50 : 50 + SIDE] for t in range(5)]
    assert gain((np.maximum(there, 0) * light + 2).astype(np.float32), 2) > 1.5


def test_what_drifts_in_has_nothing_of_what_was_beyond_the_edge() -> None:
    """A spot that comes into view with the drift is as bright in the frame where it is, and not drawn into those where it is not yet."""
    y, x = np.indices((SIDE, 2 * SIDE))
    ground = np.tile(standing(100)[0], (1, 2))
    wide = ground + 300 * np.exp(-((y - 48) ** 2 + (x - SIDE - 2) ** 2) / (2 * 1.8**2))
    light = np.array([wide[:, 4 * t : 4 * t + SIDE] for t in range(5)], np.float32)
    result, alone = (denoised(exposed(light), n)[0] for n in (2, 0))
    for t in range(5):
        near = (slice(36, 60), slice(SIDE - 20, SIDE))
        assert abs((result[t] - light[t])[near].sum()) < 1.3 * abs((alone[t] - light[t])[near].sum()) + 0.01 * light[t][near].sum()


def test_a_bright_cell_that_crawls_over_what_stands_still_leaves_its_gain_to_it() -> None:
    ground = standing(30)
    y, x = np.indices((SIDE, SIDE))
    texture = gaussian_filter(np.random.default_rng(5).normal(size=(SIDE, SIDE + 40)), 2.0)
    light = ground.copy()
    for t in range(5):
        cell = (y - 30) ** 2 + (x - 30 - 3 * t) ** 2 < 14**2
        light[t] += np.where(cell, np.maximum(200 + 400 * texture[:, 20 - 3 * t : 20 - 3 * t + SIDE] / texture.std() * 0.3, 0), 0)
    light = np.array([gaussian_filter(frame, 1.0) for frame in light], np.float32)
    noisy = exposed(light)
    errors = [((denoised(noisy, n)[0] - light)[MIDDLE] ** 2) for n in (0, 2)]
    far = (y > 56) & (y < SIDE - 4)
    inside = (y - 30) ** 2 + (x - 36) ** 2 < 10**2
    for part, least in ((far, 1.5), (inside, 0.7)):
        assert 10 * np.log10(errors[0][part].mean() / errors[1][part].mean()) > least
