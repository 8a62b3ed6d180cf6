"""Planes of a stack that share their light: what overlaps gains, what does not stays its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import gaussian_filter

import abbe
from abbe.image import Image
from abbe.image.pixels import ArrayPixels, ScratchPixels
from abbe.restoration import depth
from abbe.restoration import overlap as overlapping
from abbe.restoration.overlap import Overlap, overlap
from abbe.restoration.progress import Part
from abbe.restoration.sharing import Sharing, with_shared_light
from abbe.restoration.stage import Work
from abbe.simulation import volume

Stack = npt.NDArray[np.float32]
#: planes and side of the stacks here; standard deviation of the PSF along z, in planes of `specimen`
PLANES, SIDE, LONG = 12, 96, 4.0


def specimen(step: int = 2, light: float = 40.0) -> Stack:
    """(PLANES, SIDE, SIDE) expected photons: every `step`-th plane of a volume through a lens whose PSF is `LONG` planes long."""
    seen = gaussian_filter(np.maximum(volume(np.random.default_rng([3, 2, 1]), 112)[:, 8 : 8 + SIDE, 8 : 8 + SIDE], 0), (LONG, 1.3, 1.3))
    planes = seen[::step][:PLANES]
    return np.asarray(planes / np.percentile(planes, 99.8) * light + 1, np.float32)


def exposed(photons: Stack, seed: int = 0) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return np.asarray(100 + 2 * rng.poisson(np.maximum(photons, 0)) + rng.normal(0, 2, photons.shape), np.float32)


def stack_of(array: npt.NDArray[Any], step: float | None = 0.1) -> Image:
    return Image.from_array(array, axes="ZYX", pixel_size=(step, 0.1, 0.1))


def denoised(array: npt.NDArray[Any], planes: bool | None, **how: Any) -> Stack:
    return np.asarray(abbe.enhance(stack_of(array), "denoise", planes=planes, passes=1, **how))[0, 0]


def error(result: Stack, photons: Stack) -> float:
    """Mean squared error, in photons."""
    return float(np.mean(((result - 100) / 2 - photons) ** 2))


def gain(photons: Stack) -> float:
    """dB that planes gain by sharing, by the mean error of three exposures: one alone can say 0.1 where the mean is 0.6."""
    arrays = [exposed(photons, seed) for seed in range(3)]
    alone, together = (sum(error(denoised(array, planes), photons) for array in arrays) for planes in (False, True))
    return 10 * float(np.log10(alone / together))


def left(array: npt.NDArray[Any]) -> float:
    recipe = abbe.enhance(stack_of(array), "denoise", planes=True, passes=1).recipe
    assert recipe is not None
    return float(recipe.steps[0].parameters["planes"][0])


@pytest.mark.parametrize(("step", "light", "least"), [(1, 15, 2.0), (1, 100, 1.0), (2, 15, 1.5), (2, 100, 0.7)])
def test_planes_that_overlap_gain(step: int, light: float, least: float) -> None:
    """Steps of a quarter and a half of the standard deviation of the PSF."""
    assert gain(specimen(step, light)) > least


def test_the_first_and_the_last_plane_lose_nothing() -> None:
    """They have neighbours on one side alone; a mirror image would put the wrong light there."""
    photons, ends = specimen(2, 60), [0, -1]
    alone, together = (sum(error(denoised(exposed(photons, k), planes)[ends], photons[ends]) for k in range(4)) for planes in (False, True))
    assert together < 1.03 * alone


@pytest.mark.parametrize("light", [15, 100])
def test_planes_that_have_nothing_in_common_are_left_alone(light: float) -> None:
    photons = specimen(2, light)[np.random.default_rng(0).permutation(PLANES)]
    array = exposed(photons)
    assert left(array) > 0.99
    assert abs(gain(photons)) < 0.1


def test_planes_two_lengths_of_the_psf_apart_are_left_alone() -> None:
    photons = specimen(8, 60)
    assert left(exposed(photons)) > 0.9
    assert gain(photons) > -0.1


def test_what_is_bright_in_one_plane_alone_keeps_its_light() -> None:
    """A vesicle that came by while one plane was taken."""
    photons = specimen(1, 40)
    spot = np.zeros_like(photons)
    spot[6, 40, 40] = 1
    spot = gaussian_filter(spot, (0, 1.3, 1.3))
    there = photons + spot / spot.max() * 60
    result, before = denoised(exposed(there), True), denoised(exposed(photons), True)
    own = (result - before)[:, 36:45, 36:45].sum((1, 2)) / 2
    expected = (spot / spot.max() * 60)[6, 36:45, 36:45].sum()
    assert own[6] == pytest.approx(expected, rel=0.2)
    assert np.all(np.abs(np.delete(own, 6)) < 0.12 * expected)


def test_noise_of_single_pixels_makes_no_spots() -> None:
    """An empty plane beside structure: no pixel of its noise may be left standing on ground that others smoothed."""
    photons = np.full((PLANES, SIDE, SIDE), 2, np.float32)
    photons[:, :30, :30] = specimen(1, 100)[:, :30, :30]
    empty = (slice(None), slice(50, 90), slice(50, 90))
    array = exposed(photons)
    assert left(array) < 0.4
    result = denoised(array, True)[empty]
    assert np.abs(result - np.median(result)).max() < 0.5 * array[empty].std()


def test_bleaching_along_z_is_kept() -> None:
    photons = specimen(1, 80) * (0.9 ** np.arange(PLANES, dtype=np.float32))[:, None, None]
    result = (denoised(exposed(photons), True) - 100) / 2
    np.testing.assert_allclose(result.mean((1, 2)), photons.mean((1, 2)), rtol=0.02, atol=0.04)
    assert gain(photons) > 0.5


@pytest.mark.parametrize("light", [5, 40])
def test_a_plane_as_a_whole_keeps_its_light(light: float) -> None:
    """A lamp that flickers by less than the noise of ten pixels: the mean of a plane knows it all the same, and is no other's."""
    photons = specimen(1, light) * (1 + 0.04 * (-1.0) ** np.arange(PLANES, dtype=np.float32))[:, None, None]
    array = exposed(photons)
    np.testing.assert_allclose(shared(array).mean((1, 2)), array.mean((1, 2)), rtol=0, atol=0.002)
    np.testing.assert_allclose(denoised(array, True).mean((1, 2)), array.mean((1, 2)), rtol=0, atol=0.005)


def test_what_is_brightest_does_not_say_alone_how_alike_planes_are() -> None:
    """Two thirds of a field are as long along z as the lens makes them, a third is ten times brighter and goes through all planes."""
    rng = np.random.default_rng(0)
    bands = gaussian_filter(rng.normal(size=(48, 1, SIDE, SIDE)), (1.5, 0, 0, 0)).astype(np.float32)
    bands /= bands.std()
    by_lens = np.exp(-(np.arange(4) ** 2) / (4 * 1.5**2))[None]
    for brightest, expected in ((False, by_lens), (True, by_lens)):
        if brightest:
            bands[..., 64:] = 10 * rng.normal(size=(1, 1, SIDE, 32))
        c = overlapping._covariance(bands, 3)
        found = overlapping.everywhere(bands, c / c[:, :1], np.array([0.01]))
        np.testing.assert_allclose(found, expected, atol=0.05)
    assert c[0, 1] / c[0, 0] > 0.99
    np.testing.assert_array_equal(overlapping.everywhere(bands, c / c[:, :1], np.zeros(1)), c / c[:, :1])  # a band that is not shared


@pytest.mark.parametrize("planes", [5, 6, 9])
def test_short_stacks_gain_too(planes: int) -> None:
    """In the mean of four exposures, of which the noise decides in how many bands planes are found to overlap."""
    assert gain(specimen(2, 30)[:planes]) > 0.3


def test_parts_of_a_plane_fit_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes out does not depend on how much of a plane is looked at at once."""
    array = exposed(specimen(2, 40))
    whole = shared(array)
    monkeypatch.setattr(depth, "SIDE", 40)
    np.testing.assert_allclose(shared(array), whole, rtol=1e-5, atol=1e-3)


def test_planes_in_a_scratch_file_are_those_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    array = exposed(specimen(2, 40))
    within = shared(array)
    monkeypatch.setattr(depth, "scratch", ScratchPixels)
    monkeypatch.setattr(depth, "SIDE", 40)
    np.testing.assert_allclose(shared(array), within, rtol=1e-5, atol=1e-3)


def test_one_plane_is_that_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    array = exposed(specimen(2, 40))
    np.testing.assert_array_equal(shared(array, 3)[0], shared(array)[3])
    lone = with_shared_light(stack_of(array), 3, Sharing(planes=True), exact=True)
    assert lone.shape == (1, 1, 1, SIDE, SIDE)
    assert lone.pixel_size == (None, 0.1, 0.1)
    np.testing.assert_allclose(np.asarray(lone)[0, 0, 0], shared(array)[3], rtol=1e-5)


def test_what_was_not_measured_gives_nothing_to_other_planes() -> None:
    photons = specimen(1, 60)
    array = exposed(photons)
    array[5, 80:90, 80:90] = np.nan
    result = denoised(array, True)
    alone = denoised(array, False)
    # beside it, where its filled-in light would reach: each plane for itself
    np.testing.assert_allclose(shared(array)[6, 82:88, 82:88], array[6, 82:88, 82:88], rtol=1e-5)
    assert np.isfinite(result[[3, 4, 6, 7]]).all()
    assert error(result[4, :10], photons[4, :10]) < error(alone[4, :10], photons[4, :10])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [1e30, -1e30])
def test_a_number_that_stands_for_nothing_stays_in_its_plane(value: float) -> None:
    array = exposed(specimen(1, 60))
    calm = denoised(array, True)
    array[5, 60:66, 60:70] = value
    result = denoised(array, True)
    for k in (0, 4, 6, 11):
        np.testing.assert_allclose(result[k, :20, :20], calm[k, :20, :20], atol=6)
        assert np.abs(result[k] - calm[k]).max() < 60


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [0, 7, 65535])
def test_stacks_without_contrast_or_noise_pass(value: int) -> None:
    flat = np.full((8, 40, 50), value, np.uint16)
    assert np.array_equal(denoised(flat, True), denoised(flat, False))


def test_a_stack_without_noise_stays_as_it_is() -> None:
    """Bands in which the network takes away nothing have no noise to share."""
    photons = specimen(2, 1000)
    np.testing.assert_allclose(shared(photons * 2 + 100), photons * 2 + 100, rtol=0.02)


def test_channels_and_frames_share_with_their_own_alone() -> None:
    one, two = exposed(specimen(2, 40)), exposed(specimen(1, 90), 4)
    both = np.asarray(abbe.enhance(Image.from_array(np.stack([one, two]), axes="CZYX", pixel_size=(0.1, 0.1, 0.1)), "denoise", passes=1))[0]
    np.testing.assert_array_equal(both[0], denoised(one, True))
    np.testing.assert_array_equal(both[1], denoised(two, True))


def test_the_interval_knows_that_planes_are_alike() -> None:
    """90 % of what it spans holds the specimen, as for planes each for itself."""
    photons = specimen(1, 60)
    result = abbe.enhance(stack_of(exposed(photons)), "denoise", planes=True)
    assert result.interval is not None
    lower, upper = (np.asarray(side) for side in result.interval)
    true = photons * 2 + 100
    held = float(np.mean((lower <= true) & (true <= upper)))
    assert 0.84 < held < 0.99


@pytest.mark.parametrize("kind", ["fixed pattern", "correlated", "lines"])
def test_noise_of_other_kinds_costs_nothing(kind: str) -> None:
    photons = specimen(2, 30)
    array, rng = exposed(photons), np.random.default_rng(7)
    if kind == "fixed pattern":
        array += rng.normal(0, 3, (SIDE, SIDE)).astype(np.float32)
    elif kind == "correlated":
        array = np.asarray(photons * 2 + 100 + 2 * gaussian_filter(array - 100 - 2 * photons, (0, 0.8, 0.8)), np.float32)
    else:
        array += rng.normal(0, 2, (PLANES, SIDE, 1)).astype(np.float32)
    alone, together = (error(denoised(array, planes), photons) for planes in (False, True))
    assert together < 1.02 * alone


def shared(array: npt.NDArray[Any], only: int | None = None) -> Stack:
    """A stack as it is before it is denoised."""
    nowhere = np.isnan(array)
    lost = ArrayPixels(nowhere[None, None]) if nowhere.any() else None
    made = depth.share_planes(ArrayPixels(array[None, None]), denoiser(array), only, lost).pixels
    return np.asarray(made.read(tuple(slice(0, n) for n in made.shape)))[0, 0]  # type: ignore[arg-type]


def denoiser(array: npt.NDArray[Any]) -> Work:
    from abbe.restoration.engine import engine, runner
    from abbe.restoration.normalisation import normalisation
    from abbe.zoo import find

    model = find("denoise")
    normal = normalisation(ArrayPixels(np.nan_to_num(array, nan=100.0)[None, None]), 0, model.card)
    return Work("denoise", model, runner(model, engine("cpu", True)), Part(None), True, (normal,))


def test_statistics_tell_the_length_of_the_lens_and_the_noise() -> None:
    """Correlations of planes one and two apart are those of a Gaussian PSF; the noise's variance is that of the camera."""
    photons = specimen(2, 60)
    array = exposed(photons)
    found = overlap(ArrayPixels(array[None, None]), work := denoiser(array), 0)
    assert isinstance(found, Overlap)
    true = gaussian_filter(photons, 0) - gaussian_filter(photons, (0, 3.2, 3.2))
    one = float(np.mean(true[:-1] * true[1:]) / np.mean(true * true))
    assert found.alike[2, 1] == pytest.approx(one, abs=0.08)
    variance = 4 * photons + 4  # of counts: two per photon, and 2 of reading
    scale = work.normal[0].scale ** 2
    share = float(np.mean(found.finest)) / 0.6277  # what the finest band has of white noise
    assert share * scale == pytest.approx(float(variance.mean()), rel=0.25)
