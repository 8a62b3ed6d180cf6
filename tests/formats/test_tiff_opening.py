"""Every TIFF that a microscope, ImageJ or a script writes opens with the right pixels in the right places."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import abbe
from abbe.errors import AxesError, LimitError, NotAnImageError, StorageError

PLANE = (37, 53)


def counts(rng: np.random.Generator, shape: tuple[int, ...], dtype: str = "u2") -> np.ndarray:
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return rng.normal(100, 30, shape).astype(kind)
    info = np.iinfo(kind)
    return rng.integers(max(info.min, -(2**40)), min(info.max, 2**40), shape, dtype=np.int64).astype(kind)


def codes(image: abbe.Image) -> list[str]:
    return [notice.code for notice in image.notices]


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "i1", "i2", "i4", "f4"])
@pytest.mark.parametrize(
    "layout",
    [
        {},
        {"bigtiff": True},
        {"rowsperstrip": 5},
        {"rowsperstrip": 5, "compression": "lzw", "predictor": True},
        {"compression": "zlib", "predictor": True},
        {"tile": (16, 32)},
        {"tile": (16, 32), "compression": "zstd"},
    ],
    ids=str,
)
def test_pixels_arrive_whatever_the_layout(
    tmp_path: Path, rng: np.random.Generator, dtype: str, byteorder: str, layout: dict[str, Any]
) -> None:
    pixels = counts(rng, PLANE, dtype)
    tifffile.imwrite(tmp_path / "a.tif", pixels, byteorder=byteorder, photometric="minisblack", **layout)
    image = abbe.open(tmp_path / "a.tif")
    assert image.shape == (1, 1, 1, *PLANE)
    assert image.dtype == np.dtype(dtype)
    assert image.dtype.isnative
    assert np.array_equal(image.plane(), pixels)
    part = image.read((slice(0, 1), slice(0, 1), slice(0, 1), slice(11, 30), slice(7, 50)))
    assert np.array_equal(part[0, 0, 0], pixels[11:30, 7:50])
    assert image.notices == ()


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("layout", [{}, {"compression": "zlib"}, {"tile": (16, 16)}, {"rowsperstrip": 4}], ids=str)
def test_samples_of_a_pixel_are_channels(tmp_path: Path, rng: np.random.Generator, planar: str, layout: dict[str, Any]) -> None:
    pixels = counts(rng, (5, *PLANE))
    stored = np.moveaxis(pixels, 0, -1) if planar == "contig" else pixels
    tifffile.imwrite(tmp_path / "a.tif", stored, planarconfig=planar, photometric="minisblack", **layout)
    image = abbe.open(tmp_path / "a.tif")
    assert image.shape == (1, 5, 1, *PLANE)
    assert np.array_equal(np.asarray(image)[0, :, 0], pixels)


@pytest.mark.parametrize(
    ("stored", "dtype", "words"),
    [
        (np.array([[True, False, True]] * 3), "uint8", "1 and 0"),
        (np.arange(6, dtype=np.float16).reshape(2, 3), "float32", "float16"),
        (np.arange(6, dtype=np.float64).reshape(2, 3) / 7, "float32", "float64"),
        (np.arange(6, dtype=np.int64).reshape(2, 3) - 3, "int32", "every value"),
        (np.arange(6, dtype=np.uint64).reshape(2, 3) * 1000, "uint16", "every value"),
        (np.arange(6, dtype=np.int64).reshape(2, 3) * 2**40, "float32", "7 digits"),
    ],
    ids=lambda v: getattr(v, "dtype", v) and str(getattr(v, "dtype", v)),
)
def test_other_number_types_are_converted_and_said(tmp_path: Path, stored: np.ndarray, dtype: str, words: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="minisblack")
    image = abbe.open(tmp_path / "a.tif")
    assert image.dtype.name == dtype
    assert np.allclose(image.plane(), stored.astype(np.float64), rtol=1e-6)
    (notice,) = image.notices
    assert notice.code == "converted"
    assert words in notice.message


def test_whole_numbers_that_float32_would_make_alike_are_refused(tmp_path: Path) -> None:
    """A specimen of 3,000 levels upon 2^40 came out as one value, and was told to show nothing."""
    tifffile.imwrite(tmp_path / "a.tif", np.arange(3000, dtype=np.uint64).reshape(50, 60) + 2**40, photometric="minisblack")
    with pytest.raises(NotAnImageError, match=f"subtract {2**40} first"):
        abbe.open(tmp_path / "a.tif")


def test_numbers_that_float32_cannot_hold_are_refused_and_not_called_infinite(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.array([[1.0, 1e300], [np.nan, 2.0]]))
    with pytest.raises(LimitError, match="1 pixels beyond that"):
        abbe.open(tmp_path / "a.tif")


def test_complex_pixels_are_refused_with_what_to_do(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.ones((4, 4), np.complex64))
    with pytest.raises(NotAnImageError, match="magnitudes"):
        abbe.open(tmp_path / "a.tif")


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "f4"])
def test_grey_values_stored_as_white_is_zero_are_those_that_were_recorded(tmp_path: Path, rng: np.random.Generator, dtype: str) -> None:
    pixels = counts(rng, PLANE, dtype)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="miniswhite")
    image = abbe.open(tmp_path / "a.tif")
    assert np.array_equal(image.plane(), pixels)
    abbe.save(image, tmp_path / "b.ome.tif")
    assert "inverted" in [notice.code for notice in abbe.open(tmp_path / "b.ome.tif").warnings]


def test_a_black_and_white_picture_stored_as_white_is_zero_is_turned_round(tmp_path: Path, rng: np.random.Generator) -> None:
    pixels = rng.random(PLANE) < 0.3
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="miniswhite")
    assert np.array_equal(abbe.open(tmp_path / "a.tif").plane(), ~pixels)


def test_twelve_packed_bits_are_known(tmp_path: Path, rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 4096, (4, 8)).astype(np.uint16)
    imagecodecs = pytest.importorskip("imagecodecs")
    packed = imagecodecs.packints_encode(pixels.reshape(4, 8), 12) if hasattr(imagecodecs, "packints_encode") else None
    if packed is None:
        pytest.skip("this imagecodecs cannot pack integers")
    tifffile.imwrite(tmp_path / "a.tif", pixels, bitspersample=12, photometric="minisblack")
    image = abbe.open(tmp_path / "a.tif")
    assert image.bits == 12
    assert np.array_equal(image.plane(), pixels)


def test_values_that_are_no_numbers_are_masked_and_filled(tmp_path: Path, rng: np.random.Generator) -> None:
    pixels = counts(rng, PLANE, "f4")
    pixels[3, 4], pixels[20:22, 30] = np.nan, np.inf
    tifffile.imwrite(tmp_path / "a.tif", pixels)
    image = abbe.open(tmp_path / "a.tif")
    assert np.isfinite(np.asarray(image)).all()
    assert image.mask is not None
    everything = tuple(slice(0, n) for n in image.shape)
    assert np.array_equal(image.mask.read(everything)[0, 0, 0], ~np.isfinite(pixels))  # type: ignore[arg-type]
    assert codes(image) == ["non_finite"]
    assert "3 of" in image.notices[0].message


# ---------------------------------------------------------------------------------------------------------- which axis is which
def test_a_hyperstack_of_imagej_keeps_its_five_axes(tmp_path: Path, rng: np.random.Generator) -> None:
    pixels = counts(rng, (2, 4, 3, *PLANE))  # TZCYX
    metadata = {"axes": "TZCYX", "unit": "um", "spacing": 0.3, "finterval": 1.5, "Labels": ["DAPI", "actin", "tubulin"] * 8}
    tifffile.imwrite(tmp_path / "a.tif", pixels, imagej=True, resolution=(10, 10), metadata=metadata)
    image = abbe.open(tmp_path / "a.tif")
    assert image.shape == (2, 3, 4, *PLANE)
    assert np.array_equal(np.asarray(image), pixels.transpose(0, 2, 1, 3, 4))
    assert image.pixel_size == pytest.approx((0.3, 0.1, 0.1))
    assert image.time_step == 1.5
    assert image.channels == ("DAPI", "actin", "tubulin")
    assert image.notices == ()


@pytest.mark.parametrize("order", ["TZCYX", "CZTYX", "ZCTYX", "TCZYX"])
def test_an_ome_tiff_keeps_its_five_axes_in_any_order(tmp_path: Path, rng: np.random.Generator, order: str) -> None:
    sizes = {"T": 2, "C": 3, "Z": 4, "Y": 7, "X": 9}
    pixels = counts(rng, tuple(sizes[a] for a in order))
    tifffile.imwrite(tmp_path / "a.ome.tif", pixels, metadata={"axes": order}, photometric="minisblack")
    image = abbe.open(tmp_path / "a.ome.tif")
    assert np.array_equal(np.asarray(image), pixels.transpose([order.index(a) for a in "TCZYX"]))


@pytest.mark.parametrize(("pages", "axis"), [(2, "C"), (4, "C"), (5, "Z"), (30, "Z")])
def test_axes_that_nobody_named_are_guessed_and_said(tmp_path: Path, rng: np.random.Generator, pages: int, axis: str) -> None:
    pixels = counts(rng, (pages, *PLANE))
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack", metadata=None)
    image = abbe.open(tmp_path / "a.tif")
    assert image.shape["TCZ".index(axis)] == pages
    assert codes(image) == ["axes_guessed"]
    other = abbe.open(tmp_path / "a.tif", axes="TYX")
    assert other.shape == (pages, 1, 1, *PLANE)
    assert np.array_equal(np.asarray(other)[:, 0, 0], pixels)
    assert other.notices == ()


@pytest.mark.parametrize("axes", ["YX", "QYX", "ZZX", "ZCX", "ABC", "CYXZ"])
def test_axes_that_do_not_fit_are_refused(tmp_path: Path, rng: np.random.Generator, axes: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", counts(rng, (5, *PLANE)), photometric="minisblack", metadata=None)
    with pytest.raises(AxesError, match="axes"):
        abbe.open(tmp_path / "a.tif", axes=axes)


@pytest.mark.parametrize("axes", ["YCX", "YXC", "XYZ", "ZXY", "TXCY", "YZTX"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_axes_may_be_named_in_the_order_in_which_they_are_stored(
    tmp_path: Path, rng: np.random.Generator, axes: str, compression: str | None
) -> None:
    pixels = counts(rng, (5, 6, 7, 8)[: len(axes)])
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack", metadata={}, compression=compression)
    image = abbe.open(tmp_path / "a.tif", axes=axes)
    expected = abbe.Image.from_array(pixels, axes=axes)
    assert np.array_equal(np.asarray(image), np.asarray(expected))
    part = slice(2, 4), slice(1, 3)
    assert np.array_equal(np.asarray(image.crop(*part)), np.asarray(expected)[..., 2:4, 1:3])
    assert image.notices == ()


def test_channels_that_came_last_are_found_in_pages(tmp_path: Path, rng: np.random.Generator) -> None:
    pixels = counts(rng, (40, 50, 3))
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for row in pixels:
            writer.write(row, photometric="minisblack", metadata=None)
    image = abbe.open(tmp_path / "a.tif")
    assert image.shape == (1, 3, 1, 40, 50)
    assert codes(image) == ["axes_guessed"]
    assert np.array_equal(image.plane(c=2), pixels[..., 2])


def test_several_images_open_as_the_first_and_say_so(tmp_path: Path, rng: np.random.Generator) -> None:
    first, second = counts(rng, PLANE), counts(rng, (9, 9))
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as writer:
        writer.write(first, photometric="minisblack")
        writer.write(second, photometric="minisblack")
    image = abbe.open(tmp_path / "a.ome.tif")
    assert np.array_equal(image.plane(), first)
    assert codes(image) == ["dropped"]
    assert "2 images" in image.notices[0].message


def test_a_pyramid_opens_at_full_resolution(tmp_path: Path, rng: np.random.Generator) -> None:
    full = counts(rng, (128, 160))
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as writer:
        writer.write(full, subifds=1, tile=(64, 64), photometric="minisblack")
        writer.write(full[::2, ::2], subfiletype=1, tile=(64, 64), photometric="minisblack")
    image = abbe.open(tmp_path / "a.ome.tif")
    assert np.array_equal(image.plane(), full)
    assert image.notices == ()


def test_an_ome_tiff_of_several_files_is_put_together(tmp_path: Path, rng: np.random.Generator) -> None:
    pixels = counts(rng, (2, *PLANE))
    xml = """<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{own}">
    <Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SizeX="53" SizeY="37" SizeC="2" SizeZ="1" SizeT="1">
    <Channel ID="Channel:0:0" SamplesPerPixel="1"/><Channel ID="Channel:0:1" SamplesPerPixel="1"/>
    <TiffData FirstC="0" IFD="0" PlaneCount="1"><UUID FileName="c0.ome.tif">urn:uuid:00000000-0000-0000-0000-000000000000</UUID></TiffData>
    <TiffData FirstC="1" IFD="0" PlaneCount="1"><UUID FileName="c1.ome.tif">urn:uuid:00000000-0000-0000-0000-000000000001</UUID></TiffData>
    </Pixels></Image></OME>"""
    for k in range(2):
        words = xml.format(own=f"00000000-0000-0000-0000-00000000000{k}")
        tifffile.imwrite(tmp_path / f"c{k}.ome.tif", pixels[k], description=words, metadata=None, photometric="minisblack")
    image = abbe.open(tmp_path / "c0.ome.tif")
    assert np.array_equal(np.asarray(image)[0, :, 0], pixels)
    (tmp_path / "c1.ome.tif").unlink()
    alone = abbe.open(tmp_path / "c0.ome.tif")
    assert codes(alone) == ["damaged"]
    assert np.array_equal(alone.plane(c=0), pixels[0])


# ---------------------------------------------------------------------------------------------------------------- pixel sizes
@pytest.mark.parametrize(
    ("unit", "size"),
    [
        ("um", 0.1),
        ("micron", 0.1),
        ("\\u00B5m", 0.1),
        ("nm", 1e-4),
        ("mm", 100.0),
        ("inch", 2540.0),
        ("pixel", None),
        ("", None),
        ("furlong", None),
    ],
)
def test_imagej_names_the_unit_of_its_pixel_size(tmp_path: Path, unit: str, size: float | None) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((9, 9), np.uint8), imagej=True, resolution=(10, 10), metadata={"unit": unit})
    found = abbe.open(tmp_path / "a.tif").pixel_size[2]
    assert found == (None if size is None else pytest.approx(size))


@pytest.mark.parametrize(
    ("resolution", "unit", "size"),
    [
        ((72, 72), "INCH", None),
        ((300, 300), "INCH", None),
        ((1200, 1200), "INCH", None),
        ((1e5, 5e4), "CENTIMETER", (0.2, 0.1)),
        ((9, 9), "NONE", None),
    ],
)
def test_a_print_resolution_is_a_pixel_size_only_where_a_microscope_has_such(
    tmp_path: Path, resolution: tuple[float, float], unit: str, size: tuple[float, float] | None
) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((9, 9), np.uint8), resolution=resolution, resolutionunit=unit)
    image = abbe.open(tmp_path / "a.tif")
    assert image.pixel_size == (None, None, None) if size is None else image.pixel_size[1:] == pytest.approx(size)
    assert codes(image) == ([] if size is None else ["pixel_size"])


def test_ome_units_colours_and_optics_arrive(tmp_path: Path) -> None:
    xml = """<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Instrument ID="Instrument:0">
    <Objective ID="Objective:1" LensNA="1.4" NominalMagnification="63" Immersion="Oil"/></Instrument>
    <Image ID="Image:0" Name="field 3"><AcquisitionDate>2021-03-04T05:06:07</AcquisitionDate><ObjectiveSettings ID="Objective:1"/>
    <Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SizeX="9" SizeY="8" SizeC="2" SizeZ="1" SizeT="1" SignificantBits="12"
     PhysicalSizeX="65" PhysicalSizeXUnit="nm" PhysicalSizeY="0.000065" PhysicalSizeYUnit="mm" PhysicalSizeZ="0.2" TimeIncrement="500"
     TimeIncrementUnit="ms">
    <Channel ID="Channel:0:0" Name="DAPI" Color="65535" EmissionWavelength="461" AcquisitionMode="WideField"/>
    <Channel ID="Channel:0:1" Name="Mito&amp;" Color="-16776961" ExcitationWavelength="0.561" ExcitationWavelengthUnit="µm"
     AcquisitionMode="WideField"/>
    <TiffData/></Pixels></Image></OME>"""
    tifffile.imwrite(
        tmp_path / "a.ome.tif", np.zeros((2, 8, 9), np.uint16), description=xml.encode(), metadata=None, photometric="minisblack"
    )
    image = abbe.open(tmp_path / "a.ome.tif")
    assert image.pixel_size == pytest.approx((0.2, 0.065, 0.065))
    assert image.channels == ("DAPI", "Mito&")
    assert image.colors == ("#0000ff", "#ff0000")
    assert image.bits == 12
    assert image.time_step == 0.5
    assert image.optics.numerical_aperture == 1.4
    assert image.optics.magnification == 63
    assert image.optics.refractive_index == 1.515
    assert image.optics.modality == "widefield"
    assert image.optics.emission == (461, None)
    assert image.optics.excitation == (None, pytest.approx(561))
    assert image.provenance.acquired == "2021-03-04T05:06:07"
    assert image.provenance.facts["name"] == "field 3"


def test_several_colour_pictures_keep_all_their_colours(tmp_path: Path, rng: np.random.Generator) -> None:
    """Six samples are no picture with transparency: the second one was left out."""
    pixels = rng.integers(0, 256, (2, *PLANE, 3)).astype(np.uint8)
    words = {"axes": "CYXS", "Channel": {"Name": ["before", "after"]}}
    tifffile.imwrite(tmp_path / "a.ome.tif", pixels, photometric="rgb", metadata=words)
    image = abbe.open(tmp_path / "a.ome.tif")
    assert image.channels == tuple(f"{name} {colour}" for name in ("before", "after") for colour in ("red", "green", "blue"))
    assert image.colors == ("#ff0000", "#00ff00", "#0000ff") * 2
    assert np.array_equal(np.asarray(image)[0, :, 0], pixels.transpose(0, 3, 1, 2).reshape(6, *PLANE))
    assert image.notices == ()


def test_a_channel_without_a_name_is_called_by_its_dye(tmp_path: Path) -> None:
    words = {"axes": "CYX", "Channel": {"Name": ["nuclei", ""], "Fluor": ["DAPI", "mCherry"]}}
    tifffile.imwrite(tmp_path / "a.ome.tif", np.zeros((2, 9, 8), np.uint16), photometric="minisblack", metadata=words)
    assert abbe.open(tmp_path / "a.ome.tif").channels == ("nuclei", "mCherry")


@pytest.mark.parametrize(
    ("clock", "unit", "step"),
    [([0, 90, 3000, 3090, 6600, 6690], "ms", 3.3), ([5, 5.1, 6, 6.1, 8, 8.1], "s", 1.5), ([7] * 6, "s", None), (["x"] * 6, "s", None)],
)
def test_the_time_step_is_that_of_the_frames_where_none_was_asked_for(
    tmp_path: Path, clock: list[float | str], unit: str, step: float | None
) -> None:
    planes = "".join(f'<Plane TheT="{k // 2}" TheC="{k % 2}" TheZ="0" DeltaT="{clock[k]}" DeltaTUnit="{unit}"/>' for k in range(6))
    xml = f"""<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels ID="Pixels:0"
     DimensionOrder="XYCTZ" Type="uint16" SizeX="9" SizeY="8" SizeC="2" SizeZ="1" SizeT="3"><Channel ID="Channel:0:0"/>
     <Channel ID="Channel:0:1"/><TiffData/>{planes}</Pixels></Image></OME>"""
    tifffile.imwrite(tmp_path / "a.ome.tif", np.zeros((6, 8, 9), np.uint16), description=xml, metadata=None, photometric="minisblack")
    image = abbe.open(tmp_path / "a.ome.tif")
    assert image.shape == (3, 2, 1, 8, 9)
    assert image.time_step == (None if step is None else pytest.approx(step))


def test_the_users_pixel_size_and_names_come_before_the_files(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((9, 9), np.uint8), resolution=(1e5, 1e5), resolutionunit="CENTIMETER")
    image = abbe.open(tmp_path / "a.tif", pixel_size=0.08, channels=["actin"])
    assert image.pixel_size == (None, 0.08, 0.08)
    assert image.channels == ("actin",)
    assert image.notices == ()  # these tags mean print as often as the specimen: nobody contradicts them


def test_a_size_that_contradicts_the_files_own_is_told(tmp_path: Path) -> None:
    abbe.save(abbe.Image.from_array(np.zeros((3, 9, 9), np.uint8), pixel_size=(0.3, 0.1, 0.1)), tmp_path / "a.tif")
    (notice,) = abbe.open(tmp_path / "a.tif", pixel_size=(0.25, 0.08, None)).notices
    assert notice.code == "told"
    assert notice.message == "told by hand: z-step 0.25 um (the file: 0.3 um); pixel height 0.08 um (the file: 0.1 um)"
    assert abbe.open(tmp_path / "a.tif", pixel_size=(0.3, 0.1, 0.1)).notices == ()  # as the file says


def test_what_the_user_does_not_say_of_the_pixel_size_stays_as_the_file_has_it(tmp_path: Path) -> None:
    abbe.save(abbe.Image.from_array(np.zeros((3, 9, 9), np.uint8), pixel_size=(0.3, 0.1, 0.1)), tmp_path / "a.tif")
    assert abbe.open(tmp_path / "a.tif", pixel_size=0.08).pixel_size == pytest.approx((0.3, 0.08, 0.08))
    assert abbe.open(tmp_path / "a.tif", pixel_size=(0.2, None, None)).pixel_size == pytest.approx((0.2, 0.1, 0.1))


def test_imagej_lookup_tables_are_colours(tmp_path: Path, rng: np.random.Generator) -> None:
    ramp = np.arange(256, dtype=np.uint8)
    off = np.zeros(256, np.uint8)
    tables = [np.stack([ramp, off, ramp]), np.stack([off, ramp, off])]
    tifffile.imwrite(tmp_path / "a.tif", counts(rng, (2, *PLANE)), imagej=True, metadata={"mode": "composite", "LUTs": tables})
    assert abbe.open(tmp_path / "a.tif").colors == ("#ff00ff", "#00ff00")


# -------------------------------------------------------------------------------------------------------------------- laziness
@pytest.mark.parametrize("layout", [{"tile": (256, 256), "compression": "zlib"}, {"rowsperstrip": 64, "compression": "zlib"}, {}], ids=str)
def test_a_region_costs_what_the_region_holds(tmp_path: Path, layout: dict[str, Any]) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4096, 4096), np.uint16), photometric="minisblack", **layout)
    image = abbe.open(tmp_path / "a.tif")
    tracemalloc.start()
    image.read((slice(0, 1), slice(0, 1), slice(0, 1), slice(2000, 2064), slice(2000, 2064)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 2**20


def test_a_file_that_changed_since_is_not_mixed_with_itself(tmp_path: Path, rng: np.random.Generator) -> None:
    tifffile.imwrite(tmp_path / "a.tif", counts(rng, PLANE))
    image = abbe.open(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "a.tif", counts(rng, (40, 60)))
    with pytest.raises(StorageError, match="changed"):
        image.plane()
    (tmp_path / "a.tif").unlink()
    with pytest.raises(StorageError, match="no longer"):
        image.plane()


def test_the_digest_is_that_of_the_file(tmp_path: Path, rng: np.random.Generator) -> None:
    import hashlib

    tifffile.imwrite(tmp_path / "a.tif", counts(rng, PLANE))
    found = abbe.open(tmp_path / "a.tif").provenance
    assert found.digest == hashlib.sha256((tmp_path / "a.tif").read_bytes()).hexdigest()
    assert found.source == str(tmp_path / "a.tif")


# ------------------------------------------------------------------------------------------------------------------ colours
@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_an_rgb_picture_becomes_three_colour_channels(tmp_path: Path, rng: np.random.Generator, dtype: str) -> None:
    pixels = counts(rng, (*PLANE, 3), dtype)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb")
    image = abbe.open(tmp_path / "a.tif")
    assert image.channels == ("red", "green", "blue")
    assert image.colors == ("#ff0000", "#00ff00", "#0000ff")
    assert codes(image) == ["rgb"]
    assert np.array_equal(np.asarray(image)[0, :, 0], np.moveaxis(pixels, -1, 0))


def test_a_grey_picture_stored_as_rgb_is_one_channel(tmp_path: Path, rng: np.random.Generator) -> None:
    grey = counts(rng, PLANE, "u1")
    tifffile.imwrite(tmp_path / "a.tif", np.stack([grey] * 3, -1), photometric="rgb")
    image = abbe.open(tmp_path / "a.tif")
    assert image.shape == (1, 1, 1, *PLANE)
    assert np.array_equal(image.plane(), grey)
    assert codes(image) == ["rgb"]


def test_a_black_rgb_picture_keeps_its_channels(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((*PLANE, 3), np.uint8), photometric="rgb")
    assert abbe.open(tmp_path / "a.tif").channels == ("red", "green", "blue")


def test_transparency_is_left_out_and_said(tmp_path: Path, rng: np.random.Generator) -> None:
    tifffile.imwrite(tmp_path / "a.tif", counts(rng, (*PLANE, 4), "u1"), photometric="rgb", extrasamples=["unassalpha"])
    image = abbe.open(tmp_path / "a.tif")
    assert image.channels == ("red", "green", "blue")
    assert codes(image) == ["dropped", "rgb"]
    tifffile.imwrite(
        tmp_path / "b.tif", counts(rng, (*PLANE, 2), "u1"), photometric="minisblack", planarconfig="contig", extrasamples=["assocalpha"]
    )
    grey = abbe.open(tmp_path / "b.tif")
    assert grey.shape[1] == 1
    assert codes(grey) == ["dropped"]


def test_four_samples_that_are_no_transparency_are_four_channels(tmp_path: Path, rng: np.random.Generator) -> None:
    tifffile.imwrite(tmp_path / "a.tif", counts(rng, (*PLANE, 4)), photometric="rgb", extrasamples=["unspecified"])
    assert abbe.open(tmp_path / "a.tif").shape[1] == 4


def test_a_lookup_table_over_grey_keeps_the_measured_values(tmp_path: Path, rng: np.random.Generator) -> None:
    pixels = counts(rng, PLANE, "u1")
    table = np.zeros((3, 256), np.uint16)
    table[1] = np.arange(256) * 257
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="palette", colormap=table)
    image = abbe.open(tmp_path / "a.tif")
    assert np.array_equal(image.plane(), pixels)
    assert image.colors == ("#00ff00",)


def test_the_palette_of_a_colour_picture_is_applied(tmp_path: Path, rng: np.random.Generator) -> None:
    pixels = counts(rng, PLANE, "u1")
    table = rng.integers(0, 256, (3, 256)).astype(np.uint16) * 257
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="palette", colormap=table)
    image = abbe.open(tmp_path / "a.tif")
    assert image.channels == ("red", "green", "blue")
    assert np.array_equal(np.asarray(image)[0, :, 0], (table // 257)[:, pixels])


def test_printing_colours_are_converted_and_said(tmp_path: Path) -> None:
    inks = np.zeros((4, 5, 4), np.uint8)
    inks[0, 0] = (255, 0, 0, 0)  # cyan ink takes the red away
    inks[1, 1] = (0, 0, 0, 255)
    tifffile.imwrite(tmp_path / "a.tif", inks, photometric="separated")
    image = abbe.open(tmp_path / "a.tif")
    assert codes(image) == ["converted", "rgb"]
    values = np.asarray(image)[0, :, 0]
    assert tuple(values[:, 0, 0]) == (0, 255, 255)
    assert tuple(values[:, 1, 1]) == (0, 0, 0)
    assert tuple(values[:, 2, 2]) == (255, 255, 255)


@pytest.mark.parametrize(
    ("compression", "arguments", "lossy"),
    [
        ("jpeg", {}, True),
        ("jpeg2000", {"reversible": True}, False),
        ("jpeg2000", {"reversible": False, "level": 30}, True),
        ("webp", {"lossless": True}, False),
        ("zlib", {}, False),
    ],
)
def test_lossy_compression_is_told_from_lossless(
    tmp_path: Path, rng: np.random.Generator, compression: str, arguments: dict[str, Any], lossy: bool
) -> None:
    pixels = counts(rng, (64, 64, 3), "u1")
    try:
        tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", compression=compression, compressionargs=arguments)
    except (ValueError, TypeError, RuntimeError) as problem:
        pytest.skip(f"this imagecodecs cannot write it: {problem}")
    assert ("lossy" in codes(abbe.open(tmp_path / "a.tif"))) == lossy


# --------------------------------------------------------------------------------------------------------------- limits, tricks
def test_more_channels_than_any_microscope_has_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.ome.tif", np.zeros((5000, 2, 2), np.uint8), metadata={"axes": "CYX"}, photometric="minisblack")
    with pytest.raises(LimitError, match=r"1024 channels.*axes="):
        abbe.open(tmp_path / "a.ome.tif")
    assert abbe.open(tmp_path / "a.ome.tif", axes="ZYX").shape == (1, 1, 5000, 2, 2)


def test_xml_entities_are_not_followed(tmp_path: Path) -> None:
    xml = """<?xml version="1.0"?><!DOCTYPE OME [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>
    <OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0" Name="&b;"/></OME>"""
    tifffile.imwrite(tmp_path / "a.ome.tif", np.zeros((4, 4), np.uint8), description=xml, metadata=None)
    with pytest.raises(NotAnImageError, match="entities"):
        abbe.open(tmp_path / "a.ome.tif")


def test_imagej_may_name_a_unit_for_each_axis(tmp_path: Path) -> None:
    words = "ImageJ=1.53t\nimages=3\nslices=3\nunit=mm\nyunit=um\nspacing=300\nzunit=nm\n"
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for _ in range(3):
            writer.write(np.zeros((8, 8), np.uint16), description=words, metadata=None, resolution=(10_000, 8), contiguous=True)
    assert abbe.open(tmp_path / "a.tif").pixel_size == pytest.approx((0.3, 0.125, 0.1))
