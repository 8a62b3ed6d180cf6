"""The simulated cell: what the demo and the examples show must be what a microscope would give."""

from __future__ import annotations

import numpy as np
import pytest

from abbe.simulation import SimulatedCell, simulate_cell
from abbe.simulation.cell import CHANNELS, FINE, PIXEL


@pytest.fixture(scope="module")
def cell() -> SimulatedCell:
    return simulate_cell(seed=1)


def per_camera_pixel(truth: np.ndarray) -> np.ndarray:
    n = truth.shape[0] // FINE
    return truth.reshape(n, FINE, n, FINE).mean(axis=(1, 3))


def test_the_image_is_what_a_camera_saves(cell: SimulatedCell) -> None:
    assert cell.image.shape == (1, 3, 1, 256, 256)
    assert cell.image.dtype == np.uint16
    assert cell.image.pixel_size[1:] == (PIXEL, PIXEL)
    assert cell.image.channels == tuple(CHANNELS)
    assert not cell.image.warnings


def test_the_truth_covers_the_same_field_on_three_times_as_many_pixels(cell: SimulatedCell) -> None:
    assert cell.truth.shape == (1, 3, 1, 768, 768)
    assert cell.truth.pixel_size[2] == pytest.approx(PIXEL / 3)


def test_the_same_seed_gives_the_same_cell_and_another_one_another(cell: SimulatedCell) -> None:
    assert np.array_equal(np.asarray(simulate_cell(seed=1).image), np.asarray(cell.image))
    assert not np.array_equal(np.asarray(simulate_cell(seed=2).truth), np.asarray(cell.truth))


@pytest.mark.parametrize("channel", range(3))
def test_structure_lies_where_the_truth_says(cell: SimulatedCell, channel: int) -> None:
    """Not shifted by a pixel, nor flipped: the image correlates best with the truth in place."""
    seen = cell.image.plane(c=channel).astype(float)
    truth = per_camera_pixel(cell.truth.plane(c=channel))
    spectrum = np.fft.fft2(seen - seen.mean()) * np.conj(np.fft.fft2(truth - truth.mean()))
    peak = np.unravel_index(np.argmax(np.fft.ifft2(spectrum).real), seen.shape)
    assert peak == (0, 0)


@pytest.mark.parametrize("channel", range(3))
def test_the_image_holds_the_light_of_the_truth_and_of_other_planes(cell: SimulatedCell, channel: int) -> None:
    offset = 100.0
    light = cell.image.plane(c=channel).astype(float).mean() - offset
    in_focus = cell.truth.plane(c=channel).mean() - offset
    assert 0 < in_focus < light


def test_less_light_is_noisier(cell: SimulatedCell) -> None:
    """The nucleus, smoothed over, against its own pixels: noise relative to signal rises as the root of the light falls."""
    ratios = []
    for image in (cell.image, simulate_cell(seed=1, light=0.1).image):
        inside = image.plane(c=0)[112:128, 112:128].astype(float) - 100
        # differences of neighbours: twice the variance of the noise, hardly any of the structure
        ratios.append(np.std(np.diff(inside, axis=1)) / np.sqrt(2) / inside.mean())
    assert 2 < ratios[1] / ratios[0] < 5
