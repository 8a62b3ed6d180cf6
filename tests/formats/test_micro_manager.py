"""Recordings of Micro-Manager with its own index of planes, as StorageMultipageTiff writes them: a file for each position."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import abbe
from abbe.formats.tiff.sets import first_file

CHANNELS, DEPTH, POSITIONS, HEIGHT, WIDTH = 2, 3, 3, 20, 24
NAMES = ["DAPI", "FITC"]
UUIDS = [f"urn:uuid:11111111-1111-1111-1111-11111111111{k}" for k in range(POSITIONS)]
RECORDING = {
    "MicroManagerVersion": "2.0.1",
    "Channels": CHANNELS,
    "Slices": DEPTH,
    "Frames": 1,
    "Positions": POSITIONS,
    "ChNames": NAMES,
    "ChColors": [-16776961, -16711936],
    "z-step_um": 0.5,
    "PixelSize_um": 0.1,
    "Interval_ms": 0,
    "SlicesFirst": True,
    "TimeFirst": False,
}
IMAGEJ = "ImageJ=1.52p\nimages=6\nchannels=2\nslices=3\nhyperstack=true\nunit=um\nspacing=0.5\n"
#: (channel, slice, frame, position), plane
Plane = tuple[tuple[int, int, int, int], np.ndarray]


def file_name(k: int) -> str:
    return f"cells_1_MMStack_Pos{k}.ome.tif"


def ome(k: int) -> str:
    """The first file describes all positions, the others name it."""
    schema = 'xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"'
    if k > 0:
        return f'<OME {schema} UUID="{UUIDS[k]}"><BinaryOnly MetadataFile="{file_name(0)}" UUID="{UUIDS[0]}"/></OME>'
    images = ""
    for j in range(POSITIONS):
        where = f'<UUID FileName="{file_name(j)}">{UUIDS[j]}</UUID>'
        order = [(z, c) for z in range(DEPTH) for c in range(CHANNELS)]
        planes = "".join(
            f'<TiffData FirstC="{c}" FirstZ="{z}" IFD="{i}" PlaneCount="1">{where}</TiffData>' for i, (z, c) in enumerate(order)
        )
        channels = "".join(f'<Channel ID="Channel:{j}:{c}" Name="{name}" SamplesPerPixel="1"/>' for c, name in enumerate(NAMES))
        size = f'SizeX="{WIDTH}" SizeY="{HEIGHT}" SizeC="{CHANNELS}" SizeZ="{DEPTH}" SizeT="1"'
        step = 'PhysicalSizeX="0.1" PhysicalSizeY="0.1" PhysicalSizeZ="0.5"'
        pixels = f'<Pixels ID="Pixels:{j}" DimensionOrder="XYCZT" Type="uint16" {size} {step}>{channels}{planes}</Pixels>'
        images += f'<Image ID="Image:{j}" Name="Pos{j}">{pixels}</Image>'
    return f'<OME {schema} UUID="{UUIDS[0]}">{images}</OME>'


def write(path: Path, planes: Sequence[Plane], words: str | None, recording: dict[str, Any]) -> None:
    """Micro-Manager's header with index and summary, then each directory right before its pixels, their words behind them."""
    summary = json.dumps(recording).encode()
    index = 40 + len(summary)
    out = bytearray(index + 8 + 20 * len(planes))
    out += bytes(len(out) % 2)
    out[40:index] = summary
    struct.pack_into("<2sH", out, 0, b"II", 42)
    struct.pack_into("<8I", out, 8, 54773648, index, 0, 0, 0, 0, 2355492, len(summary))
    struct.pack_into("<2I", out, index, 3453623, len(planes))
    link, long, short = 4, 4, 3
    for k, ((c, z, t, p), plane) in enumerate(planes):
        out += bytes(len(out) % 2)
        start = len(out)
        struct.pack_into("<5I", out, index + 8 + 20 * k, c, z, t, p, start)
        struct.pack_into("<I", out, link, start)
        text = words.encode() + b"\0" if words and k == 0 else b""
        said = json.dumps({"Channel": NAMES[c], "PixelSizeUm": 0.1}).encode() + b"\0"
        data = start + 2 + (13 + bool(text)) * 12 + 4
        behind = data + plane.nbytes
        tags = [(256, long, 1, WIDTH), (257, long, 1, HEIGHT), (258, short, 1, 16), (259, short, 1, 1), (262, short, 1, 1)]
        tags += [(270, 2, len(text), behind + 16 + len(said))] if text else []
        tags += [(273, long, 1, data), (277, short, 1, 1), (278, long, 1, HEIGHT), (279, long, 1, plane.nbytes)]
        tags += [(282, 5, 1, behind), (283, 5, 1, behind + 8), (296, short, 1, 3), (51123, 2, len(said), behind + 16)]
        out += struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
        link = len(out)
        out += bytes(4) + plane.astype("<u2").tobytes() + struct.pack("<4I", 100_000, 1, 100_000, 1) + said + text
    path.write_bytes(bytes(out))


@pytest.fixture
def pixels(rng: np.random.Generator) -> np.ndarray:
    """(position, channel, slice, row, column)"""
    return rng.integers(0, 4000, (POSITIONS, CHANNELS, DEPTH, HEIGHT, WIDTH)).astype(np.uint16)


def planes_of(pixels: np.ndarray, k: int) -> list[Plane]:
    return [((c, z, 0, k), pixels[k, c, z]) for z in range(DEPTH) for c in range(CHANNELS)]


@pytest.mark.parametrize("words", [ome, lambda k: IMAGEJ, lambda k: None], ids=["ome", "imagej", "none"])
def test_each_position_opens_as_itself(tmp_path: Path, pixels: np.ndarray, words: Callable[[int], str | None]) -> None:
    """Every file opened as the first position, whichever was named."""
    for k in range(POSITIONS):
        write(tmp_path / file_name(k), planes_of(pixels, k), words(k), RECORDING)
    for k in range(POSITIONS):
        image = abbe.open(tmp_path / file_name(k))
        assert np.array_equal(np.asarray(image)[0], pixels[k])
        assert image.channels == tuple(NAMES)
        assert image.pixel_size == pytest.approx((0.5, 0.1, 0.1))
        assert image.notices == ()
        assert abbe.formats.image_names(tmp_path / file_name(k)) == ()
        assert first_file(tmp_path / file_name(k)).name == file_name(k)


@pytest.mark.parametrize("words", [ome, lambda k: IMAGEJ], ids=["ome", "imagej"])
def test_a_position_without_the_others_knows_what_the_recording_was(
    tmp_path: Path, pixels: np.ndarray, words: Callable[[int], str | None]
) -> None:
    write(tmp_path / file_name(1), planes_of(pixels, 1), words(1), RECORDING)
    image = abbe.open(tmp_path / file_name(1))
    assert np.array_equal(np.asarray(image)[0], pixels[1])
    assert image.channels == tuple(NAMES)
    assert image.colors == ("#0000ff", "#00ff00")
    assert image.pixel_size == pytest.approx((0.5, 0.1, 0.1))
    assert image.notices == ()


def test_a_position_in_two_files_is_whole_from_each_of_them(tmp_path: Path, pixels: np.ndarray) -> None:
    """Files end at 4 GB, and the recording goes on in the next."""
    for k in range(POSITIONS):
        planes = planes_of(pixels, k)
        write(tmp_path / file_name(k), planes[:4], None, RECORDING)
        write(tmp_path / file_name(k).replace(".ome", "_1.ome"), planes[4:], None, RECORDING)
    for name in (file_name(2), file_name(2).replace(".ome", "_1.ome")):
        assert np.array_equal(np.asarray(abbe.open(tmp_path / name))[0], pixels[2])


def test_positions_in_one_file_are_its_images(tmp_path: Path, pixels: np.ndarray) -> None:
    write(tmp_path / "cells_1_MMStack.ome.tif", [one for k in range(POSITIONS) for one in planes_of(pixels, k)], None, RECORDING)
    assert len(abbe.formats.image_names(tmp_path / "cells_1_MMStack.ome.tif")) == POSITIONS
    for k in range(POSITIONS):
        assert np.array_equal(np.asarray(abbe.open(f"{tmp_path}/cells_1_MMStack.ome.tif#{k}"))[0], pixels[k])


@pytest.mark.parametrize(
    "odd", [{"ChNames": "DAPI"}, {"ChNames": ["a"]}, {"ChColors": ["x", None]}, {"z-step_um": "?"}, {"Interval_ms": None}]
)
def test_words_on_the_recording_that_make_no_sense_are_left_out(tmp_path: Path, pixels: np.ndarray, odd: dict[str, Any]) -> None:
    write(tmp_path / file_name(0), planes_of(pixels, 0), None, {**RECORDING, **odd})
    image = abbe.open(tmp_path / file_name(0))
    assert np.array_equal(np.asarray(image)[0], pixels[0])
    assert image.pixel_size[2] == pytest.approx(0.1)
    assert image.channels == (("channel 0", "channel 1") if "ChNames" in odd else tuple(NAMES))
