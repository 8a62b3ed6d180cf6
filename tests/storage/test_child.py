"""A hostile file can spoil a child process, not this one."""

from __future__ import annotations

import json
import os
import struct
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from abbe.errors import AbbeError, AxesError, LimitError, NotAnImageError, StorageError
from abbe.formats import open as open_image
from abbe.formats import open_untrusted, untrusted
from abbe.storage import child, run_in_child


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    path = tmp_path / "cells.ome.tif"
    pixels = np.arange(2 * 3 * 40 * 50, dtype=np.float32).reshape(2, 3, 40, 50)
    pixels[0, 0, 0, 0] = np.nan
    words = {"axes": "CZYX", "Channel": {"Name": ["DAPI", "actin"]}, "PhysicalSizeX": 0.1, "PhysicalSizeY": 0.1}
    tifffile.imwrite(path, pixels, metadata=words)
    return path


def test_an_untrusted_file_opens_like_a_trusted_one(cells: Path) -> None:
    far, near = open_untrusted(cells), open_image(cells)
    assert np.array_equal(np.asarray(far), np.asarray(near))
    assert far.mask is not None
    assert near.mask is not None
    everything = tuple(slice(0, n) for n in near.shape)
    assert np.array_equal(far.mask.read(everything), near.mask.read(everything))  # type: ignore[arg-type]
    for name in ("shape", "dtype", "pixel_size", "channels", "colors", "bits", "time_step", "optics", "notices", "provenance"):
        assert getattr(far, name) == getattr(near, name), name


def test_errors_of_the_decoder_arrive_as_they_are(cells: Path, tmp_path: Path) -> None:
    with pytest.raises(AxesError, match="a letter"):
        open_untrusted(cells, axes="YX")
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(NotAnImageError, match=r"notes\.txt"):
        open_untrusted(tmp_path / "notes.txt")


def test_a_picture_that_swells_beyond_the_memory_allowed_is_given_up(tmp_path: Path) -> None:
    swollen = tmp_path / "bomb.png"
    side, row = 25_000, bytes(25_001)
    packer = zlib.compressobj(1)
    black = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()  # 625 MB of black in 3 MB
    parts = [(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)), (b"IDAT", black), (b"IEND", b"")]
    chunks = [struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in parts]
    swollen.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    with pytest.raises(LimitError, match="memory"):
        open_untrusted(swollen, memory=2**27)


@pytest.mark.skipif(os.name != "posix", reason="Windows sets no such limit")
def test_an_image_beyond_its_share_of_the_disk_is_told_of_the_disk(cells: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system says "File too large", of a file that is not."""
    monkeypatch.setattr(untrusted, "SHARE", 1e-9)
    with pytest.raises(StorageError, match=r"MB.*disk for temporary files.*TMPDIR") as found:
        open_untrusted(cells)
    assert found.value.full


def test_a_decoder_that_hangs_is_given_up(cells: Path) -> None:
    start = time.monotonic()
    with pytest.raises(LimitError, match="longer than"):
        open_untrusted(cells, seconds=0.05)
    assert time.monotonic() - start < 10


def test_only_abbes_own_decoders_are_run() -> None:
    with pytest.raises(StorageError, match="decoder of abbe"):
        run_in_child("os:getcwd", {})


@pytest.mark.parametrize(
    ("answer", "code", "kind", "words"),
    [
        (b"", -11, NotAnImageError, "signal 11"),
        (b"garbage", 0, NotAnImageError, "decoder gave up"),
        (b"[" * 100_000, 0, NotAnImageError, "decoder gave up"),
        (json.dumps({"error": "LimitError", "message": "too large"}).encode(), 0, LimitError, "too large"),
        (json.dumps({"error": "SystemExit", "message": "hidden"}).encode(), 0, child.AbbeError, "hidden"),
    ],
)
def test_whatever_a_spoilt_child_answers_becomes_an_error(answer: bytes, code: int, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        child._result(answer, code)


@pytest.mark.parametrize(
    "lie",
    [
        {"shape": [1, 1, 1, 9, 9]},
        {"shape": [0, 1, 1, 1, 1]},
        {"dtype": "O"},
        {"channels": ["a"]},
        {"optics": {"x": 1}},
        {"pixel_size": [1]},
    ],
)
def test_a_child_that_lies_about_its_pixels_is_not_believed(lie: dict[str, Any], cells: Path) -> None:
    with tempfile.TemporaryFile() as pixels, tempfile.TemporaryFile() as mask:
        said = untrusted.decode({"path": str(cells), "axes": None}, [pixels.fileno(), mask.fileno()])
        untrusted._image(said, pixels.fileno(), mask.fileno(), cells)
        with pytest.raises(AbbeError):
            untrusted._image(said | lie, pixels.fileno(), mask.fileno(), cells)


def test_nothing_is_left_on_the_disk(cells: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    image = open_untrusted(cells)
    assert os.listdir(scratch) == []
    assert image.plane(c=1).shape == (40, 50)
