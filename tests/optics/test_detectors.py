"""EMCCD and sCMOS noise, and what interpolation does to it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abbe.errors import ParameterError
from abbe.optics import Chip, Emccd
from abbe.optics.colour import debayered, mosaic
from abbe.optics.interpolation import averaged, registered


def lag_one(noise: np.ndarray, axis: int) -> float:
    noise = np.moveaxis(noise - noise.mean(), axis, 0)
    return float((noise[1:] * noise[:-1]).mean() / (noise**2).mean())


@given(st.floats(0.5, 200), st.floats(50, 1000))
@settings(max_examples=15, deadline=None)
def test_an_emccd_doubles_the_variance_of_light(light: float, multiplication: float) -> None:
    camera = Emccd(multiplication=multiplication, clock_induced=0, top=1e9)
    counts = camera.expose(np.random.default_rng(0), np.full((400, 400), light))
    gain = multiplication / camera.electrons_per_count
    assert counts.mean() - camera.offset == pytest.approx(light * gain, rel=0.02)
    expected = 2 * light * gain**2 + (camera.read_noise / camera.electrons_per_count) ** 2
    # a single electron comes out as an exponential, whose second moment is 2
    assert counts.var() == pytest.approx(expected, rel=0.06)


def test_an_emccd_in_the_dark_shows_read_noise_and_a_few_sparks() -> None:
    camera = Emccd(clock_induced=0.01)
    dark = camera.expose(np.random.default_rng(0), np.zeros((500, 500))) - camera.offset
    read = camera.read_noise / camera.electrons_per_count
    assert np.median(np.abs(dark)) == pytest.approx(0.6745 * read, rel=0.15)
    # an exponential of mean 25 counts, above 6 standard deviations of read noise
    assert (dark > 6 * read).mean() == pytest.approx(0.01 * np.exp(-6 * read / 25), rel=0.2)


def test_an_scmos_chip_has_the_same_pixels_in_each_exposure() -> None:
    rng = np.random.default_rng(1)
    chip = Chip.make(rng, (128, 128), offset_spread=5, gain_spread=0.05, noisy=0.02)
    dark = np.stack([chip.expose(rng, np.zeros((128, 128))) for _ in range(60)])
    lit = np.stack([chip.expose(rng, np.full((128, 128), 200.0)) for _ in range(60)])
    assert np.corrcoef(dark.mean(0).ravel(), chip.offset.ravel())[0, 1] > 0.99
    assert np.corrcoef((lit.mean(0) - dark.mean(0)).ravel(), chip.gain.ravel())[0, 1] > 0.95
    assert np.corrcoef(dark.std(0).ravel(), (chip.read_noise * chip.gain).ravel())[0, 1] > 0.95
    # the photon-transfer curve: variance against mean has the gain as its slope
    assert np.median(lit.var(0) - dark.var(0)) / np.median(lit.mean(0) - dark.mean(0)) == pytest.approx(2.2, rel=0.05)
    electrons = chip.corrected(lit.mean(0))
    assert electrons.mean() == pytest.approx(200, rel=0.01)
    assert electrons.std() < 3


def test_light_of_another_size_than_the_chip_is_refused() -> None:
    chip = Chip.make(np.random.default_rng(0), (8, 8))
    with pytest.raises(ParameterError, match=r"chip's \(8, 8\) pixels"):
        chip.expose(np.random.default_rng(0), np.zeros((9, 8)))


@given(st.floats(0.05, 0.95))
@settings(max_examples=10, deadline=None)
def test_a_registered_image_has_the_noise_that_theory_gives(d: float) -> None:
    noise = np.random.default_rng(0).normal(size=(300, 300)).astype(np.float32)
    moved = registered(noise, (0, d))[2:-2, 2:-2]
    assert moved.var() == pytest.approx(d**2 + (1 - d) ** 2, rel=0.05)
    assert lag_one(moved, 1) == pytest.approx(d * (1 - d) / (d**2 + (1 - d) ** 2), abs=0.03)
    assert abs(lag_one(moved, 0)) < 0.03


@pytest.mark.parametrize(("colour", "share"), [("red", 0.25), ("green", 0.5), ("blue", 0.25)])
def test_a_colour_camera_measures_a_part_of_each_colour_and_makes_up_the_rest(colour: str, share: float) -> None:
    noise = np.random.default_rng(0).normal(size=(300, 300)).astype(np.float32)
    seen = debayered(noise, colour)  # type: ignore[arg-type]
    measured = mosaic((300, 300), colour)  # type: ignore[arg-type]
    assert measured.mean() == share
    np.testing.assert_allclose(seen[measured], noise[measured], rtol=1e-6)
    assert lag_one(seen, 1) > 0.35
    if colour == "green":  # the others are means of four: variance (1 + 1/4) / 2
        assert seen[2:-2, 2:-2].var() == pytest.approx(0.625, rel=0.03)
    np.testing.assert_allclose(debayered(np.full((20, 20), 7.0), colour), 7, rtol=1e-6)  # type: ignore[arg-type]


def test_a_mean_of_registered_frames_is_less_noisy_and_in_place() -> None:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:96, :96]
    moves = [(0.0, 0.0), (0.5, -1.25), (-2.0, 0.75), (1.5, 1.5)]
    frames = [100 * np.exp(-((y - 48 - dy) ** 2 + (x - 48 - dx) ** 2) / 50) + rng.normal(0, 2, y.shape) for dy, dx in moves]
    mean = averaged(frames, moves)
    still = 100 * np.exp(-((y - 48) ** 2 + (x - 48) ** 2) / 50)
    spot = (slice(36, 60), slice(36, 60))
    error = (mean - still)[spot]
    assert error.std() < 2 / 2
    assert (averaged(frames) - still)[spot].std() > 2 * error.std()
    with pytest.raises(ParameterError, match="movement for each"):
        averaged(frames, moves[:2])


def test_an_unknown_colour_is_refused() -> None:
    with pytest.raises(ParameterError, match="red, green or blue"):
        mosaic((4, 4), "infrared")  # type: ignore[arg-type]
