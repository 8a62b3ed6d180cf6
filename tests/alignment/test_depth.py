"""In stacks a channel that lies some planes behind is found, and moved along z."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

import abbe
from abbe.errors import ParameterError
from abbe.image.pixels import ArrayPixels


def stack(by: tuple[float, float, float], common: float = 0.7, depth: int = 15, photons: float = 60) -> abbe.Image:
    """Spots through a lens three times as blurred along z; the second channel lies `by` (z, y, x) behind, below and right."""
    rng = np.random.default_rng(1)
    shape = (depth + 12, 128, 128)

    def spots(share: float) -> np.ndarray:
        points = np.zeros(shape)
        points.ravel()[rng.integers(0, points.size, max(1, int(points.size / 1200 * share)))] = 1
        return gaussian_filter(points, (2.4, 1.2, 1.2))

    both = spots(common)
    clean = [both + spots(1 - common), shift(both + spots(1 - common), by, order=3)]
    counts = [rng.poisson(np.clip(c, 0, None) / c.max() * photons + 3).astype(np.uint16)[6:-6] for c in clean]
    return abbe.Image.from_array(np.stack(counts), axes="CZYX", channels=["actin", "tubulin"], pixel_size=(0.3, 0.1, 0.1))


@pytest.mark.parametrize("by", [(0.0, 0.0, 0.0), (2.0, 3.0, -2.0), (-1.4, 0.0, 0.0)])
def test_planes_are_found_to_half_a_plane(by: tuple[float, float, float]) -> None:
    found = abbe.channel_shifts(stack(by))[1]
    assert found.shift == pytest.approx(by[1:], abs=0.4)
    assert found.planes == pytest.approx(by[0], abs=0.4)
    assert found.to_dict()["planes"] == found.planes


def test_an_aligned_stack_correlates_as_one_that_never_was_apart() -> None:
    def pearson(image: abbe.Image) -> float:
        value = abbe.colocalize(image, ranked=False).coefficients["pearson"].value
        assert value is not None
        return value

    moved, never = stack((3.0, 2.0, -2.0)), stack((0.0, 0.0, 0.0))
    assert pearson(moved) < pearson(never) - 0.2
    aligned = abbe.align(moved)
    assert aligned.recipe.steps[0].parameters["moves"] == [[0, 0, 0], [3, 2, -2]]
    assert pearson(aligned) == pytest.approx(pearson(never), abs=0.05)
    assert aligned.mask is not None
    assert np.asarray(aligned.mask)[0, 1, -3:].all()
    assert "3 planes forward" in next(n.message for n in aligned.notices if n.code == "aligned")


@pytest.mark.parametrize("depth", [1, 3])
def test_too_few_planes_tell_no_depth(depth: int) -> None:
    assert abbe.channel_shifts(stack((0.0, 2.0, 0.0), depth=depth))[1].planes is None


def test_unrelated_channels_have_no_depth() -> None:
    assert abbe.channel_shifts(stack((2.0, 0.0, 0.0), common=0.0))[1].planes is None


def test_an_aligned_stack_is_measured_again_without_the_planes_that_it_lost() -> None:
    """Planes without a counterpart are masked as a whole: they do not hide the others."""
    again = abbe.channel_shifts(abbe.align(stack((3.0, 2.0, -2.0))))[1]
    assert again.shift == pytest.approx((0, 0), abs=0.4)
    assert again.planes == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize("unit", [1e-30, 1e30])
def test_planes_are_found_whatever_the_unit_of_brightness(unit: float) -> None:
    image = stack((2.0, 0.0, 0.0))
    found = abbe.channel_shifts(abbe.Image.from_array(np.asarray(image) * unit, axes="TCZYX"))[1]
    assert found.planes == pytest.approx(2, abs=0.4)


def test_a_stack_of_beads_moves_a_single_plane_along_y_and_x_alone() -> None:
    beads = stack((2.0, 3.0, -2.0))
    plane = beads.replace(pixels=ArrayPixels(np.asarray(beads)[:, :, 7:8]))
    aligned = abbe.align(plane, beads=beads)
    said = aligned.recipe.steps[0].parameters
    assert said["moves"] == [[0, 0, 0], [0, 3, -2]]
    assert said["measured"][1]["planes"] is None


def test_a_thin_stack_is_moved_by_half_its_planes_at_most() -> None:
    beads = stack((2.0, 3.0, -2.0))
    thin = beads.replace(pixels=ArrayPixels(np.asarray(beads)[:, :, 5:10]))
    assert abbe.align(thin, beads=beads).recipe.steps[0].parameters["moves"] == [[0, 0, 0], [2, 3, -2]]
    with pytest.raises(ParameterError, match="half of the image, got 3 of 5 planes along z"):
        abbe.align(thin, {1: (3, 0, 0)})
