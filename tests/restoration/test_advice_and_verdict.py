"""What a user is told before a run, and after it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, label, rotate, zoom

from abbe.errors import ParameterError
from abbe.formats import open as open_image
from abbe.formats import save
from abbe.image import Image, Notice, Optics
from abbe.recipe import Input, Recipe, Step
from abbe.restoration import advise, correct_background, enhance, verdict
from abbe.restoration.noise import noise_sigma
from abbe.restoration.sampling import sampling
from abbe.simulation import specimen
from abbe.simulation.pairs import bin3

rng = np.random.default_rng


def cell(n: int = 192, seed: int = 0) -> np.ndarray:
    """Bright points and lines, sharp: (n, n), 0 to 1."""
    r = rng(seed)
    specimen = np.zeros((n, n))
    specimen[r.integers(0, n, 150), r.integers(0, n, 150)] = r.uniform(2, 5, 150)
    for _ in range(8):
        y, slope = r.integers(0, n), r.uniform(-1, 1)
        x = np.arange(n)
        specimen[np.clip((y + slope * x).astype(int), 0, n - 1), x] = 1
    specimen = gaussian_filter(specimen, 0.8)
    return specimen / specimen.max()


def result_of(original: np.ndarray, values: np.ndarray, step: str = "denoise") -> Image:
    """`values` as if a run had made them of `original`."""
    source = Image.from_array(original)
    recipe = Recipe(operation="enhance", inputs=(Input(shape=source.shape, dtype=source.dtype.name),), steps=(Step(name=step),))
    return Image.from_array(values.astype(np.float32), original=source, recipe=recipe)


# ---------------------------------------------------------------------------------------------------- noise and sampling


@pytest.mark.parametrize("sigma", [0.5, 5.0, 200.0])
def test_noise_on_an_empty_field_is_found(sigma: float) -> None:
    image = Image.from_array(rng(1).normal(1000, sigma, (256, 256)).astype(np.float32))
    assert noise_sigma(image, 0).sigma == pytest.approx(sigma, rel=0.1)


def test_noise_under_structure_and_shading_is_found() -> None:
    yy, xx = np.mgrid[-1:1:256j, -1:1:256j]
    clean = 300 * cell(256) + 100 * (1 - 0.5 * (xx**2 + yy**2))
    image = Image.from_array((clean + rng(2).normal(0, 5, clean.shape)).astype(np.float32))
    assert noise_sigma(image, 0).sigma == pytest.approx(5, rel=0.2)


def test_structure_in_most_of_the_blocks_is_not_taken_for_noise_that_neighbours_share() -> None:
    for seed in range(4):
        r = rng(seed)
        spots = np.zeros((256, 256))
        spots[r.integers(0, 256, 600), r.integers(0, 256, 600)] = r.uniform(0.5, 3, 600)
        clean = 4 * 300 * gaussian_filter(spots, 2.0) * 4 * np.pi + 20
        found = noise_sigma(Image.from_array((r.poisson(clean) + 100).astype(np.uint16)), 0)
        assert found.correlation < 0.3
        assert found.sigma < 1.5 * np.sqrt(np.percentile(clean, 15))


@pytest.mark.parametrize("share", [0.05, 0.1, 0.15])
def test_a_dark_margin_hides_no_noise_that_neighbours_share(share: float) -> None:
    noise = gaussian_filter(rng(6).normal(0, 1, (256, 256)), 1)
    noise *= 10 / noise.std()
    noise[: int(share * 256)] *= 0.2
    found = noise_sigma(Image.from_array((500 + noise).astype(np.float32)), 0)
    assert found.correlation == pytest.approx(0.77, abs=0.12)
    assert 6 < found.sigma < 11


def test_what_abbe_made_and_saved_is_not_called_resampled(tmp_path: Path, small_models_in_use: None) -> None:
    image = Image.from_array(rng(4).poisson(200, (64, 64)).astype(np.uint16), "YX", 0.1)
    save(enhance(image, steps=("super_resolve",)), tmp_path / "once.tif")
    again = open_image(tmp_path / "once.tif")
    assert noise_sigma(again, 0).correlation > 0.3
    assert not any("share their noise" in remark for remark in advise(again).remarks)


@pytest.mark.parametrize("width", [0.0, 0.6, 1.0])
def test_noise_that_neighbours_share_is_found(width: float) -> None:
    noise = gaussian_filter(rng(3).normal(0, 10, (320, 320)), width)
    correlation = (noise[:, 1:] * noise[:, :-1]).mean() / noise.var()
    found = noise_sigma(Image.from_array(noise.astype(np.float32)), 0)
    assert found.sigma == pytest.approx(noise.std(), rel=0.15)
    assert found.correlation == pytest.approx(correlation, abs=0.08)


@pytest.mark.parametrize("shape", [(1, 1), (2, 9), (16, 16), (3, 400)])
@pytest.mark.parametrize("value", [0, 77])
def test_noise_and_sampling_of_odd_images_are_no_trouble(shape: tuple[int, int], value: int) -> None:
    image = Image.from_array(np.full(shape, value, np.uint8))
    assert noise_sigma(image, 0).sigma == 0
    assert sampling(image, 0).cutoff is None
    assert advise(image).workflow == "A"


@pytest.mark.parametrize("flash", [1e7, 1e12])
def test_one_pixel_of_any_brightness_does_not_hide_the_noise(flash: float) -> None:
    plane = np.random.default_rng(0).normal(100, 4.5, (128, 128)).astype(np.float32)
    plane[60, 60] += flash
    plane[:32] = 1e4  # and a part without any noise
    assert noise_sigma(Image.from_array(plane), 0).sigma == pytest.approx(4.5, rel=0.1)


def test_a_blurred_image_is_seen_to_be_oversampled() -> None:
    noise = rng(4).normal(0, 1, (256, 256))
    sharp = Image.from_array((1000 * cell(256) + noise).astype(np.float32))
    blurred = Image.from_array((gaussian_filter(10000 * cell(256), 4) + noise).astype(np.float32))
    assert sampling(blurred, 0).cutoff < 0.4 < sampling(sharp, 0).cutoff


def test_a_noisy_image_is_not_called_oversampled_where_noise_ends_its_spectrum() -> None:
    noisy = Image.from_array(rng(4).poisson(20 * gaussian_filter(cell(256), 1) / gaussian_filter(cell(256), 1).max() + 2).astype(np.uint16))
    assert sampling(noisy, 0).cutoff is None
    assert not any("finer than its detail needs" in remark for remark in advise(noisy).remarks)


def test_optics_tell_the_pixel_size_that_abbes_limit_needs() -> None:
    optics = Optics(numerical_aperture=1.25, emission=(500.0,))
    found = sampling(Image.from_array(np.ones((40, 40)), pixel_size=0.05, optics=optics), 0)
    assert found.nyquist == pytest.approx(0.1)
    assert found.oversampling == pytest.approx(2)


# ---------------------------------------------------------------------------------------------------- advice


def test_a_conventional_image_is_for_workflow_a_and_the_result_is_sized() -> None:
    image = Image.from_array(rng(0).poisson(9, (4, 30, 40)).astype(np.uint16), pixel_size=(0.3, 0.1, 0.1))
    advice = advise(image)
    assert advice.workflow == "A"
    assert advice.output_shape == (1, 1, 10, 90, 120)
    assert advice.output_bytes == 4 * 10 * 90 * 120
    assert advice.scratch_bytes == 0
    assert advice.fits
    assert advise(image, steps="denoise").output_shape == image.shape
    assert advise(image, workflow="B").output_shape == image.shape


def test_a_super_resolved_image_is_for_workflow_b() -> None:
    pixels = rng(0).poisson(9, (40, 40)).astype(np.uint16)
    assert advise(Image.from_array(pixels, optics=Optics(modality="STED"))).workflow == "B"
    assert advise(Image.from_array(pixels, pixel_size=0.02)).workflow == "B"
    fine = Optics(numerical_aperture=0.5, emission=(600.0,))
    assert advise(Image.from_array(pixels, pixel_size=0.06, optics=fine)).workflow == "B"
    assert advise(enhance(pixels)).workflow == "B"


def test_smeared_noise_gets_a_remark() -> None:
    noise = gaussian_filter(rng(3).normal(500, 10, (200, 200)), 1)
    assert any("share their noise" in remark for remark in advise(noise.astype(np.float32)).remarks)


# ---------------------------------------------------------------------------------------------------- verdict


def test_transmitted_light_gets_a_remark_and_fluorescence_does_not() -> None:
    cells = specimen(np.random.default_rng(2), 128, "nuclei")
    rng = np.random.default_rng(0)
    dark, bright = (rng.poisson(light).astype(np.uint16) for light in (20 + 300 * cells, 20 + 300 * (1.5 - cells)))
    (found,) = advise(bright).foreign
    assert "transmitted light" in found
    assert found in advise(bright).remarks
    assert not any("transmitted light" in remark for remark in advise(bright[:24, :30]).remarks)  # of so few pixels nobody can tell
    for image in (dark, rng.poisson(np.full((128, 128), 300)), np.full((64, 64), 7)):
        assert not any("transmitted light" in remark for remark in advise(image).remarks)


def test_a_cut_out_from_within_a_nucleus_is_not_called_transmitted_light() -> None:
    y, x = np.mgrid[:72, :72]
    light = 400.0 + 60 * np.sin(y / 9) * np.cos(x / 7)
    for row, column in ((20, 30), (50, 15), (45, 55)):  # nucleoli, which no dye of DNA stains
        light -= 330 * np.exp(-((y - row) ** 2 + (x - column) ** 2) / 18)
    cut = np.random.default_rng(1).poisson(light).astype(np.uint16)
    assert advise(cut).foreign == ()


@pytest.mark.parametrize("outside", [0, np.nan])
def test_the_black_wedges_of_a_turned_image_are_no_dark_structure(outside: float) -> None:
    cells = specimen(rng(2), 160, "nuclei")
    for light, said in ((1000 + 60 * cells, False), (1000 + 300 * (1.5 - cells), True)):
        turned = rotate(rng(0).poisson(light).astype(np.float32), 9, order=0, cval=outside)
        assert any("transmitted light" in remark for remark in advise(turned).remarks) == said


@pytest.mark.parametrize("kind", ["mask of 0 and 255", "mask of true and false", "labels"])
def test_masks_and_labels_among_the_images_get_a_remark_and_a_note_in_the_result(kind: str) -> None:
    blobs = gaussian_filter(rng(1).normal(size=(128, 128)), 5) > 0.03
    image = {"mask of 0 and 255": (255 * blobs).astype(np.uint8), "mask of true and false": blobs}.get(kind, label(blobs)[0])
    (remark,) = [r for r in advise(image).remarks if "masks and labels" in r]
    result = enhance(image, "denoise", passes=1)
    assert remark in [notice.message for notice in result.notices if notice.code == "optics"]


def test_saturated_and_dim_images_are_no_labels() -> None:
    light = 400 * cell(128)
    for top, scale in ((255, 4), (255, 1), (3, 0.01), (1, 0.003)):
        image = np.minimum(rng(0).poisson(scale * light), top).astype(np.uint8)
        assert not any("labels" in remark for remark in advise(image).remarks), (top, scale)


def test_a_result_made_from_transmitted_light_says_so() -> None:
    """In Python nobody is asked for advice before."""
    cells = specimen(rng(2), 128, "nuclei")
    bright = Image.from_array(rng(0).poisson(20 + 300 * (1.5 - cells)).astype(np.uint16), channels=["BF"])
    for result in (enhance(bright, "denoise", passes=1), correct_background(bright, passes=1)):
        assert [n.message[:4] for n in result.notices if n.code == "optics"] == ["BF: "]
    known = bright.warn(Notice("optics", "BF: recorded with transmitted light; the models know fluorescence alone"))
    assert [n for n in enhance(known, "denoise", passes=1).notices if n.code == "optics"] == list(known.notices)


def test_a_crisp_image_with_next_to_no_noise_is_better_not_denoised() -> None:
    rng = np.random.default_rng(0)
    crisp = bin3(gaussian_filter(specimen(np.random.default_rng(27), 480), 1.2)).astype(np.float64)
    bright, dim = (rng.poisson(light * crisp) * 2 + rng.normal(100, 3, crisp.shape).round() for light in (2000, 30))
    soft = gaussian_filter(bright, 2)

    def said(image: np.ndarray, steps: str) -> bool:
        return any("denoising may soften" in remark for remark in advise(image.astype(np.float32), steps).remarks)

    assert said(bright, "denoise")
    assert not said(bright, "super_resolve")
    assert not said(dim, "denoise")
    assert not said(soft, "denoise")


def test_pixels_coarser_than_any_lens_needs_get_a_remark() -> None:
    plane = np.random.default_rng(0).poisson(20, (64, 64)).astype(np.uint16)
    coarse, fine = (advise(Image.from_array(plane, "YX", size)).remarks for size in (0.76, 0.1))
    assert any("0.76 um" in remark for remark in coarse)
    assert not fine


def test_less_noise_and_the_same_structure_is_an_improvement() -> None:
    clean = gaussian_filter(1000 * cell(), 1) + 100
    found = verdict(result_of(clean + rng(5).normal(0, 8, clean.shape), clean + rng(6).normal(0, 0.5, clean.shape)))
    assert found.word == "improved"
    assert "noise in flat parts down to" in found.reason


def test_a_sharper_image_on_finer_pixels_that_agrees_is_an_improvement() -> None:
    truth = 3000 * cell(480)
    seen = gaussian_filter(truth, 4).reshape(160, 3, 160, 3).mean(axis=(1, 3)) + 100 + rng(5).normal(0, 2, (160, 160))
    found = verdict(result_of(seen, truth + 100, "super_resolve"))
    assert found.word == "improved"
    channel = found.channels["channel 0"]
    assert channel.blur == pytest.approx(4 / 3, abs=0.4)
    assert channel.agreement > 0.98


def test_the_same_image_is_unchanged() -> None:
    clean = gaussian_filter(1000 * cell(), 1) + rng(5).normal(0, 8, (192, 192))
    assert verdict(result_of(clean, clean)).word == "unchanged"


def test_a_result_that_contradicts_its_input_is_doubtful() -> None:
    one, other = (gaussian_filter(1000 * cell(seed=s), 1) for s in (1, 2))
    found = verdict(result_of(one + rng(5).normal(0, 8, one.shape), other))
    assert found.word == "doubtful"
    assert "agrees with the input only" in found.reason
    finer = zoom(other, 3, order=1, grid_mode=True, mode="nearest")
    assert verdict(result_of(one + rng(5).normal(0, 8, one.shape), finer, "super_resolve")).word == "doubtful"


def test_structure_out_of_mere_noise_is_doubtful() -> None:
    noise = rng(5).normal(100, 8, (192, 192))
    assert verdict(result_of(noise, 100 + 300 * gaussian_filter(cell(), 1))).word == "doubtful"
    assert verdict(result_of(noise, np.full_like(noise, 100))).word == "improved"


@pytest.mark.parametrize("grey", [0.1, 7.0, 1000.0, 65535.0])
def test_an_empty_image_left_as_it_is_is_not_said_to_show_structure(grey: float) -> None:
    empty = np.full((64, 64), grey, np.float32)
    assert verdict(result_of(empty, empty)).word == "unchanged"
    assert verdict(result_of(empty, empty * (1 + 0.01 * cell(64)))).word == "doubtful"


@pytest.mark.parametrize("photons", [2, 6, 20])
def test_noise_is_looked_for_where_photons_came(photons: float) -> None:
    """Of sparse photon counts most blocks are 0 throughout: noise that went elsewhere had been called unchanged."""
    light = photons * gaussian_filter(cell(256), 1.5) * (np.indices((256, 256)).sum(axis=0) < 250)
    counts = rng(3).poisson(light)
    found = verdict(result_of(counts.astype(np.float32), light.astype(np.float32)))
    assert found.word == "improved"
    assert "noise in flat parts down to" in found.reason


def test_more_noise_than_before_is_doubtful() -> None:
    clean = gaussian_filter(1000 * cell(), 1)
    noisy = clean + rng(5).normal(0, 3, clean.shape)
    assert verdict(result_of(noisy, noisy + rng(6).normal(0, 9, clean.shape))).word == "doubtful"


def test_light_from_out_of_focus_may_go_without_being_called_a_contradiction() -> None:
    clean = 1000 * gaussian_filter(cell(), 1)
    hazy = clean + 3 * gaussian_filter(clean, 20) + 200 + rng(5).normal(0, 5, clean.shape)
    found = verdict(result_of(hazy, clean, "background"))
    assert found.word == "improved"
    assert found.channels["channel 0"].agreement > 0.98


def test_uneven_illumination_may_go_without_being_called_a_contradiction() -> None:
    """Dim single molecules on a glow that is brighter than they are, as of a TIRF microscope: the glow is no structure that is missing."""
    yy, xx = np.mgrid[-1:1:256j, -1:1:256j]
    r, spots = rng(1), np.zeros((256, 256))
    spots[r.integers(8, 248, 120), r.integers(8, 248, 120)] = r.uniform(300, 900, 120)
    clean = gaussian_filter(spots, 1.2)
    seen = r.poisson(clean + 40 * np.exp(-(xx**2) - (yy - 0.3) ** 2) + 10).astype(float)
    found = verdict(result_of(seen, clean, "background"))
    assert found.word == "improved"
    assert found.channels["channel 0"].agreement > 0.95
    assert verdict(result_of(seen, clean[::-1], "background")).word == "doubtful"
    assert verdict(result_of(seen, np.where(xx < 0, clean, 0), "background")).word == "doubtful"


@pytest.mark.parametrize(("light", "width"), [(1.5, 0.0), (3.0, 0.7), (6.0, 1.0)])
def test_noise_that_is_left_is_not_held_against_a_result(light: float, width: float) -> None:
    """The truth itself agrees with a noisy image of it, also where neighbours share the noise: images that were enlarged or debayered."""
    clean = gaussian_filter(cell(256), 1.5)
    noise = gaussian_filter(rng(7).normal(0, 1, clean.shape), width)
    seen = 100 + light * clean / clean.std() * 0.5 + noise / noise.std()
    for step in ("denoise", "background"):
        found = verdict(result_of(seen, clean, step))
        assert found.channels["channel 0"].agreement == pytest.approx(1, abs=0.03)
        assert verdict(result_of(seen, clean[::-1], step)).word == "doubtful"


@pytest.mark.parametrize("width", [0.0, 0.7, 1.3])
def test_smeared_noise_is_no_structure(width: float) -> None:
    noise = gaussian_filter(rng(3).normal(0, 1, (256, 256)), width)
    flat = np.full((256, 256), 100.0)
    found = verdict(result_of(100 + 10 * noise / noise.std(), flat + rng(4).normal(0, 0.1, flat.shape)))
    assert found.word == "improved"
    assert found.channels["channel 0"].agreement is None


def test_the_worst_channel_speaks_for_the_image_by_its_name() -> None:
    one, other = (gaussian_filter(1000 * cell(seed=s), 1) for s in (1, 2))
    seen = np.stack([one, one]) + rng(5).normal(0, 8, (2, 192, 192))
    source = Image.from_array(seen.astype(np.float32), axes="CYX", channels=["good", "bad"])
    recipe = Recipe(operation="enhance", inputs=(), steps=(Step(name="denoise"),))
    result = source.replace(pixels=Image.from_array(np.stack([one, other]), axes="CYX").pixels, original=source, recipe=recipe)
    found = verdict(result)
    assert found.word == "doubtful"
    assert str(found).startswith("doubtful: bad: ")


@pytest.mark.parametrize("shape", [(1, 1), (1, 20), (2, 3), (30, 31), (3, 12, 13)])
def test_results_of_any_size_get_a_verdict(shape: tuple[int, ...]) -> None:
    pixels = rng(0).poisson(50, shape).astype(np.uint16)
    size = (0.3, 0.1, 0.1) if len(shape) == 3 else None
    assert verdict(enhance(Image.from_array(pixels, pixel_size=size))).word in ("improved", "unchanged", "doubtful")


def test_an_image_without_an_original_gets_no_verdict() -> None:
    with pytest.raises(ParameterError, match="without an original"):
        verdict(Image.from_array(np.ones((8, 8))))


# ------------------------------------------------------------------------------------------------ series, and what nobody can tell
@pytest.mark.parametrize("bad", [0, 2, 4])
def test_a_frame_that_went_wrong_makes_a_series_doubtful(bad: int) -> None:
    clean = np.stack([gaussian_filter(1000 * cell(seed=s), 1) + 100 for s in range(5)])
    seen = Image.from_array((clean + rng(5).normal(0, 8, clean.shape)).astype(np.float32), axes="TYX")
    recipe = Recipe(operation="enhance", inputs=(), steps=(Step(name="denoise"),))
    good = verdict(seen.replace(pixels=Image.from_array(clean, axes="TYX").pixels, original=seen, recipe=recipe))
    assert good.word == "improved"
    clean[bad] = clean[bad, ::-1]
    found = verdict(seen.replace(pixels=Image.from_array(clean, axes="TYX").pixels, original=seen, recipe=recipe))
    assert found.word == "doubtful"
    assert f"in frame {bad + 1} of 5, blurred back" in found.reason


@pytest.mark.parametrize("shape", [(1, 20), (5, 7), (16, 16), (24, 24), (4, 400)])
def test_of_too_few_pixels_nothing_is_said(shape: tuple[int, int]) -> None:
    for seed in range(3):
        noise = rng(seed).poisson(50, shape).astype(np.float64)
        found = verdict(result_of(noise, np.full(shape, 50.0)))
        assert str(found).startswith(f"doubtful: it cannot be judged: {shape[1]} x {shape[0]} pixels are too few")


def test_a_part_of_which_hardly_a_pixel_was_measured_is_not_judged() -> None:
    clean = gaussian_filter(1000 * cell(), 1) + 100
    seen = clean + rng(5).normal(0, 8, clean.shape)
    seen[:, 4:] = np.nan
    found = verdict(result_of(seen, clean))
    assert found.word == "doubtful"
    assert "768 pixels were measured" in found.reason


def test_a_stained_section_is_not_called_improved() -> None:
    clean = 4000 - gaussian_filter(1000 * cell(), 1)
    found = verdict(result_of(clean + rng(5).normal(0, 30, clean.shape), clean))
    assert found.word == "doubtful"
    assert "no fluorescence" in found.reason


def test_structure_that_the_input_can_neither_show_nor_deny_is_not_called_an_improvement() -> None:
    noise = rng(5).normal(100, 8, (192, 192))
    faint = 100 + 2.5 * gaussian_filter(cell(), 2) / gaussian_filter(cell(), 2).std() * 0.4
    found = verdict(result_of(noise, faint))
    assert found.word == "doubtful"
    assert "it cannot be judged" in found.reason


def test_faint_structure_that_the_result_agrees_with_is_judged() -> None:
    shape = gaussian_filter(cell(), 1.5)
    faint = 100 + 2.4 * (shape - shape.mean()) / shape.std()
    seen = faint + rng(5).normal(0, 8, faint.shape)
    found = verdict(result_of(seen, faint))
    assert found.word == "improved"
    assert "agrees with the input" in found.reason
    other = verdict(result_of(seen, faint[::-1]))
    assert other.word == "doubtful"
    assert "it cannot be judged" in other.reason


def bleached(*dark: int) -> Image:
    """A series of which some frames are so dim that nobody sees what the result shows there."""
    clean = np.stack([gaussian_filter(1000 * cell(seed=s), 1) * (0.01 if s in dark else 1) + 100 for s in range(5)])
    seen = Image.from_array((clean + rng(5).normal(0, 8, clean.shape)).astype(np.float32), axes="TYX")
    for t in dark:
        clean[t] = 100 + 2.5 * (clean[t] - clean[t].mean()) / clean[t].std()
    recipe = Recipe(operation="enhance", inputs=(), steps=(Step(name="denoise"),))
    return seen.replace(pixels=Image.from_array(clean, axes="TYX").pixels, original=seen, recipe=recipe)


def test_frames_that_bleached_say_nothing_against_those_before() -> None:
    found = verdict(bleached(3, 4))
    assert found.word == "improved"
    assert found.reason.endswith("; frames 4 and 5 of 5 cannot be judged")
    assert "it cannot be judged" in verdict(bleached(2)).reason
