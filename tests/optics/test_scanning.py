"""Scanning and structured light are as sharp as theory says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abbe.errors import ParameterError
from abbe.optics import (
    Lens,
    Mounting,
    confocal_psf,
    doughnut,
    pupil_psf,
    scanned_psf,
    sim_transfer,
    sted_psf,
    two_photon_psf,
    vectorial_psf,
)
from abbe.optics.scanning import pinhole_radius, through_pinhole

PIXEL = 0.02


def width(plane: np.ndarray) -> float:
    """Full width at half maximum along x of a plane whose peak is at [0, 0], um."""
    profile = plane[0, : plane.shape[1] // 2] / plane[0, 0]
    k = int(np.argmax(profile < 0.5))
    return 2 * PIXEL * (k - 1 + (profile[k - 1] - 0.5) / (profile[k - 1] - profile[k]))


def beam(wavelength: float, aperture: float, n: int = 128) -> np.ndarray:
    return pupil_psf((n, n), aperture / wavelength * PIXEL)[None]


def test_a_closed_pinhole_sharpens_by_the_product_of_beam_and_detection() -> None:
    light = beam(0.5, 1.2)
    closed = scanned_psf(light, light, 1e-3)
    np.testing.assert_allclose(closed, (light.astype(np.float64) ** 2 / (light.astype(np.float64) ** 2).sum()), rtol=1e-3, atol=1e-9)
    assert width(light[0]) / width(closed[0]) == pytest.approx(np.sqrt(2), rel=0.03)


def test_an_open_pinhole_leaves_the_beam() -> None:
    light = beam(0.5, 1.2)
    assert width(scanned_psf(light, light, pinhole_radius(4, 0.5, 1.2, PIXEL))[0]) == pytest.approx(width(light[0]), rel=0.03)


@given(st.floats(0.2, 3))
@settings(max_examples=10, deadline=None)
def test_a_pinhole_passes_light_by_its_area_and_makes_none(airy: float) -> None:
    light = beam(0.5, 1.2)
    assert through_pinhole(light, pinhole_radius(airy, 0.5, 1.2, PIXEL)).sum() == pytest.approx(light.sum(), rel=1e-4)


def test_confocal_width_grows_with_the_pinhole() -> None:
    widths = [width(confocal_psf((1, 128, 128), (0.1, PIXEL), 0.488, 0.52, 1.2, pinhole=p)[0]) for p in (0.1, 0.5, 1, 2)]
    assert widths == sorted(widths)
    assert widths[-1] > 1.2 * widths[0]


def test_any_beam_may_be_scanned_with_any_detector() -> None:
    water = Mounting.matched(1.33)
    lit, seen = (vectorial_psf((5, 48, 48), (0.2, 0.05), Lens(1.1, w, water)) for w in (0.488, 0.52))
    assert scanned_psf(lit, seen, pinhole_radius(1, 0.52, 1.1, 0.05)).sum() == pytest.approx(1, abs=1e-5)
    assert two_photon_psf(lit)[2, 0, 0] > lit[2, 0, 0]
    with pytest.raises(ParameterError, match="on one grid"):
        scanned_psf(lit, seen[:, :24, :24], 2)


@pytest.mark.parametrize("saturation", [2, 10, 40])
def test_depletion_narrows_as_one_over_the_root_of_saturation(saturation: float) -> None:
    """Of a Gaussian spot of width w with exp(-ln 2 s (a r)^2) left: 1 / sqrt(1 / w^2 + s a^2 / 4)."""
    confocal, dark = beam(0.488, 1.4)[0].astype(float), doughnut((128, 128), 1.4 / 0.6 * PIXEL)
    r = np.arange(1, 4) * PIXEL
    steep = float(np.mean(dark[0, 1:4] / r**2))  # near the centre a doughnut is a parabola
    expected = 1 / np.sqrt(1 / width(confocal) ** 2 + saturation * steep / 4)
    assert dark[0, 0] < 1e-6
    assert dark.max() == 1
    assert width(sted_psf(confocal, dark, saturation)) == pytest.approx(expected, rel=0.1)


def test_without_depletion_sted_is_confocal() -> None:
    confocal = beam(0.488, 1.4)[0]
    np.testing.assert_allclose(sted_psf(confocal, doughnut((128, 128), 0.05), 0), confocal, rtol=1e-5)
    with pytest.raises(ParameterError, match="saturation"):
        sted_psf(confocal, confocal, -1)


def test_structured_light_doubles_the_resolution_and_rings_little() -> None:
    cutoff, n = 1.2 / 0.5 * PIXEL, 256
    wide, sim = sim_transfer((n, n), cutoff, 0.0), sim_transfer((n, n), cutoff, 1.0)
    f = np.hypot(np.fft.fftfreq(n)[:, None], np.fft.rfftfreq(n)[None])
    assert not wide[f > 2 * cutoff + 1e-9].any()
    assert sim[(f > 2.2 * cutoff) & (f < 3.8 * cutoff)].min() > 0
    assert not sim[f > 4 * cutoff + 1e-9].any()
    assert sim[0, 0] == 1
    psfs = [np.fft.irfft2(otf, (n, n)) for otf in (wide, sim)]
    assert width(psfs[0]) / width(psfs[1]) == pytest.approx(2, rel=0.02)
    assert psfs[1].min() > -0.03 * psfs[1].max()
    with pytest.raises(ParameterError, match="pattern"):
        sim_transfer((n, n), cutoff, 1.5)
