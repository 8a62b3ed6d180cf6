"""Saving loses nothing unsaid: values are rounded and clipped, never wrapped, and counted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import abbe
from abbe.errors import ExistsError, ParameterError, StorageError


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif", "a.png"])
def test_values_beyond_the_type_are_clipped_and_counted(tmp_path: Path, name: str) -> None:
    values = np.array([[-3.0, 0.4, 1.5, 2.5, 254.6, 255.4, 300.0, 70000.0]], np.float32)
    saved = abbe.save(values, tmp_path / name, dtype="uint8")
    assert np.asarray(abbe.open(tmp_path / name)).ravel().tolist() == [0, 0, 2, 2, 255, 255, 255, 255]
    clipped, rounded, much = saved.notices
    assert (clipped.code, rounded.code, much.code) == ("clipped", "converted", "coarse")
    assert "37.5 % of the pixels were clipped" in much.message
    assert "3 of 8" in clipped.message
    assert "1 below, 2 above" in clipped.message
    assert saved.dtype == "uint8"


@pytest.mark.parametrize("source", ["u1", "u2", "u4", "i1", "i2", "i4", "f4"])
@pytest.mark.parametrize("target", ["u1", "u2", "u4", "i1", "i2", "i4", "f4"])
def test_no_conversion_ever_wraps_around(tmp_path: Path, source: str, target: str) -> None:
    kind, goal = np.dtype(source), np.dtype(target)
    if kind.kind == "f":
        values = np.array([-3e9, -40000.6, -1.0, 0.0, 0.5, 200.0, 70000.0, 4294967295.0, 5e9], kind)
    else:
        info = np.iinfo(kind)
        values = np.unique(np.clip([info.min, -129, -1, 0, 1, 127, 128, 255, 256, 65535, 65536, info.max], info.min, info.max)).astype(kind)
    abbe.save(values[None], tmp_path / "a.ome.tif", dtype=goal)
    found = np.asarray(abbe.open(tmp_path / "a.ome.tif")).ravel()
    true = values.astype(np.float64)
    if goal.kind != "f":
        true = np.clip(np.rint(true), np.iinfo(goal).min, np.iinfo(goal).max)
    assert found.dtype == goal
    assert np.array_equal(found.astype(np.float64), true.astype(goal).astype(np.float64))


@pytest.mark.parametrize(
    ("shape", "axes", "name", "words"),
    [
        ((2, 5, 5), "ZYX", "a.png", "one plane"),
        ((2, 5, 5), "CYX", "a.png", r"1 frames, 2 channels|channels"),
        ((3, 5, 5), "CYX", "a.png", "red, green and blue"),
        ((3, 5, 5), "TYX", "a.jpg", "one plane"),
        ((5, 5), "YX", "a.bmp", r"\.ome\.tif"),
        ((5, 5), "YX", "a", r"\.ome\.tif"),
    ],
)
def test_what_a_format_cannot_hold_is_refused_with_what_to_do(
    tmp_path: Path, shape: tuple[int, ...], axes: str, name: str, words: str
) -> None:
    image = abbe.Image.from_array(np.ones(shape, np.uint8), axes=axes)
    with pytest.raises(ParameterError, match=words):
        abbe.save(image, tmp_path / name)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("dtype", ["float64", "complex64", "int64", "bool", "nonsense", object])
def test_pixel_types_that_files_do_not_hold_are_refused(tmp_path: Path, dtype: object) -> None:
    with pytest.raises(ParameterError, match="pixel type"):
        abbe.save(np.ones((4, 4)), tmp_path / "a.tif", dtype=dtype)  # type: ignore[arg-type]


def test_fractions_are_not_rounded_to_nothing(tmp_path: Path, rng: np.random.Generator) -> None:
    with pytest.raises(ParameterError, match=r"between 0 and .* lost by rounding"):
        abbe.save(rng.random((9, 9)).astype(np.float32), tmp_path / "a.png")


@pytest.mark.parametrize("dtype", ["uint32", "int16", "int8"])
def test_types_that_imagej_lacks_go_into_an_ome_tiff_and_that_is_said(tmp_path: Path, dtype: str) -> None:
    saved = abbe.save(np.ones((4, 4), dtype), tmp_path / "a.tif")
    assert [n.code for n in saved.notices] == ["converted"]
    assert abbe.open(tmp_path / "a.tif").dtype.name == dtype


def test_a_jpeg_is_written_with_a_word_about_its_loss(tmp_path: Path, rng: np.random.Generator) -> None:
    grey = np.linspace(0, 255, 64 * 64).reshape(64, 64).astype(np.uint8)
    assert [n.code for n in abbe.save(grey, tmp_path / "a.jpg").notices] == ["lossy"]
    assert np.abs(abbe.open(tmp_path / "a.jpg").plane().astype(float) - grey).max() < 8


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    abbe.save(np.zeros((4, 4), np.uint8), tmp_path / "a.tif")
    before = (tmp_path / "a.tif").read_bytes()
    with pytest.raises(ExistsError, match="overwrite"):
        abbe.save(np.ones((4, 4), np.uint8), tmp_path / "a.tif")
    assert (tmp_path / "a.tif").read_bytes() == before
    abbe.save(np.ones((4, 4), np.uint8), tmp_path / "a.tif", overwrite=True)
    assert abbe.open(tmp_path / "a.tif").plane().all()


def test_an_image_may_be_saved_over_the_file_it_is_read_from(tmp_path: Path, rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 999, (300, 400)).astype(np.uint16)
    abbe.save(pixels, tmp_path / "a.tif")
    abbe.save(abbe.open(tmp_path / "a.tif"), tmp_path / "a.tif", overwrite=True)
    assert np.array_equal(abbe.open(tmp_path / "a.tif").plane(), pixels)


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif", "a.png"])
def test_a_limit_on_file_size_leaves_nothing(tmp_path: Path, rng: np.random.Generator, name: str) -> None:
    import resource

    pixels = rng.integers(0, 65535, (1000, 1000)).astype(np.uint16)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, hard))
    try:
        with pytest.raises(StorageError, match="nothing was changed"):
            abbe.save(pixels, tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir(tmp_path) == []


def test_progress_is_told_and_ends_at_one(tmp_path: Path, rng: np.random.Generator) -> None:
    seen: list[float] = []
    abbe.save(rng.normal(size=(5, 800, 900)).astype(np.float32), tmp_path / "a.tif", progress=lambda fraction, _: seen.append(fraction))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


LARGE = """
import sys
import numpy as np
import abbe
from abbe.image.pixels import region_shape

class Ramp:
    "Pixels that are computed when they are read, as a lazy result is."
    shape, dtype = (1, 1, 1, 12288, 12288), np.dtype(np.float32)
    def read(self, region):
        y = np.arange(region[3].start, region[3].stop, dtype=np.float32)[:, None]
        x = np.arange(region[4].start, region[4].stop, dtype=np.float32)
        return (y + x)[None, None, None]

abbe.save(abbe.Image(Ramp()), sys.argv[1])
# getrusage would count the process that started this one, too: its peak is inherited over fork and exec
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(int(status["VmHWM"].split()[0]) * 1024)
"""


@pytest.mark.parametrize("name", ["a.tif", "a.ome.tif"])
def test_a_large_image_is_saved_in_little_memory(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    done = subprocess.run([sys.executable, "-c", LARGE, str(path)], capture_output=True, text=True, timeout=300, check=True)
    assert int(done.stdout) < 300e6
    image = abbe.open(path)
    corner = image.read((slice(0, 1), slice(0, 1), slice(0, 1), slice(12280, 12288), slice(12280, 12288)))
    assert corner.max() == 2 * 12287
    path.unlink()
