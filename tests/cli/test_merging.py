"""`abbe merge` makes the folder of the file that it writes, as the other commands do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import abbe
from abbe.cli.frame import main


@pytest.fixture
def pair(tmp_path: Path) -> list[str]:
    """Two files of one channel, and a third of another size."""
    for name, side in (("red", 20), ("green", 20), ("large", 30)):
        abbe.save(abbe.Image.from_array(np.full((side, side), 7, np.uint16)), tmp_path / f"{name}.tif")
    return [str(tmp_path / f"{name}.tif") for name in ("red", "green", "large")]


@pytest.mark.parametrize("name", ["m.ome.tif", "m.abbe", "m.ome.zarr"])
def test_a_folder_that_is_not_there_is_made(tmp_path: Path, pair: list[str], name: str) -> None:
    assert main(["merge", *pair[:2], "-o", str(tmp_path / "new" / "er" / name)]) == 0
    assert [path.name for path in (tmp_path / "new" / "er").iterdir()] == [name]


@pytest.mark.parametrize(("files", "name"), [(slice(1, 3), "m.tif"), (slice(0, 2), "m.png"), (slice(0, 2), "m.foo")])
def test_what_cannot_be_merged_leaves_no_folder(tmp_path: Path, pair: list[str], files: slice, name: str) -> None:
    assert main(["merge", *pair[files], "-o", str(tmp_path / "new" / name)]) == 1
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, pair: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "new").write_text("a file")
    assert main(["merge", *pair[:2], "-o", str(tmp_path / "new" / "m.tif")]) == 1
    assert "could not write" in capsys.readouterr().err


def test_one_name_for_two_channels_is_refused(tmp_path: Path, pair: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["merge", *pair[:2], "-o", str(tmp_path / "m.tif"), "--channels", "a,a"]) == 1
    assert "got 'a' twice" in capsys.readouterr().err
    assert not (tmp_path / "m.tif").exists()
