"""Planes that are blurred over and over, by products with matrices."""

from __future__ import annotations

import time

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.ndimage import gaussian_filter

from abbe.restoration.blurring import blurred


@pytest.mark.parametrize(("shape", "width", "factor"), [((96, 75), 2.1, 3), ((50, 31), 0.0, 3), ((40, 41), 40.0, 1), ((100, 16), 1.2, 1)])
def test_a_plane_is_blurred_and_binned_as_by_sums_over_a_window(shape: tuple[int, int], width: float, factor: int) -> None:
    plane = np.random.default_rng(1).normal(100, 30, shape)
    y, x = (n // factor for n in shape)
    wanted = gaussian_filter(plane, width)[: y * factor, : x * factor].reshape(y, factor, x, factor).mean(axis=(1, 3))
    assert_allclose(blurred(plane, width, factor), wanted, rtol=1e-12)


def test_the_judgement_of_a_small_image_is_not_as_dear_as_its_restoration() -> None:
    """The widest light from out of focus, and the blurs of a tripled plane, were half of the time that a small image took."""
    plane = np.random.default_rng(2).normal(size=(256, 256))

    def least(wide: bool) -> float:
        seconds = []
        for _ in range(7):
            began = time.process_time()
            blurred(plane, 40.0) if wide else gaussian_filter(plane, 40.0)
            seconds.append(time.process_time() - began)
        return min(seconds)

    assert least(wide=True) < least(wide=False) / 2
