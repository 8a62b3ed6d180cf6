"""What the shipped weights do when they are told how wide the lens's point-spread function is."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import abbe
from abbe.simulation import specimen
from abbe.simulation.pairs import bin3

FWHM = 2.3548


def specimens(width: float, kinds: tuple[str, ...] = ("filaments", "vesicles"), photons: float = 300) -> tuple[np.ndarray, np.ndarray]:
    """(truth, 3 times finer; what a camera sees of it through a Gaussian PSF of `width` pixels), of these kinds side by side."""
    rng = np.random.default_rng(8)
    truth = np.concatenate([specimen(np.random.default_rng(2 + k), 288, kind) for k, kind in enumerate(kinds)], axis=1).astype(np.float64)
    seen = bin3(gaussian_filter(truth, 3 * width))
    return truth, (rng.poisson(np.maximum(seen, 0) * photons) * 2 + rng.normal(100, 3, seen.shape)).clip(0, 65535).astype(np.uint16)


def psnr(result: abbe.Image, truth: np.ndarray) -> float:
    found = np.squeeze(np.asarray(result)).astype(np.float64)
    gain, offset = np.polyfit(found.ravel(), truth.ravel(), 1)
    return float(10 * np.log10(np.ptp(truth) ** 2 / np.mean((gain * found + offset - truth) ** 2)))


@pytest.mark.parametrize(("width", "kinds", "gain"), [(0.6, ("filaments", "vesicles"), 0.2), (1.4, ("tissue", "tissue"), 0.03)])
def test_the_true_width_brings_the_result_nearer_to_the_truth(width: float, kinds: tuple[str, ...], gain: float) -> None:
    """Than no width, and than one that is half as wide again, or two thirds as wide, in one pass: a mean hides some of the difference."""
    blind, true, wide, narrow = told(width, kinds)
    assert true > blind + gain
    assert true > wide + 0.2
    assert true > narrow + 0.1


def test_of_a_fine_specimen_under_a_wide_lens_the_true_width_tells_most_of_what_there_is_to_gain() -> None:
    """Filaments under a PSF of 1.4 pixels come out softer than they are; one that is too wide would sharpen them further still."""
    blind, true, wide, narrow = told(1.4, ("filaments", "vesicles"))
    assert true > blind + 0.5
    assert true > narrow + 0.5
    assert true - blind > 0.5 * (wide - blind)


def told(width: float, kinds: tuple[str, ...]) -> list[float]:
    """PSNR where nothing, the true width, half as much again and two thirds of it are told."""
    truth, seen = specimens(width, kinds)
    widths = (f"{FWHM * width * factor:.3f}px" for factor in (1, 1.5, 1 / 1.5))
    return [psnr(abbe.enhance(seen, psf=psf, passes=1), truth) for psf in ("unknown", *widths)]


def test_brightness_is_kept_whatever_is_told() -> None:
    _, seen = specimens(1.0)
    above = float(seen.mean()) - 100
    for psf in ("1.2px", "2.4px", "5px"):
        result = abbe.enhance(seen, steps=("denoise", "super_resolve"), psf=psf)
        assert float(np.asarray(result).mean()) - 100 == pytest.approx(above, rel=0.01)
