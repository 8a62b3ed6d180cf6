"""Dead, hot and dropped lines are told from specimens: they stand out from both sides all along, and what is beside has no share in it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from abbe.image.lines import LinelessPixels, fill_lines, stray_lines
from abbe.image.pixels import ArrayPixels
from abbe.simulation import specimen


def micrograph(seed: int = 0, side: int = 160, photons: float = 40) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.poisson(photons * gaussian_filter(specimen(rng, side), 1.5) + 20) + 100).astype(np.uint16)


def places(lines: np.ndarray) -> list[int]:
    return np.flatnonzero(lines).tolist()


@pytest.mark.parametrize("seed", range(4))
def test_dead_rows_and_hot_columns_are_found_to_the_line(seed: int) -> None:
    image = micrograph(seed)
    assert [places(lines) for lines in stray_lines(image)] == [[], []]
    image[90] = image[120:122] = 0
    image[:, 30] += 300  # with the noise of what it lies on
    image[:, 77] = 65535
    assert [places(lines) for lines in stray_lines(image)] == [[90, 120, 121], [30, 77]]


def test_lines_at_the_rim() -> None:
    image = micrograph()
    image[0] = 0
    image[:, -2:] = 900
    assert [places(lines) for lines in stray_lines(image)] == [[0], [158, 159]]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), photons=st.sampled_from([0.5, 3, 30, 1000]), offset=st.sampled_from([0, 100]), blur=st.floats(0.4, 4))
def test_specimens_have_no_such_lines(seed: int, photons: float, offset: int, blur: float) -> None:
    rng = np.random.default_rng(seed)
    light = gaussian_filter(specimen(rng, 128), blur)
    counts = rng.poisson(photons * light) + rng.normal(offset, 2, light.shape)
    for image in (np.clip(counts, 0, 255).astype(np.uint8), np.clip(counts - offset - 4, 0, None).astype(np.float32), light):
        assert not any(lines.any() for lines in stray_lines(image))


@pytest.mark.parametrize("blur", [0.4, 0.7, 1.5])
def test_a_straight_fibre_through_the_whole_field_is_a_specimen(blur: float) -> None:
    """Even under a lens much sharper than the pixels, the lines beside it have a share of its light."""
    fine = np.zeros((160 * 9, 160 * 9))
    fine[80 * 9 + 4] = fine[:, 40 * 9 + 2] = 1
    light = gaussian_filter(fine, blur * 9, mode="nearest").reshape(160, 9, 160, 9).mean(axis=(1, 3))
    image = np.random.default_rng(0).poisson(2000 * light / light.max() + 20)
    for times in (1, 2, 3, 4):  # enlarged by repetition
        assert not any(lines.any() for lines in stray_lines(image.repeat(times, 0).repeat(times, 1)))


@pytest.mark.parametrize("times", [2, 3])
def test_a_dead_row_of_an_image_enlarged_by_repetition(times: int) -> None:
    image = micrograph()
    image[70] = 0
    large = image.repeat(times, 0).repeat(times, 1)
    assert [places(lines) for lines in stray_lines(large)] == [list(range(70 * times, 71 * times)), []]


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((100, 100)),
        np.eye(100),
        np.where(np.arange(100) == 50, 1.0, np.zeros((100, 100))),  # a drawing, without noise
        np.random.default_rng(0).poisson(np.where(np.arange(160) % 3 == 0, 400, 20), (160, 160)),  # a grating
        np.ones((1, 300)),
        np.random.default_rng(0).poisson(5, (300, 8)),
    ],
)
def test_gratings_drawings_and_narrow_images_have_none(image: np.ndarray) -> None:
    assert not any(lines.any() for lines in stray_lines(image))


@pytest.mark.parametrize("photons", [50, 500])
def test_gratings_of_any_period_have_none(photons: float) -> None:
    """A few of their lines seem to be alone by chance, where a period is not of whole pixels: 1 grating of 20 had such."""
    rng = np.random.default_rng(0)
    for period in np.arange(2.2, 12, 0.1):
        light = photons * (1 + np.cos(2 * np.pi * np.arange(160) / period + rng.uniform(0, 6)))
        image = rng.poisson(light, (160, 160))
        assert not any(lines.any() for lines in stray_lines(image)), period
        image[100] = 30 * photons  # across it, a line is a line
        assert [places(lines) for lines in stray_lines(image)] == [[100], []], period


def test_filled_lines_are_what_a_lens_would_have_shown_there() -> None:
    light = 1000 * gaussian_filter(specimen(np.random.default_rng(1), 160), 1.5) + 100
    rows, columns = np.zeros(160, bool), np.zeros(160, bool)
    rows[70] = columns[50] = True
    spoilt = light.copy()
    spoilt[rows] = 0
    spoilt[:, columns] = 60000
    filled = fill_lines(spoilt, rows, columns)
    assert np.abs(filled - light).max() < 0.02 * np.ptp(light)
    assert np.array_equal(filled[~rows][:, ~columns], light[~rows][:, ~columns])
    whole = fill_lines(spoilt.astype(np.uint16), rows, columns)
    assert whole.dtype == np.uint16
    assert np.abs(whole - light).max() < 0.02 * np.ptp(light) + 1


def test_every_line_filled_at_the_rim_is_the_nearest_measured_one() -> None:
    image, rows = micrograph(), np.zeros(160, bool)
    rows[:2] = True
    filled = fill_lines(image, rows, np.zeros(160, bool))
    assert np.array_equal(filled[:2], np.broadcast_to(image[2], (2, 160)))


def test_parts_of_a_plane_are_filled_as_the_whole() -> None:
    image = micrograph()
    image[70] = image[90:92] = 0
    image[:, 40] = 4000
    pixels = LinelessPixels(ArrayPixels(np.stack([image, image])[None, :, None]), frozenset([1]))
    one = (slice(0, 1), slice(0, 2), slice(0, 1))
    whole = pixels.read((*one, slice(0, 160), slice(0, 160)))[0, :, 0]
    assert np.array_equal(whole[0], image)
    assert np.array_equal(whole[1], fill_lines(image, *stray_lines(image)))
    for top in range(0, 160, 7):
        part = pixels.read((*one, slice(top, min(top + 7, 160)), slice(37, 43)))[0, :, 0]
        assert np.array_equal(part, whole[:, top : top + 7, 37:43])
