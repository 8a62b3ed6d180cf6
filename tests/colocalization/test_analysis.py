"""What a biologist gets: numbers with their reasons, pictures, and warnings where numbers mislead."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as Picture
from scipy.ndimage import gaussian_filter

import abbe
from abbe.colocalization import DEFINITIONS, colocalize, colocalize_all, tables
from abbe.colocalization.correlation import correlate
from abbe.colocalization.definitions import word
from abbe.colocalization.guards import noise_correlation
from abbe.colocalization.pair import select
from abbe.colocalization.result import Background, Region
from abbe.errors import ParameterError
from abbe.image import ROI, Image, Interval, Optics
from abbe.recipe import Input, Recipe, Step

from .conftest import blobs, camera

CONTRACT = ("pearson", "spearman", "kendall", "moc", "k1", "k2", "m1", "m2", "tm1", "tm2", "icq", "rwc1", "rwc2")


def restored(image: Image, values: np.ndarray, interval: float | None = None) -> Image:  # type: ignore[type-arg]
    """An image three times as large, computed from `image`."""
    size = tuple(None if s is None else s / 3 for s in image.pixel_size)
    recipe = Recipe(operation="enhance", inputs=(Input(shape=image.shape, dtype=image.dtype.name),), steps=(Step(name="super_resolve"),))

    def made(pixels: np.ndarray) -> Image:  # type: ignore[type-arg]
        return Image.from_array(pixels.astype(np.float32), axes="CYX", pixel_size=(None, *size[1:]), channels=image.channels)

    bounds = None if interval is None else Interval(made(values - interval), made(values + interval))
    return made(values).replace(original=image, recipe=recipe, interval=bounds)


def enlarged(image: Image) -> np.ndarray:  # type: ignore[type-arg]
    return np.kron(np.asarray(image)[0, :, 0].astype(float), np.ones((3, 3)))


def codes(result: object) -> list[str]:
    return [notice.code for notice in result.notices]  # type: ignore[attr-defined]


# ---------------------------------------------------------------------------------------------- the result
def test_the_result_has_the_keys_that_others_script_against(partly: Image) -> None:
    data = colocalize(partly).to_dict()
    assert set(CONTRACT) <= set(data)
    assert {key for key in data if key.startswith("costes_")} >= {"costes_threshold1", "costes_threshold2", "costes_slope"}
    json.dumps(data, allow_nan=False)
    assert data["thresholds"]["variant"].startswith("Costes 2004")
    assert data["region"]["name"] == "whole image"
    assert set(data["definitions"]) <= set(DEFINITIONS)


def test_every_definition_says_formula_source_and_meaning() -> None:
    for definition in DEFINITIONS.values():
        assert definition.formula
        assert definition.source
        assert len(definition.meaning) > 10


def test_half_shared_structure_is_found(partly: Image) -> None:
    found = colocalize(partly, background="mode")
    assert 0.3 < (found.pearson or 0) < 0.8
    assert found["tm1"].word
    assert found.background.method == "mode"
    assert found.background.first == pytest.approx(100, abs=6)


@pytest.mark.parametrize("brightest", [150, 3000])
def test_the_background_of_floats_is_where_they_lie_densest(brightest: float) -> None:
    """Of 2,500 floats hardly two are alike, so no value is frequent: the background came out up to 14 below 100, at a noise of 10."""
    rng = np.random.default_rng(0)
    for _ in range(6):
        light = np.array([blobs(rng, size=50, count=8) for _ in range(2)])
        image = (100 + brightest * light / light.max() + rng.normal(0, 10, light.shape)).astype(np.float32)
        found = colocalize(Image.from_array(image, axes="CYX"), background="mode", ranked=False).background
        assert (found.first, found.second) == pytest.approx((100, 100), abs=6)


def test_a_value_that_comes_again_and_again_is_the_background_of_floats() -> None:
    """Grey levels that were scaled, and a floor of zeros: what integers would give."""
    rng = np.random.default_rng(0)
    counts = rng.poisson(30 + 200 * np.array([blobs(rng), blobs(rng)])).astype(np.uint8)
    levels = colocalize(Image.from_array(counts, axes="CYX"), background="mode", ranked=False).background
    scaled = colocalize(Image.from_array(counts.astype(np.float32) / 255, axes="CYX"), background="mode", ranked=False).background
    assert (scaled.first * 255, scaled.second * 255) == pytest.approx((levels.first, levels.second), abs=0.1)
    floor = np.maximum(rng.normal(0.3, 1, counts.shape), 0).astype(np.float32)
    found = colocalize(Image.from_array(floor, axes="CYX"), background="mode", ranked=False).background
    assert (found.first, found.second) == pytest.approx((0, 0), abs=1e-3)


def test_words_are_for_shares_of_light_alone_with_their_source(partly: Image) -> None:
    """The published table has words for the part that colocalizes, not for correlations, and any offset makes M1 and M2 1."""
    found = colocalize(partly, background="mode", threshold=(40, 30))
    words = found.to_dict()["words"]
    assert set(words) <= {"tm1", "tm2", "m1_above", "m2_above"}
    assert [word("tm1", value) for value in (0.04, 0.1, 0.26, 0.5, 0.76, 1.0)] == [
        *(None, "very weak", "more than weak", "moderate", "strong", "very strong")
    ]
    assert "Sci Rep 3:1365" in found["m1_above"].to_dict()["word_source"]
    assert found["pearson"].to_dict()["word_source"] is None


def test_channels_go_by_name_and_wrong_ones_are_named(partly: Image) -> None:
    assert colocalize(partly, ("tubulin", "actin")).names == ("tubulin", "actin")
    for channels in ((0, 2), (0, 0), (0,), "01", ("actin", "dapi")):
        with pytest.raises(ParameterError, match="wanted"):
            colocalize(partly, channels)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="two channels"):
        colocalize(np.zeros((8, 8), np.uint8))


@pytest.mark.parametrize("threshold", ["cotes", (1,), (1, float("nan")), "3", 5])
def test_a_threshold_that_is_none_is_refused(partly: Image, threshold: object) -> None:
    with pytest.raises(ParameterError, match="wanted thresholds"):
        colocalize(partly, threshold=threshold)  # type: ignore[arg-type]


def test_undefined_is_a_word_with_a_reason_never_a_number() -> None:
    flat = Image.from_array(np.stack([np.full((30, 30), 7), np.arange(900).reshape(30, 30)]).astype(np.uint16), axes="CYX")
    data = colocalize(flat).to_dict()
    for key in ("pearson", "spearman", "kendall", "tm1", "slope", "icq"):
        assert data[key] is None
        assert data["undefined"][key]
    empty = colocalize(flat, roi=ROI.rectangle(90, 90, 3, 3, unit="pixel"))
    assert all(c.value is None and c.reason for c in empty)
    assert "few_pixels" in codes(empty)


def test_light_mostly_below_0_has_no_shares(partly: Image) -> None:
    values = np.asarray(partly)[0, :, 0].astype(np.float32) - 150
    found = colocalize(Image.from_array(values, axes="CYX"), threshold=(50, 50))
    for key in ("m1", "m2", "tm1", "tm2"):
        assert found[key].value is None
        assert "below 0" in (found[key].reason or "")
    assert found["m1_above"].value is not None  # the light above the thresholds is light
    assert found.pearson == pytest.approx(colocalize(partly).pearson, abs=1e-12)


def dark_around_0() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Two channels of structure on an empty background whose noise is left around 0, as restoration leaves it; and what is light of it."""
    rng = np.random.default_rng(12)
    shared = blobs(rng, count=150)
    planes = np.stack([shared + blobs(rng, count=150), 0.6 * shared]) * 100 + rng.normal(0, 0.3, (2, 96, 96))
    return planes.astype(np.float32), np.maximum(planes, 0).astype(np.float32)


@pytest.mark.parametrize("threshold", [(20.0, 15.0), (-0.5, 10.0), "costes"])
def test_values_a_little_below_0_count_as_no_light_and_the_result_says_so(threshold: str | tuple[float, float]) -> None:
    values, lit = dark_around_0()
    found = colocalize(Image.from_array(values, axes="CYX"), threshold=threshold)
    t1, t2 = found.thresholds.first, found.thresholds.second
    assert t1 is not None
    assert t2 is not None
    (a, b), (x, y) = values.astype(float), lit.astype(float)
    both = (a >= t1) & (b >= t2)
    assert found.m1 == pytest.approx(x[b > 0].sum() / x.sum(), rel=1e-9)
    assert found.m2 == pytest.approx(y[a > 0].sum() / y.sum(), rel=1e-9)
    assert found.tm1 == pytest.approx(x[(b > 0) & (b >= t2)].sum() / x.sum(), rel=1e-9)
    assert found.tm2 == pytest.approx(y[(a > 0) & (a >= t1)].sum() / y.sum(), rel=1e-9)
    assert found.m1_above == pytest.approx(x[both].sum() / x[a >= t1].sum(), rel=1e-9)
    assert found.m2_above == pytest.approx(y[both].sum() / y[b >= t2].sum(), rel=1e-9)
    assert 0 <= (found.rwc1 or -1) <= (found.m1_above or 0) + 1e-12
    assert found["m1"].variant == "values below 0 count as no light"
    assert found.to_dict()["variants"]["tm2"] == found["tm2"].variant
    assert "negative" in codes(found)
    assert "Variants" in {table.title for table in tables([found])}


def test_whole_numbers_below_0_count_as_the_same_floats_do() -> None:
    values = np.round(dark_around_0()[0])
    one, two = (colocalize(Image.from_array(values.astype(kind), axes="CYX")) for kind in (np.int16, np.float32))
    for coefficient in one:
        assert coefficient.value == pytest.approx(two[coefficient.key].value, rel=1e-11), coefficient.key
    assert one["m1"].variant


def test_an_image_without_values_below_0_has_no_variant(partly: Image) -> None:
    found = colocalize(partly)
    assert found.to_dict()["variants"] == {}
    assert "negative" not in codes(found)


def test_counts_come_as_area_and_share(partly: Image) -> None:
    found = colocalize(partly, threshold=(150, 150), roi=ROI.rectangle(0, 0, 4.8, 9.6))
    values = np.asarray(partly)[0, :, 0, :48]
    together = int(((values[0] >= 150) & (values[1] >= 150)).sum())
    counted = found.pixels.colocalized
    assert counted is not None
    assert (counted.pixels, found.pixels.pixels) == (together, 48 * 96)
    assert counted.size == pytest.approx(together * 0.01)
    assert counted.percent == pytest.approx(100 * together / (48 * 96))
    assert found.pixels.first.minimum == values[0].min()
    assert found.pixels.first.mean == pytest.approx(values[0].mean())


def test_stacks_and_time_series_are_pooled_or_kept_apart(partly: Image) -> None:
    plane = np.asarray(partly)[0, :, 0]
    series = Image.from_array(np.stack([np.stack([plane, plane[::-1]], 1), np.stack([plane, plane], 1)]), axes="TCZYX")
    pooled = colocalize(series, threshold="none")
    assert pooled.pixels.pixels == 4 * plane[0].size
    apart = colocalize_all(series, each="plane", threshold="none")
    assert [(r.region.frames, r.region.planes) for r in apart] == [((t, t + 1), (z, z + 1)) for t in (0, 1) for z in (0, 1)]
    assert apart[0].pearson == pytest.approx(colocalize(partly, threshold="none").pearson, abs=1e-13)


def test_every_pair_in_every_roi_makes_one_table() -> None:
    rng = np.random.default_rng(2)
    image = Image.from_array(np.stack([camera(rng, blobs(rng)) for _ in range(3)]), axes="CYX", pixel_size=0.1, channels=["=1+1", "b", "c"])
    rois = [ROI.rectangle(0, 0, 5, 5, name="left"), ROI.ellipse(5, 5, 2, 2, name="middle")]
    found = colocalize_all(image, rois=rois, whole=True)
    assert [(r.names, r.region.name) for r in found][:4] == [
        (("=1+1", "b"), "whole image"),
        (("=1+1", "b"), "left"),
        (("=1+1", "b"), "middle"),
        (("=1+1", "c"), "whole image"),
    ]
    assert len(found) == 9
    named = {table.title: table for table in tables(found.results)}
    assert len(named["Coefficients"].rows) == 9
    assert all(len(row) == len(table.head) for table in named.values() for row in table.rows)


# ---------------------------------------------------------------------------------------------- pictures
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_the_scattergram_is_numpys_histogram(partly: Image, kind: type) -> None:
    values = (np.asarray(partly)[0, :, 0] // 2).astype(kind)
    drawn = colocalize(Image.from_array(values, axes="CYX")).scattergram(64)
    counts, first, second = np.histogram2d(values[0].ravel(), values[1].ravel(), 64)
    assert (drawn.counts == counts).all()
    assert np.allclose(drawn.first, first)
    assert np.allclose(drawn.second, second)


def test_a_gate_in_the_scattergram_gives_pixels_and_pixels_a_scattergram(partly: Image) -> None:
    drawn = colocalize(partly).scattergram()
    high = (float(drawn.first[-1]) + 1, float(drawn.second[-1]) + 1)
    gate = drawn.gate([(200, 200), (200, high[1]), (high[0], high[1]), (high[0], 200)])
    roi = drawn.pixels(gate)
    chosen = roi.mask(partly)[0]
    values = np.asarray(partly)[0, :, 0].astype(float)
    assert (values[:, chosen] > 190).all()
    assert drawn.of(roi).counts.sum() == chosen.sum() == drawn.counts[gate].sum()


def test_revealed_pixels_are_the_colocalized_ones(partly: Image) -> None:
    found = colocalize(partly, threshold=(150, 140))
    shown = found.revealed()
    values = np.asarray(partly)[0, :, 0]
    together = (values[0] >= 150) & (values[1] >= 140)
    assert (shown.mask()[0] == together).all()
    assert (np.asarray(shown.image)[0, :, 0] == np.where(together, values, 0)).all()
    assert np.asarray(shown.mask_image).sum() == together.sum()
    overlay = shown.overlay()
    assert (np.ptp(overlay[together].astype(int), axis=1) == 0).all()
    assert overlay.shape == (96, 96, 3)
    with pytest.raises(ParameterError, match="thresholds"):
        colocalize(partly, threshold="none").revealed()


# ---------------------------------------------------------------------------------------------- beside the original
def test_a_restored_image_stands_beside_its_original(partly: Image) -> None:
    sharper = restored(partly, enlarged(partly))
    found = colocalize(sharper, threshold=(150, 150))
    assert found.original is not None
    assert found.pearson == pytest.approx(found.original.pearson, abs=1e-6)
    ratio = found.pixels.ratio
    assert ratio is not None
    assert (ratio.expected, ratio.total) == (9, 9)
    assert "3 times as wide" in ratio.explanation
    assert "normal" in ratio.explanation
    assert "changed" not in codes(found)


def test_a_stack_restored_to_more_planes_has_its_growth_explained(partly: Image) -> None:
    plane = np.asarray(partly)[0, :, 0].astype(np.float32)
    stack = Image.from_array(np.stack([plane] * 2, 1), axes="CZYX", pixel_size=(0.3, 0.1, 0.1))
    finer = Image.from_array(
        np.kron(np.stack([plane] * 4, 1), np.ones((3, 3), np.float32)), axes="CZYX", pixel_size=(0.1, 0.1 / 3, 0.1 / 3)
    )
    ratio = colocalize(finer.replace(original=stack), threshold="mean").pixels.ratio
    assert ratio is not None
    assert ratio.expected == 18
    assert "3 times as wide and high as the original and has 2 times the planes, so the same volume has 18 times" in ratio.explanation


def test_a_coefficient_that_background_alone_changes_is_said_to_be_one(partly: Image) -> None:
    found = colocalize(restored(partly, np.maximum(enlarged(partly) - 100, 0)), threshold="none")
    said = [str(notice) for notice in found.notices if notice.code == "changed"]
    assert any(line.startswith("the overlap coefficient (MOC) was") and "background alone" in line for line in said)
    assert not any(line.startswith("Pearson's r was") for line in said)


def test_a_change_of_a_coefficient_without_an_interval_is_said_too(partly: Image) -> None:
    values = enlarged(partly)
    values[1] = 0.5 * values[1] + values[0]
    found = colocalize(restored(partly, values, interval=0.5))
    assert found.changes["spearman"].beyond is None
    assert any("Spearman's rank correlation was" in str(notice) and "no interval" in str(notice) for notice in found.notices)


def test_restoration_that_changed_colocalization_is_said(partly: Image) -> None:
    values = enlarged(partly)
    values[1] = 0.5 * values[1] + values[0]
    without = colocalize(restored(partly, values))
    assert "changed" in codes(without)
    assert "no interval" in " ".join(map(str, without.notices))
    within = colocalize(restored(partly, enlarged(partly), interval=1.0))
    assert within.changes["pearson"].beyond is False
    beyond = colocalize(restored(partly, values, interval=0.5))
    assert beyond.changes["pearson"].beyond is True
    assert any("The original's value is beyond the image's own 90 % interval" in str(notice) for notice in beyond.notices)


# ---------------------------------------------------------------------------------------------- guards
def test_a_colour_jpeg_makes_independent_noise_correlate_and_abbe_says_so() -> None:
    rng = np.random.default_rng(11)
    planes = rng.normal(60, 15, (2, 256, 256)).clip(0, 255).astype(np.uint8)
    clean = Image.from_array(planes, axes="CYX")
    assert abs(colocalize(clean).pearson or 1) < 0.02
    assert "lossy" not in codes(colocalize(clean))
    buffer = io.BytesIO()
    Picture.fromarray(np.dstack([*planes, np.zeros_like(planes[0])])).save(buffer, "JPEG", quality=75)
    squeezed = np.moveaxis(np.asarray(Picture.open(buffer))[..., :2], -1, 0)
    found = colocalize(Image.from_array(squeezed.copy(), axes="CYX"))
    assert (found.pearson or 0) > 0.5
    assert "lossy" in codes(found)
    assert "share their noise" in " ".join(map(str, found.notices))


def test_a_result_in_a_file_is_as_saturated_as_what_it_was_made_from(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    light = np.array([4000, 1000, 120])[:, None, None] * np.array([blobs(rng) for _ in range(3)])
    image = Image.from_array(rng.poisson(12 + light).clip(0, 255).astype(np.uint8), axes="CYX", channels=["a", "b", "ab"])
    made = abbe.enhance(image, steps=("denoise",))
    abbe.save(made, tmp_path / "made.ome.tif")
    opened = abbe.open(tmp_path / "made.ome.tif")
    said = [notice.message for notice in colocalize(opened, ("a", "b"), ranked=False).notices if notice.code == "saturated"]
    assert len(said) == 2
    assert all("of the image that this was made from" in text and "saturated at 255" in text for text in said)
    of_one = [notice.message for notice in colocalize(opened, ("ab", "b"), ranked=False).notices if notice.code == "saturated"]
    assert len(of_one) == 1
    (row,) = tables([colocalize(opened, ("a", "b"), ranked=False)])[0].rows  # and is none of an original
    assert row[0] == "processed"
    beside = colocalize(made, ("a", "b"), ranked=False)  # with its original, which says it of the region
    assert "saturated" not in codes(beside)
    assert "saturated" in codes(beside.original)


def test_who_subtracted_a_background_that_is_none_is_not_told_to_subtract_the_background(partly: Image) -> None:
    """Of an image with a rim of zeros the most frequent value may be that of the rim."""
    pixels = np.asarray(partly)[0, :, 0] * 8
    pixels[:, :, :4] = 0  # 4 of 96 columns
    image = Image.from_array(pixels + np.random.default_rng(0).integers(1, 9, pixels.shape) * (pixels > 0), axes="CYX")
    for background, words in (("none", "subtract the background, or"), ("mode", "the most frequent value is not the background here")):
        found = colocalize(image, background=background, threshold="otsu", ranked=False)
        assert (found.background.first, found.background.second) == (0, 0)
        (line,) = [notice.message for notice in found.notices if "M1 and M2 lie near 1" in notice.message]
        assert words in line
    (line,) = [n.message for n in colocalize(image, background=(9, 9), threshold="otsu", ranked=False).notices if "M1 and M2" in n.message]
    assert "the background is higher than what was subtracted" in line


def test_channels_that_truly_share_structure_do_not_share_noise(partly: Image) -> None:
    a, b = np.asarray(partly)[0, :, 0].astype(np.float32)
    assert abs(noise_correlation(a, b, np.ones(a.shape, bool)) or 1) < 0.2
    assert "lossy" not in codes(colocalize(partly))


def test_a_result_without_noise_is_not_said_to_share_it(tmp_path: Path) -> None:
    """Two stains of one structure, recorded independently: what is left of their fine detail is that structure."""
    rng = np.random.default_rng(0)
    recorded = rng.poisson(12 + 200 * np.array([blobs(rng, 128, 1.6, 100)] * 2)).astype(np.uint16)
    image = Image.from_array(recorded, axes="CYX", pixel_size=0.1)
    made = abbe.enhance(image)
    abbe.save(made, tmp_path / "made.ome.tif")
    a, b = np.asarray(made)[0, :, 0].astype(np.float64)
    assert (noise_correlation(a, b, np.ones(a.shape, bool)) or 0) > 0.3
    for one in (image, made, abbe.open(tmp_path / "made.ome.tif")):
        assert "lossy" not in codes(colocalize(one, ranked=False))


def test_saturation_few_pixels_and_missing_zeros_are_said(partly: Image) -> None:
    bright = ((np.asarray(partly)[0, :, 0].astype(float) - 90) * 2).clip(1, 255).astype(np.uint8)
    found = colocalize(Image.from_array(bright, axes="CYX"))
    assert "saturated" in codes(found)
    assert found.pixels.first.saturated.pixels == (bright[0] == 255).sum()
    few = colocalize(partly, roi=ROI.rectangle(0, 0, 1, 1))
    assert "few_pixels" in codes(few)
    assert any("M1 and M2 are 1" in str(notice) for notice in colocalize(partly).notices)


def test_bleed_through_is_hinted_at(partly: Image) -> None:
    values = np.asarray(partly)[0, :, 0].astype(np.float64)
    rng = np.random.default_rng(3)
    bleeding = np.stack([values[0], 100 + rng.normal(0, 2, values[0].shape) + 0.3 * (values[0] - 100)]).round().astype(np.uint16)
    assert "bleed_through" in codes(colocalize(Image.from_array(bleeding, axes="CYX")))
    apart = np.stack([camera(rng, blobs(rng)), camera(rng, blobs(rng))])
    assert "bleed_through" not in codes(colocalize(Image.from_array(apart, axes="CYX")))


@pytest.mark.parametrize("background", [(70000, 0), (0, -1)])
def test_a_background_beyond_the_pixel_type_is_refused(background: tuple[float, float]) -> None:
    image = Image.from_array(np.zeros((2, 8, 8), np.uint16), axes="CYX")
    with pytest.raises(ParameterError, match="0 to 65535 for uint16"):
        colocalize(image, background=background)


def test_a_background_below_0_wraps_no_bright_pixel_round() -> None:
    values = np.array([[[-20, 5], [32767, 40]], [[-10, 7], [30000, 20]]], np.int16)
    found = colocalize(Image.from_array(values, axes="CYX"), background=(-20, -10))
    wide = np.minimum(values.astype(int) + np.array([20, 10])[:, None, None], 32767)
    assert found.pearson == pytest.approx(np.corrcoef(wide[0].ravel(), wide[1].ravel())[0, 1])


def test_costes_thresholds_that_found_no_background_are_said_and_get_no_words() -> None:
    """Channels that correlate down to the lowest grey level: the search ends at the bottom, where tM1 and tM2 are 1."""
    rng = np.random.default_rng(13)
    haze = gaussian_filter(rng.random((128, 128)), 8)
    haze = 1000 * (haze - haze.min()) / np.ptp(haze)
    planes = np.stack([haze + rng.normal(0, 5, haze.shape), 100 + 0.7 * haze + rng.normal(0, 5, haze.shape)])
    found = colocalize(Image.from_array(planes.clip(0).astype(np.uint16), axes="CYX"))
    assert (found.tm1 or 0) > 0.9
    assert found["tm1"].word is None
    assert any("no background was found" in str(notice) or "not 0" in str(notice) for notice in found.notices)
    assert colocalize(Image.from_array(planes.clip(0).astype(np.uint16), axes="CYX"), threshold="otsu")["tm1"].word


def test_each_share_of_light_stands_beside_what_chance_gives(partly: Image) -> None:
    """A channel that covers a third of the region holds a third of any other's light."""
    found = colocalize(partly, background="mode", threshold=(40, 30))
    (a, b) = np.maximum(
        np.asarray(partly)[0, :, 0].astype(int) - np.array([found.background.first, found.background.second])[:, None, None], 0
    )
    assert found["m1"].chance == pytest.approx((b > 0).mean())
    assert found["tm1"].chance == pytest.approx((b >= 30).mean())
    assert found["tm2"].chance == pytest.approx((a >= 40).mean())
    assert found["pearson"].chance is None
    rng = np.random.default_rng(14)
    unrelated = colocalize(Image.from_array(rng.poisson(5, (2, 300, 300)).astype(np.uint8), axes="CYX"), threshold=(6, 7))
    for key in ("tm1", "tm2", "m1_above", "m2_above"):
        assert unrelated[key].value == pytest.approx(unrelated[key].chance, abs=0.01), key
    assert unrelated.to_dict()["chance"]["tm1"] == unrelated["tm1"].chance


def test_objects_that_are_the_whole_specimen_are_said(partly: Image) -> None:
    found = colocalize(partly, extras=("objects",), threshold=(99, 150), randomisations=5, ranked=False)
    assert any("too low to tell objects apart" in str(notice) for notice in found.notices)


def test_saturation_is_said_at_the_files_own_value(partly: Image) -> None:
    bright = ((np.asarray(partly)[0, :, 0].astype(float) - 90) * 2).clip(1, 255).astype(np.uint8)
    found = colocalize(Image.from_array(bright, axes="CYX"), background=(20, 20))
    assert any("saturated at 255" in str(notice) for notice in found.notices)


def test_excluding_channels_are_said_to_have_no_costes_threshold() -> None:
    rng = np.random.default_rng(4)
    shape = blobs(rng)
    found = colocalize(Image.from_array(np.stack([camera(rng, shape), camera(rng, 1 - shape)]), axes="CYX"))
    assert (found.pearson or 0) < -0.5
    assert any("exclude one another" in str(notice) for notice in found.notices)


# ---------------------------------------------------------------------------------------------- further analyses
def test_a_shift_is_found_with_its_direction() -> None:
    rng = np.random.default_rng(5)
    wide = blobs(rng, 140)
    first, second = camera(rng, wide[20:116, 20:116]), camera(rng, wide[17:113, 25:121])  # 3 down, 5 left
    found = colocalize(Image.from_array(np.stack([first, second]), axes="CYX", pixel_size=0.1), extras=("shift",)).shift
    assert found is not None
    assert found.best == -5
    assert found.peak == pytest.approx((3, -5), abs=0.2)
    assert found.peak_um == pytest.approx((0.3, -0.5), abs=0.02)


def test_chance_is_told_from_colocalization(partly: Image) -> None:
    found = colocalize(partly, extras=("randomisation", "objects"), randomisations=100, threshold="otsu")
    assert found.costes_p == 1
    assert found.randomisation is not None
    assert "autocorrelation" in found.randomisation.origin
    assert found.objects is not None
    assert 0.2 < (found.objects.shares[0] or 0) <= 1
    assert min(p or 0 for p in (*found.objects.p, found.objects.p_distance)) > 0.9
    again = colocalize(partly, extras=("randomisation",), randomisations=100)
    assert again.randomisation is not None
    assert (again.randomisation.values == found.randomisation.values).all()


def test_the_block_comes_from_the_optics_where_they_are_known(partly: Image) -> None:
    known = partly.replace(optics=Optics(numerical_aperture=1.4, emission=(520.0, 610.0)))
    found = colocalize(known, extras=("randomisation",), randomisations=5).randomisation
    assert found is not None
    assert found.origin.startswith("optics")
    assert found.block == 3  # 0.51 * 610 nm / 1.4 = 222 nm, over 100 nm


def particles(own: tuple[int, int], shared: int, haze: float, photons: float, seed: int) -> Image:
    """Particles in random places, some of which both channels have, on as much diffuse light as asked for; noisy."""
    rng = np.random.default_rng(seed)

    def points(count: int) -> npt.NDArray[np.float64]:
        plane = np.zeros((256, 256))
        np.add.at(plane, (rng.integers(0, 256, count), rng.integers(0, 256, count)), 1)
        return plane

    common, planes = points(shared), []
    for count in own:
        spots = gaussian_filter(common + points(count - shared), 1.6)
        diffuse = gaussian_filter(rng.random((256, 256)), 20)
        diffuse = (diffuse - diffuse.min()) / np.ptp(diffuse)
        planes.append(rng.poisson(photons * (spots / spots.mean() + haze * diffuse / diffuse.mean())))
    return Image.from_array(np.stack(planes).astype(np.uint16), axes="CYX")


@pytest.mark.parametrize("haze", [0, 1])
@pytest.mark.parametrize(("own", "shared"), [((400, 300), 150), ((300, 600), 270), ((400, 400), 400)])
def test_the_proximity_indices_are_the_shares_of_particles_in_common(own: tuple[int, int], shared: int, haze: float) -> None:
    """Whatever noise and diffuse light lie on top, which lower Pearson's r."""
    found = colocalize(particles(own, shared, haze, 30, seed=7), extras=("shift",), ranked=False, threshold="none")
    assert (found.ppi1, found.ppi2) == pytest.approx((shared / own[0], shared / own[1]), abs=0.08)


def test_particles_that_have_nothing_in_common_have_proximity_indices_near_0() -> None:
    for seed in range(4):
        found = colocalize(particles((400, 400), 0, 0, 30, seed), extras=("shift",), ranked=False, threshold="none")
        assert found.ppi1 == pytest.approx(0, abs=0.1)


def test_proximity_indices_that_no_share_can_be_are_undefined_with_the_reason() -> None:
    """Sharp structure in one channel on the wide structure of the other: two sizes do not describe both."""
    rng = np.random.default_rng(3)
    sharp, wide = blobs(rng, 200, 1.5, 300), blobs(rng, 200, 7, 40)
    planes = np.stack([camera(rng, wide + 0.02 * sharp, 3000, 0), camera(rng, wide + 2 * sharp, 3000, 0)])
    found = colocalize(Image.from_array(planes, axes="CYX"), extras=("shift",), ranked=False)
    for key in ("ppi1", "ppi2"):
        assert (found[key].value is None) == bool(found[key].reason)
        assert found[key].value is None or 0 <= (found[key].value or 0) <= 1.1


def test_what_is_measured_on_a_part_of_a_large_image_says_so(partly: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    from abbe.colocalization import correlation, randomisation
    from abbe.limits import Limits

    tall = Image.from_array(np.concatenate([np.asarray(partly)[0, :, 0]] * 6, axis=1), axes="CYX")
    whole = colocalize(tall, extras=("shift", "randomisation"), randomisations=5, block=4, ranked=False)
    assert "dropped" not in codes(whole)
    monkeypatch.setattr(correlation, "MOST", 300 * 96)
    monkeypatch.setattr(randomisation, "LIMITS", Limits(in_memory=8 * 96 * 400))
    found = colocalize(tall, extras=("shift", "randomisation"), randomisations=5, block=4, ranked=False)
    said = [str(notice) for notice in found.notices]
    assert "the cross-correlation is from the middle 300 of 576 rows" in said
    assert "the randomisation is from the middle 400 of 576 rows" in said
    assert found.pearson == whole.pearson


def test_the_block_of_a_restored_image_is_as_large_on_its_original(partly: Image) -> None:
    found = colocalize(restored(partly, enlarged(partly)), extras=("randomisation",), randomisations=5, block=12, ranked=False)
    assert found.original is not None
    assert found.original.randomisation is not None
    assert (found.randomisation.block, found.original.randomisation.block) == (12, 4)  # type: ignore[union-attr]


def test_a_manders_coefficient_means_little_where_the_other_channel_is_light_everywhere() -> None:
    rng = np.random.default_rng(4)
    spots = (rng.random((200, 200)) < 0.2) * rng.poisson(200, (200, 200))
    haze = rng.poisson(50, (200, 200)) + spots
    found = colocalize(Image.from_array(np.stack([spots, haze]).astype(np.uint16), axes="CYX", channels=["spots", "haze"]))
    assert found["m1"].value == pytest.approx(1)
    assert ("m1" in found.doubtful, "m2" in found.doubtful) == (True, False)  # haze is everywhere, spots are not
    assert any("haze: no pixel is 0, so M1 is 1 whatever the specimen" in notice.message for notice in found.notices)
    both = colocalize(Image.from_array(np.stack([spots + 1, haze]).astype(np.uint16), axes="CYX"))
    assert {"m1", "m2"} <= set(both.doubtful)


@pytest.mark.parametrize("radius", [10, 14, 20])
def test_the_cross_correlation_of_a_small_region_peaks_where_the_channels_lie(radius: int) -> None:
    """Shifts at which a pixel or two overlap had coefficients of 3: channels that lie upon one another were told 25 pixels apart."""
    rng = np.random.default_rng(radius)
    specimen = gaussian_filter(rng.normal(size=(128, 128)), 1.5)
    light = np.clip(specimen / specimen.std() * 40 + 200, 1, None)
    pixels = np.stack([rng.poisson(light), rng.poisson(np.roll(light, (1, -2), (0, 1)))]).astype(np.uint16)
    image = Image.from_array(pixels, axes="CYX")
    found = colocalize(image, roi=ROI.ellipse(64, 64, radius, radius, unit="pixel"), extras=("shift",)).shift
    assert found is not None
    assert found.peak == pytest.approx((1, -2), abs=0.4)
    assert found.height is not None
    assert 0.7 < found.height <= 1


def test_the_cross_correlation_is_pearson_s_r_of_what_overlaps() -> None:
    pixels = np.random.default_rng(0).poisson(gaussian_filter(np.random.default_rng(1).gamma(1, 400, (2, 64, 64)), (0, 2, 2)))
    pair = select(Image.from_array(pixels.astype(np.uint16), axes="CYX"), (0, 1), Region(None, (0, 1), (0, 1)), Background("none"))
    found = correlate(pair, (0, 1))
    assert found is not None
    a, b = pixels.astype(float)
    for dy, dx in ((0, 0), (3, -5), (-7, 2)):
        one = a[max(0, -dy) : 64 - max(0, dy), max(0, -dx) : 64 - max(0, dx)]
        two = b[max(0, dy) : 64 - max(0, -dy), max(0, dx) : 64 - max(0, -dx)]
        assert found.coefficient[found.reach + dy, found.reach + dx] == pytest.approx(np.corrcoef(one.ravel(), two.ravel())[0, 1], abs=1e-4)


def saturated(dtype: str, top: float) -> Image:
    counts = np.random.default_rng(0).poisson(15 * np.random.default_rng(1).gamma(1, 120, (2, 64, 64)))
    return Image.from_array((np.minimum(counts, 4095) * (top / 4095)).astype(dtype), axes="CYX")


@pytest.mark.parametrize(
    ("dtype", "top", "background"),
    [
        ("uint16", 65520, "none"),
        ("float32", 1.0, "none"),
        ("float32", 4095, "none"),
        ("int16", 4095, (10, 10)),
        ("float32", 1.0, (0.01, 0.02)),
    ],
)
def test_what_the_image_s_inspection_calls_saturated_is_counted_as_that(
    dtype: str, top: float, background: Literal["none"] | tuple[float, float]
) -> None:
    """12 bits at the upper end of 16, fractions, and signed numbers over a background had "0 saturated pixels"."""
    image = saturated(dtype, top)
    found = colocalize(image, background=background, ranked=False)
    seen = [channel.saturated for channel in image.inspection.channels]
    assert min(seen) > 100
    assert [found.pixels.first.saturated.pixels, found.pixels.second.saturated.pixels] == seen
    assert any(notice.code == "saturated" for notice in found.notices)


def test_a_pixel_at_a_given_threshold_is_above_it_in_single_precision_too() -> None:
    """0.7 in float32 is less than 0.7: coefficients left out what the mask of the same result had."""
    levels = np.random.default_rng(0).integers(0, 11, (2, 64, 64))
    found = colocalize(Image.from_array((levels / 10).astype(np.float32), axes="CYX"), threshold=(0.7, 0.7))
    assert found.pixels.colocalized is not None
    assert found.pixels.colocalized.pixels == (levels >= 7).all(axis=0).sum() == found.revealed().mask().sum()
