"""What super-resolution adds is taken back where an image cannot tell of it, and left alone where it can."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from abbe.restoration.planes import enlarged, supported


def test_what_is_far_weaker_than_the_noise_goes_and_what_is_not_stays() -> None:
    rng = np.random.default_rng(0)
    seen = np.ones((40, 60), np.float32)
    observed = seen + rng.normal(0, 1, seen.shape).astype(np.float32)
    mesh = rng.normal(0, 1, (120, 180)).astype(np.float32)
    mesh -= uniform_filter(mesh, 3)
    smooth = enlarged(seen, 3)
    for strength, least, most in ((0.01, -0.1, 0.15), (0.1, 0.3, 0.7), (1.5, 0.95, 1.0)):
        left = supported(smooth + np.float32(strength) * mesh, seen, observed) - smooth
        share = float((left * mesh).sum() / (strength * (mesh**2).sum()))
        assert least <= share <= most


def test_without_noise_all_of_it_stays() -> None:
    rng = np.random.default_rng(1)
    seen = rng.random((20, 20), np.float32)
    made = rng.random((60, 60), np.float32)
    np.testing.assert_array_equal(supported(made, seen, seen), made)


def test_what_is_coarser_than_the_pixels_stays() -> None:
    rng = np.random.default_rng(1)
    seen = np.ones((40, 60), np.float32)
    observed = seen + rng.normal(0, 1, seen.shape).astype(np.float32)
    y, x = np.mgrid[:120, :180]
    wave = (0.01 * np.cos(2 * np.pi * (x + y) / 36)).astype(np.float32)
    assert np.abs(supported(1 + wave, seen, observed) - 1 - wave)[6:-6, 6:-6].max() < 0.0005


def test_the_finer_grid_lies_on_the_coarse_one() -> None:
    ramp = np.arange(12, dtype=np.float32)[:, None] * np.ones((1, 5), np.float32)
    assert enlarged(ramp, 3)[4:-4, 0] == pytest.approx((np.arange(4, 32) - 1) / 3, abs=1e-5)
