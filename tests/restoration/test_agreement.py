"""A finer result agrees with its image at each spatial frequency, as seen through the lens again."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, zoom

import abbe
from abbe.errors import CancelledError
from abbe.image.pixels import ArrayPixels
from abbe.restoration.agreement import LEAST_FACTOR, MOST_FACTOR, USUAL_MOST, Agreement, Spectra, on_camera, usual
from abbe.restoration.tiles import Tile
from abbe.session.repeating import repeat
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
    (width,) = agreement.reach(result, (psf,), (1.0,), lambda: None)["agrees_at_fwhm_pixels"]
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
    seen = ArrayPixels(camera(fine, width).astype(np.float32)[None, None, None])
    spectra = Spectra()
    spectra.add(ArrayPixels(on_camera(fine, 3)[None, None, None]), seen, seen, (0, 0, 0))
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
@pytest.mark.parametrize("too_much", [1.2, 1.4])
def test_what_was_sharpened_too_much_comes_right(too_much: float, photons: float) -> None:
    """A result whose middle frequencies are as a wider lens would ask for."""
    fine = truth()
    soft = gaussian_filter(fine, 3.0)
    wrong = soft + (fine - soft) * too_much
    seen = camera(fine, 0.8)
    result, _ = agreed(wrong, seen, 0.8, camera(fine, 0.8, photons))
    part = gaussian_filter(result, 2.0), gaussian_filter(wrong, 2.0), gaussian_filter(fine, 2.0)  # what the camera still tells
    assert error(part[0], part[2]) < 0.5 * error(part[1], part[2])
    assert error(result, fine) < error(wrong, fine)


def test_what_a_wide_psf_would_ask_for_is_not_strengthened() -> None:
    fine = truth()
    soft = gaussian_filter(fine, 2.0)
    result, _ = agreed(soft, camera(fine, 0.9), 1.6)
    assert np.allclose(result, soft, atol=1e-6)


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


@pytest.mark.parametrize("nodata", [np.nan, 1e30, -1e30])
def test_a_pixel_that_is_no_measurement_spoils_no_others(nodata: float) -> None:
    counts = np.random.default_rng(3).poisson(200 * camera(truth(), 0.9)).astype(np.float32)
    counts[5, 5] = nodata
    result = np.squeeze(np.asarray(abbe.enhance(counts, steps=("denoise", "super_resolve"), psf="2.1px")))
    assert np.isfinite(result[200:, 200:]).all()


def test_a_small_cell_in_an_empty_field_agrees_as_it_does_alone() -> None:
    fine = truth(384)
    cell, raw = camera(fine, 0.9), camera(fine, 0.9, 300)
    field, noisy, made = np.zeros((700, 700)), np.random.default_rng(5).normal(0, 0.02, (700, 700)), np.zeros((2100, 2100))
    field[300:428, 300:428], noisy[300:428, 300:428], made[900:1284, 900:1284] = cell, raw, fine
    assert agreed(fine, cell, None, raw)[1] is not None
    width = agreed(made, field, None, noisy)[1]
    assert width is not None
    assert width == pytest.approx(0.9 * FWHM, rel=0.15)


def test_noise_that_was_not_denoised_before_is_left_as_the_network_gives_it() -> None:
    """Nobody can tell then what of the image is noise."""
    noise = np.random.default_rng(1).poisson(100, (120, 120)).astype(np.uint16)
    known = abbe.enhance(noise, steps="super_resolve", psf="4px").recipe
    assert known is not None
    assert "agrees_at_fwhm_pixels" not in known.steps[0].parameters


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 3), (3, 700), (129, 64), (700, 130)])
def test_any_size(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(2)
    made, seen, raw = (rng.normal(10, 1, s) for s in ((3 * shape[0], 3 * shape[1]), shape, shape))
    result, _ = agreed(made, seen, 1.2, raw)
    assert result.shape == made.shape
    assert result.mean() == pytest.approx(made.mean(), rel=1e-5)
    assert np.isfinite(result).all()


@pytest.mark.parametrize("rows", [16, 40, 10_000])
def test_bands_make_no_seam(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    fine = gaussian_filter(truth(), 0.7)
    seen = camera(truth(), 0.9)
    monkeypatch.setattr("abbe.restoration.agreement.BAND", rows * seen.shape[1])
    assert np.allclose(agreed(fine, seen, 0.9)[0], WHOLE.setdefault(0, agreed(fine, seen, 0.9)[0]), atol=1e-4)


#: the first of the results that are compared
WHOLE: dict[int, np.ndarray] = {}


# ------------------------------------------------------------------------------------------------ in a run
def frames(count: int) -> abbe.Image:
    rng = np.random.default_rng(6)
    light = np.stack([camera(truth(288, seed), 1.0) for seed in range(2, 2 + count)])
    return abbe.Image.from_array(rng.poisson(200 * light).astype(np.uint16), axes="TYX")


def test_the_recipe_says_at_which_width_each_channel_agrees() -> None:
    image = abbe.Image.from_array(np.asarray(frames(2))[:, 0, 0], axes="CYX")
    known = abbe.enhance(image, steps=("denoise", "super_resolve"), psf="2.2px,-").recipe
    assert known is not None
    first, second = known.steps[1].parameters["agrees_at_fwhm_pixels"]
    assert first == 2.2
    assert second is not None
    assert second != 2.2


def test_all_frames_of_a_channel_agree_at_one_width_and_a_bright_one_decides_little() -> None:
    image = frames(3)
    made = [
        np.asarray(abbe.enhance(one, steps=("denoise", "super_resolve"), psf="2.4px"))
        for one in (image, image.replace(pixels=bright(image)))
    ]
    assert np.abs(made[0][0] - made[1][0]).max() < 0.2 * made[0][0].std()
    alone = np.asarray(abbe.enhance(np.asarray(image)[0, 0, 0], steps=("denoise", "super_resolve"), psf="2.4px"))
    assert not np.array_equal(alone[0], made[0][0])  # its own curve differs from that of all


def bright(image: abbe.Image) -> ArrayPixels:
    pixels = np.asarray(image).copy()
    pixels[2] *= 50
    return ArrayPixels(pixels)


def test_repeating_a_run_agrees_alike() -> None:
    image = frames(1)
    made = abbe.enhance(image, steps=("denoise", "super_resolve"))
    assert made.recipe is not None
    assert made.recipe.steps[1].parameters["agrees_at_fwhm_pixels"] != [None]
    assert np.array_equal(np.asarray(repeat(made.recipe, image)), np.asarray(made))


def test_a_run_can_be_stopped_while_it_is_made_to_agree() -> None:
    agreement = Agreement((1, 1, 1, 192, 192), 3)
    whole = Tile(np.arange(192), np.arange(192), slice(0, 192), slice(0, 192), 0, 0)
    fine = truth()
    seen = camera(fine, 0.9).astype(np.float32)
    agreement.add((0, 0, 0), whole, fine.astype(np.float32), seen, seen)
    agreement.end((0, 0, 0))

    def stop() -> None:
        raise CancelledError("stopped")

    with pytest.raises(CancelledError):
        agreement.reach(ArrayPixels(fine.astype(np.float32)[None, None, None]), (0.9,), (1.0,), stop)
