"""Point-spread functions through cover glass, immersion and specimen: against formulas, and against another program."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import j1

from abbe.errors import ParameterError
from abbe.optics import Lens, Mounting, airy_fwhm, gibson_lanni, gibson_lanni_psf, vectorial, vectorial_psf, widefield_psf

OIL = Mounting.matched(1.515)
MODELS = {"scalar": gibson_lanni_psf, "vectorial": vectorial_psf}


def test_in_focus_the_scalar_psf_is_airys_pattern() -> None:
    lens = Lens(0.6, 0.5, OIL)
    radii = np.linspace(0.01, 2, 200)
    v = lens.wavenumber * 0.6 * radii
    np.testing.assert_allclose(gibson_lanni.intensity(lens, radii, np.zeros(1))[0], (2 * j1(v) / v) ** 2, atol=2e-5)


@pytest.mark.parametrize("aperture", [0.3, 0.6])
def test_along_the_axis_a_low_aperture_has_the_sinc_of_the_formula(aperture: float) -> None:
    lens = Lens(aperture, 0.5, Mounting.matched(1.33))
    z = np.linspace(-8, 8, 81)
    # the path between the middle and the edge of the pupil, in periods; paraxially z NA^2 / (2 n wavelength)
    periods = z * (1.33 - np.sqrt(1.33**2 - aperture**2)) / 0.5
    np.testing.assert_allclose(gibson_lanni.intensity(lens, np.zeros(1), z)[:, 0], np.sinc(periods) ** 2, atol=0.01)


@given(st.floats(0.2, 1.0), st.floats(0.45, 0.7))
@settings(max_examples=8, deadline=None)
def test_width_follows_wavelength_over_aperture(aperture: float, wavelength: float) -> None:
    lens = Lens(aperture, wavelength, OIL)
    radii = np.linspace(0, 1.2 * wavelength / aperture, 400)
    for model, tolerance in ((gibson_lanni, 0.002), (vectorial, 0.1)):
        profile = model.intensity(lens, radii, np.zeros(1))[0]
        falling = slice(int(np.argmax(profile < 0.3 * profile[0])))
        fwhm = 2 * float(np.interp(-0.5 * profile[0], -profile[falling], radii[falling]))
        assert fwhm == pytest.approx(airy_fwhm(wavelength, aperture), rel=tolerance)


@pytest.mark.parametrize("model", MODELS)
def test_light_is_spread_by_defocus_and_none_is_lost(model: str) -> None:
    psf = MODELS[model]((9, 128, 128), (0.25, 0.06), Lens(1.1, 0.52, OIL))
    assert psf.min() >= 0
    assert psf.sum() == pytest.approx(1, abs=1e-5)
    # a plane keeps the light that a defocused cone sends outside the field apart
    assert psf.sum(axis=(1, 2)) == pytest.approx(np.full(9, 1 / 9), rel=0.04)
    assert np.argmax(psf[:, 0, 0]) == 4
    np.testing.assert_allclose(psf, np.roll(psf[:, ::-1, ::-1], (1, 1), (1, 2)), atol=1e-7)


def test_without_layers_it_is_the_widefield_psf() -> None:
    ours = gibson_lanni_psf((7, 96, 96), (0.3, 0.04), Lens(0.9, 0.55, OIL))
    other = widefield_psf((7, 96, 96), (0.3, 0.04), 0.55, 0.9)
    near = np.minimum(np.arange(96), 96 - np.arange(96)) < 16  # the FFT's own PSF wraps far from the centre
    cut = np.ix_(np.arange(7), near, near)
    np.testing.assert_allclose(ours[cut] / ours.max(), other[cut] / other.max(), atol=0.03)


def test_polarisation_widens_the_spot_of_a_high_aperture_alone() -> None:
    radii = np.linspace(0, 0.5, 500)

    def width(model: object, aperture: float) -> float:
        profile = model.intensity(Lens(aperture, 0.52, OIL), radii, np.zeros(1))[0]  # type: ignore[attr-defined]
        return float(radii[np.argmax(profile < profile[0] / 2)])

    assert width(vectorial, 1.4) > 1.07 * width(gibson_lanni, 1.4)
    assert width(vectorial, 0.5) == pytest.approx(width(gibson_lanni, 0.5), rel=0.02)


@pytest.mark.parametrize("model", MODELS)
def test_oil_into_water_makes_the_psf_longer_and_uneven_with_depth(model: str) -> None:
    def profile(depth: float) -> np.ndarray:
        psf = MODELS[model]((81, 24, 24), (0.1, 0.1), Lens(1.3, 0.52, Mounting(sample_index=1.33), depth))
        return psf[:, 0, 0] / psf.sum(axis=(1, 2))[40]

    shallow, deep = profile(0.0), profile(15.0)
    assert shallow.max() > 1.7 * deep.max()
    assert np.argmax(deep) == 40  # refocused on the brightest plane
    above_to_below = [float(np.log(p[5:36].sum() / p[45:76].sum())) for p in (shallow, deep)]
    assert abs(above_to_below[0]) < 0.01
    assert abs(above_to_below[1]) > 0.15


def test_focus_moves_less_than_the_depth_says_as_everybody_measures_it() -> None:
    """Through oil into water the focus goes deeper than the stage moves: Hell et al., J Microsc 169:391 (1993)."""
    lens = Lens(1.2, 0.52, Mounting(sample_index=1.33), depth=10)
    moved = -gibson_lanni.brightest_focus(lens)
    assert moved == pytest.approx(10 * 1.515 / 1.33, rel=0.12)
    assert moved > 10


def test_a_cover_glass_of_the_wrong_thickness_costs_brightness() -> None:
    water = {"sample_index": 1.33, "immersion_index": 1.33, "design_immersion_index": 1.33}
    peaks = [
        gibson_lanni.intensity(lens, np.zeros(1), np.array([gibson_lanni.brightest_focus(lens)]))[0, 0]
        for lens in (Lens(1.15, 0.52, Mounting(**water, glass_thickness=t)) for t in (170.0, 175.0, 190.0))
    ]
    assert peaks[0] == pytest.approx(1, abs=1e-3)
    assert peaks[0] > 1.05 * peaks[1] > 1.05 * peaks[2]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("aperture", "depth", "sample", "immersion"), [(1.4, 0.0, 1.33, 1.515), (1.4, 2.0, 1.33, 1.515), (1.2, 3.0, 1.38, 1.33)]
)
def test_another_program_gives_the_same(model: str, aperture: float, depth: float, sample: float, immersion: float) -> None:
    """psfmodels: the same formulas, written by others in C++. It refocuses paraxially."""
    peer = pytest.importorskip("psfmodels", reason="no extra of abbe's has psfmodels, which is under the GPL; pip install it to compare")
    planes, n, dz, dx = 17, 63, 0.3, 0.05
    theirs = peer.make_psf(
        planes, nx=n, dxy=dx, dz=dz, pz=depth, NA=aperture, wvl=0.52, ns=sample, ni=immersion, ni0=immersion, ng=1.515, ng0=1.515,
        model=model, normalize=False,
    )  # fmt: skip
    mounting = Mounting(sample_index=sample, immersion_index=immersion, design_immersion_index=immersion)
    lens = Lens(aperture, 0.52, mounting, depth)
    shift = -depth * immersion / sample - gibson_lanni.brightest_focus(lens)
    ours = gibson_lanni.on_pixels(
        lambda radii: (gibson_lanni if model == "scalar" else vectorial).intensity(
            lens, radii, gibson_lanni.stage_positions(planes, dz, gibson_lanni.brightest_focus(lens) + shift)
        ),
        (planes, n, n),
        dx,
        0.52 / (2 * lens.aperture),
    )
    ours, theirs = np.fft.fftshift(ours, axes=(1, 2)), theirs / theirs.sum()
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.9999
    assert np.abs(ours - theirs).max() < 0.02 * theirs.max()


def test_what_no_lens_can_be_is_refused_in_one_line() -> None:
    with pytest.raises(ParameterError, match=r"below the refractive index 1\.515"):
        Lens(1.6, 0.5)
    with pytest.raises(ParameterError, match=r"wavelength of 0\.1 to 3 um"):
        Lens(1.2, 520)
    with pytest.raises(ParameterError, match="depth"):
        Lens(1.2, 0.5, depth=-1)
    with pytest.raises(ParameterError, match="sample_index"):
        Mounting(sample_index=0.9)
    with pytest.raises(ParameterError, match="voxels"):
        gibson_lanni_psf((0, 8, 8), (0.1, 0.1), Lens(1.2, 0.5))
