"""Point-spread functions have the widths and energies that theory gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abbe.errors import ParameterError
from abbe.optics import airy_fwhm, confocal_psf, gaussian_sigma, pupil_psf, widefield_psf
from abbe.optics.blur import convolve, gaussian_transfer, random_transfer, transfer
from abbe.optics.psf import FWHM, zernike_phase


def width_at_half(profile: np.ndarray, step: float) -> float:
    """Full width at half maximum of a peaked profile, linearly interpolated, in the unit of `step`."""
    profile = profile / profile.max()
    above = np.flatnonzero(profile >= 0.5)
    left, right = above[0], above[-1]
    a = left - (profile[left] - 0.5) / (profile[left] - profile[left - 1])
    b = right + (profile[right] - 0.5) / (profile[right] - profile[right + 1])
    return float((b - a) * step)


@pytest.mark.parametrize(("aperture", "wavelength"), [(0.5, 0.52), (0.95, 0.6), (1.2, 0.5)])
def test_an_in_focus_psf_is_as_wide_as_the_formula_says(aperture: float, wavelength: float) -> None:
    pixel = 0.02
    psf = np.fft.fftshift(pupil_psf((512, 512), aperture / wavelength * pixel))
    assert width_at_half(psf[256], pixel) == pytest.approx(airy_fwhm(wavelength, aperture), rel=0.03)
    assert FWHM * gaussian_sigma(wavelength, aperture) == pytest.approx(airy_fwhm(wavelength, aperture), rel=0.05)


@given(st.floats(0.03, 0.4), st.floats(-1, 1), st.floats(-1, 1))
@settings(max_examples=25, deadline=None)
def test_aberrations_move_light_but_make_none(cutoff: float, coma: float, spherical: float) -> None:
    psf = pupil_psf((64, 64), cutoff, zernike_phase((64, 64), cutoff, {"coma_x": coma, "spherical": spherical}))
    assert psf.min() >= 0
    assert psf.sum() == pytest.approx(1, abs=1e-4)


def test_nothing_passes_beyond_abbes_limit() -> None:
    cutoff = 0.1
    otf = np.abs(np.fft.fft2(pupil_psf((256, 256), cutoff)))
    f = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256)[None])
    assert otf[f > 2 * cutoff + 0.01].max() < 1e-3
    assert otf[f < cutoff].min() > 0.1


def test_defocus_widens_a_widefield_psf_and_keeps_its_energy() -> None:
    psf = widefield_psf((11, 128, 128), (0.2, 0.1), 0.52, 1.2)
    assert psf.sum(axis=(1, 2)) == pytest.approx(np.full(11, 1 / 11), abs=1e-4)
    peak = psf[:, 0, 0]
    assert np.argmax(peak) == 5
    assert peak[5] > 5 * peak[0]
    np.testing.assert_allclose(peak, peak[::-1], rtol=1e-3)


def test_a_pinhole_sharpens_along_z() -> None:
    wide = widefield_psf((21, 64, 64), (0.1, 0.08), 0.52, 1.2)
    confocal = confocal_psf((21, 64, 64), (0.1, 0.08), 0.488, 0.52, 1.2, pinhole=1.0)
    share = lambda p: p[8:13].sum() / p.sum()  # noqa: E731
    assert share(confocal) > 1.5 * share(wide)


def test_an_impossible_lens_is_refused() -> None:
    with pytest.raises(ParameterError, match="sample the PSF more finely"):
        pupil_psf((32, 32), 0.7)
    with pytest.raises(ParameterError, match="refractive index"):
        widefield_psf((3, 32, 32), (0.2, 0.1), 0.52, 1.6)
    with pytest.raises(ParameterError, match="aberrations among"):
        zernike_phase((8, 8), 0.2, {"vertigo": 1.0})


@given(st.integers(0, 10_000), st.floats(0.4, 3))
@settings(max_examples=30, deadline=None)
def test_any_simulated_microscope_keeps_the_light(seed: int, sigma: float) -> None:
    rng = np.random.default_rng(seed)
    plane = rng.random((96, 96)).astype(np.float32)
    seen = convolve(plane, random_transfer(rng, plane.shape, sigma))
    assert seen.mean() == pytest.approx(plane.mean(), rel=1e-3)
    assert seen.std() < plane.std()


def test_a_gaussian_transfer_is_the_transform_of_a_gaussian() -> None:
    sigma, n = 2.0, 64
    d = np.minimum(np.arange(n), n - np.arange(n))
    kernel = np.exp(-(d[:, None] ** 2 + d[None] ** 2) / (2 * sigma**2))
    np.testing.assert_allclose(gaussian_transfer((n, n), sigma), np.abs(transfer(kernel / kernel.sum())), atol=1e-4)
