"""`abbe.Image`: what bare arrays may be, and what to know before believing an image."""

from __future__ import annotations

import numpy as np
import pytest

import abbe
from abbe.errors import AxesError, LimitError, ParameterError
from abbe.image.grid import Grid


def codes(image: abbe.Image) -> list[str]:
    return [notice.code for notice in image.warnings]


# ------------------------------------------------------------------------------------------------ arrays
@pytest.mark.parametrize(("shape", "full"), [((5, 7), (1, 1, 1, 5, 7)), ((3, 5, 7), (1, 1, 3, 5, 7)), ((1, 1), (1, 1, 1, 1, 1))])
def test_a_bare_array_is_a_plane_or_a_stack(shape: tuple[int, ...], full: tuple[int, ...]) -> None:
    assert abbe.Image.from_array(np.zeros(shape, np.uint8)).shape == full


@pytest.mark.parametrize("samples", [3, 4])
def test_a_bare_array_that_may_be_rgb_is_refused_with_what_to_say(samples: int) -> None:
    picture = np.zeros((20, 30, samples), np.uint8)
    with pytest.raises(AxesError, match="axes='YXC'"):
        abbe.enhance(picture)
    assert abbe.Image.from_array(picture, axes="YXC").shape == (1, samples, 1, 20, 30)
    assert abbe.Image.from_array(picture, axes="ZYX").shape == (1, 1, 20, 30, samples)


@pytest.mark.parametrize(
    ("array", "axes", "error"),
    [
        (np.zeros(5), None, AxesError),
        (np.zeros((2, 3, 4, 5)), None, AxesError),
        (np.zeros((0, 5)), None, AxesError),
        (np.zeros((5, 5)), "YY", AxesError),
        (np.zeros((5, 5)), "ZY", AxesError),
        (np.zeros((5, 5)), "CYX", AxesError),
        (np.zeros((5, 5), complex), None, ParameterError),
        (np.array([["a"]]), None, ParameterError),
        (np.zeros((2000, 1, 1), np.uint8), "CYX", LimitError),
    ],
    ids=str,
)
def test_arrays_that_are_no_image_are_refused(array: np.ndarray, axes: str | None, error: type[Exception]) -> None:
    with pytest.raises(error):
        abbe.Image.from_array(array, axes)


@pytest.mark.parametrize(
    ("array", "dtype", "said"),
    [
        (np.eye(4, dtype=bool), "uint8", True),
        (np.eye(4), "float32", True),
        (np.eye(4, dtype=np.int64) * 70_000, "uint32", True),
        (np.eye(4, dtype=">u2") * 513, "uint16", False),
        (np.eye(4, dtype=np.int32) * -513, "int32", False),
    ],
    ids=["bool", "float64", "int64", "big-endian", "negative"],
)
def test_every_number_type_keeps_its_values(array: np.ndarray, dtype: str, said: bool) -> None:
    image = abbe.Image.from_array(array)
    assert image.dtype == np.dtype(dtype)
    assert np.array_equal(image.plane(), array)
    assert ("converted" in [n.code for n in image.notices]) == said


def test_numbers_that_are_none_are_filled_masked_and_said() -> None:
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    array[1, 1], array[2, 3] = np.nan, np.inf
    image = abbe.Image.from_array(array)
    assert np.isfinite(image.plane()).all()
    assert image.mask is not None
    assert int(np.asarray(image.replace(pixels=image.mask)).sum()) == 2
    assert codes(image) == ["non_finite"]
    assert not np.isfinite(array).all()  # the caller's own array stays as it was


def test_an_image_cannot_be_changed_through_what_it_gives() -> None:
    image = abbe.Image.from_array(np.zeros((4, 4), np.uint8))
    with pytest.raises(ValueError, match="read-only"):
        image.plane()[0, 0] = 1


@pytest.mark.parametrize("size", [0, -1, float("nan"), float("inf"), (1, 2, 3, 4)])
def test_pixel_sizes_that_cannot_be_are_refused(size: object) -> None:
    with pytest.raises(ParameterError):
        abbe.Image.from_array(np.zeros((4, 4), np.uint8), pixel_size=size)  # type: ignore[arg-type]


def test_a_wrong_number_of_names_or_colours_is_refused() -> None:
    pixels = np.zeros((2, 4, 4), np.uint8)
    with pytest.raises(AxesError, match="a name for each of the 2 channels"):
        abbe.Image.from_array(pixels, "CYX", channels=["actin"])
    with pytest.raises(AxesError, match="a colour for each of the 2 channels"):
        abbe.Image.from_array(pixels, "CYX", colors=("#ff0000",))


# ------------------------------------------------------------------------------------------------ parts
def test_chosen_channels_keep_what_belongs_to_them() -> None:
    pixels = np.arange(2 * 3 * 4, dtype=np.uint16).reshape(2, 3, 4)
    image = abbe.Image.from_array(pixels, "CYX", channels=["DAPI", "actin"], colors=("#0000ff", "#00ff00"))
    actin = image.select([image.channel("actin")])
    assert (actin.channels, actin.colors) == (("actin",), ("#00ff00",))
    assert np.array_equal(actin.plane(), pixels[1])
    assert np.array_equal(np.asarray(image.select([1, 0]))[0, :, 0], pixels[::-1])
    with pytest.raises(ParameterError, match="0 DAPI, 1 actin"):
        image.channel("tubulin")


def test_a_crop_is_the_part_asked_for() -> None:
    pixels = np.arange(30, dtype=np.uint16).reshape(5, 6)
    part = abbe.Image.from_array(pixels, pixel_size=0.1).crop(slice(1, 4), slice(2, 3))
    assert np.array_equal(part.plane(), pixels[1:4, 2:3])
    assert part.pixel_size == (None, 0.1, 0.1)
    with pytest.raises(ParameterError, match="0 to 5 along Y"):
        abbe.Image.from_array(pixels).crop(slice(1, 9), slice(2, 3))


# ------------------------------------------------------------------------------------------------ warnings
def camera(top: int, share: float, dtype: type = np.uint16, bits: int | None = None) -> abbe.Image:
    pixels = np.random.default_rng(0).integers(0, top, (100, 100)).astype(dtype)
    pixels.ravel()[: int(share * pixels.size)] = top
    return abbe.Image.from_array(pixels, bits=bits)


@pytest.mark.parametrize(
    ("top", "dtype", "bits"),
    [
        (65535, np.uint16, None),
        (4095, np.uint16, None),
        (255, np.uint8, None),
        (2047, np.uint16, 11),
        (4095 << 4, np.uint16, None),  # 12 bits at the upper end of 16
        (4095, np.float32, None),  # turned into fractions, as ImageJ's 32 bit
        (3995, np.float64, None),  # after an offset was subtracted
        (3995, np.uint16, None),
        (255, np.uint16, None),  # 8 bits saved as 16
    ],
)
def test_saturation_is_seen_at_the_end_of_any_cameras_scale(top: int, dtype: type, bits: int | None) -> None:
    image = camera(top, 0.02, dtype, bits)
    assert "saturated" in codes(image)
    assert image.inspection.channels[0].saturated == 200


def test_a_bright_image_or_one_hot_pixel_is_not_saturated() -> None:
    assert "saturated" not in codes(camera(4095, 0.00001))
    rng = np.random.default_rng(0)
    for light in (
        rng.gamma(2, 500, (300, 300)),
        rng.poisson(2, (300, 300)),
        rng.poisson(0.01, (300, 300)),
        np.arange(90_000).reshape(300, 300) % 7,
    ):
        for enlarged in (light, light.repeat(4, 0).repeat(4, 1)):
            assert "saturated" not in codes(abbe.Image.from_array(enlarged.astype(np.uint16)))


def test_fractions_are_saturated_where_they_were_clipped() -> None:
    rng = np.random.default_rng(0)
    light = rng.gamma(2, 100, (2, 80, 100))
    assert codes(abbe.Image.from_array(light)) == ["converted"]
    assert codes(abbe.Image.from_array((light / light.max()).astype(np.float32))) == []
    clipped = np.clip(light / 600, 0, 1).astype(np.float32)
    clipped[1] = light[1] / 3000
    image = abbe.Image.from_array(clipped, "CYX")
    assert codes(image) == ["saturated"]
    assert image.inspection.channels[0].saturated == np.count_nonzero(light[0] >= 600)
    assert image.inspection.channels[1].saturated == 0


@pytest.mark.parametrize("photons", [0.1, 1, 5, 40])
def test_few_photons_and_masks_in_fractions_are_not_saturated(photons: float) -> None:
    counts = np.random.default_rng(0).poisson(photons, (200, 200)).astype(np.float32)
    assert codes(abbe.Image.from_array(counts)) == []
    assert codes(abbe.Image.from_array((counts > photons).astype(np.float32))) == []
    assert codes(abbe.Image.from_array(np.full((50, 50), photons, np.float32))) == []


def test_frames_each_divided_by_their_own_maximum_are_not_saturated() -> None:
    frames = np.random.default_rng(0).gamma(2, 100, (60, 64, 64))
    frames /= frames.max(axis=(1, 2), keepdims=True)
    enlarged = frames.repeat(2, 1).repeat(2, 2)
    for series in (frames, enlarged):
        assert codes(abbe.Image.from_array(series.astype(np.float32), "TYX")) == []
    clipped = np.clip(1.5 * frames, 0, 1).astype(np.float32)
    image = abbe.Image.from_array(clipped, "TYX")
    assert codes(image) == ["saturated"]
    assert image.inspection.channels[0].saturated == np.count_nonzero(clipped == 1)


def test_an_image_that_is_saturated_everywhere_is_saturated() -> None:
    assert codes(abbe.Image.from_array(np.full((9, 9), 65535, np.uint16))) == ["saturated"]
    assert codes(abbe.Image.from_array(np.full((9, 9), 4095, np.uint16))) == []


def test_a_mask_of_true_and_false_is_not_saturated() -> None:
    assert codes(abbe.Image.from_array(np.eye(9, dtype=np.uint8), bits=1)) == []


def test_eight_bits_are_said_and_sixteen_are_not() -> None:
    assert codes(camera(200, 0, np.uint8)) == ["eight_bit"]
    assert codes(camera(200, 0, np.uint16)) == []


def test_progress_is_told_while_a_large_image_is_looked_at() -> None:
    image = abbe.Image.from_array(np.zeros((3, 200, 200), np.uint8))
    told: list[float] = []
    seen = image.inspect(lambda fraction, what: told.append(fraction))
    assert told == sorted(told)
    assert told[-1] == 1
    assert seen is image.inspection
    image.inspect(lambda fraction, what: pytest.fail("read twice"))


@pytest.mark.parametrize("size", [np.float32(0.25), np.int64(2), 0.25, 2])
def test_a_number_of_any_kind_is_a_pixel_size(size: float) -> None:
    assert abbe.Image.from_array(np.ones((3, 4), np.uint8), "YX", pixel_size=size).pixel_size == (None, float(size), float(size))


def test_masked_pixels_are_not_taken_for_measured_ones() -> None:
    masked = np.ma.masked_array(np.ones((4, 4)), mask=np.eye(4))
    with pytest.raises(ParameterError, match="masked"):
        abbe.Image.from_array(masked, "YX")
    assert abbe.Image.from_array(masked.filled(np.nan), "YX").mask is not None


def test_a_path_where_an_image_is_wanted_is_told_to_be_opened() -> None:
    with pytest.raises(ParameterError, match=r"got 'cells.tif'; open a file first: abbe.open"):
        abbe.colocalize("cells.tif")


def test_numbers_beyond_float32_are_refused_and_not_called_infinite() -> None:
    with pytest.raises(LimitError, match="got 1 pixels beyond that"):
        abbe.Image.from_array(np.array([[1.0, 1e300], [np.nan, np.inf]]))


def test_the_mask_says_where_as_an_array() -> None:
    pixels = np.ones((4, 5), np.float32)
    pixels[1, 2] = np.nan
    mask = np.asarray(abbe.Image.from_array(pixels).mask)
    assert mask.dtype == bool
    assert np.array_equal(mask[0, 0, 0], np.isnan(pixels))


def finer(original: abbe.Image) -> abbe.Image:
    """Three times finer along y and x, with all that comes with a result."""
    pixels = np.kron(np.asarray(original), np.ones((3, 3), np.float32))
    alike = [abbe.Image.from_array(pixels + by, "TCZYX") for by in (0, -1, 1, 0.5)]
    return alike[0].replace(original=original, interval=abbe.Interval(alike[1], alike[2]), trust=alike[3])


def test_what_comes_with_a_result_is_cut_as_it_is() -> None:
    whole = finer(abbe.Image.from_array(np.arange(200, dtype=np.float32).reshape(10, 20)))
    part = whole.crop(slice(3, 15), slice(6, 24))
    assert part.original is not None
    assert part.interval is not None
    assert part.trust is not None
    expected = np.asarray(whole)[..., 3:15, 6:24]
    np.testing.assert_array_equal(np.asarray(part), expected)
    np.testing.assert_array_equal(np.kron(np.asarray(part.original), np.ones((3, 3))), expected)
    np.testing.assert_array_equal(np.asarray(part.interval.lower), expected - 1)
    np.testing.assert_array_equal(np.asarray(part.interval.upper), expected + 1)
    np.testing.assert_array_equal(np.asarray(part.trust), expected + 0.5)


def test_a_part_that_cuts_pixels_of_the_original_has_none_and_counts_in_them_still() -> None:
    whole = finer(abbe.Image.from_array(np.arange(200, dtype=np.float32).reshape(10, 20)))
    part = whole.crop(slice(4, 16), slice(6, 24))
    assert part.original is None
    assert Grid.of(part).original == Grid.of(whole).original == (1.0, 1 / 3, 1 / 3)


def test_a_mask_as_an_array_is_taken_and_one_of_another_shape_is_not() -> None:
    values, nowhere = np.arange(12, dtype=np.uint8).reshape(3, 4), np.eye(3, 4, dtype=bool)
    image = abbe.Image.from_array(values, mask=nowhere)
    assert image.mask is not None
    np.testing.assert_array_equal(np.asarray(image.mask)[0, 0, 0], nowhere)
    holed = np.where(values == 3, np.nan, values.astype(np.float32))
    both = abbe.Image.from_array(holed, mask=nowhere)
    assert both.mask is not None
    np.testing.assert_array_equal(np.asarray(both.mask)[0, 0, 0], nowhere | np.isnan(holed))
    for wrong in (np.eye(4, dtype=bool), np.zeros((1, 1, 1, 4, 3), bool)):
        with pytest.raises(AxesError, match=r"wanted a mask with axes TCZYX of the shape \(1, 1, 1, 3, 4\)"):
            abbe.Image.from_array(values, mask=wrong)
        with pytest.raises(AxesError, match="wanted a mask"):
            image.replace(mask=wrong)


def test_other_pixels_may_be_an_array() -> None:
    image = abbe.Image.from_array(np.arange(12, dtype=np.uint8).reshape(3, 4), channels=["actin"])
    values = np.asarray(image) + np.float64(0.5)
    values[0, 0, 0, 1, 1] = np.nan
    other = image.replace(pixels=values)
    assert (other.channels, other.dtype, other.shape) == (("actin",), np.float32, image.shape)
    assert other.mask is not None
    assert np.asarray(other.mask).sum() == 1
    assert np.isfinite(np.asarray(other)).all()
    assert {"converted", "non_finite"} <= {notice.code for notice in other.notices}


def test_channels_and_parts_that_are_none_are_refused_in_words() -> None:
    image = abbe.Image.from_array(np.arange(24, dtype=np.uint8).reshape(2, 3, 4), axes="CYX", channels=["actin", "tubulin"])
    assert image.select("tubulin").channels == image.select(1).channels == ("tubulin",)
    assert image.crop(slice(None, 2), slice(1, None)).shape == (1, 2, 1, 2, 3)
    assert image.replace(pixel_size=0.2).pixel_size == (None, 0.2, 0.2)
    with pytest.raises(ParameterError, match=r"wanted one or more channels of this image \(actin, tubulin\), got none"):
        image.select([])
    for part in (slice(0, 2, 2), (0, 2), 1, slice("a", 2), slice(0, 2.0)):
        with pytest.raises(ParameterError, match=r"wanted a slice of whole numbers without a step along Y, such as slice\(0, 3\)"):
            image.crop(part, slice(0, 4))  # type: ignore[arg-type]
