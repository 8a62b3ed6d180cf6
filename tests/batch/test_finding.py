"""Which files of a folder are images, in which order, and where their results go."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from abbe.batch.finding import Source, find, targets
from abbe.errors import StorageError


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return folder


def keys(folder: Path, *match: str, out: str = "out") -> list[str]:
    return [source.key for source in find(folder, folder / out, match).sources]


def test_images_of_all_sub_folders_come_in_the_order_in_which_people_count(tmp_path: Path) -> None:
    fill(tmp_path, "b/cell 10.tif", "b/cell 9.TIF", "a/x.czi", "a.nd2", "notes.txt", "a/table.xlsx", "README")
    found = find(tmp_path, tmp_path / "out")
    assert [source.key for source in found.sources] == ["a.nd2", "a/x.czi", "b/cell 9.TIF", "b/cell 10.tif"]
    assert found.ignored == {".txt": 1, ".xlsx": 1, "without ending": 1}


def test_what_is_hidden_a_result_or_a_part_of_something_else_is_no_image(tmp_path: Path) -> None:
    fill(tmp_path, ".abbe-1234.tif", ".trash/a.tif", "out/a_abbe.ome.tif", "s.abbe/versions/v1.tif", "scan.oif", "scan.oif.files/c1z1.tif")
    assert keys(tmp_path) == ["scan.oif"]


def test_an_ome_zarr_folder_is_one_image(tmp_path: Path) -> None:
    fill(tmp_path, "a.zarr/zarr.json", "a.zarr/0/c/0.tif", "empty.zarr/readme.txt")
    assert keys(tmp_path) == ["a.zarr"]


def test_a_link_that_leads_round_in_a_circle_is_not_followed(tmp_path: Path) -> None:
    fill(tmp_path, "a/x.tif")
    os.symlink(tmp_path, tmp_path / "a" / "again")
    os.symlink(tmp_path / "a" / "x.tif", tmp_path / "y.tif")
    assert keys(tmp_path) == ["a/x.tif", "y.tif"]


def test_patterns_are_of_names_or_of_paths(tmp_path: Path) -> None:
    fill(tmp_path, "p1/a_ch1.tif", "p1/a_ch2.tif", "p2/a_ch1.tif", "p2/a_ch1.dat")
    assert keys(tmp_path, "*_ch1.tif") == ["p1/a_ch1.tif", "p2/a_ch1.tif"]
    assert keys(tmp_path, "p1/*") == ["p1/a_ch1.tif", "p1/a_ch2.tif"]
    assert keys(tmp_path, "*.dat", "*_ch2.*") == ["p1/a_ch2.tif", "p2/a_ch1.dat"]


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="wanted a folder of images"):
        find(tmp_path / "nowhere", tmp_path)


def test_images_that_differ_in_their_ending_alone_have_results_of_their_own() -> None:
    names = ["a.tif", "a.PNG", "A.czi", "b.ome.tif", "p/a.tif"]
    made = targets([Source(name, 1, 1) for name in names], "_abbe.ome.tif")
    assert made == {
        "a.tif": "a.tif_abbe.ome.tif",
        "a.PNG": "a.PNG_abbe.ome.tif",
        "A.czi": "A.czi_abbe.ome.tif",
        "b.ome.tif": "b_abbe.ome.tif",
        "p/a.tif": "p/a_abbe.ome.tif",
    }
