"""A disk without room."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from abbe.batch.work import Task, do
from abbe.cli.reading import each
from abbe.errors import LimitError
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
