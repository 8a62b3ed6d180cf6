"""A finer result agrees with its image at each spatial frequency, as seen through the lens again."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, zoom

import abbe
from abbe.image.pixels import ArrayPixels
from abbe.restoration.agreement import LEAST_FACTOR, MOST_FACTOR, USUAL_MOST, Agreement, Spectra, on_camera, usual
from abbe.restoration.tiles import Tile
from abbe.simulation import specimen
from abbe.simulation.pairs import bin3

FWHM = 2.3548


def truth(side: int = 576, seed: int = 2) -> np.ndarray:
    return np.asarray(specimen(np.random.default_rng(seed), side), np.float64)


def camera(fine: np.ndarray, width: float, photons: float = 0.0) -> np.ndarray:
    seen = np.maximum(bin3(gaussian_filter(fine, 3 * width)), 0)
    return np.random.default_rng(4).poisson(seen * photons) / photons if photons else seen


def agreed(made: np.ndarray, seen: np.ndarray, psf: float | None, raw: np.ndarray | None = None) -> tuple[np.ndarray, float | None]:
    """`made`, (3 H, 3 W), after agreement with `seen`, and the width that was taken."""
    h, w = seen.shape
    agreement = Agreement((1, 1, 1, h, w), 3)
    whole = Tile(np.arange(h), np.arange(w), slice(0, h), slice(0, w), 0, 0)
    agreement.add((0, 0, 0), whole, made.astype(np.float32), seen.astype(np.float32), (seen if raw is None else raw).astype(np.float32))
    agreement.end((0, 0, 0))
    result = ArrayPixels(made.astype(np.float32)[None, None, None].copy())
    (width,) = agreement.reach(result, (psf,), (1.0,))["agrees_at_fwhm_pixels"]
    return result.array[0, 0, 0].astype(np.float64), width


def error(a: np.ndarray, b: np.ndarray) -> float:
    inner = (slice(30, -30), slice(30, -30))
    return float(np.sqrt(np.mean((a - b)[inner] ** 2)) / b[inner].std())


def rings(a: np.ndarray) -> np.ndarray:
    """Power per ring of frequencies."""
    side = a.shape[0]
    power = np.abs(np.fft.fft2((a - a.mean()) * np.hanning(side)[:, None] * np.hanning(side))) ** 2
    distance = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side))) * side
    return np.bincount(distance.astype(int).ravel(), power.ravel())[: side // 2]


# ------------------------------------------------------------------------------------------------ to the camera's pixels
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (2, 3), (33, 20)])
def test_what_is_even_stays_even_on_the_cameras_pixels(shape: tuple[int, int]) -> None:
    fine = np.full((3 * shape[0], 3 * shape[1]), 7.0, np.float32)
    assert np.allclose(on_camera(fine, 3), np.full(shape, 7.0), rtol=1e-6)


def test_each_camera_pixel_is_the_softened_result_at_its_middle() -> None:
    fine = np.random.default_rng(0).normal(size=(60, 45)).astype(np.float32)
    assert np.allclose(on_camera(fine, 3), gaussian_filter(fine, 1.6, mode="mirror", radius=5)[1::3, 1::3], atol=1e-6)


# ------------------------------------------------------------------------------------------------ the width
@pytest.mark.parametrize("width", [0.55, 0.8, 1.1, 1.6])
def test_the_width_of_a_perfect_result_is_the_lens_s(width: float) -> None:
    fine = truth()
    seen = camera(fine, width).astype(np.float32)
    spectra = Spectra()
    spectra.add(on_camera(fine, 3), seen, seen)
    assert spectra.width(3) == pytest.approx(width, rel=0.04)


def test_a_width_that_nobody_knows_is_doubted_where_it_is_wide() -> None:
    assert usual(0.6) == 0.6
    assert usual(USUAL_MOST) == pytest.approx(USUAL_MOST)
    assert USUAL_MOST < usual(1.5) < 1.5


# ------------------------------------------------------------------------------------------------ what is changed
def test_a_perfect_result_stays() -> None:
    fine = truth()
    result, width = agreed(fine, camera(fine, 0.9), 0.9)
    assert width == pytest.approx(0.9 * FWHM, abs=1e-3)
    assert error(result, fine) < 0.03


@pytest.mark.parametrize("photons", [0.0, 400.0])
@pytest.mark.parametrize("too_much", [0.7, 1.4])
def test_what_was_sharpened_too_much_or_too_little_comes_right(too_much: float, photons: float) -> None:
    """A result whose middle frequencies are as a narrower or wider lens would ask for."""
    fine = truth()
    soft = gaussian_filter(fine, 3.0)
    wrong = soft + (fine - soft) * too_much
    seen = camera(fine, 0.8)
    result, _ = agreed(wrong, seen, 0.8, camera(fine, 0.8, photons))
    part = gaussian_filter(result, 2.0), gaussian_filter(wrong, 2.0), gaussian_filter(fine, 2.0)  # what the camera still tells
    assert error(part[0], part[2]) < 0.5 * error(part[1], part[2])
    assert error(result, fine) < error(wrong, fine)


def test_no_light_is_made_or_lost_and_no_frequency_changes_beyond_the_bounds() -> None:
    fine = truth()
    for psf in (0.4, 4.0):
        result, _ = agreed(fine, camera(fine, 0.9), psf)
        assert result.mean() == pytest.approx(fine.mean(), rel=1e-5)
        before, after = rings(fine), rings(result)
        below = slice(1, len(before) // 6)  # what the camera holds, but for its highest frequencies
        assert np.sqrt(after / before)[below].min() > 0.95 * LEAST_FACTOR
        assert np.sqrt(after / before)[below].max() < 1.05 * MOST_FACTOR


def test_what_was_made_of_noise_is_not_made_more_of() -> None:
    raw = np.random.default_rng(1).normal(size=(180, 180))
    denoised = 0.05 * gaussian_filter(raw, 3)
    made = zoom(denoised, 3, order=3, grid_mode=True, mode="nearest")
    for psf in (1.2, None):
        result, width = agreed(made, denoised, psf, raw)
        assert width is None
        assert np.array_equal(result, made.astype(np.float32))


def test_a_bright_object_decides_little_elsewhere() -> None:
    fine = truth(1152)
    wrong = gaussian_filter(fine, 0.7)
    bright = fine.copy()
    bright[40:90, 40:90] += 50 * fine.max()
    one, two = (agreed(gaussian_filter(a, 0.7), camera(a, 0.9), 0.9)[0][400:, 400:] for a in (fine, bright))
    assert np.percentile(abs(one - two), 99.9) < 0.05 * wrong.std()


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 3), (3, 700), (129, 64)])
def test_any_size(shape: tuple[int, int]) -> None:
    counts = np.random.default_rng(2).poisson(60, shape).astype(np.uint16)
    result = np.asarray(abbe.enhance(counts, psf="2.5px"))
    assert result.shape[3:] == (3 * shape[0], 3 * shape[1])
    assert np.isfinite(result).all()


# ------------------------------------------------------------------------------------------------ in a run
def test_the_recipe_says_at_which_width_each_channel_agrees() -> None:
    rng = np.random.default_rng(6)
    seen = np.stack([camera(truth(288, seed), 1.0) for seed in (2, 5)])
    image = abbe.Image.from_array(rng.poisson(200 * seen).astype(np.uint16), axes="CYX")
    known = abbe.enhance(image, steps="super_resolve", psf="2.2px,-").recipe
    assert known is not None
    first, second = known.steps[0].parameters["agrees_at_fwhm_pixels"]
    assert first == 2.2
    assert second is None or 0.9 < second < 9.5


def test_all_planes_of_a_channel_agree_at_one_width() -> None:
    rng = np.random.default_rng(6)
    frames = np.stack([camera(truth(192, seed), 1.0) for seed in (2, 5, 7)])
    image = abbe.Image.from_array(rng.poisson(200 * frames).astype(np.uint16), axes="TYX")
    result = abbe.enhance(image, steps="super_resolve")
    assert result.recipe is not None
    assert len(result.recipe.steps[0].parameters["agrees_at_fwhm_pixels"]) == 1
