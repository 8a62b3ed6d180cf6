"""Simulated specimens and pairs are what training, tests and the demo take them for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import find_objects, gaussian_filter, label

from abbe.optics import Camera, expose
from abbe.optics.blur import gaussian_transfer, random_transfer
from abbe.optics.stack_blur import to_even
from abbe.simulation import background_pair, cytoskeleton, denoising_pair, pairs, section_pair, specimen, super_resolution_pair, volume
from abbe.simulation.drawing import rounded, sides, splat, walks
from abbe.simulation.pairs import SECTION, bin3, sharpened
from abbe.simulation.stacks import BlurredStack, axial_pair, axial_slice, sample_planes
from abbe.simulation.structures import KINDS, WEIGHTS, crowd, spread
from abbe.simulation.volumes import KINDS as VOLUMES
from abbe.simulation.volumes import uneven_volume


class Specimens:
    """A source of crops without a pool."""

    def crop(self, rng: np.random.Generator, size: int) -> np.ndarray:
        return specimen(rng, size)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_specimen_is_a_density(kind: str) -> None:
    plane = specimen(np.random.default_rng(4), 96, kind)
    assert plane.shape == (96, 96)
    assert plane.dtype == np.float32
    assert np.isfinite(plane).all()
    assert plane.min() >= 0
    assert plane.max() <= 1.5
    assert kind == "empty" or plane.std() > 0
    assert kind in WEIGHTS


@pytest.mark.parametrize("kind", VOLUMES)
def test_every_kind_of_volume_is_a_density(kind: str) -> None:
    v = volume(np.random.default_rng(5), 40, kind)
    assert v.shape == (40, 40, 40)
    assert 0 <= v.min() <= v.max() <= 1.5
    assert v.std() > 0


@given(st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_equal_seeds_give_equal_specimens(seed: int) -> None:
    one, two = (specimen(np.random.default_rng(seed), 48) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_fibres_of_a_cell_lie_side_by_side() -> None:
    """Structure tensor: gradients of a field of stress fibres share a direction, those of a mesh have none."""

    def alignment(kind: str, seed: int) -> float:
        gy, gx = np.gradient(gaussian_filter(KINDS[kind](np.random.default_rng(seed), 160), 1.0))
        power = np.mean(gy * gy + gx * gx)
        return float(np.hypot(np.mean(gx * gx - gy * gy), 2 * np.mean(gx * gy)) / power)

    fibres, crossing = (np.median([alignment(kind, seed) for seed in range(12)]) for kind in ("stress_fibres", "mesh"))
    assert fibres > 0.3
    assert crossing < 0.15


def test_microtubules_of_a_cell_run_outwards(monkeypatch: pytest.MonkeyPatch) -> None:
    courses = []

    def seen(
        rng: np.random.Generator, count: int, steps: int, n: int, stiffness: float, step: float = 0.7, **ways: np.ndarray
    ) -> np.ndarray:
        paths = walks(rng, count, steps, n, stiffness, step, **ways)
        outwards = ways["start"] - np.median(ways["start"], axis=0)
        ahead = paths[:, 5] - paths[:, 0]
        courses.append(np.mean((outwards * ahead).sum(1) / np.linalg.norm(outwards, axis=1) / np.linalg.norm(ahead, axis=1)))
        return paths

    monkeypatch.setattr(cytoskeleton, "walks", seen)
    for seed in range(20):
        KINDS["asters"](np.random.default_rng(seed), 64)
    assert np.mean(courses) > 0.6


@pytest.mark.parametrize("excess", [1.0, 2.0])
@pytest.mark.parametrize("light", [0.1, 1.0])
@pytest.mark.parametrize(("offset", "read_noise"), [(0.0, 0.4), (0.0, 1.0), (2.0, 2.0), (0.0, 4.0), (100.0, 1.0)])
def test_the_truth_is_the_mean_of_what_a_camera_gives(excess: float, light: float, offset: float, read_noise: float) -> None:
    """To a tenth of the noise, and without offset too, where half of the read noise is cut off (rounding to whole counts does the rest)."""
    counts, expected = expose(np.random.default_rng(0), np.full((600, 600), light), Camera(2.0, offset, read_noise, excess))
    assert abs(float(expected.mean() - counts.mean())) < 0.1 * float(counts.std())


def test_a_section_and_what_is_seen_of_it_end_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wall at one side of the volume, all in focus: where the light shows, the aim has it too."""
    specimen = np.zeros((9, 48, 48), np.float32)
    specimen[:, :, 0] = 1
    monkeypatch.setattr(pairs, "expose", lambda rng, photons, camera: (np.asarray(photons, np.float32), None))
    for seed in range(12):
        pair = section_pair(np.random.default_rng(seed), specimen, 48)
        seen, aim = pair.observed.mean(axis=0), pair.truth.mean(axis=0)
        seen = seen - seen.min()
        assert seen[-1] / seen.max() < aim[-1] / aim.max() + 0.45


def test_tubes_have_round_ends() -> None:
    radius = 4.0
    distance = np.array([0.0, 2.0, 4.0, 9.0])
    np.testing.assert_allclose(rounded(distance, radius), [0, np.sqrt(0.75), 1, 1])


def test_molecules_inside_a_tube_are_densest_in_its_middle_and_those_on_its_surface_at_its_rim() -> None:
    rng = np.random.default_rng(0)
    inside, rim = (np.abs(sides(rng, (20_000,), surface=surface)) for surface in (False, True))
    # a disc of radius 1 seen from its edge, and its rim: half of either lies within r of the middle
    assert np.median(inside) == pytest.approx(0.404, abs=0.01)
    assert np.median(rim) == pytest.approx(np.sqrt(0.5), abs=0.01)
    assert max(inside.max(), rim.max()) <= 1


def test_a_cell_has_an_outside() -> None:
    where = [spread(np.random.default_rng(seed), 96) for seed in range(10)]
    assert all(0 <= w.min() < 0.02 and 0.2 < w.max() <= 1 for w in where)


def test_points_keep_their_weight_and_place() -> None:
    plane = splat(np.array([[3.25, 4.0]]), 2.0, (10, 10))
    assert plane.sum() == pytest.approx(2)
    assert plane[3, 4] == pytest.approx(1.5)
    assert plane[4, 4] == pytest.approx(0.5)
    assert splat(np.array([[-5.0, 2.0]]), 1.0, (10, 10)).sum() == 0


@pytest.mark.parametrize("make", [denoising_pair, background_pair])
def test_a_pair_is_in_one_unit(make) -> None:  # type: ignore[no-untyped-def]
    for seed in range(12):
        pair = make(np.random.default_rng(seed), Specimens(), 64)
        assert pair.observed.shape == pair.truth.shape == (64, 64)
        assert np.isfinite(pair.observed).all()
        assert np.isfinite(pair.truth).all()
        if make is denoising_pair:
            spread = max(float(pair.observed.std()), 1.0)
            assert abs(pair.observed.mean() - pair.truth.mean()) < spread


def test_a_super_resolved_truth_has_the_image_under_it() -> None:
    for seed in range(8):
        pair = super_resolution_pair(np.random.default_rng(seed), Specimens(), 48)
        assert pair.observed.shape == (48, 48)
        assert pair.truth.shape == (144, 144)
        assert bin3(pair.truth).shape == (48, 48)


def test_a_section_has_less_light_than_the_whole() -> None:
    v = volume(np.random.default_rng(1), 64, "vesicles")
    pair = section_pair(np.random.default_rng(2), v, 48)
    assert pair.observed.shape == pair.truth.shape == (48, 48)
    assert pair.truth.min() >= 0


def test_a_section_is_as_sharp_as_a_confocal_shows_it() -> None:
    lens = gaussian_transfer((64, 64), 2.0)
    np.testing.assert_allclose(sharpened(lens), gaussian_transfer((64, 64), SECTION * 2.0), atol=1e-5)
    for seed in range(20):  # of any lens: no light is made, and nothing that it does not let through
        lens = random_transfer(np.random.default_rng(seed), (64, 64), 1.6)
        section = sharpened(lens)
        assert abs(section[0, 0]) == pytest.approx(abs(lens[0, 0]), rel=1e-2)
        assert (np.abs(section) >= np.abs(lens) - 1e-6).all()
        assert np.abs(section[np.abs(lens) < 1e-12]).max(initial=0) < 1e-6


def test_planes_of_a_stack_stand_where_they_were_taken() -> None:
    ramp = np.arange(13, dtype=np.float32)[:, None, None] * np.ones((1, 3, 3), np.float32)
    for step in (1.0, 2.0, 3.0, 1.5):
        stack = sample_planes(ramp, step)
        again = to_even(stack, step)
        assert len(again) == round((len(stack) - 1) * step) + 1
        np.testing.assert_allclose(again[:, 1, 1], np.minimum(np.arange(len(again)), stack[-1, 1, 1]), atol=1e-4)


def test_an_axial_pair_is_a_slice_with_its_neighbours() -> None:
    v = volume(np.random.default_rng(1), 48, "filaments")
    observed, truth, step = axial_pair(np.random.default_rng(3), v, 40, 5)
    assert observed.shape == (5, 40, 40)
    assert truth.shape == (40, 40)
    assert step >= 1


def test_at_the_edge_of_a_stack_a_slice_goes_on_mirrored() -> None:
    """As engines continue it; a slice larger than the stack does so at both ends."""
    z, x = np.mgrid[:30, :50].astype(np.float32)
    values = np.repeat((100 * z + x)[:, None], 7, axis=1)
    beyond = 0
    for seed in range(40):
        observed, truth = axial_slice(np.random.default_rng(seed), BlurredStack(values, values, 1.0), 40, 5)
        np.testing.assert_array_equal(observed[2], truth)
        rows, columns = np.diff(truth[:, 0] // 100), np.diff(truth[0] % 100)
        assert np.abs(rows).max() == np.abs(columns).max() == 1
        assert (rows < 0).any()
        beyond += bool((columns < 0).any())
    assert 2 <= beyond <= 25


def test_an_uneven_label_makes_parts_of_a_volume_far_dimmer_and_none_brighter() -> None:
    even = np.ones((24, 24, 24), np.float32)
    made = [uneven_volume(np.random.default_rng(seed), even) for seed in range(30)]
    assert all(0 < v.min() <= v.max() <= 1 for v in made)
    assert max(v.max() / v.min() for v in made) > 100


def test_some_super_resolution_pairs_hold_something_far_brighter_than_the_rest() -> None:
    """About `LITTERED` of them, up to hundreds of times brighter than nearly all else in the specimen; and it is in both images."""

    class Even:
        def crop(self, rng: np.random.Generator, size: int) -> np.ndarray:
            return np.ones((size, size), np.float32)

    ratios = []
    for seed in range(150):
        pair = super_resolution_pair(np.random.default_rng(seed), Even(), 32)
        structure = pair.truth - pair.level
        if structure.any():
            ratios.append(float(structure.max() / np.median(structure)))
    assert 2 <= sum(r > 8 for r in ratios) <= 20
    assert max(ratios) > 50


def test_some_stacks_end_within_their_specimen() -> None:
    """Light from beyond the last plane is in it, as in any stack of a thick specimen."""
    v = volume(np.random.default_rng(1), 40, "borders")
    depths = {len(BlurredStack.of(np.random.default_rng(seed), v).truth) for seed in range(16)}
    assert min(depths) < 36
    assert max(depths) >= 36


def test_blobs_that_lie_side_by_side_are_not_joined() -> None:
    """Of a crowd of granules nothing that is bright reaches as far as what belongs to a network."""

    def longest(kind: str) -> float:
        found = []
        for seed in range(6):
            plane = KINDS[kind](np.random.default_rng(seed), 160)
            areas = find_objects(label(plane > np.percentile(plane, 95))[0])
            found.append(max(max(s.stop - s.start for s in area) for area in areas))
        return float(np.median(found))

    assert longest("granules") < 0.7 * longest("network")


def test_a_crowd_is_blobs_about_as_fine_as_the_pixels() -> None:
    """Most of its power, without the mean, lies between periods of 2 and 20 pixels."""
    f = np.hypot(np.fft.fftfreq(192)[:, None], np.fft.fftfreq(192)[None])
    for seed in range(12):
        plane = crowd(np.random.default_rng(seed), 192)
        assert plane.min() >= 0
        assert 0.9 < plane.max() <= 1.5
        power = np.abs(np.fft.fft2(plane - plane.mean())) ** 2
        assert power[(f > 1 / 20) & (f < 1 / 2)].sum() > 0.7 * power.sum()


def test_lenses_of_super_resolution_reach_from_sharp_to_zoomed() -> None:
    """Told nothing one in seven is of a zoomed image, told the width, which may be any, about a third."""
    widths = {
        known: np.array([super_resolution_pair(np.random.default_rng(seed), Specimens(), 16, known=known).width for seed in range(60)])
        for known in (False, True)
    }
    for known, lowest in ((False, pairs.WIDTHS[0]), (True, pairs.ANY_WIDTH[0])):
        assert widths[known].min() >= lowest
        assert pairs.WIDER[0] < widths[known].max() <= pairs.WIDER[1] * 2.2**0.6
    assert np.mean(widths[False] > pairs.WIDER[0]) < 0.4 < np.mean(widths[True] > pairs.WIDER[0]) + 0.15
