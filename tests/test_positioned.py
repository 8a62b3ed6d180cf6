"""Where a system has no calls to read and write at a position (Windows), files, sessions and scratch pixels are the same."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import abbe
from abbe.image.pixels import ScratchPixels, whole
from abbe.positioned import read_at, read_into, write_at


@pytest.fixture(params=["as it is", "without calls by position"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param != "as it is":
        for name in ("pread", "preadv", "pwrite", "pwritev"):
            monkeypatch.delattr(os, name, raising=False)


@pytest.mark.usefixtures("system")
def test_bytes_come_back_from_where_they_were_put(tmp_path: Path) -> None:
    with open(tmp_path / "bytes", "w+b") as file:
        write_at(file.fileno(), b"later", 10)
        write_at(file.fileno(), memoryview(b"first"), 0)
        assert read_at(file.fileno(), 5, 10) == b"later"
        assert read_at(file.fileno(), 99, 12) == b"ter"
        assert read_at(file.fileno(), 5, 15) == b""
        into = bytearray(8)
        assert read_into(file.fileno(), memoryview(into), 11) == 4
        assert into == b"ater\0\0\0\0"


@pytest.mark.usefixtures("system")
def test_threads_that_share_a_scratch_file_do_not_disturb_each_other() -> None:
    pixels = ScratchPixels((1, 40, 1, 64, 64), np.uint16)
    planes = [(slice(0, 1), slice(c, c + 1), slice(0, 1), slice(0, 64), slice(0, 64)) for c in range(40)]

    def there_and_back(c: int) -> bool:
        right = True
        for again in range(20):
            pixels.write(planes[c], np.full((1, 1, 1, 64, 64), 40 * again + c, np.uint16))
            right &= bool((pixels.read(planes[c]) == 40 * again + c).all())
        return right

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(there_and_back, range(40)))
    assert np.array_equal(pixels.read(whole(pixels.shape))[0, :, 0, 0, 0], 40 * 19 + np.arange(40))


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("name", ["cells.tif", "cells.ome.tif"])
def test_files_are_written_and_read(tmp_path: Path, name: str) -> None:
    values = np.arange(2 * 3 * 70 * 90, dtype=np.uint16).reshape(2, 3, 70, 90)
    abbe.save(abbe.Image.from_array(values, axes="ZCYX", pixel_size=(0.3, 0.1, 0.1)), tmp_path / name)
    assert np.array_equal(np.asarray(abbe.open(tmp_path / name))[0], values.swapaxes(0, 1))


@pytest.mark.usefixtures("system")
def test_a_session_is_made_changed_and_opened_again(tmp_path: Path) -> None:
    values = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)
    session = abbe.Session.create(tmp_path / "cells.abbe", abbe.Image.from_array(values, axes="YX"))
    session.comments.add("fixed cells", author="Ada")
    session.undo()
    session.redo()
    again = abbe.Session.open(tmp_path / "cells.abbe")
    assert [comment.text for comment in again.comments] == ["fixed cells"]
    assert np.array_equal(np.asarray(again.image()).squeeze(), values)
