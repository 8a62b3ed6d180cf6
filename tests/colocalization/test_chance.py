"""What chance gives is not called colocalization, and what the numbers rest on is said."""

from __future__ import annotations

import json
import tracemalloc

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import center_of_mass, gaussian_filter, label

from abbe.colocalization import colocalize, unrelated
from abbe.colocalization.object_chance import by_chance
from abbe.colocalization.result import Coefficient, Colocalization
from abbe.image import ROI, Image, Optics


def smooth(rng: np.random.Generator, sigma: float, n: int = 96) -> npt.NDArray[np.uint16]:
    """A plane of structure of one width, with the noise of its photons."""
    field = gaussian_filter(rng.normal(0, 1, (n + 80, n + 80)), sigma)[40:-40, 40:-40]
    return rng.poisson(np.maximum(300 + 100 * field / field.std(), 0)).astype(np.uint16)


def independent(seed: int, sigma: float) -> Image:
    rng = np.random.default_rng(seed)
    image = Image.from_array(np.stack([smooth(rng, sigma), smooth(rng, sigma)]), axes="CYX", pixel_size=(None, 0.1, 0.1))
    return image.replace(optics=Optics(numerical_aperture=1.4, emission=(520.0, 610.0)))


def test_chance_is_as_wide_as_structure_makes_it() -> None:
    """Blocks of 3 pixels cut structure of 3 pixels' standard deviation to pieces: P by them is too sure, by the autocorrelations not."""
    plain, allowing = [], []
    for seed in range(40):
        found = colocalize(independent(seed, 3), threshold="none", extras=("randomisation",), randomisations=60, ranked=False)
        drawn = found.randomisation
        assert drawn is not None
        assert drawn.p is not None
        assert drawn.p_allowing is not None
        assert (drawn.wider or 0) > 2
        plain.append(drawn.p)
        allowing.append(drawn.p_allowing)
        same = f"{drawn.p:.2g}" == f"{drawn.p_allowing:.2g}"  # by coincidence: nothing to say then
        assert ("too_sure" in {notice.code for notice in found.notices}) is not same
    assert np.mean(np.array(plain) > 0.95) > 0.15
    assert np.mean(np.array(allowing) > 0.95) <= 0.1


def test_planes_of_different_brightness_do_not_make_chance_wider() -> None:
    """Blocks reach through all planes: what these differ by as a whole is in every one."""
    rng = np.random.default_rng(2)
    bleached = np.array([1, 0.85, 0.7, 0.6, 0.5])[:, None, None, None]
    frames = np.stack([np.stack([smooth(rng, 1), smooth(rng, 1)])] * 5)
    image = Image.from_array(rng.poisson(frames * bleached).astype(np.uint16), axes="TCYX")
    found = colocalize(image, threshold="none", extras=("randomisation",), randomisations=20, block=16, ranked=False).randomisation
    assert found is not None
    assert found.wider == pytest.approx(1, abs=0.15)


def test_the_settings_that_were_asked_for_are_plain_data() -> None:
    image = Image.from_array(np.random.default_rng(3).integers(0, 99, (3, 2, 32, 32)).astype(np.uint8), axes="TCYX")
    found = colocalize(image, frames=(np.int64(0), np.int64(2)), ranked=np.bool_(False), seed=np.int64(3))  # type: ignore[arg-type]
    assert json.loads(json.dumps(found.asked))["frames"] == [0, 2]


@pytest.mark.parametrize(("light", "offset"), [((60, 300), (100, 100)), ((300, 300), (400, 100)), ((100, 300), (100, 100))])
@pytest.mark.parametrize("count", [400, 40])
def test_dim_particles_have_the_right_share_or_none(light: tuple[int, int], offset: tuple[int, int], count: int) -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        first = rng.integers(0, 256, (count, 2))
        second = np.concatenate([first[: count // 2], rng.integers(0, 256, (count - count // 2, 2))])
        planes = []
        for places, bright, ground in zip((first, second), light, offset):
            plane = np.zeros((256, 256))
            np.add.at(plane, tuple(places.T), 1)
            planes.append(rng.poisson(gaussian_filter(plane, 1.5, mode="wrap") * 2 * np.pi * 1.5**2 * bright + ground))
        found = colocalize(
            Image.from_array(np.stack(planes).astype(np.uint16), axes="CYX"), extras=("shift",), ranked=False, threshold="none"
        )
        for key in ("ppi1", "ppi2"):
            assert found[key].value is None or found[key].value == pytest.approx(0.5, abs=0.12)


def test_blocks_as_wide_as_the_structure_need_no_allowance() -> None:
    found = colocalize(independent(1, 1), threshold="none", extras=("randomisation",), randomisations=60, block=16, ranked=False)
    assert found.randomisation is not None
    assert found.randomisation.wider == pytest.approx(1, abs=0.1)
    assert "too_sure" not in {notice.code for notice in found.notices}


@pytest.mark.parametrize(
    ("value", "chance", "word"), [(0.7, 0.68, None), (0.63, 0.65, None), (0.7, 0.1, "less than strong"), (1.0, 1.0, None)]
)
def test_a_share_that_chance_gives_too_is_called_nothing(value: float, chance: float, word: str | None) -> None:
    assert Coefficient("tm1", value, chance=chance).word == word


def test_channels_that_hardly_correlate_are_not_said_to_exclude_one_another() -> None:
    for seed in range(3):
        planes = np.random.default_rng(seed).integers(0, 1000, (2, 64, 64)).astype(np.uint16)
        said = " ".join(str(notice) for notice in colocalize(Image.from_array(planes, axes="CYX")).notices)
        assert "exclude one another" not in said
    assert "hardly correlate" in said


@pytest.mark.parametrize("value", [0.1, 0.5])
def test_constant_channels_of_floats_have_no_thresholds(value: float) -> None:
    rng = np.random.default_rng(1)
    for planes in (np.full((2, 64, 64), value, np.float32), np.stack([np.full((64, 64), value), rng.random((64, 64))]).astype(np.float32)):
        found = colocalize(Image.from_array(planes, axes="CYX"))
        assert (found.thresholds.first, found.tm1, found.pearson) == (None, None, None)
        assert "constant" in str(found["pearson"].reason)


def test_a_region_without_pixels_has_no_randomisation_and_says_why() -> None:
    image = Image.from_array(np.random.default_rng(2).integers(0, 99, (2, 64, 64)).astype(np.uint8), axes="CYX")
    found = colocalize(image, roi=ROI.rectangle(100, 100, 1, 1, unit="pixel"), extras=("randomisation", "shift", "objects"))
    assert found.costes_p is None
    assert "0 blocks" in str(found["costes_p"].reason)


def test_an_offset_costs_randomisation_and_shift_no_digits() -> None:
    planes = np.random.default_rng(3).integers(0, 1000, (2, 64, 64)).astype(np.uint32)
    extras = ("randomisation", "shift")
    one, other = (
        colocalize(Image.from_array(p, axes="CYX"), extras=extras, randomisations=20, block=2, threshold="none", ranked=False)
        for p in (planes, planes + np.uint32(10**9))
    )
    assert one.randomisation is not None
    assert other.randomisation is not None
    assert other.randomisation.r == pytest.approx(one.randomisation.r, abs=1e-5)
    assert other.costes_p == one.costes_p
    assert one.shift is not None
    assert other.shift is not None
    assert other.shift.peak == pytest.approx(one.shift.peak, abs=1e-3)


@pytest.mark.parametrize(("diffuse", "offset"), [((1, 0), 0), ((0, 3), 0), ((0, 0), 100)])
@pytest.mark.parametrize("counts", [(400, 400), (400, 200)])
def test_proximity_indices_are_of_particles_alone(diffuse: tuple[float, float], offset: float, counts: tuple[int, int]) -> None:
    """Diffuse light in one channel, or an offset, once made a share of a half a quarter, or exchanged the two proteins."""
    found = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        first = rng.integers(0, 256, (counts[0], 2))
        second = np.concatenate([first[: counts[1] // 2], rng.integers(0, 256, (counts[1] - counts[1] // 2, 2))])
        planes = []
        for places, more in zip((first, second), diffuse):
            plane = np.zeros((256, 256))
            np.add.at(plane, tuple(places.T), 1)
            light = gaussian_filter(plane, 1.5, mode="wrap") * 2 * np.pi * 1.5**2 * 300
            planes.append(rng.poisson(light + more * light.mean() + offset))
        image = Image.from_array(np.stack(planes).astype(np.uint16), axes="CYX")
        measured = colocalize(image, extras=("shift",), ranked=False, threshold="none")
        found.append((measured.ppi1, measured.ppi2))
    assert np.mean(found, 0) == pytest.approx((counts[1] / 2 / counts[0], 0.5), abs=0.1)


@pytest.mark.parametrize("scale", [1e25, 1e30, 1e-30])
def test_no_scale_is_too_large_or_too_small(scale: float) -> None:
    """Squares of such values do not fit into float32."""
    rng = np.random.default_rng(4)
    points = np.zeros((2, 128, 128))
    points[:, *rng.integers(0, 128, (2, 100))] = 1
    planes = (rng.poisson(4000 * gaussian_filter(points, (0, 1.5, 1.5))) + 0.5).astype(np.float32)
    found = [
        colocalize(Image.from_array(p, axes="CYX"), extras=("randomisation", "shift"), randomisations=20, block=4, threshold="none")
        for p in (planes, planes * np.float32(scale))
    ]
    assert found[0].ppi1 == pytest.approx(1, abs=0.1)
    for key in ("pearson", "costes_p", "ppi1"):
        assert found[1][key].value == pytest.approx(found[0][key].value, abs=1e-6)
    one, other = (f.shift.peak for f in found)  # type: ignore[union-attr]
    assert other == pytest.approx(one, abs=1e-4)


def test_how_far_chance_brings_r_is_said() -> None:
    """Of unrelated channels of wide structure, as many as promised stay within, and thousands of pixels do not make their r certain."""
    found = [colocalize(independent(seed, 6), threshold="otsu", ranked=False) for seed in range(60)]
    r, reach = (np.array([getattr(c, name) for c in found]) for name in ("pearson", "by_chance"))
    assert 0.85 <= np.mean(np.abs(r) <= reach) <= 1
    assert np.sqrt(np.mean(reach**2)) == pytest.approx(1.96 * r.std(), rel=0.25)
    assert reach.min() > 5 * 1.96 / 96  # of as many independent pixels
    for c in found:
        said = "chance" in {notice.code for notice in c.notices}
        assert said == (0.1 <= abs(c.pearson or 0) <= (c.by_chance or 0))
        if abs(c.pearson or 0) <= (c.by_chance or 0):
            assert not any(c[key].word for key in ("tm1", "tm2", "m1_above", "m2_above"))
    assert sum("chance" in {notice.code for notice in c.notices} for c in found) > 10


def aligned(rng: np.random.Generator, spread: float, n: int = 160) -> npt.NDArray[np.uint16]:
    """Fibres that run along the rows, all through the plane where `spread` (radian) is 0, with the noise of their photons."""
    plane = np.zeros((n, n))
    for _ in range(25):
        length = rng.integers(50, 125) if spread else 2 * n
        t, angle, (y, x) = np.arange(-length / 2, length / 2, 0.5), rng.normal(0, spread), rng.uniform(0, n, 2)
        rows, columns = np.round(y + t * np.sin(angle)).astype(int), np.round(x + t * np.cos(angle)).astype(int)
        inside = (rows >= 0) & (rows < n) & (columns >= 0) & (columns < n)
        plane[rows[inside], columns[inside]] = 1
    return rng.poisson(gaussian_filter(plane, 1.5) * 300 + 20).astype(np.uint16)


@pytest.mark.parametrize("spread", [0.0, 0.05])
@pytest.mark.parametrize("turned", [False, True])
def test_structure_that_runs_one_way_is_as_long_as_it_is(spread: float, turned: bool) -> None:
    """Fibres that lie side by side are few, however many pixels they have: half of the unrelated ones were beyond a limit for 5 %."""
    beyond, too_likely, r, reach = [], [], [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        planes = np.stack([aligned(rng, spread), aligned(rng, spread)])
        image = Image.from_array(planes.swapaxes(1, 2) if turned else planes, axes="CYX")
        found = colocalize(image, threshold="otsu", ranked=False, extras=("randomisation",), randomisations=40)
        assert found.randomisation is not None
        beyond.append(abs(found.pearson or 0) > (found.by_chance or 0))
        too_likely.append((found.randomisation.p_allowing or 0) > 0.95)
        r.append(found.pearson)
        reach.append(found.by_chance)
    assert np.mean(beyond) <= 0.125
    assert np.mean(too_likely) <= 0.15
    assert np.median(reach) == pytest.approx(1.96 * np.std(r), rel=0.25)


def test_a_fine_image_is_not_made_surer_by_averaging_it_down() -> None:
    """Spots as wide as the blur in 512 pixels: the sum over averaged boxes lost half of their width."""
    r, reach = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        spots = [gaussian_filter((rng.random((512, 512)) < 0.003).astype(float), 1.5, mode="wrap") * 3000 + 20 for _ in "ab"]
        image = Image.from_array(np.stack([rng.poisson(s) for s in spots]).astype(np.uint16), axes="CYX")
        found = colocalize(image, threshold="none", ranked=False)
        r.append(found.pearson)
        reach.append(found.by_chance)
    assert np.median(reach) == pytest.approx(1.96 * np.std(r), rel=0.25)


def test_large_planes_of_a_stack_are_looked_at_in_the_middle_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles as large as their boxes, through all planes, took gigabytes; what is lost in boxes is the same in some planes."""
    rng = np.random.default_rng(1)
    spots = [gaussian_filter((rng.random((12, 300, 300)) < 0.002).astype(float), (1, 1.5, 1.5)) * 3000 + 20 for _ in "ab"]
    image = Image.from_array(np.stack([rng.poisson(s) for s in spots]).astype(np.uint16), axes="CZYX")
    middle = ROI.rectangle(0, 0, 300, 300, unit="pixel", depth=(-0.5, 2.5)) | ROI.rectangle(0, 0, 300, 300, unit="pixel", depth=(8.5, 11.5))
    found = []
    for most in (unrelated.IN_ONE, 4 * 40**2):
        monkeypatch.setattr(unrelated, "IN_ONE", most)
        found.append(colocalize(image, threshold="none", ranked=False).by_chance)
        assert colocalize(image, roi=middle, threshold="none", ranked=False).by_chance is not None
    assert found[0] is not None
    assert found[1] is not None
    assert found[1] != found[0]
    assert found[1] == pytest.approx(found[0], rel=0.1)


def test_channels_that_belong_together_are_not_called_chance() -> None:
    rng = np.random.default_rng(0)
    shared, other = smooth(rng, 3), smooth(rng, 3)
    found = colocalize(Image.from_array(np.stack([shared, (shared + other) // 2]), axes="CYX"), threshold="otsu", ranked=False)
    assert (found.pearson or 0) > (found.by_chance or 1)
    assert "chance" not in {notice.code for notice in found.notices}
    assert found["tm1"].word is not None


def test_chance_looks_at_the_region_alone_and_at_planes_together() -> None:
    """What is masked has no effect; planes that repeat one another add no certainty."""
    image = independent(4, 4)
    pixels = np.asarray(image)[0, :, 0].astype(np.float32)
    half = ROI.rectangle(0, 0, 48, 96, unit="pixel")
    spoilt = pixels.copy()
    spoilt[:, 60:] = np.nan
    one = colocalize(Image.from_array(pixels, axes="CYX"), roi=half, threshold="none", ranked=False)
    two = colocalize(Image.from_array(spoilt, axes="CYX"), roi=half, threshold="none", ranked=False)
    assert one.by_chance is not None
    assert two.by_chance == pytest.approx(one.by_chance, rel=1e-6)
    whole = colocalize(Image.from_array(pixels, axes="CYX"), threshold="none", ranked=False)
    assert one.by_chance > whole.by_chance  # type: ignore[operator]
    again = colocalize(Image.from_array(np.stack([pixels] * 6), axes="TCYX"), threshold="none", ranked=False)
    assert again.by_chance == pytest.approx(whole.by_chance, rel=0.15)


def test_costes_thresholds_of_channels_that_hardly_correlate_are_doubted_whichever_way_the_line_runs() -> None:
    doubted, rising = 0, 0
    for seed in range(12):
        found = colocalize(independent(seed, 1), ranked=False)
        assert abs(found.pearson or 1) < 0.1
        rising += (found.slope or 0) > 0
        doubted += any("hardly correlate" in notice.message for notice in found.notices)
        assert not any(found[key].word for key in ("tm1", "tm2", "m1_above", "m2_above"))
    assert doubted == 12
    assert 0 < rising < 12


def test_the_quotient_and_the_overlap_of_unrelated_channels_are_what_chance_gives() -> None:
    """Sparse spots on a dark ground are dark together almost everywhere, which Li's quotient counts."""
    rng = np.random.default_rng(8)
    spots = [gaussian_filter((rng.random((256, 256)) < 0.004).astype(float), 2) * 4000 + 20 for _ in "ab"]
    found = colocalize(Image.from_array(np.stack([rng.poisson(s) for s in spots]).astype(np.uint16), axes="CYX"), ranked=False)
    assert (found.icq or 0) > 0.1
    assert found["icq"].chance == pytest.approx(found.icq, abs=0.01)
    assert found["moc"].chance == pytest.approx(found.moc, abs=0.03)
    assert found.to_dict()["pearson_by_chance"] == [-found.by_chance, found.by_chance]  # type: ignore[operator]


def test_a_shift_that_chance_alone_gives_is_said_to_be_none() -> None:
    def said(found: Colocalization) -> bool:
        return any("shows no shift" in notice.message for notice in found.notices)

    for seed in range(8):
        found = colocalize(independent(seed, 2), threshold="none", extras=("shift",), ranked=False)
        assert found.shift is not None
        assert said(found) == (found.shift.peak is not None)
    rng = np.random.default_rng(1)
    field = smooth(rng, 2, 110).astype(int)
    moved = np.stack([field[7:103, 7:103], (field[4:100, 5:101] + smooth(rng, 2)) // 2]).astype(np.uint16)
    found = colocalize(Image.from_array(moved, axes="CYX"), threshold="none", extras=("shift",), ranked=False)
    assert found.shift is not None
    assert found.shift.peak == pytest.approx((3, 2), abs=0.2)
    assert not said(found)


def objects_of(seed: int, inside: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]:
    """Labels and centres of the dense objects of a stack, within a region."""
    field = gaussian_filter(np.random.default_rng(seed).normal(size=inside.shape), (0, 2, 2))
    labels, count = label((field > 0.5 * field.std()) & inside)
    return labels.astype(np.int32), np.array(center_of_mass(labels > 0, labels, range(1, count + 1)))


def test_objects_by_chance_are_those_of_the_other_channel_rolled_round_the_region() -> None:
    inside = np.zeros((2, 70, 90), bool)
    inside[:, 5:61, 9:80] = True
    (first, centres), (second, others) = objects_of(1, inside), objects_of(2, inside)
    found = by_chance([first, second], [centres, others], inside, (1.0, 1.0, 1.0), count=12, seed=3)
    box = (slice(None), slice(5, 61), slice(9, 80))
    for shift, met in zip(np.random.default_rng(3).integers(0, (56, 71), (12, 2)), found.met.T):
        moved = np.zeros_like(second)
        moved[box] = np.roll(second[box], shift, axis=(1, 2))
        assert met.tolist() == [len(np.unique(a[(a > 0) & (b > 0)])) for a, b in ((first, moved), (moved, first))]


def test_a_random_shift_of_objects_takes_no_memory_that_grows_with_their_pixels() -> None:
    """A mosaic's objects have tens of millions of pixels, and several shifts are made at once."""
    inside = np.ones((1, 1200, 1200), bool)
    (first, centres), (second, others) = objects_of(1, inside), objects_of(2, inside)
    by_chance([first, second], [centres, others], inside, (1.0, 1.0, 1.0), count=1, seed=1)  # compiled by now
    tracemalloc.start()
    by_chance([first, second], [centres, others], inside, (1.0, 1.0, 1.0), count=4, seed=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 55 * (np.count_nonzero(first) + np.count_nonzero(second))  # 46 of them while the coordinates are laid out
