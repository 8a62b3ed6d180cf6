"""A colour camera's noise has the pattern of its mosaic, and its picture the colours of the light."""

from __future__ import annotations

import numpy as np
import pytest

from abbe.optics import Camera
from abbe.optics.colour import COLOURS, ColourCamera, Demosaic, debayered, mosaic

CAMERA = Camera(gain=1, offset=100, read_noise=1)
BOTH: tuple[Demosaic, Demosaic] = ("bilinear", "gradients")


@pytest.mark.parametrize("how", BOTH)
def test_an_even_colour_comes_back_as_it_was(how: Demosaic) -> None:
    light = {"red": 30.0, "green": 70.0, "blue": 10.0}
    counts = sum(mosaic((12, 14), c) * light[c] for c in COLOURS)
    for c in COLOURS:
        assert debayered(np.asarray(counts), c, how) == pytest.approx(np.full((12, 14), light[c]))


@pytest.mark.parametrize("how", BOTH)
def test_a_grey_ramp_comes_back_away_from_the_edge(how: Demosaic) -> None:
    ramp = np.add.outer(3.0 * np.arange(20), 5.0 * np.arange(16))
    for c in COLOURS:
        assert debayered(ramp, c, how)[3:-3, 3:-3] == pytest.approx(ramp[3:-3, 3:-3])


def test_gradients_of_other_colours_sharpen_what_all_of_them_have() -> None:
    y, x = np.indices((48, 48))
    grey = 100 + 50 * np.sin(2 * np.pi * (x + 0.4 * y) / 5)
    bilinear, gradients = (float((debayered(grey, "red", how) - grey)[4:-4, 4:-4].std()) for how in BOTH)
    assert gradients < 0.7 * bilinear


def test_noise_is_strongest_where_the_filter_had_the_colour() -> None:
    camera = ColourCamera(CAMERA, passes=(0.0, 1.0, 0.0), shown="green")
    noisy, expected = camera.expose(np.random.default_rng(1), np.full((256, 256), 200.0))
    noise = (noisy - expected)[2:-2, 2:-2]
    own, between = noise[0::2, 1::2].var(), noise[0::2, 0::2].var()
    assert own == pytest.approx(201, rel=0.06)
    assert between == pytest.approx(201 / 4, rel=0.06)  # the mean of four
    assert noisy.mean() == pytest.approx(300, rel=0.01)


def test_softened_colours_smooth_the_noise_of_a_weak_one() -> None:
    rng = np.random.default_rng(2)
    sharp, soft = (ColourCamera(CAMERA, (1.0, 0.1, 0.1), softened=s, shown="red") for s in (0.0, 2.0))
    noises = [np.subtract(*camera.expose(rng, np.full((128, 128), 400.0))) for camera in (sharp, soft)]
    assert noises[1].std() < 0.6 * noises[0].std()


def test_brightness_weighs_the_colours() -> None:
    camera = ColourCamera(CAMERA, (0.5, 1.0, 0.2), balance=(1.5, 1.0, 2.0))
    _, expected = camera.expose(np.random.default_rng(3), np.full((32, 32), 100.0))
    assert expected == pytest.approx(np.full((32, 32), 100 + 0.299 * 75 + 0.587 * 100 + 0.114 * 40), rel=1e-3)
