"""A disk without room."""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from abbe.batch.work import Task, do
from abbe.cli.reading import each
from abbe.errors import LimitError
from abbe.image.pixels import ScratchPixels
from abbe.restoration import room
from batch_maker import QUICK


@pytest.mark.parametrize(("free", "full"), [(1000, True), (2 * 2**30, False)])
def test_an_image_that_does_not_fit_is_told_from_a_disk_that_is_full(
    tmp_path: Path, images: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, free: int, full: bool
) -> None:
    folder = images("a.tif")
    (tmp_path / "attempt").mkdir()
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=free))
    if not full:
        monkeypatch.setattr("abbe.batch.work.output_shape", lambda image, grid: (1, 1, 2000, 2000, 2000))
    made = do(Task("a.tif", folder / "a.tif", tmp_path / "attempt", "a_abbe.ome.tif", QUICK), lambda fraction: None)
    assert "free" in (made.error or "")
    assert made.full is full
    assert free < room.FULL or not full


def test_of_many_files_none_is_tried_after_the_disk_is_full() -> None:
    tried = []

    def work(k: int, file: Path) -> None:
        tried.append(k)
        if k == 1:
            problem = LimitError("no room")
            problem.full = True
            raise problem

    with pytest.raises(LimitError, match="no room"):
        each([Path("a"), Path("b"), Path("c")], work)
    assert tried == [0, 1]


def test_a_full_disk_of_temporary_files_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was said to free the disk, without a word on which: results may lie on another with all the room there is."""

    def full(*arguments: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    scratch = ScratchPixels((1, 1, 1, 4, 4), "f4", tmp_path)
    monkeypatch.setattr("abbe.image.pixels.write_at", full)
    region = (slice(0, 1), slice(0, 1), slice(0, 1), slice(0, 4), slice(0, 4))
    with pytest.raises(LimitError, match=re.escape(f"in {tmp_path}, got: No space left on device")) as problem:
        scratch.write(region, np.zeros((1, 1, 1, 4, 4), "f4"))
    assert problem.value.full
