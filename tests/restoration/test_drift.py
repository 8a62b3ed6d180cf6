"""How far a specimen has drifted between two frames, and a frame moved back."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import fourier_shift, gaussian_filter

from abbe.restoration.drift import FARTHEST, drift, moved, spectrum

Plane = np.ndarray


def texture(seed: int = 0, shape: tuple[int, int] = (120, 150)) -> Plane:
    plane = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 2.0, mode="wrap")
    return (plane / plane.std()).astype(np.float32)


def between(one: Plane, other: Plane) -> tuple[float, float]:
    return drift(spectrum(one), spectrum(other), (one.shape[0], one.shape[1]))


@pytest.mark.parametrize("by", [(0.0, 0.0), (0.3, -0.4), (1.6, 2.2), (-7.7, 4.1), (12.0, -15.0)])
def test_a_drift_is_found_to_a_tenth_of_a_pixel(by: tuple[float, float]) -> None:
    """The specimen is larger than the frame, as specimens are: something leaves and something else comes in."""
    wide = texture(shape=(160, 190))
    gone = np.fft.ifft2(fourier_shift(np.fft.fft2(wide), by)).real.astype(np.float32)
    noise = [0.2 * texture(seed, (120, 150)) for seed in (1, 2)]
    one, other = wide[20:140, 20:170] + noise[0], gone[20:140, 20:170] + noise[1]
    found = between(one, other)
    assert found == pytest.approx((-by[0], -by[1]), abs=0.12)
    back = moved(other, found)[20:-20, 20:-20]
    assert np.corrcoef(back.ravel(), one[20:-20, 20:-20].ravel())[0, 1] > 0.9


def test_frames_with_nothing_in_common_stay_where_they_are() -> None:
    assert between(texture(3), texture(4)) == (0.0, 0.0)
    assert between(np.zeros((40, 40), np.float32), texture(4, (40, 40))) == (0.0, 0.0)


def test_further_than_any_stage_drifts_is_not_looked_for() -> None:
    plane = texture()
    assert between(plane, np.roll(plane, FARTHEST + 9, axis=1)) == (0.0, 0.0)


@pytest.mark.parametrize("shape", [(1, 60), (3, 5), (60, 2)])
def test_frames_of_a_few_rows_do_no_harm(shape: tuple[int, int]) -> None:
    plane = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    y, x = between(plane, plane)
    assert max(abs(y), abs(x)) <= 1


def test_whole_pixels_are_moved_as_they_are_and_edges_go_on() -> None:
    plane = texture(5, (20, 30))
    out = moved(plane, (2.0, -3.0))
    assert np.array_equal(out[2:, :-3], plane[:-2, 3:])
    assert np.array_equal(out[0], out[1])
    assert np.array_equal(out[:, -1], out[:, -2])


@pytest.mark.parametrize("by", [(0.5, 0.0), (0.25, -0.75), (-3.4, 2.6)])
def test_between_pixels_smooth_structure_keeps_its_values(by: tuple[float, float]) -> None:
    wide = texture(shape=(160, 160))
    exact = np.fft.ifft2(fourier_shift(np.fft.fft2(wide), by)).real
    assert np.abs(moved(wide, by) - exact)[10:-10, 10:-10].max() < 0.03
