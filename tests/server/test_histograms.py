"""Histograms of the contrast controls: hot pixels lie beyond them, spots of few pixels do not."""

from __future__ import annotations

import numpy as np
import pytest

from abbe.server.statistics import _channel


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_a_few_spots_of_a_large_field_stay_within_the_histogram_and_hot_pixels_do_not(dtype: type) -> None:
    rng = np.random.default_rng(4)
    y, x = np.mgrid[-8:9, -8:9]
    plane = rng.normal(100, 3, (1500, 1500))
    for row, column in ((70, 90), (800, 1000), (1300, 20)):
        plane[row - 8 : row + 9, column - 8 : column + 9] += 3000 * np.exp(-(y**2 + x**2) / 4)
    spots = float(plane.max())
    plane[[5, 600, 1499], [7, 1499, 1499]] = 60000
    found = _channel(plane.astype(dtype), None)
    assert found["maximum"] == 60000
    assert found["to"] == pytest.approx(spots, abs=2)


def test_floats_far_below_a_hot_pixel_have_their_histogram() -> None:
    plane = np.random.default_rng(5).normal(40, 8, (200, 300)).astype(np.float32)
    plane[20, 30] = 1e9
    assert _channel(plane, None)["to"] < 100
    assert _channel(np.eye(1, 60000, 7, np.float32).reshape(200, 300), None)["to"] == 1
