"""A stack's blur is told from its spectrum, and taken back without inventing planes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from abbe.optics.stack_blur import StackBlur, axial_excess, sharpen_stack, to_even
from abbe.simulation import volume


def _stack(rng: np.random.Generator, axial: float, step: int) -> tuple[np.ndarray, np.ndarray]:
    specimen = volume(rng, 72).astype(np.float32)
    light = gaussian_filter(specimen, (axial, 1.2, 1.2))[::step]
    return specimen, (rng.poisson(light * 400) + rng.normal(100, 2, light.shape)).astype(np.float32)


@pytest.mark.parametrize(("axial", "step"), [(3.0, 1), (4.0, 2), (5.0, 3)])
def test_the_excess_along_z_is_told_within_a_fifth(axial: float, step: int) -> None:
    told = [axial_excess(_stack(np.random.default_rng(seed), axial, step)[1], step) for seed in range(5)]
    values = [value for value in told if value is not None]
    assert len(values) >= 4
    assert np.median(values) == pytest.approx(np.sqrt(axial**2 - 1.2**2), rel=0.2)


def test_what_is_as_sharp_along_z_is_not_called_blurred() -> None:
    _, stack = _stack(np.random.default_rng(3), 1.2, 1)
    told = axial_excess(stack, 1)
    assert told is None or told < 1.0


@pytest.mark.parametrize("shape", [(4, 40, 40), (20, 40, 3), (1, 1, 1)])
def test_too_little_tells_nothing(shape: tuple[int, int, int]) -> None:
    assert axial_excess(np.random.default_rng(1).normal(size=shape), 2.0) is None
    assert axial_excess(np.zeros((20, 40, 40)), 2.0) is None


@pytest.mark.parametrize("ratio", [1.0, 2.0, 3.0, 2.37])
@pytest.mark.parametrize("kind", ["vesicles", "bodies", "borders"])
def test_deblurring_comes_nearer_to_the_specimen_and_keeps_its_light(ratio: float, kind: str) -> None:
    rng = np.random.default_rng(5)
    specimen = volume(rng, 72, kind).astype(np.float32)
    blur = StackBlur(1.2, 4.0)
    light = gaussian_filter(specimen, (4.0, 1.2, 1.2)) * 300 + 50
    at = np.arange(0, 71, ratio)
    planes = np.stack([light[int(z)] * (1 - z % 1) + light[min(int(z) + 1, 71)] * (z % 1) for z in at]).astype(np.float32)
    even, sharp = to_even(planes, ratio), sharpen_stack(planes, ratio, blur, 50.0, 300.0)
    assert even.shape == sharp.shape
    truth = specimen[: len(even)] * 300 + 50
    inner = (slice(8, -8),) * 3
    assert np.square(sharp - truth)[inner].mean() < 0.6 * np.square(even - truth)[inner].mean()
    assert (sharp - 50)[inner].sum() == pytest.approx((even - 50)[inner].sum(), rel=0.05)


def test_a_blank_stack_stays_blank() -> None:
    out = sharpen_stack(np.full((6, 8, 9), 100, np.float32), 2.0, StackBlur(1.0, 3.0), 100.0, 1.0)
    assert out.shape == (11, 8, 9)
    assert out == pytest.approx(100, abs=1e-3)
