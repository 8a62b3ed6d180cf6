"""TIFFs as ImageJ itself lays them out: one directory before all planes, and words that other programs leave as they were."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

import abbe
from abbe.errors import NotAnImageError

WORDS = "ImageJ=1.53t\nimages={n}\nslices={n}\nunit=um\nspacing=0.5\nloop=false\n"


def as_imagej_writes(path: Path, planes: np.ndarray, words: str) -> int:
    """Write big-endian uint16 planes as ij/io/TiffEncoder.java does; returns where the pixels begin."""
    text = words.encode() + b"\0"
    height, width = planes.shape[1:]
    entries = 13
    scale = 8 + 2 + entries * 12 + 4
    at = scale + 16
    first = at + len(text) + len(text) % 2
    short, long, fraction, letters = 3, 4, 5, 2
    tags = [(254, long, 1, 0), (256, long, 1, width), (257, long, 1, height), (258, short, 1, 16), (262, short, 1, 1)]
    tags += [(270, letters, len(text), at), (273, long, 1, first), (277, short, 1, 1), (278, short, 1, height)]
    tags += [(279, long, 1, planes[0].nbytes), (282, fraction, 1, scale), (283, fraction, 1, scale + 8), (296, short, 1, 1)]
    head = struct.pack(">2sHIH", b"MM", 42, 8, len(tags))
    for tag, kind, count, value in tags:
        head += struct.pack(">HHI", tag, kind, count) + (struct.pack(">HH", value, 0) if kind == short else struct.pack(">I", value))
    head += struct.pack(">IIIII", 0, 10_000_000, 1_000_000, 10_000_000, 1_000_000)
    path.write_bytes((head + text).ljust(first, b"\0") + planes.astype(">u2").tobytes())
    return first


@pytest.fixture
def planes(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 4000, (6, 20, 30)).astype(np.uint16)


def test_a_stack_of_imagej_opens(tmp_path: Path, planes: np.ndarray) -> None:
    as_imagej_writes(tmp_path / "a.tif", planes, WORDS.format(n=6))
    image = abbe.open(tmp_path / "a.tif")
    assert np.array_equal(image.stack(), planes)
    assert image.pixel_size == pytest.approx((0.5, 0.1, 0.1))
    assert image.notices == ()


@pytest.mark.parametrize("kept", [1.5, 2, 5.99])
def test_a_stack_of_imagej_that_was_cut_short_is_no_single_plane(tmp_path: Path, planes: np.ndarray, kept: float) -> None:
    first = as_imagej_writes(tmp_path / "a.tif", planes, WORDS.format(n=6))
    data = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(data[: first + int(kept * planes[0].nbytes)])
    with pytest.raises(NotAnImageError, match=r"cut short: .* say 6 planes"):
        abbe.open(tmp_path / "a.tif")


def test_a_stack_of_imagej_that_ends_with_its_first_plane_is_told(tmp_path: Path, planes: np.ndarray) -> None:
    first = as_imagej_writes(tmp_path / "a.tif", planes, WORDS.format(n=6))
    data = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(data[: first + planes[0].nbytes])
    image = abbe.open(tmp_path / "a.tif")
    assert np.array_equal(image.plane(), planes[0])
    assert [(n.code, "say 6 planes, and it holds 1" in n.message) for n in image.notices] == [("damaged", True)]


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("there", [1, 3, 4, 9])
def test_planes_taken_out_of_a_stack_are_those_that_are_there(
    tmp_path: Path, rng: np.random.Generator, compression: str | None, there: int
) -> None:
    planes = rng.integers(0, 4000, (there, 20, 30)).astype(np.uint16)
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for k, plane in enumerate(planes):
            words = WORDS.format(n=6) if k == 0 else None
            writer.write(plane, metadata=None, description=words, compression=compression, resolution=(10, 10))
    image = abbe.open(tmp_path / "a.tif")
    assert image.shape == (1, 1, there, 20, 30)
    assert np.array_equal(image.stack(), planes)
    assert [(n.code, f"say 6 planes, and it holds {there}" in n.message) for n in image.notices] == [("damaged", True)]


def test_planes_along_one_of_two_axes_are_guessed(tmp_path: Path, planes: np.ndarray) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for k in range(3):
            words = "ImageJ=1.53t\nimages=6\nchannels=2\nslices=3\nhyperstack=true\n" if k == 0 else None
            writer.write(planes[k], metadata=None, description=words, compression="zlib")
    image = abbe.open(tmp_path / "a.tif")
    assert np.array_equal(np.asarray(image)[0, :, 0], planes[:3])
    assert [n.code for n in image.notices] == ["damaged", "axes_guessed"]


def test_signed_values_are_those_that_imagej_shows(tmp_path: Path, rng: np.random.Generator) -> None:
    """ImageJ stores them with 32768 added: a background of 0 would have been one of 32768 counts."""
    values = rng.integers(-500, 30_000, (6, 20, 30)).astype(np.int16)
    words = WORDS.format(n=6) + "cf=0\nc0=-32768.0\nc1=1.0\nvunit=Gray Value\n"
    as_imagej_writes(tmp_path / "a.tif", (values.astype(np.int32) + 32768).astype(np.uint16), words)
    image = abbe.open(tmp_path / "a.tif")
    assert image.dtype == np.int16
    assert np.array_equal(image.stack(), values)
    assert image.notices == ()
    abbe.save(image, tmp_path / "b.ome.tif")
    assert np.array_equal(abbe.open(tmp_path / "b.ome.tif").stack(), values)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("cf=0\nc0=10.0\nc1=0.5\nvunit=uM\n", "10 + 0.5 x value (uM)"),
        ("cf=4\nc0=1.0\nc1=2.0\nc2=3.0\nvunit=OD\n", "another scale (OD)"),
        ("cf=0\nc0=0.0\nc1=1.0\n", ""),
        ("cf=20\n", ""),
        ("cf=x\nc0=y\n", ""),
    ],
)
def test_values_on_a_scale_of_the_user_stay_as_stored_with_a_word(tmp_path: Path, planes: np.ndarray, words: str, said: str) -> None:
    as_imagej_writes(tmp_path / "a.tif", planes, WORDS.format(n=6) + words)
    image = abbe.open(tmp_path / "a.tif")
    assert np.array_equal(image.stack(), planes)
    assert [n.code for n in image.notices] == (["converted"] if said else [])
    assert all(said in n.message for n in image.notices)


@pytest.mark.parametrize(
    ("per", "unit", "told"), [(300, "inch", True), (118, "cm", True), (1e5, "cm", False), (10, "mm", False), (10, "um", False)]
)
def test_a_size_of_print_that_imagej_took_over_is_told(tmp_path: Path, per: float, unit: str, told: bool) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((9, 9), np.uint8), imagej=True, resolution=(per, per), metadata={"unit": unit})
    notices = abbe.open(tmp_path / "a.tif").notices
    assert [n.code for n in notices] == (["pixel_size"] if told else [])
    assert "pixel_size" not in {n.code for n in abbe.open(tmp_path / "a.tif", pixel_size=0.1).notices}


def test_tifffile_writes_nothing_beside_what_abbe_says(tmp_path: Path, planes: np.ndarray) -> None:
    first = as_imagej_writes(tmp_path / "a.tif", planes, WORDS.format(n=6))
    data = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(data[: first + 5000])
    done = subprocess.run([sys.executable, "-m", "abbe", "info", "a.tif"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "a.tif is cut short" in done.stderr
    assert "TiffFile" not in done.stdout + done.stderr


@pytest.mark.parametrize(("unit", "per_um", "step"), [("cm", 1e4, 3000.0), ("inch", 25400.0, 7620.0), ("um", 1.0, None)])
def test_a_z_step_that_is_in_another_unit_than_the_pixels_is_told(tmp_path: Path, unit: str, per_um: float, step: float | None) -> None:
    """Pixels were set in cm, and the distance of the planes was left in um."""
    density = per_um / 0.1
    words = {"unit": unit, "spacing": 0.3, "axes": "ZYX"}
    tifffile.imwrite(tmp_path / "a.tif", np.ones((3, 20, 20), np.uint16), imagej=True, resolution=(density, density), metadata=words)
    told = [n.message for n in abbe.open(tmp_path / "a.tif").notices if n.code == "pixel_size"]
    if step is None:
        assert not told
    else:
        assert told == [
            f"the z-step, {step:.4g} um, is {step / 0.1:.0f} times the pixel size, 0.1 um; check it, and give the right one "
            "(pixel_size= or --pixel-size)"
        ]
        assert not abbe.open(tmp_path / "a.tif", pixel_size=(0.3, 0.1, 0.1)).notices[1:]
