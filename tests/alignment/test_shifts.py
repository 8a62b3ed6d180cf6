"""Shifts between channels are found to a few tenths of a pixel, and not where there are none to find."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from scipy.ndimage import affine_transform

import abbe
from abbe.alignment import shifts
from abbe.alignment.shifts import between
from abbe.errors import ParameterError
from abbe.image.pixels import Array, Pixels, Region, Shape
from shift_maker import apart


@pytest.mark.parametrize("by", [(0.0, 0.0), (1.4, -2.3), (-6.0, 5.0)])
@pytest.mark.parametrize("common", [0.4, 1.0])
def test_a_shift_is_found_to_a_few_tenths_of_a_pixel(by: tuple[float, float], common: float) -> None:
    image = apart(by, common)
    stays, found = abbe.channel_shifts(image)
    assert stays.shift == (0.0, 0.0)
    assert found.shift == pytest.approx(by, abs=0.35)
    assert found.name == "tubulin"
    assert found.whole == (round(found.shift[0]), round(found.shift[1]))
    assert 3 <= found.places <= found.of
    assert found.to_dict()["shift"] == list(found.shift)


def test_against_the_other_channel_it_has_the_other_sign() -> None:
    found, stays = abbe.channel_shifts(apart((3, -2)), "tubulin")
    assert stays.shift == (0.0, 0.0)
    assert found.shift == pytest.approx((-3, 2), abs=0.35)


@pytest.mark.parametrize("seed", range(5))
def test_unrelated_channels_have_none(seed: int) -> None:
    found = abbe.channel_shifts(apart((3, 3), 0.0, seed=seed))[1]
    assert found.shift is None
    assert found.whole is None
    assert "common" in found.reason


def test_what_differs_from_place_to_place_is_no_shift() -> None:
    """Cells that each have one structure on another side of the other."""
    parts = [apart(by, 1.0, size=128, seed=k).plane(0, 1, 0) for k, by in enumerate([(5, 0), (-5, 0), (0, 5), (0, -5)])]
    fixed = [apart((0, 0), 1.0, size=128, seed=k).plane(0, 0, 0) for k in range(4)]

    def field(four: list[np.ndarray]) -> np.ndarray:
        return np.block([four[:2], four[2:]]).astype(np.float64)

    found = between(field(fixed), field(parts), None)
    assert found.of >= 3
    assert found.shift is None
    assert "something else" in found.reason


def test_a_difference_in_magnification_is_told() -> None:
    image = apart((0, 0), 1.0, size=512)
    plane = image.plane(0, 0, 0).astype(np.float64)
    grown = affine_transform(plane, np.eye(2) / 1.008, offset=256 - 256 / 1.008, order=3)
    found = between(plane, grown, None)
    assert found.shift == pytest.approx((0, 0), abs=0.3)
    assert found.across == pytest.approx((0.008 * 512, 0.008 * 512), abs=0.8)


def test_masked_parts_are_left_out() -> None:
    """A black rim lies still in both channels, whatever moved within it."""
    image = apart((4, 0), 0.5)
    a, b = (image.plane(0, c, 0).astype(np.float64) for c in (0, 1))
    rim = np.ones(a.shape, bool)
    rim[60:-60, 60:-60] = False
    a[rim], b[rim] = 500, 500
    assert between(a, b, rim).shift == pytest.approx((4, 0), abs=0.4)


@pytest.mark.parametrize("shape", [(2, 9, 9), (2, 300, 5), (2, 40, 40)])
def test_an_image_too_small_to_tell_says_so(shape: tuple[int, int, int]) -> None:
    planes = np.random.default_rng(0).poisson(20, shape).astype(np.uint16)
    planes[1] = planes[0]
    found = abbe.channel_shifts(abbe.Image.from_array(planes, axes="CYX"))[1]
    assert found.shift is None
    assert found.reason


def test_a_channel_that_is_none_is_refused() -> None:
    with pytest.raises(ParameterError, match="actin"):
        abbe.channel_shifts(apart((0, 0)), "DAPI")


class Watched(NamedTuple):
    """Pixels, and how many of a plane were read at once at most."""

    source: Pixels
    most: list[int]

    @property
    def shape(self) -> Shape:
        return self.source.shape

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return self.source.dtype

    def read(self, region: Region) -> Array:
        block = self.source.read(region)
        self.most.append(block.size)
        return block


def test_of_a_large_plane_the_places_alone_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    image = apart((3, -2))
    whole = abbe.channel_shifts(image)
    monkeypatch.setattr(shifts, "LARGE", 384 * 384 - 1)
    watched = Watched(image.pixels, [])
    assert abbe.channel_shifts(image.replace(pixels=watched)) == whole
    assert max(watched.most) == 128 * 128


def test_how_many_places_agree_is_told_where_too_few_do() -> None:
    """Two of nine places lie off by the same: that is no shift of the channel, and they are two."""
    rng = np.random.default_rng(4)
    fixed = rng.poisson(5 + 300 * (rng.random((384, 384)) > 0.99)).astype(np.float64)
    moved = np.empty_like(fixed)
    by = iter([(0, 9), (0, 9), (9, 0), (-9, 0), (7, 7), (-7, -7), (5, -12), (-12, 5), (12, 12)])
    for y in range(0, 384, 128):
        for x in range(0, 384, 128):
            moved[y : y + 128, x : x + 128] = np.roll(fixed[y : y + 128, x : x + 128], next(by), (0, 1))
    found = between(fixed, moved, None)
    assert (found.shift, found.places, found.of) == (None, 2, 9)
    assert "(2 agree)" in found.reason
