"""Hot pixels and cosmic rays leave no mark, and nothing that a lens could have made is taken for one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from abbe.image.pixels import ArrayPixels, whole
from abbe.image.spikes import AROUND, CROWD, find_spikes, without_spikes


def background(shape: tuple[int, ...] = (96, 96), sigma: float = 3.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(100, sigma, shape).astype(np.float32)


def test_single_pixels_pairs_and_tracks_are_found() -> None:
    plane = background()
    spikes = [(20, 30), (50, 50), (50, 51), (70, 10), (71, 11), (72, 12), (0, 0), (95, 40)]
    for at in spikes:
        plane[at] += 5000
    marks, clean = find_spikes(plane, 200)
    assert sorted(map(tuple, np.argwhere(marks).tolist())) == sorted(spikes)
    assert clean[marks] == pytest.approx(np.full(len(spikes), 100), abs=12)
    np.testing.assert_array_equal(clean[~marks], plane[~marks])


@pytest.mark.parametrize("where", [(0.0, 0.0), (0.5, 0.0), (0.5, 0.5), (0.2, 0.4)])
@pytest.mark.parametrize("width", [0.3, 0.5, 1.2])
def test_a_point_through_a_lens_is_none(where: tuple[float, float], width: float) -> None:
    fine = np.zeros((33 * 15, 33 * 15))
    fine[tuple(int(16 * 15 + 7 + 15 * shift) for shift in where)] = 1
    point = gaussian_filter(fine, 15 * width).reshape(33, 15, 33, 15).sum(axis=(1, 3))
    marks, _ = find_spikes(background((33, 33)) + (20_000 * point / point.max()).astype(np.float32), 200)
    assert not marks.any()


def test_many_single_photons_are_light() -> None:
    rng = np.random.default_rng(1)
    plane = rng.normal(0, 0.01, (200, 200)) + (rng.random((200, 200)) < 2 * CROWD / AROUND**2)
    assert find_spikes(plane, 0.5)[0].sum() < 0.1 * (plane > 0.5).sum()


@pytest.mark.parametrize("plane", [np.zeros((40, 40)), np.full((40, 40), 7, np.uint8), np.ones((3, 3)), np.ones((1, 200))])
def test_where_nothing_scatters_nothing_is_found(plane: np.ndarray) -> None:
    plane = plane.copy()
    plane[0, 0] = 200
    marks, clean = find_spikes(plane, 10)
    assert not marks.any()
    np.testing.assert_array_equal(clean, plane)


def test_a_part_is_the_whole_cut() -> None:
    data = background((2, 1, 1, 120, 140)).astype(np.uint16)
    rng = np.random.default_rng(2)
    for t, y, x in zip(rng.integers(0, 2, 40), rng.integers(0, 120, 40), rng.integers(0, 140, 40)):
        data[t, 0, 0, y, x : x + int(rng.integers(1, 4))] = 60_000
    clean = without_spikes(ArrayPixels(data), [16.0])
    everything = clean.read(whole(clean.shape))
    assert (everything != data).sum() > 20
    assert everything.dtype == np.uint16
    for top, left in rng.integers(0, 100, (12, 2)):
        part = (slice(0, 2), slice(0, 1), slice(0, 1), slice(int(top), int(top) + 20), slice(int(left), int(left) + 17))
        np.testing.assert_array_equal(clean.read(part), everything[part])
