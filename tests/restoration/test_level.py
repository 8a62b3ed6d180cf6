"""The mean of an image is kept, and kept where it was."""

from __future__ import annotations

import numpy as np
import pytest

from abbe.image.pixels import ArrayPixels, whole
from abbe.restoration import level
from abbe.restoration.level import CELL, LevelGrid, LevelledPixels


def levelled(given: np.ndarray, made: np.ndarray, scale: int, tile: int = 50) -> np.ndarray:
    """`made` with the level of `given`, gathered in tiles."""
    grid = LevelGrid(*given.shape, scale)
    for top in range(0, given.shape[0], tile):
        for left in range(0, given.shape[1], tile):
            part = given[top : top + tile, left : left + tile]
            grid.add(part, made[top * scale : (top + tile) * scale, left * scale : (left + tile) * scale], top, left)
    pixels = LevelledPixels(ArrayPixels(made[None, None, None].astype(np.float32)), grid.surface()[None, None, None], CELL * scale)
    return pixels.read(whole(pixels.shape))[0, 0, 0]


@pytest.mark.parametrize("scale", [1, 3])
@pytest.mark.parametrize("shape", [(1, 1), (7, 40), (96, 64), (131, 203)])
def test_the_mean_is_kept_at_any_size(shape: tuple[int, int], scale: int) -> None:
    rng = np.random.default_rng(0)
    given = rng.random(shape) * 100
    made = rng.random((shape[0] * scale, shape[1] * scale)) * 80 + 30
    assert levelled(given, made, scale).mean() == pytest.approx(given.mean(), rel=1e-5)


def test_light_lost_in_one_corner_comes_back_in_that_corner() -> None:
    given = np.full((256, 256), 10.0)
    made = given.copy()
    made[:64, :64] -= 4
    result = levelled(given, made, 1)
    assert result[:32, :32].mean() == pytest.approx(10, abs=0.5)
    assert result[150:, 150:] == pytest.approx(np.full((106, 106), 10.0), abs=0.02)


def test_it_does_not_matter_how_the_plane_was_tiled() -> None:
    rng = np.random.default_rng(1)
    given, made = rng.random((150, 170)), rng.random((150, 170))
    np.testing.assert_allclose(levelled(given, made, 1, tile=50), levelled(given, made, 1, tile=170), atol=1e-6)


def test_a_part_of_the_surface_is_the_whole_cut() -> None:
    rng = np.random.default_rng(2)
    pixels = LevelledPixels(ArrayPixels(np.zeros((1, 1, 1, 100, 90), np.float32)), rng.random((1, 1, 1, 4, 3)), CELL)
    region = (slice(0, 1), slice(0, 1), slice(0, 1), slice(20, 70), slice(33, 60))
    np.testing.assert_array_equal(pixels.read(region), pixels.read(whole(pixels.shape))[region])


@pytest.mark.parametrize(("height", "width", "cell"), [(384, 384, 96), (40, 3000, 32), (700, 131, 96), (5, 7, 32), (96, 96, 96)])
def test_a_surface_is_the_product_of_all_cells_with_all_weights(height: int, width: int, cell: int) -> None:
    """It is computed by parts, each from the few cells that it lies between."""
    cells = (-(-height // cell), -(-width // cell))
    surfaces = np.random.default_rng(0).normal(0, 100, (2, 1, 2, *cells))
    flat = LevelledPixels(ArrayPixels(np.zeros((2, 1, 2, height, width), np.float32)), surfaces, cell)
    y, x = (level._taps(np.arange(n), k, cell) for n, k in zip((height, width), cells))
    expected = (y @ surfaces @ x.T).astype(np.float32)
    assert np.array_equal(flat.read(whole(flat.shape)), expected)
    some = (slice(1, 2), slice(0, 1), slice(0, 2), slice(height // 3, height - 1), slice(width // 2, width))
    assert np.array_equal(flat.read(some), expected[some])
