"""Which files of a folder are images, in which order, and where their results go."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from abbe.batch.finding import Source, find, grown, targets
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


def test_links_lead_to_folders_elsewhere_and_to_each_once(tmp_path: Path) -> None:
    fill(tmp_path, "raw/one/x.tif", "raw/one/p/y.tif", "raw/two/z.tif", "images/w.tif", "images/own/v.tif", "raw/results/r.tif")
    images, raw = tmp_path / "images", tmp_path / "raw"
    for name, there in {"a": raw / "one", "again": raw / "one" / "p", "b": raw / "two", "c": images / "own", "up": tmp_path}.items():
        os.symlink(there, images / name)
    os.symlink(raw / "one", raw / "two" / "round")
    os.symlink(raw / "results", images / "results")
    os.symlink(tmp_path / "gone", images / "nowhere")
    assert keys(images, out="../raw/results") == ["a/p/y.tif", "a/x.tif", "b/z.tif", "own/v.tif", "w.tif"]


def test_a_link_into_the_results_leads_to_no_images(tmp_path: Path) -> None:
    fill(tmp_path, "images/y.tif", "results/plate1/a_abbe.ome.tif", "results/.abbe-batch/settings.json")
    os.symlink(tmp_path / "results" / "plate1", tmp_path / "images" / "before")
    assert keys(tmp_path / "images", out="../results") == ["y.tif"]
    fill(tmp_path, "data/raw/x.tif", "data/more/z.tif", "data/.abbe-batch/settings.json")
    os.symlink(tmp_path / "data" / "more", tmp_path / "data" / "raw" / "more")
    assert keys(tmp_path / "data" / "raw", out="..") == ["more/z.tif", "x.tif"]


def test_thousands_of_links_take_no_longer_than_as_many_folders(tmp_path: Path) -> None:
    for i in range(8000):
        (tmp_path / "raw" / f"{i}").mkdir(parents=True)
        (tmp_path / "images").mkdir(exist_ok=True)
        os.symlink(tmp_path / "raw" / f"{i}", tmp_path / "images" / f"{i}")

    def least(folder: Path) -> float:
        seconds = []
        for _ in range(3):
            began = time.process_time()
            find(folder, tmp_path / "out")
            seconds.append(time.process_time() - began)
        return min(seconds)

    assert least(tmp_path / "images") < 4 * least(tmp_path / "raw")


def test_a_link_to_an_image_that_is_a_folder_is_an_image_and_one_that_leads_nowhere_is_said_to(tmp_path: Path) -> None:
    fill(tmp_path, "images/x.tif", "elsewhere/a.zarr/zarr.json")
    os.symlink(tmp_path / "elsewhere" / "a.zarr", tmp_path / "images" / "a.zarr")
    os.symlink(tmp_path / "gone.tif", tmp_path / "images" / "gone.tif")
    assert keys(tmp_path / "images") == ["a.zarr", "gone.tif", "x.tif"]


def test_results_of_another_batch_are_no_images(tmp_path: Path) -> None:
    fill(tmp_path, "a.tif", "first/.abbe-batch/settings.json", "first/a_abbe.ome.tif", "first/p/b_abbe.ome.tif")
    assert keys(tmp_path, out="second") == ["a.tif"]
    assert keys(tmp_path / "first") == ["a_abbe.ome.tif", "p/b_abbe.ome.tif"]  # unless they are what is asked for


@pytest.mark.skipif(sys.platform != "linux", reason="names are Unicode elsewhere")
def test_a_name_that_is_not_utf_8_has_a_key_that_can_be_written(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/z\xfcrich.tif", "wb"):
        pass
    (source,) = find(tmp_path, tmp_path / "out").sources
    assert source.key == "z\\udcfcrich.tif"
    assert source.within(tmp_path).exists()


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="rights of POSIX systems")
def test_a_folder_that_may_not_be_read_is_named_and_the_others_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "a/x.tif", "lost+found/y.tif")
    (tmp_path / "lost+found").chmod(0)
    if os.geteuid() == 0:  # who may read everything
        monkeypatch.setattr(os, "scandir", refused(os.scandir, "lost+found"))
    found = find(tmp_path, tmp_path / "out")
    (tmp_path / "lost+found").chmod(0o700)
    assert [source.key for source in found.sources] == ["a/x.tif"]
    assert found.closed == ["lost+found/"]


def refused(scandir: Callable[[Path], Any], name: str) -> Callable[[Path], Any]:
    def scan(folder: Path) -> Any:
        if folder.name == name:
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    return scan


def test_what_lies_in_a_folder_of_which_names_alone_may_be_read_is_an_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "a/x.tif", "closed/y.tif", "closed/z.zarr")
    (tmp_path / "closed").chmod(0o600)
    if os.geteuid() == 0:  # who may look at everything
        stat = os.stat

        def look(path: Any, *more: Any, **words: Any) -> os.stat_result:
            if "/closed/" in os.fsdecode(path):
                raise PermissionError(13, "Permission denied")
            return stat(path, *more, **words)

        monkeypatch.setattr(os, "stat", look)
    found = find(tmp_path, tmp_path / "out")
    (tmp_path / "closed").chmod(0o700)
    assert [(source.key, source.hidden) for source in found.sources] == [
        ("a/x.tif", False),
        ("closed/y.tif", True),
        ("closed/z.zarr", True),
    ]


def test_an_image_in_several_files_changes_with_each(tmp_path: Path) -> None:
    fill(tmp_path, "scan.oif", "scan.oif.files/c1z1.tif", "a.zarr/zarr.json", "a.zarr/0/c/0")
    before = {source.key: source for source in find(tmp_path, tmp_path / "out").sources}
    size = grown(tmp_path / "a.zarr")
    os.utime(tmp_path / "scan.oif.files", (2e9, 2e9))
    (tmp_path / "a.zarr" / "0" / "c" / "1").write_text("more")
    after = {source.key: source for source in find(tmp_path, tmp_path / "out").sources}
    assert after["scan.oif"] != before["scan.oif"]
    assert grown(tmp_path / "a.zarr") != size


def test_a_disk_that_keeps_dates_less_exactly_changes_no_image() -> None:
    was = Source("a.tif", 7, 1_700_000_000_123_456_789)
    assert was.is_as(7, 1_700_000_000_123_456_700)
    assert was.is_as(7, 1_700_000_000_000_000_000)
    assert not was.is_as(7, 1_700_000_003_000_000_000)
    assert not was.is_as(8, was.mtime_ns)


def test_a_link_to_a_hidden_folder_is_followed_as_one_to_a_folder_elsewhere(tmp_path: Path) -> None:
    """Its images were left out without a word."""
    fill(tmp_path, ".store/x.tif", ".store/deep/y.tif", "open/z.tif")
    os.symlink(tmp_path / ".store", tmp_path / "plate")
    os.symlink(tmp_path / ".store" / "deep", tmp_path / "well")
    os.symlink(tmp_path / "open", tmp_path / "again")
    assert keys(tmp_path) == ["open/z.tif", "plate/deep/y.tif", "plate/x.tif"]


def test_a_folder_that_is_called_like_that_of_an_oifs_planes_is_one_of_images_without_it(tmp_path: Path) -> None:
    fill(tmp_path, "my.files/x.tif", "Scan.OIF", "Scan.OIF.files/c1z1.tif", "other.oif.files/y.tif")
    assert keys(tmp_path) == ["my.files/x.tif", "other.oif.files/y.tif", "Scan.OIF"]


def test_maps_that_lie_among_images_are_counted_and_left(tmp_path: Path) -> None:
    fill(tmp_path, "a.tif", "my_trust.tif", *(f"a_abbe_{kind}.ome.tif" for kind in ("trust", "lower", "upper")), "a_abbe_trust.txt")
    fill(tmp_path, *(f"a_background_{kind}.ome.tif" for kind in ("trust", "lower", "upper")), "a_background.tif")
    found = find(tmp_path, tmp_path / "out", ("*.tif",))
    assert ([source.key for source in found.sources], found.maps) == (["a.tif", "a_background.tif", "my_trust.tif"], 6)


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


def test_no_result_has_the_name_of_another_nor_of_its_maps() -> None:
    made = targets([Source(name, 1, 1) for name in ("a.tif", "a_trust.tif")], ".ome.tif", maps=True)
    assert made == {"a.tif": "a.ome.tif", "a_trust.tif": "a_trust.tif.ome.tif"}
    made = targets([Source(name, 1, 1) for name in ("a.tif", "a.png", "a.tif.tif")], "_abbe.ome.tif")
    assert len(set(made.values())) == 3
