"""Haze, glow and shading are as bright, as wide and as even as asked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abbe.errors import ParameterError
from abbe.optics import autofluorescence, defocus_transfer, haze, shading
from abbe.optics.blur import convolve


@given(st.floats(1, 8), st.floats(0.3, 1.3))
@settings(max_examples=15, deadline=None)
def test_a_defocused_point_is_a_disc_as_wide_as_the_cone_of_light(depth: float, aperture: float) -> None:
    point = np.zeros((256, 256), np.float32)
    point[128, 128] = 1
    pixel = 0.1
    disc = convolve(point, defocus_transfer(point.shape, pixel, depth, aperture))
    y, x = np.indices(disc.shape) - 128
    radius = depth * np.tan(np.arcsin(aperture / 1.515)) / pixel
    if 6 < radius < 100:
        # the second moment of a disc of radius R is R^2 / 2; the ringing at its edge needs room
        inside = np.hypot(y, x) < 1.2 * radius
        assert disc[inside].sum() == pytest.approx(1, abs=0.06)
        assert disc[np.hypot(y, x) < 0.7 * radius].sum() == pytest.approx(0.49, abs=0.08)
    assert disc.sum() == pytest.approx(1, abs=1e-3)


@given(st.integers(0, 1000), st.floats(1, 20), st.floats(0.4, 1.3))
@settings(max_examples=15, deadline=None)
def test_haze_has_the_light_of_the_plane_and_none_of_its_detail(seed: int, thickness: float, aperture: float) -> None:
    rng = np.random.default_rng(seed)
    plane = (rng.random((128, 128)) < 0.02).astype(np.float32)
    glow = haze(rng, plane, 0.1, thickness, aperture)
    assert glow.min() >= 0
    assert glow.mean() == pytest.approx(plane.mean(), rel=0.1)
    assert glow.std() < 0.8 * plane.std()


def test_thicker_specimens_have_smoother_haze() -> None:
    plane = (np.random.default_rng(0).random((128, 128)) < 0.02).astype(np.float32)
    stds = [haze(np.random.default_rng(1), plane, 0.1, t, 1.2).std() for t in (2, 8, 30)]
    assert stds == sorted(stds, reverse=True)


@given(st.integers(0, 1000), st.floats(0.3, 0.8), st.floats(0, 0.6))
@settings(max_examples=15, deadline=None)
def test_autofluorescence_has_the_contrast_and_length_asked_for(seed: int, length: float, contrast: float) -> None:
    pixel = 0.1
    field = autofluorescence(np.random.default_rng(seed), (256, 256), pixel, length, contrast)
    assert field.min() > 0
    assert field.mean() == pytest.approx(1, rel=1e-3)
    assert field.std() == pytest.approx(contrast, rel=0.25, abs=1e-6)
    if contrast > 0.01:
        # a field smoothed by a Gaussian of standard deviation s correlates as exp(-d^2 / 4 s^2)
        log = np.log(field.astype(np.float64))
        log -= log.mean()
        lag = round(length / pixel)
        correlation = float((log * np.roll(log, lag, 1)).mean() / (log**2).mean())
        assert correlation == pytest.approx(np.exp(-1 / 4), abs=0.08)


def test_shading_falls_from_its_centre_to_the_corner() -> None:
    field = shading((101, 201), 0.3)
    assert field[50, 100] == 1
    assert field[0, 0] == pytest.approx(0.7)
    assert np.unravel_index(shading((101, 201), 0.3, (0.5, -0.5)).argmax(), (101, 201)) == (75, 50)


def test_what_cannot_be_is_refused() -> None:
    rng = np.random.default_rng(0)
    for wrong in (
        lambda: haze(rng, np.ones((8, 8)), 0.1, -1, 1.2),
        lambda: defocus_transfer((8, 8), 0.1, 1, 1.6),
        lambda: autofluorescence(rng, (8, 8), 0.1, 0),
        lambda: shading((8, 8), 1.5),
    ):
        with pytest.raises(ParameterError, match="wanted"):
            wrong()
