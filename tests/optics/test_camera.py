"""A simulated camera obeys the statistics of the real one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from abbe.optics import Camera, expose
from abbe.optics import file as processing
from abbe.optics.camera import rectified_mean


def lag_one(noise: np.ndarray) -> float:
    """Correlation between horizontal neighbours."""
    a, b = noise[:, :-1].ravel(), noise[:, 1:].ravel()
    return float(np.corrcoef(a, b)[0, 1])


@given(st.floats(5, 500), st.floats(1, 20), st.floats(0, 5), st.sampled_from([1.0, 1.3, 2.0]), st.sampled_from([1, 4]))
@example(5.0, 2.125, 0.0, 1.0, 1)
@example(5.0, 1.125, 0.0, 1.0, 1)
@settings(max_examples=25, deadline=None)
def test_variance_rises_with_the_mean_as_photons_do(light: float, gain: float, read: float, excess: float, frames: int) -> None:
    camera = Camera(gain=gain, offset=1000, read_noise=read, excess=excess, frames=frames, top=1e9)
    counts, expected = expose(np.random.default_rng(1), np.full((300, 300), light), camera)
    deviation = gain * np.sqrt((excess * light + read**2) / frames)
    # what rounding adds is a twelfth, independent of all else, where noise blurs its steps (Widrow and Kollar 2008, quantization theorems):
    # whole electrons without read noise fall on the same fractions of a count each time, half a count from the truth at most
    blurred = frames > 1 or excess > 1 or gain * read >= 0.5
    lattice, rounding = (0.0 if blurred else 0.5), (1 / 12 if frames == 1 else 0)
    assert counts.mean() == pytest.approx(light * gain + 1000, abs=float(5 * counts.std() / 300 + 1e-3 * gain) + lattice)
    if blurred:
        assert counts.var() == pytest.approx(deviation**2 + rounding, rel=0.05)
    else:
        assert counts.std() == pytest.approx(deviation, abs=lattice + 0.025 * deviation)
    assert expected == pytest.approx(np.full((300, 300), light * gain + 1000), rel=1e-5)


def test_an_amplifier_makes_bright_events_of_single_electrons() -> None:
    # excess kurtosis of a compound Poisson-exponential sum is 6 / mean, of plain Poisson 1 / mean
    camera = Camera(gain=1, offset=1000, read_noise=0.01, excess=2.0, frames=1)
    counts, _ = expose(np.random.default_rng(4), np.full((1000, 1000), 0.5), camera)
    noise = counts - counts.mean()
    assert (noise**4).mean() / counts.var() ** 2 - 3 == pytest.approx(12, rel=0.15)


def test_counts_stay_within_the_converter() -> None:
    counts, expected = expose(np.random.default_rng(0), np.linspace(0, 5000, 10_000).reshape(100, 100), Camera(offset=0, top=4095))
    assert counts.min() == 0
    assert counts.max() == 4095
    assert expected.max() == 4095
    assert (counts == np.round(counts)).all()


def test_the_expectation_knows_of_clipping_at_zero() -> None:
    camera = Camera(gain=1, offset=0, read_noise=5, frames=1)
    counts, expected = expose(np.random.default_rng(0), np.zeros((400, 400)), camera)
    assert counts.mean() == pytest.approx(expected.mean(), rel=0.03)
    assert rectified_mean(np.zeros(1), np.ones(1))[0] == pytest.approx(1 / np.sqrt(2 * np.pi))
    assert rectified_mean(np.full(1, 50.0), np.ones(1))[0] == pytest.approx(50)


def test_line_noise_is_common_to_a_row() -> None:
    counts, _ = expose(np.random.default_rng(0), np.full((200, 200), 100.0), Camera(line_noise=8, read_noise=0.1))
    assert counts.mean(axis=1).std() > 5 * counts.mean(axis=0).std()


def test_hot_pixels_are_as_many_as_asked() -> None:
    dark, _ = expose(np.random.default_rng(0), np.zeros((1000, 1000)), Camera(hot=1e-3, read_noise=1))
    assert 400 < (dark > 120).sum() < 1000


def test_an_enlarged_image_has_correlated_noise() -> None:
    rng = np.random.default_rng(0)
    flat = expose(rng, np.full((128, 128), 200.0), Camera())
    white = flat[0] - flat[1]
    large = processing.enlarge(rng, flat, 224)
    assert abs(lag_one(white)) < 0.03
    assert 0.35 < lag_one(large[0] - large[1]) < 0.85
    assert large[0].mean() == pytest.approx(flat[0].mean(), rel=0.01)


def test_smoothing_leaves_the_expectation_alone() -> None:
    rng = np.random.default_rng(3)
    pair = expose(rng, np.full((128, 128), 200.0), Camera())
    noisy, clean = processing.smooth(rng, pair)
    assert (clean == pair[1]).all()
    assert (noisy - clean).std() < (pair[0] - pair[1]).std()


def test_sharpened_noise_is_stronger_and_alternates() -> None:
    rng = np.random.default_rng(5)
    pair = expose(rng, np.full((128, 128), 200.0), Camera())
    noisy, clean = processing.sharpen(rng, pair)
    assert clean == pytest.approx(pair[1], rel=1e-3)
    assert (noisy - clean).std() > 1.1 * (pair[0] - pair[1]).std()
    assert lag_one(noisy - clean) < -0.03


def test_eight_bit_files_hold_256_levels() -> None:
    rng = np.random.default_rng(2)
    pair = expose(rng, rng.random((64, 64)) * 300, Camera())
    noisy, clean = processing.eight_bit(rng, pair)
    assert set(np.unique(noisy)) <= set(range(256))
    assert 0 <= clean.min() <= clean.max() <= 255


def test_gamma_bends_both_alike() -> None:
    clean = np.linspace(0, 100, 64 * 64, dtype=np.float32).reshape(64, 64)
    noisy, bent = processing.gamma((clean, clean), 0.5)
    np.testing.assert_array_equal(noisy, bent)
    assert bent[32, 0] > clean[32, 0]
    assert (noisy.min(), noisy.max()) == (0, 100)
