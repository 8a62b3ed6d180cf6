"""A path that a browser sends stays inside the folder that is served."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abbe.errors import StorageError
from abbe.storage import inside


@pytest.mark.parametrize("name", ["cells.tif", "day 1/cells.tif", "a/b/c/new.tif", "été/Zellen ü.tif", "..hidden", "a..b", "."])
def test_paths_below_the_folder_are_given(tmp_path: Path, name: str) -> None:
    assert inside(tmp_path, name) == (tmp_path / name).resolve()


@pytest.mark.parametrize(
    "name",
    [
        "",
        "..",
        "../cells.tif",
        "a/../../cells.tif",
        "/etc/passwd",
        "//server/share",
        "a\0b",
        "a\nb",
        "C:\\cells.tif",
        "C:cells.tif",
        "a\\..\\..\\b",
        "con",
        "CON.tif",
        "a/nul.txt",
        "com1",
        "LPT9.log",
        "a/aux ",
        "file:stream",
        "x" * 20_000,
    ],
)
def test_paths_that_lead_out_or_mean_devices_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StorageError, match="inside the folder"):
        inside(tmp_path, name)


def test_links_are_followed_only_inside(tmp_path: Path) -> None:
    root = tmp_path / "served"
    (root / "data").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (root / "good").symlink_to(root / "data")
    (root / "bad").symlink_to(tmp_path / "secret")
    (root / "loop").symlink_to(root / "loop")
    assert inside(root, "good/cells.tif") == (root / "data" / "cells.tif").resolve()
    with pytest.raises(StorageError, match="leads out"):
        inside(root, "bad/cells.tif")
    assert inside(root, "loop").is_relative_to(root.resolve())


def test_a_folder_that_is_itself_reached_by_a_link_serves_its_files(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "served").symlink_to(tmp_path / "disk")
    assert inside(tmp_path / "served", "cells.tif") == (tmp_path / "disk" / "cells.tif").resolve()


@given(st.text(st.sampled_from("./\\ab:\0 ~$%") | st.characters(codec="utf-8"), max_size=30))
def test_whatever_is_sent_the_answer_is_inside_or_a_refusal(name: str) -> None:
    root = Path("/tmp/a folder that need not exist")
    try:
        found = inside(root, name)
    except StorageError:
        return
    assert found == root or root in found.parents
