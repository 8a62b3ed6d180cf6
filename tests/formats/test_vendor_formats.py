"""Microscope makers' files open with the pixels that their own libraries read, and with the facts that were recorded."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import abbe
from abbe.errors import AxesError, MissingExtraError, NotAnImageError
from abbe.formats import dates
from abbe.image import Optics, Provenance

Reference = Callable[[Path], np.ndarray]


def nd2(path: Path) -> np.ndarray:
    with importlib.import_module("nd2").ND2File(path) as file:
        return np.asarray(file.asarray()).transpose(0, 2, 1, 3, 4)  # TZCYX


def lif(path: Path) -> np.ndarray:
    with importlib.import_module("liffile").LifFile(path) as file:
        return np.asarray(file.images[0].asarray())[None, :, None]  # CYX


def oib(path: Path) -> np.ndarray:
    return np.asarray(importlib.import_module("oiffile").imread(str(path)))[None, :, None]  # CYX


def dv(path: Path) -> np.ndarray:
    with importlib.import_module("mrc").DVFile(path) as file:
        return np.asarray(file.asarray(squeeze=True))[None, ..., ::-1, :]  # CZYX, the lowest row first: Bio-Formats turns them so


def czi(path: Path) -> np.ndarray:
    return np.asarray(importlib.import_module("czifile").imread(str(path)))


FILES: list[tuple[str, str, Reference, tuple[float | None, float, float] | None, tuple[str, ...]]] = [
    ("cluster.nd2", "nd2", nd2, (0.5, 0.167809, 0.167809), ("5-FAM/pH 9.0", "FM 4-64/2% CHAPS")),
    ("Multiposition.lif", "liffile", lif, (None, 0.758317, 0.758317), ("channel 0", "channel 1", "channel 2")),
    ("test.oib", "oiffile", oib, (None, 0.177, 0.177), ("CH1", "Alexa Fluor 546", "TD1")),
    ("toxo.dv", "mrc", dv, (0.3, 0.13262, 0.13262), ("channel 0", "channel 1")),
    ("CellDivision_T3_Z5_CH2_X240_Y170.czi", "czifile", lambda p: czi(p)[0, ..., 0], (0.32, 0.0905767, 0.0905767), ("LED555", "LED470")),
    ("DAPI_GFP.czi", "czifile", lambda p: czi(p)[:, :, None, :, :, 0], None, ("DAPI", "GFP")),
    ("MT-stack.czi", "czifile", lambda p: czi(p)[0, ..., 0].transpose(1, 0, 2, 3, 4), (0.371246, 0.0878588, 0.0878588), ("ChS1",)),
]


@pytest.mark.parametrize(("name", "library", "reference", "size", "channels"), FILES, ids=lambda v: v if isinstance(v, str) else "")
def test_a_microscopes_own_file_opens(
    shared_data: Path, name: str, library: str, reference: Reference, size: Any, channels: tuple[str, ...]
) -> None:
    pytest.importorskip(library)
    path = shared_data / "formats" / name
    image = abbe.open(path)
    truth = reference(path)
    assert np.array_equal(np.asarray(image), truth)
    part = image.read((slice(0, 1), slice(0, 1), slice(0, 1), slice(3, 17), slice(5, 30)))
    assert np.array_equal(part, truth[:1, :1, :1, 3:17, 5:30])
    assert image.channels == channels
    if size is not None:
        assert image.pixel_size[1:] == pytest.approx(size[1:], rel=1e-4)
        assert image.pixel_size[0] == (None if size[0] is None else pytest.approx(size[0], rel=1e-4))


def test_the_pixel_size_of_an_oib_is_the_one_that_it_writes_beside_each_plane(shared_data: Path) -> None:
    oiffile = pytest.importorskip("oiffile")
    path = shared_data / "formats" / "test.oib"
    with oiffile.OifFile(str(path)) as file:
        written = file.mainfile["Reference Image Parameter"]["WidthConvertValue"]
    assert abbe.open(path).pixel_size[1:] == (pytest.approx(written, rel=1e-9),) * 2


def test_any_part_of_a_deltavision_file_lies_where_it_lies_in_the_whole(shared_data: Path) -> None:
    """Its rows are stored from the bottom up; a ROI drawn in Fiji must lie on the same pixels."""
    pytest.importorskip("mrc")
    image = abbe.open(shared_data / "formats" / "toxo.dv")
    whole = dv(shared_data / "formats" / "toxo.dv")
    for y in (slice(0, 1), slice(127, 128), slice(40, 90)):
        part = image.read((slice(0, 1), slice(1, 2), slice(3, 5), y, slice(7, 100)))
        assert np.array_equal(part, whole[:1, 1:2, 3:5, y, 7:100])


def test_a_czi_packed_with_zstandard_has_the_pixels_of_its_unpacked_kin(shared_data: Path) -> None:
    pytest.importorskip("czifile")
    packed = abbe.open(shared_data / "formats" / "CellDivision_T3_Z6_CH1_X300_Y200_DCV_ZSTD.czi")
    kin = abbe.open(shared_data / "formats" / "CellDivision_T3_Z5_CH2_X240_Y170.czi")
    assert packed.shape == (3, 1, 6, 200, 300)
    # The same recording, deconvolved: as smooth as microscope images are, which wrongly joined bytes would not be.
    plane = packed.plane(z=3).astype(float)
    assert np.corrcoef(plane[:, 1:].ravel(), plane[:, :-1].ravel())[0, 1] > 0.9
    assert packed.pixel_size == pytest.approx(kin.pixel_size)
    assert packed.optics.numerical_aperture == 1.2


def test_the_optics_of_an_nd2_arrive(shared_data: Path) -> None:
    pytest.importorskip("nd2")
    image = abbe.open(shared_data / "formats" / "cluster.nd2")
    assert image.bits == 12
    assert image.optics.modality == "confocal"
    assert image.optics.numerical_aperture == 0.95
    assert image.optics.emission == (525, 700)
    assert image.optics.excitation == (488, 561)


def test_an_nd2_recorded_as_fast_as_possible_has_the_interval_that_its_frames_took(shared_data: Path) -> None:
    pytest.importorskip("nd2")
    image = abbe.open(shared_data / "formats" / "cluster.nd2")
    assert image.time_step == pytest.approx((21.740178 - 0.445083) / 2, rel=1e-5)  # the clock of the first and the last of 3 frames
    assert image.provenance.acquired == "2014-06-18T15:55:27"  # the file has 18/06/2014


def test_a_czi_has_the_time_step_of_its_list_of_offsets(shared_data: Path) -> None:
    pytest.importorskip("czifile")
    image = abbe.open(shared_data / "formats" / "CellDivision_T3_Z5_CH2_X240_Y170.czi")
    assert image.time_step == pytest.approx(60.075)


def test_the_lens_of_a_deltavision_file_is_known_by_its_number(shared_data: Path) -> None:
    pytest.importorskip("mrc")
    optics = abbe.open(shared_data / "formats" / "toxo.dv").optics
    assert (optics.numerical_aperture, optics.magnification) == (1.35, 100)


def test_channels_of_an_oib_are_those_that_were_recorded(shared_data: Path) -> None:
    """The microscope has a CH3 too, which was off: the third channel is its detector of transmitted light."""
    pytest.importorskip("oiffile")
    image = abbe.open(shared_data / "formats" / "test.oib")
    assert image.colors == ("#00ff00", "#ff0000", "#ffffff")
    assert image.optics.excitation == (488, 543, None)
    assert image.optics.emission == (None, 572, None)
    assert (image.optics.numerical_aperture, image.optics.magnification) == (0.75, 40)
    (notice,) = image.notices
    assert notice.code == "optics"
    assert notice.message.startswith("TD1: recorded with transmitted light")


@pytest.mark.parametrize("name", ["cluster.nd2", "test.oib", "CellDivision_T3_Z5_CH2_X240_Y170.czi"])
@pytest.mark.parametrize("suffix", [".ome.tif", ".tif", ".ome.zarr"])
def test_the_date_of_a_microscopes_file_stays_in_a_form_that_others_read(shared_data: Path, tmp_path: Path, name: str, suffix: str) -> None:
    """Programs that keep to the schema of OME-XML open no file whose date has another form."""
    for library in ("nd2", "oiffile", "czifile"):
        pytest.importorskip(library)
    image = abbe.open(shared_data / "formats" / name)
    abbe.save(image, tmp_path / f"saved{suffix}")
    assert abbe.open(tmp_path / f"saved{suffix}").provenance.acquired == image.provenance.acquired
    if suffix == ".ome.tif":
        with tifffile.TiffFile(tmp_path / "saved.ome.tif") as tif:
            (date,) = re.findall("<AcquisitionDate>(.*)</AcquisitionDate>", str(tif.ome_metadata))
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?", date)


@pytest.mark.parametrize("suffix", [".ome.tif", ".tif", ".ome.zarr", ".png", ".jpg"])
def test_the_microscope_is_known_of_whatever_was_saved(tmp_path: Path, suffix: str) -> None:
    """Super-resolution of a denoised image that was saved on the way is told the same point-spread function."""
    optics = Optics(1.2, 60, 1.33, "confocal", (525.0,), (488.0,), 1.0)
    image = abbe.Image.from_array(np.arange(400, dtype=np.uint8).reshape(20, 20), pixel_size=0.1, optics=optics)
    abbe.save(image, tmp_path / f"a{suffix}")
    assert abbe.open(tmp_path / f"a{suffix}").optics == optics


def test_a_day_and_a_month_that_could_be_each_other_are_no_date_for_the_schema(tmp_path: Path) -> None:
    image = abbe.Image.from_array(np.zeros((8, 8), np.uint8), provenance=Provenance(acquired="04/05/2014  10:11:12"))
    abbe.save(image, tmp_path / "saved.ome.tif")
    with tifffile.TiffFile(tmp_path / "saved.ome.tif") as tif:
        assert "AcquisitionDate" not in str(tif.ome_metadata)
    assert abbe.open(tmp_path / "saved.ome.tif").provenance.acquired == "04/05/2014  10:11:12"


@pytest.mark.parametrize(
    ("text", "julian", "expected"),
    [
        ("04/05/2014  10:11:12", 2456781.8411, "2014-05-04T10:11:12"),  # 8:11 UTC on the 4th of May
        ("4/5/2014  1:11:12 PM", 2456752.8411, "2014-04-05T13:11:12"),
        ("", 2456781.8411, "2014-05-04T08:11:11Z"),
        ("yesterday", 2456781.8411, "2014-05-04T08:11:11Z"),
        ("yesterday", None, "yesterday"),
        ("2012-07-26 15:13:35", None, "2012-07-26T15:13:35"),
        ("31.12.2020 23:59:59", None, "2020-12-31T23:59:59"),
        ("2012-07-32 15:13:35", None, "2012-07-32 15:13:35"),
        ("", None, None),
        ("04/05/2014  10:11:12", 0.0, "04/05/2014  10:11:12"),
    ],
)
def test_a_julian_day_tells_days_from_months(text: str, julian: float | None, expected: str | None) -> None:
    assert dates.recorded(text, julian) == expected


def test_an_ome_tiff_says_which_channel_is_of_transmitted_light(tmp_path: Path) -> None:
    channels = {"Name": ["DAPI", "DIC"], "EmissionWavelength": [460, None], "ContrastMethod": ["Fluorescence", "DIC"]}
    path = tmp_path / "two.ome.tif"
    pixels = np.arange(2 * 16 * 16, dtype=np.uint16).reshape(2, 16, 16)
    tifffile.imwrite(path, pixels, metadata={"axes": "CYX", "Channel": channels})
    said = [n.message for n in abbe.open(path).notices if n.code == "optics"]
    assert len(said) == 1
    assert said[0].startswith("DIC: recorded with transmitted light")


def test_other_positions_are_named(shared_data: Path) -> None:
    pytest.importorskip("liffile")
    (notice,) = abbe.open(shared_data / "formats" / "Multiposition.lif").notices
    assert notice.code == "dropped"
    assert "3 images" in notice.message


@pytest.mark.parametrize(("name", "library", "reference", "size", "channels"), FILES, ids=lambda v: v if isinstance(v, str) else "")
def test_a_microscopes_file_that_was_cut_short_never_gives_wrong_pixels(
    shared_data: Path, tmp_path: Path, name: str, library: str, reference: Reference, size: Any, channels: tuple[str, ...]
) -> None:
    pytest.importorskip(library)
    data = (shared_data / "formats" / name).read_bytes()
    truth = reference(shared_data / "formats" / name)
    cut = tmp_path / name
    refused = 0
    for share in (0.02, 0.3, 0.7, 0.98):
        cut.write_bytes(data[: int(len(data) * share)])
        try:
            pixels = np.asarray(abbe.open(cut))
        except NotAnImageError:
            refused += 1
            continue
        assert np.array_equal(pixels, truth), share  # what is missing may be another image of the file
    assert refused


@pytest.mark.parametrize("axes", ["ZYX", "CTYX", "TCZYS", "TTCZYX"])
def test_axes_that_a_microscopes_file_contradicts_are_refused_not_left_aside(shared_data: Path, axes: str) -> None:
    pytest.importorskip("mrc")
    with pytest.raises(AxesError, match="DV files name their own, here CZYX"):
        abbe.open(shared_data / "formats" / "toxo.dv", axes=axes)
    for fitting in ("CZYX", "zcyx", "TCZYX"):
        assert abbe.open(shared_data / "formats" / "toxo.dv", axes=fitting).shape == (1, 2, 17, 128, 128)


def test_a_missing_library_names_the_extra(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "nd2", None)
    with pytest.raises(MissingExtraError, match=r"abbe\[formats\]"):
        abbe.open(shared_data / "formats" / "cluster.nd2")
