"""What must hold for any two channels."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from abbe.colocalization import Colocalization, colocalize
from abbe.image import ROI, Image

from .conftest import blobs, camera

MIRRORED = (("m1", "m2"), ("tm1", "tm2"), ("k1", "k2"), ("rwc1", "rwc2"), ("m1_above", "m2_above"), ("k1_above", "k2_above"))
SYMMETRIC = ("pearson", "spearman", "kendall", "icq", "moc", "pearson_above", "pearson_below", "pearson_above_either", "moc_above")

some_pixels = hnp.arrays(np.uint8, st.tuples(st.just(2), st.integers(2, 12), st.integers(2, 12)), elements=st.integers(0, 20))
relaxed = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def measure(planes: Any, **more: Any) -> Colocalization:
    return colocalize(Image.from_array(np.asarray(planes), axes="CYX"), **more)


def same(one: Colocalization, two: Colocalization, keys: Any = None, tolerance: float = 1e-11) -> None:
    for key in keys or one.coefficients:
        a, b = one[key].value, two[key].value
        assert (a is None) == (b is None), (key, one[key], two[key])
        if a is not None:
            assert a == pytest.approx(b, rel=tolerance, abs=tolerance), key


@relaxed
@given(some_pixels, st.integers(0, 20), st.integers(0, 20))
def test_swapping_the_channels_swaps_what_belongs_to_them(planes: Any, first: int, second: int) -> None:
    one = measure(planes, threshold=(first, second))
    two = measure(planes[::-1], threshold=(second, first))
    same(one, two, SYMMETRIC)
    for a, b in MIRRORED:
        assert one[a].value == pytest.approx(two[b].value) if one[a].value is not None else two[b].value is None


@relaxed
@given(some_pixels, st.integers(1, 9), st.integers(0, 50), st.integers(1, 9), st.integers(0, 50))
def test_correlations_do_not_depend_on_gain_and_offset(planes: Any, gain: int, offset: int, other_gain: int, other_offset: int) -> None:
    changed = planes.astype(np.uint16) * np.array([gain, other_gain])[:, None, None] + np.array([offset, other_offset])[:, None, None]
    same(measure(planes, threshold="none"), measure(changed.astype(np.uint16), threshold="none"), ("pearson", "spearman", "kendall", "icq"))


@relaxed
@given(some_pixels, st.randoms(use_true_random=False))
def test_the_order_of_the_pixels_does_not_matter(planes: Any, random: Any) -> None:
    order = list(range(planes[0].size))
    random.shuffle(order)
    mixed = planes.reshape(2, -1)[:, order].reshape(planes.shape)
    same(measure(planes), measure(mixed))


#: a falling line, whose threshold on the second channel lies below 0; and a steep one, whose threshold lies over what 8 bits hold
FALLING = np.array([[[4, 1], [0, 0]], [[0, 0], [3, 0]]], np.uint8)
STEEP = np.array([[[0, 1, 1, 2], [3, 2, 4, 9]], [[0, 250, 0, 255], [255, 200, 255, 250]]], np.uint8)


#: two bright pixels that differ by one level: about the mean of all pixels their squares nearly cancel
NEARLY_FLAT = np.full((2, 9, 9), 9, np.uint8)
NEARLY_FLAT[0, 0, 0], NEARLY_FLAT[1, 0, :2] = 10, 0


@relaxed
@given(some_pixels, st.sampled_from(("costes", "costes-walk", "costes-bisection", "costes-walk-classic", "otsu", "maximum15", "mean")))
@example(FALLING, "costes")
@example(STEEP, "costes")
@example(NEARLY_FLAT, "costes-walk-classic")
def test_the_pixel_type_does_not_matter(planes: Any, threshold: str) -> None:
    first = measure(planes, threshold=threshold)
    for kind in (np.uint16, np.int16, np.int32, np.float32, np.float64):
        other = measure(planes.astype(kind), threshold=threshold)
        assert (other.thresholds.first, other.thresholds.second) == pytest.approx((first.thresholds.first, first.thresholds.second))
        same(first, other)


@relaxed
@given(some_pixels)
def test_the_pixel_type_does_not_change_the_background(planes: Any) -> None:
    first = measure(planes, background="mode", threshold="otsu")
    for kind in (np.uint16, np.float32):
        other = measure(planes.astype(kind), background="mode", threshold="otsu")
        assert other.background == first.background
        same(first, other)


@relaxed
@given(some_pixels)
def test_a_roi_of_everything_is_no_roi(planes: Any) -> None:
    roi = ROI.rectangle(-1, -1, 100, 100, unit="pixel")
    same(measure(planes), measure(planes, roi=roi))


@relaxed
@given(some_pixels)
def test_scipy_finds_the_same_correlations(planes: Any) -> None:
    found = measure(planes, threshold="none")
    a, b = planes.reshape(2, -1).astype(float)
    if a.std() == 0 or b.std() == 0:
        assert all(found[key].reason for key in ("pearson", "spearman", "kendall"))
        return
    assert found.pearson == pytest.approx(np.corrcoef(a, b)[0, 1], abs=1e-12)
    assert found.spearman == pytest.approx(scipy.stats.spearmanr(a, b).statistic, abs=1e-12)
    assert found.kendall == pytest.approx(scipy.stats.kendalltau(a, b).statistic, abs=1e-12)


@relaxed
@given(some_pixels)
def test_nothing_undefined_comes_as_a_number_and_shares_are_shares(planes: Any) -> None:
    found = measure(planes)
    for coefficient in found:
        assert (coefficient.value is None) == bool(coefficient.reason)
        if coefficient.value is not None:
            assert np.isfinite(coefficient.value)
            if coefficient.definition.low is not None and coefficient.definition.high is not None:
                assert coefficient.definition.low - 1e-12 <= coefficient.value <= coefficient.definition.high + 1e-12, coefficient
    data = found.to_dict()
    assert set(data["undefined"]) == {c.key for c in found if c.value is None}


def test_signed_and_wide_integers_agree_with_unsigned_ones() -> None:
    planes = np.random.default_rng(1).integers(0, 100, (2, 20, 30))
    first = measure(planes.astype(np.uint8))
    for kind in (np.int16, np.int32):
        same(first, measure(planes.astype(kind)))


def test_uint8_uint16_and_float32_agree_where_scikit_image_overflows() -> None:
    rng = np.random.default_rng(0)
    planes = np.stack([blobs(rng), blobs(rng)])
    eight = (40 + 200 * planes).astype(np.uint8)
    found = [measure(eight.astype(kind)) for kind in (np.uint8, np.uint16, np.float32)]
    for one, two in itertools.pairwise(found):
        same(one, two)
    a, b = eight.astype(float)
    assert found[0].moc == pytest.approx((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()), abs=1e-14)
    assert (found[0].moc or 2) <= 1


def test_floats_need_not_be_counts() -> None:
    rng = np.random.default_rng(3)
    planes = np.stack([blobs(rng), blobs(rng)]) + 0.1
    one = measure(planes.astype(np.float32), threshold=(0.3, 0.3))
    two = measure((planes.astype(np.float32) * np.float32(1024)), threshold=(307.2, 307.2))
    same(one, two, [key for key in one.coefficients if key not in ("intercept",)], 1e-6)


def test_a_large_offset_costs_no_digits() -> None:
    rng = np.random.default_rng(4)
    planes = rng.normal(size=(2, 64, 64)).astype(np.float32)
    planes[1] += planes[0]
    raised = (planes + np.float32(2**13)).astype(np.float64)
    assert measure((planes + np.float32(2**13)), threshold="none").pearson == pytest.approx(
        np.corrcoef(raised[0].ravel() - 2**13, raised[1].ravel() - 2**13)[0, 1], abs=1e-12
    )


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_larger_images_by_blocks_give_identical_numbers(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same pixels in memory, in a file, and in blocks of other sizes."""
    from abbe.colocalization import pair
    from abbe.image.pixels import ScratchPixels

    rng = np.random.default_rng(5)
    planes = np.stack([camera(rng, blobs(rng, 200)) for _ in range(2)])
    planes = (planes // 4).astype(kind) if kind is np.uint8 else planes.astype(kind)
    memory = Image.from_array(planes, axes="CYX")
    scratch = ScratchPixels(memory.shape, memory.dtype)
    scratch.write(tuple(slice(0, n) for n in memory.shape), np.asarray(memory))  # type: ignore[arg-type]
    disk = Image(scratch)
    one, two = colocalize(memory), colocalize(disk)
    assert {c.key: c.value for c in one} == {c.key: c.value for c in two}
    monkeypatch.setattr(pair, "BLOCK", 3000)
    monkeypatch.setattr(pair, "BAND", 700)
    blocked = colocalize(disk)
    if kind is np.float32:
        same(one, blocked, tolerance=1e-12)
    else:
        assert {c.key: c.value for c in one} == {c.key: c.value for c in blocked}


def test_the_number_of_cores_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from abbe.colocalization import compiled

    rng = np.random.default_rng(6)
    image = Image.from_array(rng.normal(100, 20, (2, 700, 800)).astype(np.float32), axes="CYX")
    one = colocalize(image, ranked=False)
    monkeypatch.setattr(compiled, "_threads", lambda: 1)
    two = colocalize(image, ranked=False)
    assert {c.key: c.value for c in one} == {c.key: c.value for c in two}


@pytest.mark.parametrize("kind", [np.uint16, np.float32])
def test_kendall_by_sorting_is_kendall_by_table(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from abbe.colocalization import ranks

    rng = np.random.default_rng(8)
    planes = rng.integers(0, 300, (2, 40, 50)).astype(kind)
    by_table = measure(planes).kendall
    monkeypatch.setattr(ranks, "CELLS", 1)
    assert measure(planes).kendall == by_table
    assert by_table == pytest.approx(scipy.stats.kendalltau(*planes.reshape(2, -1)).statistic, abs=1e-14)


def test_floats_too_many_to_sort_are_put_in_steps_and_the_result_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from abbe.colocalization import values

    rng = np.random.default_rng(9)
    planes = rng.normal(size=(2, 60, 60)).astype(np.float32)
    planes[1] += planes[0]
    exact = measure(planes).spearman
    monkeypatch.setattr(values, "SORTING", 10**9)
    stepped = measure(planes)
    assert stepped.spearman == pytest.approx(exact, abs=1e-5)
    assert any("steps" in notice.message for notice in stepped.notices)


def test_random_arrangements_give_p_values_near_uniform() -> None:
    rng = np.random.default_rng(10)
    p = []
    for _ in range(40):
        planes = np.stack([camera(rng, blobs(rng, 64, 1.5, 80)) for _ in range(2)])
        found = measure(planes, threshold="none", ranked=False, extras=("randomisation",), randomisations=40, block=6)
        assert found.randomisation is not None
        p.append(found.costes_p)
    assert scipy.stats.kstest(p, "uniform").pvalue > 0.001


def test_objects_that_have_nothing_to_do_with_each_other_give_p_values_near_uniform_in_a_roi_too() -> None:
    """A cell fills a part of the image; objects moved out of it would make any overlap look like more than chance."""
    rng = np.random.default_rng(11)
    cell = ROI.ellipse(40, 60, 25, 35, unit="pixel")
    p, far = [], []
    for _ in range(40):
        planes = np.stack([1000 * blobs(rng, 120, 1.5, 150) for _ in range(2)]).astype(np.uint16)
        planes *= cell.mask(Image.from_array(planes[0]))[0]
        found = measure(planes, roi=cell, threshold=(150, 150), ranked=False, extras=("objects",), randomisations=40).objects
        assert found is not None
        p += [value for value in found.p if value is not None]
        far.append(found.p_distance)
    assert len(p) == 80
    assert 0.3 < np.mean(p) < 0.7
    assert 0.3 < np.mean(far) < 0.7  # type: ignore[arg-type]
