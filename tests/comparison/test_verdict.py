"""The verdict on results of which it is known what is wrong or right with them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, zoom

from abbe.comparison import Comparison, Undefined, compare, enlarged
from abbe.comparison.evidence import possible_rsp
from abbe.comparison.squirrel import Sums
from abbe.image import Image, Provenance

from .conftest import Plane, Scene, camera, fibres


def word(original: Plane, result: Plane, truth: Plane | None = None) -> str:
    return compare(original, result, truth).verdict.word


def reasons(comparison: Comparison) -> str:
    return "; ".join(comparison.verdict.reasons)


def spots(n: int, count: int = 12, sigma: float = 1.2) -> Plane:
    rng = np.random.default_rng(5)
    plane = np.zeros((n, n))
    for y, x in rng.integers(10, n - 10, (count, 2)):
        plane[y, x] = 1
    plane = gaussian_filter(plane, sigma)
    return plane / plane.max()


def richardson_lucy(image: Plane, sigma: float, rounds: int) -> Plane:
    data = np.maximum(image - np.percentile(image, 1), 1e-3)
    estimate = data.copy()
    for _ in range(rounds):
        estimate = estimate * gaussian_filter(data / np.maximum(gaussian_filter(estimate, sigma), 1e-3), sigma)
    return estimate


# ------------------------------------------------------------------------------------------------ nothing done
def test_an_identical_image_is_unchanged(scene: Scene) -> None:
    found = compare(scene.recorded, scene.recorded)
    assert found.verdict.word == "unchanged"
    assert found.verdict.rsp == pytest.approx(1, abs=1e-12)
    assert found.verdict.rse == pytest.approx(0, abs=1e-6)


def test_a_gain_and_an_offset_change_nothing(scene: Scene) -> None:
    assert word(scene.recorded, 2.5 * scene.recorded + 40) == "unchanged"


def test_plain_enlargement_is_no_improvement(scene: Scene) -> None:
    size = (480, 480)
    assert word(scene.recorded, enlarged(scene.recorded, size)) == "unchanged"
    assert word(scene.recorded, np.kron(scene.recorded, np.ones((3, 3)))) == "unchanged"


# ------------------------------------------------------------------------------------------------ good results
@pytest.mark.parametrize("photons", [30, 300, 1e5])
def test_the_truth_itself_is_an_improvement(photons: float, scene: Scene) -> None:
    recorded = camera((scene.blurred - 100) / 1000, photons)
    found = compare(recorded, scene.truth)
    assert found.verdict.word == "improved", found.verdict.line
    assert "sharper" in reasons(found)


def test_a_good_deconvolution_is_an_improvement() -> None:
    truth = fibres(160, seed=9)
    recorded = camera(gaussian_filter(truth, 1.8) + 0.05, 3000)
    assert word(recorded, richardson_lucy(gaussian_filter(recorded, 0.6), 1.9, 12)) == "improved"


def test_a_perfect_denoising_is_an_improvement_although_rsp_falls(scene: Scene) -> None:
    found = compare(scene.recorded, scene.blurred)
    assert found.verdict.word == "improved", found.verdict.line
    assert "noise down" in reasons(found)
    (channel,) = found.channels
    assert isinstance(channel.rsp.transformed, float)
    assert channel.rsp.transformed < 1 == channel.rsp.upsampled
    assert channel.rsp.transformed == pytest.approx(channel.evidence.rsp_possible, abs=0.01)


def test_three_times_finer_pixels_with_the_truth_on_them_are_an_improvement() -> None:
    truth = fibres(480, seed=3, count=40)
    seen = gaussian_filter(truth, 3.6)
    recorded = camera(seen.reshape(160, 3, 160, 3).mean((1, 3)) + 0.05, 300)
    found = compare(recorded, truth)
    assert found.verdict.word == "improved", found.verdict.line
    assert found.channels[0].fit.sigma == pytest.approx(1.2, rel=0.1)


def test_haze_taken_away_is_said_and_not_held_against_the_result() -> None:
    truth = fibres(192, seed=4)
    haze = gaussian_filter(np.random.default_rng(1).random((192, 192)), 25)
    haze = (haze - haze.min()) / np.ptp(haze)
    recorded = camera(gaussian_filter(truth, 1.8) + 0.05 + haze, 500)
    found = compare(recorded, gaussian_filter(truth, 1.0))
    assert found.verdict.word == "improved", found.verdict.line
    assert "smooth background" in reasons(found)


# ------------------------------------------------------------------------------------------------ bad results
@pytest.mark.parametrize("photons", [300, 1e5])
def test_invented_spots_are_doubtful(photons: float, scene: Scene) -> None:
    recorded = camera((scene.blurred - 100) / 1000, photons)
    found = compare(recorded, scene.truth + 800 * spots(160))
    assert found.verdict.word == "doubtful", found.verdict.line
    assert "disagrees" in reasons(found)


def test_structure_left_out_is_doubtful(scene: Scene) -> None:
    result = scene.truth.copy()
    result[50:90, 40:110] = 0
    assert word(scene.recorded, result) == "doubtful"


@pytest.mark.parametrize("seed", range(3))
def test_where_there_is_no_structure_nothing_is_said_to_lie_beside_it(seed: int) -> None:
    """An empty field's result had been said to lie 12 pixels away: what is left of noise correlates with it at any distance."""
    rng = np.random.default_rng(seed)
    field = rng.normal(100, 3, (96, 96)).round()
    found = compare(field, gaussian_filter(field, 4) + gaussian_filter(np.roll(field, 9, 1), 1.5))
    assert found.verdict.word == "doubtful"
    assert "no structure stands out" in reasons(found)
    assert "beside the original" not in reasons(found)


@pytest.mark.parametrize("shift", [(0, 1), (1, 1), (0, 3)])
def test_a_shifted_result_is_doubtful(shift: tuple[int, int], scene: Scene) -> None:
    found = compare(scene.recorded, np.roll(gaussian_filter(scene.truth, 0.8), shift, (0, 1)))
    assert found.verdict.word == "doubtful"
    assert "beside the original" in reasons(found)
    assert found.channels[0].registration.shift == pytest.approx(shift, abs=0.1)


def test_the_half_pixel_shift_of_careless_enlarging_is_seen(scene: Scene) -> None:
    """Corner-aligned x3 enlargement lies a third of an original pixel beside."""
    careless = np.roll(enlarged(scene.recorded, (480, 480)), (1, 1), (0, 1))
    assert word(scene.recorded, careless) == "doubtful"


@pytest.mark.parametrize("photons", [300, 1e5])
@pytest.mark.parametrize("sigma", [2.0, 3.0])
def test_an_over_smoothed_image_is_doubtful(sigma: float, photons: float, scene: Scene) -> None:
    recorded = camera((scene.blurred - 100) / 1000, photons)
    found = compare(recorded, gaussian_filter(recorded, sigma))
    assert found.verdict.word == "doubtful", found.verdict.line
    assert "smoother than the original" in reasons(found)


def test_sharpened_noise_is_doubtful(scene: Scene) -> None:
    result = scene.recorded + 2 * (scene.recorded - gaussian_filter(scene.recorded, 1.5))
    found = compare(scene.recorded, result)
    assert found.verdict.word == "doubtful"
    assert "sharpens the original's noise" in reasons(found)
    carried = found.channels[0].evidence.noise_carried
    assert isinstance(carried, float)
    assert carried > 2


def test_noise_of_its_own_is_doubtful(scene: Scene) -> None:
    found = compare(scene.recorded, scene.recorded + np.random.default_rng(8).normal(0, 60, scene.recorded.shape))
    assert found.verdict.word == "doubtful"
    added = found.channels[0].evidence.noise_added
    assert isinstance(added, float)
    assert added > 1.5


@pytest.mark.parametrize("photons", [30, 300, 3000])
@pytest.mark.parametrize("light", [0.5, 1.0])
def test_another_recording_as_noisy_or_noisier_is_no_improvement(light: float, photons: float, scene: Scene) -> None:
    """Blurred, it loses its own noise and looks more like the original: that is not sharper, nor is noise less for being another."""
    specimen = (scene.blurred - 100) / 1000
    found = compare(camera(specimen, photons), camera(specimen, light * photons, seed=9))
    assert found.verdict.word == "unchanged", found.verdict.line
    sharper = found.channels[0].evidence.sharper
    assert isinstance(sharper, float)
    assert sharper < 0.2


@pytest.mark.parametrize(("light", "share"), [(2, 71), (4, 50)])
def test_a_longer_exposure_has_as_much_less_noise_as_is_said(light: float, share: int, scene: Scene) -> None:
    specimen = (scene.blurred - 100) / 1000
    found = compare(camera(specimen, 300), camera(specimen, light * 300, seed=9))
    assert found.verdict.word == "improved", found.verdict.line
    (said,) = [reason for reason in found.verdict.reasons if reason.startswith("noise down to")]
    assert float(said.split()[3]) == pytest.approx(share, abs=4)
    assert "sharper" not in found.verdict.line


@pytest.mark.parametrize("photons", [30, 3000])
@pytest.mark.parametrize("left", [1.0, 1.5])
def test_how_much_sharper_is_told_whatever_the_noise(left: float, photons: float, scene: Scene) -> None:
    specimen, finer = (scene.blurred - 100) / 1000, gaussian_filter(scene.truth / 1000, left) + 0.05
    found = compare(camera(specimen, photons), camera(finer, photons, seed=5))
    assert found.channels[0].evidence.sharper == pytest.approx(np.sqrt(1.8**2 - left**2), abs=0.12)
    assert "sharper: blurred by" in found.verdict.line


@pytest.mark.parametrize("photons", [30, 3000])
def test_noise_that_a_result_keeps_does_not_make_it_sharper(photons: float, scene: Scene) -> None:
    """The original itself came out as 0.3 to 0.7 pixels sharper than itself."""
    recorded = camera((scene.blurred - 100) / 1000, photons)
    spectrum = np.fft.fft2(recorded)
    squares = np.fft.fftfreq(recorded.shape[0])[:, None] ** 2 + np.fft.fftfreq(recorded.shape[1]) ** 2
    sharpened = np.fft.ifft2(spectrum * np.exp(2 * np.pi**2 * 0.5**2 * squares)).real
    for made, sharper in ((recorded, 0.0), (sharpened, 0.5)):
        assert compare(recorded, made).channels[0].evidence.sharper == pytest.approx(sharper, abs=0.05)


def test_a_changed_brightness_scale_is_doubtful(scene: Scene) -> None:
    found = compare(scene.recorded, np.sqrt(np.maximum(gaussian_filter(scene.truth, 0.8), 0)))
    assert found.verdict.word == "doubtful"
    assert "not proportional" in reasons(found)


def test_another_image_and_a_negative_are_doubtful(scene: Scene) -> None:
    assert word(scene.recorded, np.rot90(scene.truth)) == "doubtful"
    assert word(scene.recorded, 2000 - scene.blurred) == "doubtful"


def test_structure_drawn_into_pure_noise_is_doubtful() -> None:
    recorded = np.random.default_rng(3).normal(100, 5, (128, 128))
    assert word(recorded, fibres(128) * 100) == "doubtful"


# ------------------------------------------------------------------------------------------------ with a truth
def test_with_a_truth_the_decibels_decide(scene: Scene) -> None:
    better = compare(scene.recorded, scene.blurred, truth=scene.blurred + 1e-3 * scene.truth)
    worse = compare(scene.blurred, scene.recorded, truth=scene.blurred)
    assert better.verdict.word == "improved"
    assert "nearer to the truth" in reasons(better)
    assert worse.verdict.word == "doubtful"
    assert "farther from the truth" in reasons(worse)


def test_with_a_truth_invented_spots_are_doubtful_even_if_the_decibels_rise(scene: Scene) -> None:
    found = compare(scene.recorded, scene.blurred + 400 * spots(160, sigma=1.8), truth=scene.blurred)
    assert found.verdict.word == "doubtful", found.verdict.line


# ------------------------------------------------------------------------------------------------ the line
def test_the_line_has_rsp_rse_and_why(scene: Scene) -> None:
    line = compare(scene.recorded, scene.blurred).verdict.line
    assert line.startswith("improved: RSP 0.")
    assert "RSE" in line
    assert "plain 1.000" in line
    assert ";" in line


def test_nothing_that_can_be_said_is_doubtful_with_its_reason() -> None:
    flat = np.full((40, 40), 9.0)
    found = compare(flat, fibres(40))
    assert found.verdict.word == "doubtful"
    assert isinstance(found.verdict.rsp, Undefined)
    assert "constant" in found.verdict.line
    assert word(flat, flat) == "unchanged"


def test_linear_enlargement_is_not_called_sharper(scene: Scene) -> None:
    found = compare(scene.recorded, zoom(scene.recorded, 3, order=1, grid_mode=True, mode="nearest"))
    assert not any(reason.startswith("sharper") for reason in found.verdict.reasons)


def test_where_a_step_took_light_away_the_doubt_says_that_it_may_count(scene: Scene) -> None:
    spots = scene.recorded.copy()
    spots[40:46, 40:46] += 800
    spots[90:96, 70:76] += 800
    spots[120:126, 110:116] += 800
    original, result = Image.from_array(spots, "YX"), Image.from_array(scene.blurred, "YX")
    said = {}
    for line in (
        "enhance: denoise (denoise 1); abbe 1",
        "enhance: axial (axial 1); abbe 1",
        "background: background (b 1)",
    ):
        found = compare(original, result.replace(provenance=Provenance(history=(line,)))).verdict
        assert found.word == "doubtful"
        assert "disagrees with the original in 3 places" in found.line
        said[line.split(";")[0]] = "out-of-focus light" in found.line
    assert list(said.values()) == [False, True, True]


# ------------------------------------------------------------------------------------------------ series
@pytest.fixture(scope="module")
def series() -> tuple[Plane, Plane]:
    """Five frames as recorded, and what a perfect denoiser makes of them."""
    recorded, clean = [], []
    for t in range(5):
        light = gaussian_filter(fibres(96, seed=t + 1, count=12), 1.8) + 0.05
        recorded.append(camera(light, 300, seed=t))
        clean.append(light * 1000 + 100)
    return np.array(recorded), np.array(clean)


def of_series(recorded: Plane, results: Plane) -> Comparison:
    return compare(Image.from_array(recorded, axes="TYX"), Image.from_array(results, axes="TYX"))


def test_a_series_of_good_frames_is_an_improvement(series: tuple[Plane, Plane]) -> None:
    found = of_series(*series)
    assert found.verdict.word == "improved", found.verdict.line


@pytest.mark.parametrize("frame", [0, 1, 4])
@pytest.mark.parametrize("fault", ["blank", "beside", "smooth", "noisy"])
def test_one_bad_frame_of_a_series_is_found_and_named(fault: str, frame: int, series: tuple[Plane, Plane]) -> None:
    recorded, clean = series
    good, seen = clean[frame], recorded[frame]
    bad = {
        "blank": np.full_like(good, 100),
        "beside": np.roll(good, 1, 1),
        "smooth": gaussian_filter(good, 3),
        "noisy": seen + 2 * (seen - gaussian_filter(seen, 1.5)),
    }[fault]
    results = clean.copy()
    results[frame] = bad
    found = of_series(recorded, results)
    assert found.verdict.word == "doubtful", found.verdict.line
    assert f"in frame {frame + 1} of 5, " in found.verdict.line


def test_a_frame_in_which_the_lamp_was_off_is_held_against_nothing(series: tuple[Plane, Plane]) -> None:
    recorded, clean = (frames.copy() for frames in series)
    recorded[2] = np.random.default_rng(3).normal(100, 2, clean[2].shape)
    clean[2] = 100
    found = of_series(recorded, clean)
    assert found.verdict.word == "improved", found.verdict.line


def test_a_plane_of_a_stack_that_the_result_leaves_blank_is_held_against_it(series: tuple[Plane, Plane]) -> None:
    recorded, clean = series
    results = clean.copy()
    results[2] = 100
    found = compare(Image.from_array(recorded, axes="ZYX"), Image.from_array(results, axes="ZYX"))
    assert found.verdict.word == "doubtful", found.verdict.line
    assert "disagrees" in found.verdict.line


# ------------------------------------------------------------------------------------------------ what nobody can tell
@pytest.mark.parametrize("shape", [(1, 20), (5, 7), (10, 10), (16, 16), (24, 24), (3, 300), (3, 12, 13)])
@pytest.mark.parametrize("seed", range(3))
def test_of_too_few_pixels_nothing_is_said(shape: tuple[int, ...], seed: int) -> None:
    rng = np.random.default_rng(seed)
    noise = rng.poisson(50, shape).astype(float)
    smooth = gaussian_filter(noise, (0, 1, 1)[-len(shape) :])
    axes = "ZYX"[-len(shape) :]
    found = compare(Image.from_array(noise, axes=axes), Image.from_array(smooth, axes=axes))
    assert found.verdict.word == "doubtful", found.verdict.line
    assert reasons(found).startswith("it cannot be judged: ")
    assert "too " in reasons(found)
    assert compare(Image.from_array(noise, axes=axes), Image.from_array(noise, axes=axes)).verdict.word == "unchanged"


def test_pixels_that_are_masked_do_not_make_an_image_large_enough() -> None:
    recorded = camera(gaussian_filter(fibres(64), 1.8), 300)
    recorded[:, 12:] = np.nan
    found = compare(Image.from_array(recorded), Image.from_array(gaussian_filter(np.nan_to_num(recorded, nan=100.0), 1)))
    assert "pixels are too few" in found.verdict.line


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("shape", [(32, 40), (64, 64)])
def test_of_noise_alone_nothing_is_said_but_that(shape: tuple[int, int], seed: int) -> None:
    """A fit of noise to next to nothing is neither a negative nor bent nor too smooth, and no image is sharper than noise."""
    noise = np.random.default_rng(seed).poisson(50, shape).astype(float)
    found = compare(noise, enlarged(gaussian_filter(noise, 6), (3 * shape[0], 3 * shape[1])))
    assert found.verdict.word == "doubtful"
    assert found.verdict.reasons == ("it cannot be judged: no structure stands out of the original's noise",)


def test_a_stained_section_is_not_called_improved(scene: Scene) -> None:
    """What is bright with dark structure is no fluorescence, whatever was gained."""
    section = 4000 - scene.blurred
    recorded = section + np.random.default_rng(1).normal(0, 30, section.shape)
    found = compare(recorded, section)
    assert found.verdict.word == "doubtful"
    assert "no fluorescence" in found.verdict.line
    assert compare(recorded, section, section).verdict.word == "improved"  # the truth knows


def test_where_structure_and_noise_cannot_be_told_apart_unchanged_is_not_said() -> None:
    """Structure as fine as the noise, hardly above it: what a smooth result left out of it may be either."""
    rng = np.random.default_rng(4)
    fine = gaussian_filter(rng.normal(0, 1, (96, 96)), 1.0)
    recorded = 100 + 1.2 * fine / fine.std() + rng.normal(0, 4, (96, 96))
    found = compare(recorded, gaussian_filter(recorded, 2.0))
    assert found.verdict.word == "doubtful", found.verdict.line
    assert "it cannot be judged: it is no sharper" in found.verdict.line


def test_without_noise_to_measure_it_is_not_said_that_none_was_taken(scene: Scene) -> None:
    line = compare(scene.blurred, gaussian_filter(scene.blurred, 0.8)).verdict.line
    assert line.startswith("unchanged")
    assert "whether it is less noisy cannot be told: the original has no measurable noise" in line


def test_no_correlation_above_1_is_called_possible() -> None:
    """The line of noise against brightness may be below 0 where the mean of a series with black frames lies."""
    rng = np.random.default_rng(0)
    seen = Sums.of(rng.normal(5, 1, (32, 32)), rng.normal(5, 1, (32, 32)))
    assert possible_rsp([seen], (-2.0, 0.1)) == 1.0
    assert possible_rsp([seen], (-2.0, 0.5)) == pytest.approx(0.7, abs=0.1)


@pytest.mark.parametrize("axes", ["ZYX", "TYX"])
def test_the_truth_itself_has_the_possible_rsp_though_planes_grow_dim(axes: str) -> None:
    """Differences between planes' means counted as what a result could explain: 0.98 was called possible where the truth has 0.76."""
    rng = np.random.default_rng(3)
    scene = 60 * np.clip(gaussian_filter(rng.normal(size=(128, 128)), 2), 0, None) * 8 + 150
    truth = np.stack([scene * np.exp(-k / 4) for k in range(12)])
    found = compare(
        Image.from_array(rng.poisson(truth).astype(np.uint16), axes=axes),
        transformed=Image.from_array(truth.astype(np.float32), axes=axes),
    ).channels[0]
    possible = found.evidence.rsp_possible
    assert isinstance(possible, float)
    assert found.rsp.transformed == pytest.approx(possible, abs=0.03)
    assert possible < 0.97


def test_two_even_images_of_other_levels_are_not_unchanged() -> None:
    even = np.full((64, 64), 5, np.uint16)
    assert compare(even, transformed=even * 100).channels[0].verdict.word == "doubtful"
    assert compare(even, transformed=even).channels[0].verdict.word == "unchanged"


@pytest.mark.parametrize("photons", [100, 300])
@pytest.mark.parametrize("times", [2.0, 3.0])
def test_the_original_with_more_noise_is_no_improvement(times: float, photons: float, scene: Scene) -> None:
    """It was: 0.4 to 1 pixels sharper, since the original's noise was not found beside so much other noise."""
    light = (scene.blurred - 100) / 1000
    recorded = camera(light, photons)
    noise = float(np.std(recorded - 1000 * light - 100))
    found = compare(recorded, recorded + np.random.default_rng(8).normal(0, times * noise, recorded.shape))
    assert found.verdict.word != "improved", found.verdict.line
    assert "sharper: " not in found.verdict.line
    sharper = found.channels[0].evidence.sharper
    assert isinstance(sharper, float)
    assert sharper < 0.3


def test_a_negative_lies_where_the_original_does(scene: Scene) -> None:
    """Its bright parts, the gaps, lie beside the original's: it was said to be 7 to 10 pixels away."""
    found = compare(scene.recorded, scene.recorded.max() - scene.recorded)
    assert "bright is dark" in found.verdict.line
    assert "beside the original" not in found.verdict.line
    assert found.channels[0].registration.shift == pytest.approx((0, 0), abs=0.01)


def test_an_image_moved_until_bright_lies_on_dark_is_no_negative() -> None:
    rng, plane = np.random.default_rng(3), np.zeros((160, 160))
    for y, x in np.ndindex(10, 10):
        plane[tuple(np.array([16 * y + 8, 16 * x + 8]) + rng.integers(-2, 3, 2))] = 1
    recorded = rng.poisson(20 + 4000 * gaussian_filter(plane, 1.5)).astype(float)
    found = compare(recorded, np.roll(recorded, (8, 8), axis=(0, 1)))
    assert isinstance(found.channels[0].fit.gain, float)
    assert found.channels[0].fit.gain < 0
    assert "11 original pixels beside the original" in found.verdict.line
    assert "bright is dark" not in found.verdict.line
