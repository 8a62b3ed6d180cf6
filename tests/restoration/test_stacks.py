"""The deblurred stack that the axial step's network corrects."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from abbe import Image, enhance
from abbe.image.pixels import ArrayPixels, scratch
from abbe.restoration import engine as runners
from abbe.restoration import stacks
from abbe.restoration.progress import Part
from abbe.restoration.resampling import EvenPixels
from abbe.simulation import volume


@pytest.fixture(autouse=True)
def _use_small_models() -> None:
    """Here abbe's own network is at work: it is the one that corrects a deblurred stack."""
    runners._RUNNERS.clear()


def measured(seed: int = 1, step: int = 2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    light = gaussian_filter(volume(rng, 72).astype(np.float32), (4.0, 1.3, 1.3))[::step]
    return (rng.poisson(light * 500) + 100).astype(np.float32)


def sharpened(stack: np.ndarray, ratio: float) -> np.ndarray:
    source = ArrayPixels(stack[None, None])
    shape = EvenPixels(source, ratio).shape
    into = scratch((1, 1, *shape[2:]), np.float32)
    stacks.sharpen(source, (0, 0), ratio, stacks.lens_of(source, source, 0, ratio, 512.0), into, Part(None), "axial")
    return into.read(tuple(slice(0, n) for n in into.shape))[0, 0]


def test_blocks_make_what_the_whole_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = measured()
    whole = sharpened(stack, 2)
    monkeypatch.setattr(stacks, "BLOCK", 71 * 72**2)
    blocks = sharpened(stack, 2)
    assert not np.array_equal(blocks, whole)  # it was cut
    assert np.abs(blocks - whole).max() < 2e-3 * np.ptp(whole)


def test_pixels_that_are_no_numbers_spoil_nothing_beyond_their_surroundings() -> None:
    stack = measured()
    spoilt = stack.copy()
    spoilt[10, 30, 30], spoilt[20, 5, 60] = np.nan, np.inf
    one, two = sharpened(stack, 2), sharpened(spoilt, 2)
    assert np.isfinite(two).all()
    assert np.corrcoef(one.ravel(), two.ravel())[0, 1] > 0.98


@pytest.mark.parametrize("shape", [(2, 24, 30), (3, 9, 9), (12, 1, 1), (12, 3, 40)])
@pytest.mark.parametrize("step", [0.05, 0.1, 0.37])
def test_any_stack_becomes_isotropic(shape: tuple[int, int, int], step: float) -> None:
    a = np.random.default_rng(2).poisson(30, shape).astype(np.uint16)
    result = np.asarray(enhance(Image.from_array(a, axes="ZYX", pixel_size=(step, 0.1, 0.1)), steps=("axial",), engine="cpu"))
    assert result.shape[2:] == (round((shape[0] - 1) * step / 0.1) + 1, *shape[1:])
    assert np.isfinite(result).all()


@pytest.mark.parametrize("factor", [1e-32, 1e28])
def test_the_unit_does_not_matter(factor: float) -> None:
    stack = measured()[:, :40, :40]
    one, two = (
        np.asarray(enhance(Image.from_array(a, axes="ZYX", pixel_size=(0.2, 0.1, 0.1)), steps=("axial",), engine="cpu"), np.float64)
        for a in (stack, (stack.astype(np.float64) * factor).astype(np.float32))
    )
    assert np.abs(two / factor - one).max() < 0.02 * np.ptp(one)


def test_the_blur_is_in_the_recipe_and_is_missed_where_it_cannot_be_told() -> None:
    told = enhance(Image.from_array(measured()[:, :40, :40], axes="ZYX", pixel_size=(0.2, 0.1, 0.1)), steps=("axial",), engine="cpu")
    (blur,) = told.recipe.steps[0].parameters["blur"]
    assert np.sqrt(blur["axial"] ** 2 - blur["lateral"] ** 2) == pytest.approx(np.sqrt(4.0**2 - 1.3**2), rel=0.25)
    assert not [notice for notice in told.notices if notice.code == "blur"]
    few = enhance(Image.from_array(measured()[:3, :40, :40], axes="ZYX", pixel_size=(0.2, 0.1, 0.1)), steps=("axial",), engine="cpu")
    assert few.recipe.steps[0].parameters["blur"] == [None]
    assert [notice for notice in few.notices if notice.code == "blur"]


def test_all_frames_are_deblurred_alike() -> None:
    frames = np.stack([measured(seed)[:, None, :40, :40] for seed in (1, 2, 3)])
    source = ArrayPixels(np.moveaxis(frames, 1, 2))
    alone = [ArrayPixels(frame[None]) for frame in source.array]
    blurs = [stacks.lens_of(pixels, pixels, 0, 2.0, 512.0).blur for pixels in (source, *alone)]
    widths = [blur.axial for blur in blurs if blur is not None]
    assert len(widths) == 4
    assert widths[0] == pytest.approx(np.median(widths[1:]))


def test_mirrored_slices_come_back_the_right_way_round() -> None:
    """Every mirror is its own inverse, and of a stack without symmetry all passes tell the same."""
    a = np.arange(24).reshape(2, 3, 4)
    assert all(np.array_equal(a[(..., *mirror)][(..., *mirror)], a) for mirror in stacks.MIRRORS)
    assert len({a[(..., *mirror)].tobytes() for mirror in stacks.MIRRORS}) == 4
    stack = Image.from_array(measured(), axes="ZYX", pixel_size=(0.2, 0.1, 0.1))
    results = [enhance(stack, steps="axial", passes=passes) for passes in (1, 2, 8)]
    assert [result.recipe.to_dict()["steps"][0]["parameters"]["passes"] for result in results if result.recipe] == [1, 2, 2]
    one, two, eight = (np.asarray(result).ravel() for result in results)
    assert 0.995 < np.corrcoef(one, two)[0, 1] < 1 - 1e-6
    assert np.array_equal(two, eight)


@pytest.mark.parametrize("step", [1.0, 3.0])
def test_planes_too_far_apart_are_restored_as_the_coarsest_that_were_learnt_and_that_is_said(step: float) -> None:
    """Ratios of 10 and 30: told that, networks gave values a hundred times beyond the input's."""
    stack = measured(step=6)
    image = Image.from_array(stack, axes="ZYX", pixel_size=(step, 0.1, 0.1))
    result = enhance(image, steps=("axial",), engine="cpu")
    pixels = np.asarray(result, np.float64)
    assert pixels.min() >= stack.min() - 0.05 * np.ptp(stack)
    assert pixels.max() < 3 * stack.max()
    (notice,) = (notice for notice in result.notices if notice.code == "z-step")
    assert f"{step / 0.1:.3g} pixels" in str(notice)
    near = enhance(Image.from_array(stack, axes="ZYX", pixel_size=(0.6, 0.1, 0.1)), steps=("axial",), engine="cpu")
    assert not [notice for notice in near.notices if notice.code == "z-step"]


def test_beside_what_is_very_bright_a_stack_gets_no_darker_than_its_darkest_voxel() -> None:
    beads = np.zeros((12, 48, 48))
    beads[(2, 6, 8), (12, 30, 20), (15, 30, 40)] = 1
    beads = gaussian_filter(beads, (1.0, 1.2, 1.2))
    seen = np.random.default_rng(3).poisson(beads / beads.max() * 3000 + 50).astype(np.uint16)
    result = np.asarray(enhance(Image.from_array(seen, axes="ZYX", pixel_size=(0.3, 0.1, 0.1)), steps=("axial",), engine="cpu"), np.float64)
    # all but what keeping the mean takes off everywhere
    assert result.min() > seen.min() - 0.01 * np.ptp(seen)
