"""TIFFs of microscope programs: Zeiss LSM, MetaMorph (STK too), Micro-Manager, QPTIFF, made here with the tags that these write."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile

import abbe
from abbe.errors import NotAnImageError

LSM = 34412
COLOURS = ((0, 255, 0, 0), (255, 0, 0, 0), (0, 0, 255, 0), (255, 255, 255, 0))
NAMES = ("Ch2-T1", "Ch3-T2", "ChD", "Ch4")


def lsm(path: Path, pixels: np.ndarray, *, time_step: float = 0.0, compression: str | None = None) -> None:
    """Pixels (T, Z, C, Y, X) as a Zeiss microscope stores them: channels apart in each page, called RGB, with a thumbnail behind each."""
    frames, depth, count, height, width = pixels.shape
    words = np.zeros(1, np.dtype(tifffile.TIFF.CZ_LSMINFO))
    words["MagicNumber"], words["StructureSize"] = 67127628, words.nbytes
    for name, size in zip(("X", "Y", "Z", "Channels", "Time"), (width, height, depth, count, frames)):
        words[f"Dimension{name}"] = size
    words["VoxelSizeX"], words["VoxelSizeY"], words["VoxelSizeZ"] = 0.08e-6, 0.08e-6, 0.25e-6
    words["ScanType"], words["TimeIntervall"] = 6 if frames > 1 else 0, time_step
    with tifffile.TiffWriter(path, byteorder="<") as writer:
        for k, page in enumerate(pixels.reshape(-1, count, height, width)):
            tags = [(LSM, "B", words.nbytes, words.tobytes(), True)] if k == 0 else []
            data = page if count > 1 else page[0]
            layout = {"photometric": "rgb" if count > 2 else "minisblack", "planarconfig": "separate"} if count > 1 else {}
            writer.write(data, metadata=None, extratags=tags, compression=compression, **layout)
            writer.write(np.zeros((count, 8, 8), np.uint8)[0], metadata=None, subfiletype=1)
    data = bytearray(path.read_bytes())
    if count == 2:  # two numbers of bits lie elsewhere, though they would fit into their entry
        bits = (8 * pixels.itemsize,) * 2
        data = data.replace(struct.pack("<HHIHH", 258, 3, 2, *bits), struct.pack("<HHII", 258, 3, 2, len(data)))
        data += struct.pack("<HH", *bits)
    start = data.index(struct.pack("<Ii", 67127628, words.nbytes))
    colours = b"".join(bytes(c) for c in COLOURS[:count])
    names = b"".join(struct.pack("<I", len(n) + 1) + n.encode() + b"\0" for n in NAMES[:count])
    shown = struct.pack("<IIIIII", 24 + len(colours) + len(names), count, count, 24, 24 + len(colours), 0) + colours + names
    objective = b"Plan-Apochromat 63x/1.40 Oil DIC M27\0"
    scan = struct.pack("<III", 0x10000000, 0, 0) + struct.pack("<III", 0x10000004, 2, len(objective)) + objective
    scan += struct.pack("<III", 0xFFFFFFFF, 0, 0)
    words["OffsetChannelColors"], words["OffsetScanInformation"] = len(data), len(data) + len(shown)
    data[start : start + words.nbytes] = words.tobytes()
    path.write_bytes(bytes(data) + shown + scan)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("compression", [None, "lzw"])
def test_an_lsm_opens_with_channels_sizes_colours_and_lens(
    tmp_path: Path, rng: np.random.Generator, count: int, compression: str | None
) -> None:
    """Its pages are called RGB: read so, four channels became three colours, and names and pixel size were lost."""
    pixels = rng.integers(0, 4000, (1, 3, count, 20, 24)).astype(np.uint16)
    lsm(tmp_path / "a.lsm", pixels, compression=compression)
    image = abbe.open(tmp_path / "a.lsm")
    assert np.array_equal(np.asarray(image), pixels.transpose(0, 2, 1, 3, 4))
    assert image.read((slice(0, 1), slice(count - 1, count), slice(1, 2), slice(3, 9), slice(2, 11))).shape == (1, 1, 1, 6, 9)
    assert image.pixel_size == pytest.approx((0.25, 0.08, 0.08))
    assert image.channels == NAMES[:count]
    assert image.colors == ("#00ff00", "#ff0000", "#0000ff", "#ffffff")[:count]
    assert (image.optics.numerical_aperture, image.optics.magnification, image.optics.modality) == (1.4, 63, "confocal")
    assert image.provenance.format == "LSM"
    assert image.notices == ()


def test_an_lsm_series_keeps_its_frames_and_its_time_step(tmp_path: Path, rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 255, (4, 2, 2, 16, 16)).astype(np.uint8)
    lsm(tmp_path / "a.lsm", pixels, time_step=1.5)
    image = abbe.open(tmp_path / "a.lsm")
    assert np.array_equal(np.asarray(image), pixels.transpose(0, 2, 1, 3, 4))
    assert image.time_step == 1.5


def test_an_lsm_that_was_cut_short_is_refused(tmp_path: Path, rng: np.random.Generator) -> None:
    lsm(tmp_path / "a.lsm", rng.integers(0, 4000, (1, 3, 2, 64, 64)).astype(np.uint16))
    data = (tmp_path / "a.lsm").read_bytes()
    for share in (0.3, 0.6, 0.9):
        (tmp_path / "cut.lsm").write_bytes(data[: int(share * len(data))])
        with pytest.raises(abbe.AbbeError):
            np.asarray(abbe.open(tmp_path / "cut.lsm"))


def test_a_metamorph_plane_knows_its_calibration_and_wavelength(tmp_path: Path) -> None:
    said = {"spatial-calibration-x": ("float", 0.1083), "spatial-calibration-y": ("float", 0.1083), "wavelength": ("float", 525)}
    said |= {"spatial-calibration-units": ("string", "um"), "spatial-calibration-state": ("bool", "on")}
    said |= {"_IllumSetting_": ("string", "GFP"), "_MagNA_": ("float", 1.4)}
    props = "".join(f'<prop id="{key}" type="{kind}" value="{value}"/>' for key, (kind, value) in said.items())
    xml = f"<MetaData><PlaneInfo>{props}</PlaneInfo></MetaData>"
    pixels = np.arange(400, dtype=np.uint16).reshape(20, 20)
    tifffile.imwrite(tmp_path / "a.tif", pixels, description=xml, metadata=None, software="MetaSeries", resolution=(72, 72))
    image = abbe.open(tmp_path / "a.tif")
    assert image.pixel_size == (None, 0.1083, 0.1083)
    assert image.channels == ("GFP",)
    assert (image.optics.emission, image.optics.numerical_aperture) == ((525,), 1.4)
    assert image.notices == ()


def test_a_plane_of_micro_manager_knows_its_pixel_size_and_channel(tmp_path: Path) -> None:
    words = json.dumps({"PixelSizeUm": 0.065, "Channel": "Cy5", "ChannelIndex": 2})
    pixels = np.arange(400, dtype=np.uint16).reshape(20, 20)
    tags = [(51123, "s", 0, words, True)]
    tifffile.imwrite(tmp_path / "img_000000000_Cy5_000.tif", pixels, metadata=None, extratags=tags)
    image = abbe.open(tmp_path / "img_000000000_Cy5_000.tif")
    assert image.pixel_size == (None, 0.065, 0.065)
    assert image.channels == ("Cy5",)


@pytest.mark.parametrize("words", ['{"PixelSizeUm": "no"}', '{"PixelSizeUm": 0.0}', "[1, 2]", "3"])
def test_words_of_a_program_that_make_no_sense_are_left_out(tmp_path: Path, words: str) -> None:
    pixels = np.arange(400, dtype=np.uint16).reshape(20, 20)
    tifffile.imwrite(tmp_path / "a.tif", pixels, metadata=None, extratags=[(51123, "s", 0, words, True)])
    image = abbe.open(tmp_path / "a.tif")
    assert image.pixel_size == (None, None, None)
    assert np.array_equal(np.asarray(image)[0, 0, 0], pixels)


def stk(path: Path, planes: np.ndarray, *, calibrated: bool = True, distances: list[float], times: list[int], waves: list[int]) -> None:
    """A MetaMorph stack: one directory, all planes behind each other, and words that lie elsewhere in the file (times in ms)."""
    count, height, width = planes.shape
    entries = 15
    start, behind = 8 + 2 + entries * 12 + 4, bytearray()

    def put(data: bytes) -> int:
        behind.extend(data + b"\0" * (len(data) % 2))
        return start + len(behind) - len(data) - len(data) % 2

    def letters(text: str) -> int:
        return put(struct.pack("<I", len(text) + 1) + text.encode() + b"\0")

    fraction = put(struct.pack("<II", 129, 1000))
    said = [(3, int(calibrated)), (4, fraction), (5, fraction), (6, letters("um")), (7, letters("GFP"))]
    first = put(b"".join(struct.pack("<II", *pair) for pair in said))
    second = put(b"".join(struct.pack("<6I", round(z * 1e6), 10**6, 2459000, t, 2459000, t) for z, t in zip(distances, times)))
    third, fourth = put(b"".join(struct.pack("<II", wave, 1) for wave in waves)), put(struct.pack("<H", 0))
    text = b"Exposure: 50 ms\0" * count
    words = put(text)
    short, long, ratio = 3, 4, 5
    tags = [(254, long, 1, 0), (256, long, 1, width), (257, long, 1, height), (258, short, 1, 16), (259, short, 1, 1), (262, short, 1, 1)]
    tags += [(270, 2, len(text), words), (273, long, 1, start + len(behind)), (277, short, 1, 1), (278, long, 1, height)]
    tags += [(279, long, 1, planes[0].nbytes), (33628, long, len(said), first), (33629, ratio, count, second)]
    tags += [(33630, ratio, count, third), (33631, long, count, fourth)]
    body = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    path.write_bytes(struct.pack("<2sHIH", b"II", 42, 8, entries) + body + bytes(4) + bytes(behind) + planes.astype("<u2").tobytes())


def test_a_metamorph_stack_knows_its_calibration_and_its_step(tmp_path: Path, rng: np.random.Generator) -> None:
    planes = rng.integers(0, 4000, (5, 20, 24)).astype(np.uint16)
    stk(tmp_path / "a.stk", planes, distances=[0.25, 0.3, 0.3, 0.3, 0.3], times=[3_600_000 + 700 * k for k in range(5)], waves=[525] * 5)
    image = abbe.open(tmp_path / "a.stk")
    assert image.provenance.format == "MetaMorph STK"
    assert np.array_equal(image.stack(), planes)
    assert image.pixel_size == pytest.approx((0.3, 0.129, 0.129))
    assert image.channels == ("GFP",)
    assert image.optics.emission == (525,)
    assert image.time_step is None
    assert image.provenance.acquired == "2020-05-31T01:00:00"
    data = (tmp_path / "a.stk").read_bytes()
    (tmp_path / "a.stk").write_bytes(data[:-100])
    with pytest.raises(NotAnImageError, match="cut short"):
        abbe.open(tmp_path / "a.stk")


def test_a_metamorph_series_knows_its_time_step(tmp_path: Path, rng: np.random.Generator) -> None:
    planes = rng.integers(0, 4000, (5, 20, 24)).astype(np.uint16)
    stk(tmp_path / "a.stk", planes, calibrated=False, distances=[0] * 5, times=[2000 * k for k in range(5)], waves=[0] * 5)
    image = abbe.open(tmp_path / "a.stk")
    assert image.shape == (5, 1, 1, 20, 24)
    assert image.time_step == 2
    assert image.pixel_size == (None, None, None)  # the calibration was turned off
    assert image.optics.emission == ()


def test_wavelengths_of_a_metamorph_stack_are_its_channels(tmp_path: Path, rng: np.random.Generator) -> None:
    planes = rng.integers(0, 4000, (2, 20, 24)).astype(np.uint16)
    stk(tmp_path / "a.stk", planes, distances=[0, 0], times=[2000, 2000], waves=[525, 610])
    image = abbe.open(tmp_path / "a.stk")
    assert np.array_equal(np.asarray(image)[0, :, 0], planes)
    assert image.optics.emission == (525, 610)
    assert [n.code for n in image.notices] == ["axes_guessed"]


def qptiff(path: Path, pixels: np.ndarray, words: list[str]) -> None:
    """Pixels (C, Y, X) as a PhenoImager stores them: a page for each channel, a coloured thumbnail, every channel at half the size."""
    software = "PerkinElmer-QPI 1.0"
    size = {"resolution": (2e4, 2e4), "resolutionunit": "CENTIMETER", "tile": (32, 32), "metadata": None, "software": software}
    with tifffile.TiffWriter(path) as writer:
        for plane, text in zip(pixels, words):
            writer.write(plane, description=text, **size)
        thumbnail = np.zeros((20, 30, 3), np.uint8)
        writer.write(thumbnail, description=described("Thumbnail"), photometric="rgb", metadata=None, software=software)
        for plane, text in zip(pixels, words):
            writer.write(plane[::2, ::2].copy(), description=text.replace("FullResolution", "ReducedResolution"), **size)


def described(kind: str, **said: str) -> str:
    parts = "".join(f"<{name}>{text}</{name}>" for name, text in said.items())
    root = "PerkinElmer-QPI-ImageDescription"
    profile = "<ScanProfile><root><Name>of the whole scan</Name></root></ScanProfile><Objective>20x</Objective>"
    return f'<?xml version="1.0"?><{root}><ImageType>{kind}</ImageType>{parts}{profile}</{root}>'


@pytest.mark.parametrize("count", [1, 3])
def test_a_qptiff_knows_its_markers_colours_and_pixel_size(tmp_path: Path, rng: np.random.Generator, count: int) -> None:
    pixels = rng.integers(0, 4000, (count, 96, 128)).astype(np.uint16)
    marks = [{"Name": "DAPI", "Color": "0,0,255"}, {"Name": "Opal 520", "Biomarker": "CD8", "Color": "255,255,0"}, {"Name": "Opal 690"}]
    qptiff(tmp_path / "a.qptiff", pixels, [described("FullResolution", **one) for one in marks[:count]])
    image = abbe.open(tmp_path / "a.qptiff")
    assert image.provenance.format == "QPTIFF"
    assert image.shape == (1, count, 1, 96, 128)
    assert all(np.array_equal(image.plane(0, k, 0), plane) for k, plane in enumerate(pixels))
    assert image.channels == ("DAPI", "CD8", "Opal 690")[:count]
    assert image.colors[0] == "#0000ff"
    assert count == 1 or image.colors[1] == "#ffff00"
    assert image.pixel_size[1:] == pytest.approx((0.5, 0.5))
    assert image.optics.magnification == 20


@pytest.mark.parametrize("words", ["no XML at all", "<PerkinElmer-QPI-ImageDescription>", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'])
def test_a_qptiff_whose_words_are_damaged_opens_with_its_pixels(tmp_path: Path, rng: np.random.Generator, words: str) -> None:
    pixels = rng.integers(0, 4000, (2, 96, 128)).astype(np.uint16)
    qptiff(tmp_path / "a.qptiff", pixels, [words, words])
    image = abbe.open(tmp_path / "a.qptiff")
    assert image.shape == (1, 2, 1, 96, 128)
    assert np.array_equal(image.plane(0, 1, 0), pixels[1])
