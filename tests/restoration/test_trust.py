"""The map of trust: what is shown against how wrong it may be."""

import numpy as np
import pytest

from abbe.image.pixels import Array, ArrayPixels
from abbe.restoration.trust import TrustPixels

WHOLE = (slice(0, 1), slice(0, 1), slice(0, 1), slice(0, 64), slice(0, 64))


def trust(estimate: Array, spread: Array, noise: float = 2.0, factor: float = 1.0) -> Array:
    planes = (ArrayPixels(np.asarray(a, np.float32)[None, None, None]) for a in (estimate, spread))
    return TrustPixels(*planes, np.array([noise]), factor).read(WHOLE)[0, 0, 0]


def stripes(contrast: float) -> Array:
    return 500 + contrast * np.sin(np.arange(64) * np.pi / 2.5) * np.ones((64, 1))


def test_structure_is_trusted_as_far_as_it_stands_out_of_its_error() -> None:
    error = np.full((64, 64), 20.0)
    bright, faint = trust(stripes(200), error)[8:-8, 8:-8], trust(stripes(10), error)[8:-8, 8:-8]
    assert bright.min() > 0.95
    assert faint.max() < 0.2


def test_where_nothing_is_shown_the_noise_of_the_input_is_the_measure() -> None:
    even = np.full((64, 64), 500.0)
    assert trust(even, np.full((64, 64), 0.2)) == pytest.approx(1 / 1.01)
    assert trust(even, np.full((64, 64), 2.0)) == pytest.approx(0.5)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_the_error_is_what_the_interval_says(factor: float) -> None:
    even = np.full((64, 64), 500.0)
    assert trust(even, np.full((64, 64), 2 / factor), factor=factor) == pytest.approx(0.5)


def test_brightness_alone_changes_nothing() -> None:
    error = np.full((64, 64), 20.0)
    assert trust(stripes(30) + 30_000, error) == pytest.approx(trust(stripes(30), error), rel=1e-3)


@pytest.mark.parametrize("scale", [1, 3])
def test_parts_are_those_of_the_whole(scale: int) -> None:
    rng = np.random.default_rng(3)
    estimate, spread = (ArrayPixels(rng.random((1, 1, 1, 64 * scale, 64 * scale), dtype=np.float32)) for _ in range(2))
    pixels = TrustPixels(estimate, spread, np.array([0.1]), 1.0, scale)
    part = (slice(0, 1), slice(0, 1), slice(0, 1), slice(10, 30), slice(0, 64))
    assert pixels.shape == (1, 1, 1, 64, 64)
    assert pixels.read(part) == pytest.approx(pixels.read(WHOLE)[..., 10:30, :], abs=1e-6)


def test_finer_pixels_are_seen_whole() -> None:
    """Structure within input pixels counts: stripes of three finer ones are even on the input's."""
    fine = np.tile([500.0, 530.0, 560.0], (192, 64))
    planes = (ArrayPixels(np.asarray(a, np.float32)[None, None, None]) for a in (fine, np.full_like(fine, np.std([500, 530, 560]))))
    assert TrustPixels(*planes, np.array([0.01]), 1.0, 3).read(WHOLE) == pytest.approx(0.5, abs=1e-3)
