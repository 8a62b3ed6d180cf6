"""PSNR, SSIM, NRMSE are scikit-image's to the last digits that matter; MicroSSIM does what its paper says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from skimage.metrics import normalized_root_mse, peak_signal_noise_ratio, structural_similarity

from abbe.comparison import Undefined, micro_ssim, nrmse, psnr, ssim
from abbe.comparison.ssim import moments


@pytest.fixture(scope="module")
def pair() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = gaussian_filter(rng.random((90, 131)), 2) * 5000 + 100
    return truth + rng.normal(0, 30, truth.shape), truth


def test_ssim_is_scikit_images_with_either_window(pair: tuple[np.ndarray, np.ndarray]) -> None:
    noisy, truth = pair
    span = float(np.ptp(truth))
    uniform = structural_similarity(noisy, truth, data_range=span)
    gaussian = structural_similarity(noisy, truth, data_range=span, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
    assert ssim(noisy, truth, window="uniform") == pytest.approx(uniform, abs=1e-10)
    assert ssim(noisy, truth) == pytest.approx(gaussian, abs=1e-10)


def test_psnr_and_nrmse_are_scikit_images(pair: tuple[np.ndarray, np.ndarray]) -> None:
    noisy, truth = pair
    assert psnr(noisy, truth) == pytest.approx(peak_signal_noise_ratio(truth, noisy, data_range=float(np.ptp(truth))), abs=1e-9)
    assert nrmse(noisy, truth) == pytest.approx(normalized_root_mse(truth, noisy, normalization="min-max"), rel=1e-9)


@pytest.mark.parametrize(
    ("file", "key"), [("frc_a_400.tif", "metrics_gt_vs_frc_a_400"), ("psnr_scaled_400.tif", "metrics_gt_vs_psnr_scaled_400")]
)
def test_published_values_are_met(file: str, key: str, shared_data: Path) -> None:
    folder = shared_data / "quality"
    peer = json.loads((folder / "expected.json").read_text())["other"][key]
    image, truth = tifffile.imread(folder / file), tifffile.imread(folder / "psnr_gt_400.tif")
    assert psnr(image, truth) == pytest.approx(peer["psnr"], abs=1e-6)
    assert psnr(image, truth, affine=True) == pytest.approx(peer["psnr_normalize_minmse"], abs=1e-6)
    assert nrmse(image, truth) == pytest.approx(peer["nrmse_minmax"], rel=1e-6)
    assert ssim(image, truth, window="uniform") == pytest.approx(peer["ssim_uniform7"], abs=1e-6)
    assert ssim(image, truth) == pytest.approx(peer["ssim_gauss_wang"], abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(gain=st.floats(0.1, 10), offset=st.floats(-1000, 1000))
def test_psnr_after_the_fit_ignores_gain_and_offset(gain: float, offset: float) -> None:
    rng = np.random.default_rng(1)
    truth = rng.random((30, 30)) * 100
    noisy = truth + rng.normal(0, 5, truth.shape)
    assert psnr(gain * noisy + offset, truth, affine=True) == pytest.approx(psnr(noisy, truth, affine=True), abs=1e-6)


@settings(max_examples=10, deadline=None)
@given(gain=st.floats(0.3, 3), offset=st.floats(-500, 500))
def test_micro_ssim_ignores_gain_and_offset(gain: float, offset: float) -> None:
    rng = np.random.default_rng(2)
    truth = gaussian_filter(rng.random((50, 50)), 2) * 3000
    noisy = truth + rng.normal(0, 20, truth.shape)
    assert micro_ssim(gain * noisy + offset, truth) == pytest.approx(micro_ssim(noisy, truth), abs=2e-3)


def test_micro_ssim_sees_noise_that_ssim_on_a_large_offset_misses() -> None:
    rng = np.random.default_rng(3)
    truth = np.full((80, 80), 10_000.0)
    truth[30:50, 30:50] += 200
    noisy = truth + rng.normal(0, 100, truth.shape)
    plain, micro = ssim(noisy, truth, data_range=65_535), micro_ssim(noisy, truth)
    assert isinstance(plain, float)
    assert isinstance(micro, float)
    assert plain > 0.95
    assert micro < 0.7


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32])
def test_pixel_types_give_the_same_numbers(dtype: type) -> None:
    rng = np.random.default_rng(4)
    a, b = rng.integers(0, 250, (40, 40)), rng.integers(0, 250, (40, 40))
    for measure in (psnr, nrmse, ssim, micro_ssim):
        assert measure(a.astype(dtype), b.astype(dtype)) == pytest.approx(measure(a.astype(float), b.astype(float)), rel=1e-12)


def test_identical_images_have_no_psnr_but_ssim_one() -> None:
    plane = np.random.default_rng(5).random((20, 20))
    assert isinstance(psnr(plane, plane), Undefined)
    assert nrmse(plane, plane) == 0
    assert ssim(plane, plane) == pytest.approx(1, abs=1e-12)


def test_what_does_not_exist_says_why() -> None:
    flat, tiny = np.full((20, 20), 3.0), np.arange(36.0).reshape(6, 6)
    for number, word in (
        (psnr(flat, flat), "constant"),
        (ssim(flat, flat), "constant"),
        (ssim(tiny, tiny), "smaller than"),
        (micro_ssim(flat, flat), "constant"),
    ):
        assert isinstance(number, Undefined)
        assert word in number.reason
    assert f"{ssim(tiny, tiny):8.3f}" == "undefined"


@pytest.mark.parametrize("window", ["gaussian", "uniform"])
def test_moments_are_the_same_numbers_whatever_the_width(window: str) -> None:
    """Planes whose rows lie a multiple of 2048 bytes apart are filtered by strips, others in one."""
    x, y = np.random.default_rng(0).random((2, 60, 512))
    a, b = moments(x, y, window), moments(*(np.pad(p, ((0, 0), (0, 3)))[:, :512] for p in (x, y)), window)  # type: ignore[arg-type]
    for name in ("x", "y", "xx", "yy", "xy"):
        assert np.array_equal(getattr(a, name), getattr(b, name))
