"""What the shipped weights do when they are told how wide the lens's point-spread function is."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import abbe
from abbe.simulation import specimen
from abbe.simulation.pairs import bin3

FWHM = 2.3548


def specimens(width: float, photons: float = 300) -> tuple[np.ndarray, np.ndarray]:
    """(truth, 3 times finer; what a camera sees of it through a Gaussian PSF of `width` pixels): filaments and vesicles."""
    rng = np.random.default_rng(8)
    truth = np.concatenate([specimen(np.random.default_rng(seed), 288) for seed in (2, 5)], axis=1).astype(np.float64)
    seen = bin3(gaussian_filter(truth, 3 * width))
    return truth, (rng.poisson(np.maximum(seen, 0) * photons) * 2 + rng.normal(100, 3, seen.shape)).clip(0, 65535).astype(np.uint16)


def psnr(result: abbe.Image, truth: np.ndarray) -> float:
    found = np.squeeze(np.asarray(result)).astype(np.float64)
    gain, offset = np.polyfit(found.ravel(), truth.ravel(), 1)
    return float(10 * np.log10(np.ptp(truth) ** 2 / np.mean((gain * found + offset - truth) ** 2)))


@pytest.mark.parametrize(("width", "gain"), [(0.6, 0.2), (1.4, 0.03)])
def test_the_true_width_brings_the_result_nearer_to_the_truth(width: float, gain: float) -> None:
    """Than no width, and than one that is half as wide again, or two thirds as wide, in one pass: a mean hides some of the difference."""
    truth, seen = specimens(width)
    blind, true, wide, narrow = (
        psnr(abbe.enhance(seen, psf=psf, passes=1), truth)
        for psf in ("unknown", *(f"{FWHM * width * factor:.3f}px" for factor in (1, 1.5, 1 / 1.5)))
    )
    assert true > blind + gain
    assert true > wide + 0.2
    assert true > narrow + 0.1


def test_brightness_is_kept_whatever_is_told() -> None:
    _, seen = specimens(1.0)
    above = float(seen.mean()) - 100
    for psf in ("1.2px", "2.4px", "5px"):
        result = abbe.enhance(seen, steps=("denoise", "super_resolve"), psf=psf)
        assert float(np.asarray(result).mean()) - 100 == pytest.approx(above, rel=0.01)
