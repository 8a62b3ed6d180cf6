"""Images of every shape are compared: grids, stacks, channels, masks, pixel types, and sizes from one pixel up."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import abbe
from abbe.comparison import Undefined, compare, pair
from abbe.comparison.records import plain
from abbe.errors import AxesError, ParameterError
from abbe.image import Image

from .conftest import Scene, camera, fibres


def numbers(data: object) -> list[float]:
    """Every number in nested dicts and lists."""
    if isinstance(data, dict):
        return [n for value in data.values() for n in numbers(value)]
    if isinstance(data, list):
        return [n for value in data for n in numbers(value)]
    return [data] if isinstance(data, float) else []


def close(a: object, b: object, rel: float = 1e-6) -> None:
    """Two results are the same to `rel`."""
    one, two = numbers(plain(a)), numbers(plain(b))
    assert one == pytest.approx(two, rel=rel, abs=1e-9)


# ------------------------------------------------------------------------------------------------ what comes out
def test_everything_is_plain_data_without_nan(scene: Scene) -> None:
    found = abbe.compare(original=scene.recorded, transformed=scene.blurred, truth=scene.truth)
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert data["verdict"]["word"] == "improved"
    assert all(math.isfinite(n) for n in numbers(data))
    assert data["channels"][0]["psnr"]["upsampled"] > 0
    assert data["resolution"][0]["frc_with_truth"]["upsampled"] > 2
    assert data["resolution"][0]["frc_two_frames"]["transformed"]["undefined"]


def test_nothing_is_computed_before_it_is_asked_for(scene: Scene) -> None:
    found = compare(scene.recorded, scene.truth)
    assert "not measured" in repr(found)
    assert "channels" not in vars(found)
    assert found.verdict.word in repr(found)
    assert "resolution" not in vars(found)


def test_every_measure_stands_beside_the_plain_image_when_the_truth_is_known(scene: Scene) -> None:
    (c,) = compare(scene.recorded, scene.blurred, truth=scene.blurred + scene.truth * 1e-3).channels
    assert c.reference == "truth"
    for measure in (c.psnr, c.psnr_affine, c.ssim, c.microssim):
        assert isinstance(measure.transformed, float)
        assert isinstance(measure.upsampled, float)
        assert measure.transformed > measure.upsampled
    assert isinstance(c.nrmse.transformed, float)
    assert isinstance(c.nrmse.upsampled, float)
    assert c.nrmse.transformed < c.nrmse.upsampled


def test_without_a_truth_the_plain_image_is_the_reference(scene: Scene) -> None:
    (c,) = compare(scene.recorded, scene.blurred).channels
    assert c.reference == "original"
    assert isinstance(c.psnr.transformed, float)
    assert isinstance(c.psnr.upsampled, Undefined)
    assert c.data_range == pytest.approx(np.ptp(scene.recorded), rel=1e-6)


def test_one_plane_of_the_error_map_needs_no_measure_of_all_others(scene: Scene) -> None:
    """The same numbers as after measuring everything, which takes minutes for a stack of several channels."""
    z = np.linspace(0.6, 1.4, 6)[:, None, None]
    original = Image.from_array(np.stack([scene.recorded[:80, :80] * z, scene.recorded[80:, 80:] * z]), axes="CZYX")
    result = Image.from_array(np.stack([scene.blurred[:80, :80] * z, scene.truth[80:, 80:] * z]), axes="CZYX")
    heard: list[float] = []
    looked_at = compare(original, result, progress=lambda done, what: heard.append(done))
    planes = [looked_at.error_map.plane(0, c, k) for c, k in ((0, 4), (1, 1))]
    assert not heard
    assert "channels" not in vars(looked_at)
    measured = compare(original, result)
    assert measured.verdict
    for plane, (c, k) in zip(planes, ((0, 4), (1, 1))):
        np.testing.assert_array_equal(plane, measured.error_map.plane(0, c, k))
        assert plane.max() > 0


def test_the_error_map_is_what_rse_is_made_of(scene: Scene) -> None:
    found = compare(Image.from_array(scene.recorded, pixel_size=0.1), scene.truth)
    error = np.asarray(found.error_map)[0, 0, 0]
    assert np.sqrt((error.astype(float) ** 2).mean()) == pytest.approx(found.channels[0].rse.transformed, rel=1e-4)
    assert np.abs(np.asarray(found.residual)).sum() == pytest.approx(error.sum(), rel=1e-5)
    assert found.error_map.pixel_size == (None, 0.1, 0.1)
    whole = found.error_map.plane()
    np.testing.assert_allclose(found.error_map.crop(slice(30, 60), slice(40, 110)).plane(), whole[30:60, 40:110], atol=1e-2)


def test_light_that_was_added_is_negative_in_the_residual(scene: Scene) -> None:
    result = scene.blurred.copy()
    result[80:84, 80:84] += 3000
    residual = compare(scene.blurred, result).residual.plane()
    assert residual[81:83, 81:83].max() < -500


def test_histograms_before_and_after_hold_every_pixel(scene: Scene) -> None:
    (c,) = compare(scene.recorded.astype(np.uint16), scene.truth).channels
    assert sum(c.histogram_before.counts) == c.histogram_before.pixels == scene.recorded.size
    assert c.histogram_before.median == pytest.approx(np.median(scene.recorded), rel=0.01)
    assert c.histogram_after.mean == pytest.approx(scene.truth.mean(), rel=1e-4)
    assert len(c.histogram_before.edges) == len(c.histogram_before.counts) + 1


def test_a_proportional_result_is_linear_and_a_curved_one_is_not(scene: Scene) -> None:
    straight, bent = (compare(scene.blurred, r).channels[0].linearity for r in (3 * scene.blurred + 5, np.sqrt(scene.blurred - 100)))
    assert straight.slope == pytest.approx(3, rel=1e-4)
    assert straight.deviation == pytest.approx(0, abs=1e-3)
    assert isinstance(bent.deviation, float)
    assert bent.deviation > 0.1


# ------------------------------------------------------------------------------------------------ grids
def test_grids_by_pixel_size_need_not_be_whole_multiples() -> None:
    truth = fibres(250, seed=6)
    seen = gaussian_filter(truth, 3)
    y = (np.arange(100) + 0.5) * 2.5 - 0.5
    recorded = np.array([[seen[round(a), round(b)] for b in y] for a in y]) * 1000
    found = compare(Image.from_array(recorded, pixel_size=0.25), Image.from_array(truth, pixel_size=0.1))
    assert found.grid.scale == pytest.approx((1, 2.5, 2.5))
    assert found.channels[0].rsp.transformed > 0.99  # type: ignore[operator]
    assert found.channels[0].registration.shift == pytest.approx((0, 0), abs=0.1)


def test_sides_that_are_no_whole_multiples_without_a_pixel_size_are_refused() -> None:
    with pytest.raises(AxesError, match="one field"):
        compare(np.zeros((40, 40)), np.zeros((101, 101)))
    with pytest.raises(AxesError, match="swap"):
        compare(np.zeros((40, 40)), np.zeros((20, 20)))


def test_a_crop_is_told_of_its_field_and_only_a_coarser_image_to_be_swapped() -> None:
    whole, crop, coarse = (Image.from_array(np.zeros((n, n)), pixel_size=size) for n, size in ((60, 0.1), (50, 0.1), (20, 0.3)))
    with pytest.raises(AxesError, match=r"one field, got 60 and 50 pixels along Y at 0\.1 and 0\.1 um; crop") as caught:
        compare(whole, crop)
    assert "swap" not in str(caught.value)
    with pytest.raises(AxesError, match=r"got 20 and 60 along Y; swap"):
        compare(whole, coarse)
    with pytest.raises(AxesError, match=r"one field, .*; if the first was computed from the .*, swap"):
        compare(np.zeros((60, 60)), np.zeros((50, 50)))


def test_channels_frames_and_planes_must_fit() -> None:
    one = Image.from_array(np.ones((2, 20, 20)), axes="CYX")
    with pytest.raises(AxesError, match="channels"):
        compare(one, np.ones((20, 20)))
    with pytest.raises(AxesError, match="planes"):
        compare(np.ones((5, 20, 20)), np.ones((20, 20)))
    with pytest.raises(AxesError, match="truth"):
        compare(np.ones((20, 20)), np.ones((60, 60)), truth=np.ones((20, 20)))
    with pytest.raises(ParameterError, match="border"):
        compare(np.ones((20, 20)), np.ones((20, 20)), border="wrap")  # type: ignore[arg-type]


def test_pixel_sizes_that_contradict_the_shapes_are_said() -> None:
    plane = fibres(40)
    found = compare(Image.from_array(plane, pixel_size=0.1), Image.from_array(np.kron(plane, np.ones((3, 3))), pixel_size=0.1))
    assert found.grid.scale == (1, 3, 3)
    assert [notice.code for notice in found.notices] == ["pixel_size"]


# ------------------------------------------------------------------------------------------------ stacks, channels, frames
def test_every_plane_of_a_stack_and_every_channel_is_measured(scene: Scene) -> None:
    original = Image.from_array(
        np.stack([[scene.recorded[:80, :80]] * 3, [scene.recorded[:80, 80:]] * 3]), axes="CZYX", channels=["DNA", "actin"]
    )
    result = original.replace(
        pixels=Image.from_array(np.stack([[scene.blurred[:80, :80]] * 3, [scene.blurred[:80, 80:]] * 3]), axes="CZYX").pixels
    )
    found = compare(original, result)
    assert [c.channel for c in found.channels] == ["DNA", "actin"]
    single = compare(scene.recorded[:80, :80], scene.blurred[:80, :80]).channels[0]
    assert [(p.t, p.z) for p in found.channels[0].planes] == [(0, 0), (0, 1), (0, 2)]
    for p in found.channels[0].planes:
        assert p.rsp == pytest.approx(single.rsp.transformed, rel=1e-6)
    assert found.channels[0].psnr_affine.transformed == pytest.approx(single.psnr_affine.transformed, rel=1e-6)
    assert found.channels[0].rse.transformed == pytest.approx(single.rse.transformed, rel=1e-6)


def test_the_doubtful_channel_speaks_for_the_image(scene: Scene) -> None:
    original = Image.from_array(np.stack([scene.recorded] * 2), axes="CYX", channels=["good", "bad"])
    result = Image.from_array(np.stack([scene.blurred, np.rot90(scene.truth)]), axes="CYX")
    verdict = compare(original, result).verdict
    assert verdict.word == "doubtful"
    assert verdict.line.startswith("doubtful: bad: RSP")
    assert "good improved" in verdict.line


def test_an_isotropic_stack_is_compared_at_the_originals_planes() -> None:
    """Input plane k lies at k * dz; the result has a plane every dxy."""
    rng = np.random.default_rng(2)
    truth = gaussian_filter((rng.random((33, 64, 64)) > 0.997).astype(float), 1.0)
    truth *= 1000 / truth.max()
    recorded = gaussian_filter(truth, (3, 1.2, 1.2))[::4] + rng.normal(0, 0.5, (9, 64, 64))
    original = Image.from_array(recorded, axes="ZYX", pixel_size=(0.4, 0.1, 0.1))
    found = compare(original, Image.from_array(truth, axes="ZYX", pixel_size=(0.1, 0.1, 0.1)))
    assert found.grid.scale == pytest.approx((4, 1, 1))
    (c,) = found.channels
    assert len(c.planes) == 9
    assert c.fit.sigma_z == pytest.approx(0.75, abs=0.2)
    assert all(p.rsp > 0.99 for p in c.planes[1:-1])  # type: ignore[operator]
    assert found.verdict.word == "improved", found.verdict.line
    upside_down = compare(original, Image.from_array(truth[::-1].copy(), axes="ZYX", pixel_size=(0.1, 0.1, 0.1)))
    assert upside_down.verdict.word == "doubtful"


def test_a_stack_without_z_steps_is_taken_to_end_where_the_other_ends() -> None:
    stack = np.random.default_rng(1).random((3, 24, 24))
    found = compare(stack, np.repeat(stack, 2, axis=0)[:5])
    assert found.grid.scale[0] == 2
    assert found.notices


def test_time_series_are_compared_frame_by_frame(scene: Scene) -> None:
    frames = np.stack([scene.recorded[:64, :64], scene.recorded[64:128, 64:128]])
    results = np.stack([scene.blurred[:64, :64], scene.blurred[64:128, 64:128]])
    (c,) = compare(Image.from_array(frames, axes="TYX"), Image.from_array(results, axes="TYX")).channels
    assert [(p.t, p.z) for p in c.planes] == [(0, 0), (1, 0)]


def test_all_frames_of_a_series_count_as_the_planes_of_a_stack_do(scene: Scene) -> None:
    """A frame without any error is part of the error; three errors are one mean square."""
    frames = np.stack([scene.recorded[:96, :96]] * 3).astype(np.float32)
    results = frames + np.array([0, 10, 20], np.float32)[:, None, None]
    as_frames, as_planes = (
        compare(Image.from_array(frames, axes=axes), Image.from_array(results, axes=axes)).channels[0] for axes in ("TYX", "ZYX")
    )
    for name in ("psnr", "psnr_affine", "ssim", "microssim", "nrmse"):
        close(getattr(as_frames, name).transformed, getattr(as_planes, name).transformed)
    span = float(frames.max() - frames.min())
    assert as_frames.nrmse.transformed == pytest.approx(np.sqrt(500 / 3) / span, rel=1e-4)


def test_channels_named_alike_in_another_order_and_other_z_steps_are_said(scene: Scene) -> None:
    planes = np.stack([scene.recorded[:48, :48], scene.blurred[:48, :48]]).astype(np.float32)
    one, other = (Image.from_array(planes, axes="CYX", channels=names) for names in (["actin", "tubulin"], ["tubulin", "actin"]))
    assert "channels" in {notice.code for notice in compare(one, other).notices}
    assert "channels" not in {notice.code for notice in compare(one, one).notices}
    near, far = (Image.from_array(planes, axes="ZYX", pixel_size=(step, 0.1, 0.1)) for step in (0.25, 0.5))
    assert any("z-steps" in str(notice) for notice in compare(near, far).notices)


# ------------------------------------------------------------------------------------------------ pixels
@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_pixel_types_give_the_same_numbers(dtype: type, scene: Scene) -> None:
    original, result = scene.recorded[:96, :96].round(), scene.blurred[:96, :96].round()
    one = compare(original.astype(dtype), result.astype(dtype)).channels[0]
    two = compare(original.astype(np.float32), result.astype(np.float32)).channels[0]
    close(
        (one.rsp, one.rse, one.psnr, one.ssim, one.microssim, one.nrmse), (two.rsp, two.rse, two.psnr, two.ssim, two.microssim, two.nrmse)
    )


def test_pixels_without_a_value_are_left_out(scene: Scene) -> None:
    holed = scene.recorded.copy()
    holed[20:24, 30:40] = np.nan
    result = np.kron(scene.blurred, np.ones((2, 2)))
    result[200:204, 200] = np.inf
    (c,) = compare(holed, result).channels
    assert c.masked == 40 + 2
    assert c.pixels == scene.recorded.size - 42
    whole = compare(scene.recorded, np.kron(scene.blurred, np.ones((2, 2)))).channels[0]
    assert c.rsp.transformed == pytest.approx(whole.rsp.transformed, abs=2e-3)
    assert c.ssim.transformed == pytest.approx(whole.ssim.transformed, abs=5e-3)


def test_a_rim_without_values_in_the_result_alone_changes_nothing_elsewhere(scene: Scene) -> None:
    """Blurring the result brings what stands for its missing values into the rows beside them, which once made good results doubtful."""
    sharp = gaussian_filter(scene.truth, 0.7) + 150
    holed = sharp.copy()
    holed[:4] = np.nan
    whole = compare(scene.recorded[4:], sharp[4:]).channels[0]
    found = compare(scene.recorded, holed)
    (c,) = found.channels
    assert c.verdict.word == whole.verdict.word
    assert c.rse.transformed == pytest.approx(whole.rse.transformed, rel=0.02)
    assert c.rsp.transformed == pytest.approx(whole.rsp.transformed, abs=1e-3)
    error = np.asarray(found.error_map)[0, 0, 0]
    assert (error[:4] == 0).all()
    assert np.sqrt((error.astype(float) ** 2).sum() / c.pixels) == pytest.approx(c.rse.transformed, rel=1e-4)


def test_pixels_without_a_value_here_and_there_take_nothing_with_them(scene: Scene) -> None:
    result = gaussian_filter(scene.truth, 0.3) + 150
    whole = compare(scene.recorded, result).channels[0]
    holes = np.random.default_rng(3).random(result.shape) < 0.003
    found = compare(scene.recorded, np.where(holes, np.nan, result)).channels[0]
    assert found.pixels > 0.85 * whole.pixels
    assert found.rsp.transformed == pytest.approx(whole.rsp.transformed, abs=5e-3)
    assert found.verdict.word == whole.verdict.word


def round_field(n: int, radius: float) -> np.ndarray:
    """True outside a round field."""
    y, x = np.indices((n, n)) - (n - 1) / 2
    return np.asarray(np.hypot(y, x) > radius)


@pytest.mark.parametrize("where", ["both", "original"])
def test_what_lies_beside_is_seen_though_most_of_the_field_has_no_values(where: str, scene: Scene) -> None:
    """The edge of a round field lies still, whatever the specimen in it does: a result a pixel off was *improved* once."""
    outside = round_field(160, 50)
    recorded = np.where(outside, np.nan, scene.recorded)
    moved = np.roll(scene.blurred, 1, axis=0)
    (c,) = compare(recorded, np.where(outside, np.nan, moved) if where == "both" else moved).channels
    assert not isinstance(c.registration.shift, Undefined)
    assert c.registration.shift == pytest.approx((1, 0), abs=0.05)
    assert c.verdict.word == "doubtful"


@pytest.mark.parametrize("where", ["both", "original", "result"])
def test_what_stands_for_missing_values_is_neither_noise_nor_structure(where: str, scene: Scene) -> None:
    outside = round_field(160, 60)
    outside[70:90, 60:85] = True
    recorded, result = scene.recorded, scene.blurred
    whole = compare(recorded, result).channels[0].evidence
    (c,) = compare(
        np.where(outside & (where != "result"), np.nan, recorded), np.where(outside & (where != "original"), np.nan, result)
    ).channels
    assert c.evidence.noise_carried == pytest.approx(whole.noise_carried, abs=0.02)
    assert c.evidence.noise_added == pytest.approx(whole.noise_added, abs=0.05)
    assert c.evidence.places == 0
    assert c.evidence.unexplained == pytest.approx(0, abs=2e-3)
    (again,) = compare(np.where(outside, np.nan, recorded), recorded).channels
    assert again.registration.shift == (0, 0)
    assert again.evidence.noise_carried == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 5), (12, 9), (17, 33), (40, 3)])
@pytest.mark.parametrize("scale", [1, 3])
def test_small_images_give_numbers_or_reasons(shape: tuple[int, int], scale: int) -> None:
    rng = np.random.default_rng(0)
    original = rng.random(shape)
    result = rng.random((shape[0] * scale, shape[1] * scale))
    data = compare(original, result, truth=result + 1).to_dict()
    assert all(math.isfinite(n) for n in numbers(data))


@pytest.mark.parametrize("scale", [1, 3])
def test_constant_images_give_reasons(scale: int) -> None:
    flat, fine = np.full((30, 30), 5.0), np.full((30 * scale, 30 * scale), 2.0)
    data = compare(flat, fine).to_dict()
    assert all(math.isfinite(n) for n in numbers(data))
    assert "constant" in data["channels"][0]["rsp"]["transformed"]["undefined"]
    assert np.isfinite(np.asarray(compare(flat, fine).error_map)).all()


def test_a_channel_that_was_not_enhanced_has_the_resolution_that_it_had(small_models_in_use: None) -> None:
    """Of its enlarged pixels decorrelation tells where the spectrum ends: a finer resolution than the original's, whatever it shows."""
    rng = np.random.default_rng(9)
    planes = rng.poisson(200 * gaussian_filter(rng.random((2, 96, 96)), (0, 2, 2)) ** 2 + 20).astype(np.uint16)
    image = Image.from_array(planes, axes="CYX", pixel_size=(None, 0.1, 0.1))
    result = abbe.enhance(image, channels=[0], steps=("super_resolve",))
    left, other = (r.decorrelation for r in compare(image, result).resolution)
    assert other.transformed == other.upsampled
    assert left.transformed != left.upsampled


def test_an_image_without_any_finite_pixel_is_undefined() -> None:
    data = compare(np.full((20, 20), np.nan), np.ones((20, 20))).to_dict()
    assert data["channels"][0]["pixels"] == 0
    assert all(math.isfinite(n) for n in numbers(data))


def test_large_images_are_measured_by_tiles_with_the_same_numbers(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    from abbe.comparison import likeness

    result = np.kron(scene.blurred, np.ones((3, 3)))
    whole = compare(scene.recorded, result, truth=result).channels[0]
    monkeypatch.setattr(pair, "SIDE", 70)
    monkeypatch.setattr(likeness, "BAND", 480 * 37)
    tiled = compare(scene.recorded, result, truth=result).channels[0]
    close(
        (whole.rsp, whole.rse, whole.fit, whole.psnr_affine, whole.ssim), (tiled.rsp, tiled.rse, tiled.fit, tiled.psnr_affine, tiled.ssim)
    )
    assert tiled.verdict.word == whole.verdict.word


def test_progress_is_told_and_ends(scene: Scene) -> None:
    told: list[float] = []
    assert compare(scene.recorded, scene.blurred, progress=lambda done, what: told.append(done)).channels
    assert told == sorted(told)
    assert told[-1] == 1


def test_two_acquisitions_give_the_two_frame_resolution(scene: Scene) -> None:
    light = (scene.blurred - 100) / 1000
    again = camera(light, 300, seed=77)
    found = compare(scene.recorded, gaussian_filter(scene.recorded, 0.7), repeats=(again, gaussian_filter(again, 0.7))).resolution[0]
    assert isinstance(found.frc_two_frames.upsampled, float)
    assert isinstance(found.frc_two_frames.transformed, float)


def test_the_first_acquisition_once_more_is_no_second_one(scene: Scene) -> None:
    result = gaussian_filter(scene.recorded, 0.7)
    found = compare(scene.recorded, result, repeats=(scene.recorded.copy(), result.copy())).resolution[0]
    for number in (found.frc_two_frames.transformed, found.frc_two_frames.upsampled):
        assert isinstance(number, Undefined)
        assert "the first one again" in number.reason


def test_a_result_is_not_split_when_it_comes_from_a_file(scene: Scene, tmp_path: Path, small_models_in_use: None) -> None:
    recorded = Image.from_array(scene.recorded[:80, :80].astype(np.float32), "YX", 0.1)
    abbe.save(abbe.enhance(recorded, steps="denoise"), tmp_path / "result.ome.tif")
    found = compare(recorded, abbe.open(tmp_path / "result.ome.tif")).resolution[0]
    assert isinstance(found.frc_one_image.transformed, Undefined)
    assert "computed image" in found.frc_one_image.transformed.reason
    assert isinstance(compare(recorded, recorded).resolution[0].frc_one_image.transformed, float)


def test_planes_that_are_even_each_for_itself_are_compared_without_a_sample() -> None:
    """A stack of blank planes of different brightness: nothing in any of them can be put into classes of brightness."""
    planes = np.arange(6, dtype=np.uint16)[:, None, None] * 10 + np.zeros((6, 20, 24), np.uint16)
    image = abbe.Image.from_array(planes)
    found = abbe.compare(original=image, transformed=abbe.correct_background(image)).channels[0]
    assert (found.verdict.word, found.linearity.curve) == ("doubtful", ())
    assert isinstance(found.linearity.deviation, Undefined)
