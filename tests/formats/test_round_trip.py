"""What is saved comes back: pixels to the last bit, and everything that was known of them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import abbe
from abbe.image import Optics, Provenance

sizes = st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 3), st.integers(1, 20), st.integers(1, 20))
lengths = st.none() | st.floats(1e-3, 100).map(lambda v: float(f"{v:.4g}"))
names = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")), min_size=1, max_size=20).map(str.strip).filter(bool)
# a lookup table that is black everywhere is no colour, and one that ends at 254 is read as ending at 255
parts = st.integers(0, 252) | st.just(255)
colours = st.none() | st.tuples(parts, parts, parts).filter(any).map(lambda v: "#{:02x}{:02x}{:02x}".format(*v))


@st.composite
def images(draw: st.DrawFn, dtypes: tuple[str, ...] = ("u1", "u2", "u4", "i1", "i2", "i4", "f4")) -> abbe.Image:
    shape = draw(sizes)
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if dtype.kind == "f":
        pixels = rng.normal(0, 1e4, shape).astype(dtype)
    else:
        info = np.iinfo(dtype)
        pixels = rng.integers(info.min, info.max, shape, dtype=np.int64, endpoint=True).astype(dtype)
    count = shape[1]
    wave = st.none() | st.floats(300, 900).map(round).map(float)
    return abbe.Image.from_array(
        pixels,
        axes="TCZYX",
        pixel_size=(draw(lengths), *(draw(st.just((None, None)) | st.tuples(lengths.filter(bool), lengths.filter(bool))))),
        channels=draw(st.lists(names, min_size=count, max_size=count, unique=True)),
        colors=tuple(draw(st.lists(colours, min_size=count, max_size=count))),
        bits=draw(st.none() | st.integers(1, dtype.itemsize * 8)) if dtype.kind == "u" else None,
        time_step=draw(lengths),
        optics=Optics(
            numerical_aperture=draw(st.none() | st.floats(0.1, 1.7)),
            magnification=draw(st.none() | st.floats(1, 200)),
            emission=tuple(draw(st.lists(wave, min_size=count, max_size=count))),
        ),
        provenance=Provenance(history=tuple(draw(st.lists(names, max_size=3)))),
    )


def through(image: abbe.Image, name: str, **more: Any) -> abbe.Image:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        assert abbe.save(image, path, **more).notices == ()
        back = abbe.open(path)
        return back.replace(pixels=abbe.Image.from_array(np.asarray(back).copy(), axes="TCZYX").pixels)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(images())
def test_an_ome_tiff_keeps_everything(image: abbe.Image) -> None:
    back = through(image, "a.ome.tif")
    assert np.array_equal(np.asarray(back), np.asarray(image))
    for what in ("shape", "dtype", "pixel_size", "channels", "colors", "bits", "time_step"):
        assert getattr(back, what) == getattr(image, what), what
    for what in ("numerical_aperture", "magnification"):
        assert getattr(back.optics, what) == getattr(image.optics, what), what
    assert back.optics.emission == (image.optics.emission if any(image.optics.emission) else ())
    assert back.provenance.history == image.provenance.history
    assert back.notices == ()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(images(("u1", "u2", "f4")))
def test_an_imagej_tiff_keeps_what_imagej_knows(image: abbe.Image) -> None:
    back = through(image, "a.tif")
    assert np.array_equal(np.asarray(back), np.asarray(image))
    assert back.shape == image.shape
    assert back.dtype == image.dtype
    assert back.channels == image.channels
    known = [c is not None for c in image.colors]
    if any(known):
        assert [b for b, k in zip(back.colors, known) if k] == [c for c, k in zip(image.colors, known) if k]
    for found, true in zip(back.pixel_size[1:], image.pixel_size[1:]):
        assert found == (None if true is None else pytest.approx(true, rel=1e-5))
    assert back.time_step == (None if image.time_step is None else pytest.approx(image.time_step))
    assert back.provenance.history == image.provenance.history


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(images(("u1", "u2")))
def test_a_png_keeps_a_plane(image: abbe.Image) -> None:
    image = abbe.Image.from_array(image.plane(), pixel_size=image.pixel_size)
    back = through(image, "a.png")
    assert np.array_equal(back.plane(), image.plane())
    if image.pixel_size[2] is not None and image.pixel_size[2] <= 10 and image.pixel_size[1] and image.pixel_size[1] <= 10:
        assert back.pixel_size[1:] == pytest.approx(image.pixel_size[1:], rel=1e-5)


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif", "a.png"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_colour_picture_comes_back_as_one(tmp_path: Path, rng: np.random.Generator, name: str, dtype: type) -> None:
    pixels = rng.integers(0, np.iinfo(dtype).max, (30, 40, 3)).astype(dtype)
    abbe.save(
        abbe.Image.from_array(pixels, axes="YXC", channels=["red", "green", "blue"], colors=("#ff0000", "#00ff00", "#0000ff")),
        tmp_path / "x.png",
    )
    first = abbe.open(tmp_path / "x.png")
    abbe.save(first, tmp_path / name)
    again = abbe.open(tmp_path / name)
    assert again.channels == ("red", "green", "blue")
    assert again.colors == ("#ff0000", "#00ff00", "#0000ff")
    assert np.array_equal(np.asarray(again), np.asarray(first))


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.ome.tif", "a.ome.zarr"])
def test_every_format_keeps_pixel_size_name_colour_and_bits(tmp_path: Path, rng: np.random.Generator, name: str) -> None:
    image = abbe.Image.from_array(
        rng.integers(0, 200, (30, 40)).astype(np.uint8), pixel_size=(None, 0.07, 0.065), channels=["Phähm"], colors=("#ff00ff",), bits=7
    )
    abbe.save(image, tmp_path / name)
    back = abbe.open(tmp_path / name)
    assert back.pixel_size == (None, pytest.approx(0.07), pytest.approx(0.065))
    assert (back.channels, back.colors, back.bits) == (image.channels, image.colors, image.bits)


def test_a_picture_that_was_cropped_since_keeps_no_word_about_its_pixels(tmp_path: Path, rng: np.random.Generator) -> None:
    import PIL.Image

    abbe.save(abbe.Image.from_array(rng.integers(0, 200, (30, 40)).astype(np.uint8), pixel_size=0.1), tmp_path / "a.jpg")
    with PIL.Image.open(tmp_path / "a.jpg") as picture:
        picture.resize((20, 15)).save(tmp_path / "b.jpg", comment=picture.info["comment"])
    assert abbe.open(tmp_path / "b.jpg").pixel_size == (None, None, None)


@pytest.mark.parametrize("comment", [b"abbe.account=", b"abbe.account={", b'abbe.account={"image": {"shape": 3}}', b"\xff\xfe", b"hello"])
def test_a_comment_that_makes_no_sense_does_no_harm(tmp_path: Path, comment: bytes) -> None:
    import PIL.Image

    PIL.Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "a.jpg", comment=comment)
    assert abbe.open(tmp_path / "a.jpg").shape == (1, 1, 1, 9, 9)


def test_an_account_too_long_for_a_jpeg_leaves_its_recipe_out(tmp_path: Path) -> None:
    image = abbe.Image.from_array(np.zeros((9, 9), np.uint8), pixel_size=0.1)
    long = image.replace(provenance=abbe.image.Provenance(history=tuple("x" * 9000 for _ in range(20))))
    abbe.save(long, tmp_path / "a.jpg")
    back = abbe.open(tmp_path / "a.jpg")
    assert back.pixel_size[2] == 0.1
    assert back.provenance.history == ()


def test_warnings_and_recipe_travel_in_the_file(tmp_path: Path, rng: np.random.Generator) -> None:
    from abbe.recipe import Input, Recipe, Step

    source = abbe.Image.from_array(rng.normal(size=(20, 20)).astype(np.float32)).warn(abbe.Notice("lossy", "was a JPEG once"))
    recipe = Recipe(operation="enhance", inputs=(Input(shape=(1, 1, 1, 20, 20), dtype="uint16"),), steps=(Step(name="denoise"),))
    for name in ("a.ome.tif", "a.tif"):
        abbe.save(source.replace(recipe=recipe), tmp_path / name)
        back = abbe.open(tmp_path / name)
        assert back.notices == source.notices
        assert Recipe.from_json(back.provenance.facts["recipe"]) == recipe


def masked(rng: np.random.Generator, shape: tuple[int, ...] = (2, 3, 2, 40, 50)) -> abbe.Image:
    pixels = rng.uniform(100, 200, shape).astype(np.float32)
    pixels[0, 1, :, 5:9, 7:30] = np.nan
    pixels[rng.random(shape) < 0.01] = np.inf
    return abbe.Image.from_array(pixels, axes="TCZYX")


@pytest.mark.parametrize("name", ["a.ome.tif", "a.tif", "a.zarr"])
@pytest.mark.parametrize("dtype", [None, "uint16"])
def test_masked_pixels_are_masked_still_when_the_file_is_opened(
    tmp_path: Path, rng: np.random.Generator, name: str, dtype: str | None
) -> None:
    image = masked(rng)
    said = abbe.save(image, tmp_path / name, dtype=dtype).notices
    assert not any("masked" in notice.message for notice in said)
    back = abbe.open(tmp_path / name)
    assert np.array_equal(np.asarray(back.mask), np.asarray(image.mask))
    assert np.isfinite(np.asarray(back)).all()
    part = back.select([1]).crop(slice(3, 20), slice(4, 40))
    assert np.array_equal(np.asarray(part.mask), np.asarray(image.mask)[:, 1:2, :, 3:20, 4:40])


def test_masked_pixels_of_planes_larger_than_a_block_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    monkeypatch.setattr("abbe.formats.masked.BLOCK", 400)
    image = masked(rng)
    abbe.save(image, tmp_path / "a.ome.tif")
    back = abbe.open(tmp_path / "a.ome.tif").mask
    region = (slice(0, 2), slice(1, 3), slice(1, 2), slice(6, 31), slice(8, 50))
    assert back is not None
    assert image.mask is not None
    assert np.array_equal(back.read(region), image.mask.read(region))


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_pictures_keep_their_masked_pixels_too(tmp_path: Path, rng: np.random.Generator, name: str) -> None:
    pixels = rng.uniform(0, 200, (40, 50)).astype(np.float32)
    pixels[np.eye(40, 50, dtype=bool)] = np.nan
    abbe.save(abbe.Image.from_array(pixels), tmp_path / name, dtype="uint8")
    assert np.array_equal(np.asarray(abbe.open(tmp_path / name).mask)[0, 0, 0], np.eye(40, 50, dtype=bool))


def test_a_mask_that_does_not_fit_into_a_file_is_told_there_and_when_saving(tmp_path: Path, rng: np.random.Generator) -> None:
    pixels = rng.uniform(100, 200, (1000, 1000)).astype(np.float32)
    pixels[rng.random(pixels.shape) < 0.3] = np.nan
    said = abbe.save(abbe.Image.from_array(pixels), tmp_path / "a.jpg", dtype="uint8").notices
    assert any("masked" in notice.message for notice in said)
    back = abbe.open(tmp_path / "a.jpg")
    assert back.mask is None
    assert any("did not fit" in notice.message for notice in back.warnings)


def test_a_damaged_account_of_masked_pixels_is_told(tmp_path: Path, rng: np.random.Generator) -> None:
    abbe.save(masked(rng), tmp_path / "a.tif")
    data = (tmp_path / "a.tif").read_bytes()
    at = data.index('"mask": {"'.encode("utf-16-le")) + 60
    (tmp_path / "b.tif").write_bytes(data[:at] + (b"A" if data[at : at + 1] != b"A" else b"B") + data[at + 1 :])
    back = abbe.open(tmp_path / "b.tif")
    assert "damaged" in [notice.code for notice in back.warnings]


def test_a_roi_in_pixels_of_the_original_fits_a_result_that_was_saved(tmp_path: Path, rng: np.random.Generator) -> None:
    from abbe.image import Grid

    original = abbe.Image.from_array(rng.uniform(0, 9, (2, 40, 50)).astype(np.float32), axes="CYX")
    large = abbe.Image.from_array(np.asarray(original).repeat(3, axis=3).repeat(3, axis=4), axes="TCZYX").replace(original=original)
    roi = abbe.ROI.rectangle(4, 5, 10, 20, unit="pixel")
    for name in ("a.ome.tif", "a.tif", "a.zarr"):
        abbe.save(large, tmp_path / name)
        back = abbe.open(tmp_path / name)
        assert Grid.of(back).original == Grid.of(large).original
        assert np.array_equal(roi.mask(back), roi.mask(large))
    abbe.save(back.crop(slice(0, 60), slice(0, 90)), tmp_path / "part.ome.tif")
    assert roi.mask(abbe.open(tmp_path / "part.ome.tif")).sum() == 9 * 10 * 20
    said = abbe.colocalize(back, roi=roi, ranked=False).notices
    assert any("each is 3 x 3 pixels of this image" in notice.message for notice in said)
    session = abbe.Session.create(tmp_path / "a.abbe", back)
    assert roi.mask(session.image()).sum() == 10 * 20  # its original is what it began with
    again = abbe.formats.open_untrusted(tmp_path / "a.ome.tif")
    assert np.array_equal(roi.mask(again), roi.mask(large))


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif"])
def test_other_programs_read_what_abbe_writes(tmp_path: Path, rng: np.random.Generator, name: str) -> None:
    import tifffile

    pixels = rng.integers(0, 4096, (2, 3, 4, 50, 60)).astype(np.uint16)
    image = abbe.Image.from_array(pixels, axes="TCZYX", pixel_size=(0.3, 0.1, 0.1), channels=["a", "b", "c"], time_step=2.0)
    abbe.save(image, tmp_path / name)
    with tifffile.TiffFile(tmp_path / name) as tif:
        series = tif.series[0]
        assert series.axes == "TZCYX"
        assert np.array_equal(series.asarray().transpose(0, 2, 1, 3, 4), pixels)
        if name == "a.tif":
            assert tif.is_imagej
            assert tif.imagej_metadata["unit"] == "um"
            assert tif.imagej_metadata["spacing"] == 0.3
            assert tif.imagej_metadata["channels"] == 3


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32"])
@pytest.mark.parametrize("side", [40, 3000])
def test_an_ome_tiff_is_packed_as_fiji_and_qupath_unpack_it(tmp_path: Path, dtype: str, side: int) -> None:
    """Bio-Formats knows no predictors but none (1) and differences (2): "Unknown Predictor (3)"."""
    import tifffile

    pixels = (np.arange(side * side) % 251).reshape(side, side).astype(dtype)
    abbe.save(abbe.Image.from_array(pixels), tmp_path / "a.ome.tif")
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as tif:
        page = tif.pages.first
        assert (page.compression, page.predictor) == (8, 1 if dtype == "float32" else 2)
        assert np.array_equal(page.asarray(), pixels)


def test_the_ome_xml_follows_the_schema(tmp_path: Path, rng: np.random.Generator) -> None:
    ome_types = pytest.importorskip("ome_types")
    import tifffile

    image = abbe.Image.from_array(
        rng.normal(size=(2, 3, 9, 8)).astype(np.float32), axes="CZYX", pixel_size=(0.3, 0.1, 0.1), channels=["µ<&>", "b"]
    )
    image = image.replace(
        colors=("#ff00ff", None), optics=Optics(numerical_aperture=1.4, magnification=60, refractive_index=1.515, emission=(520.0, None))
    )
    abbe.save(image, tmp_path / "a.ome.tif")
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as tif:
        ome = ome_types.from_xml(tif.ome_metadata)
    pixels = ome.images[0].pixels
    assert pixels.channels[0].name == "µ<&>"
    assert pixels.physical_size_z == 0.3
    assert ome.instruments[0].objectives[0].lens_na == 1.4
