"""Of whatever an image consists, a change in it is noticed, while it is worked on and after."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import tifffile

import abbe
from abbe.batch import Outcome
from abbe.batch.finding import Source, look
from batch_maker import batch, field, rows

Images = Callable[..., Path]


@contextmanager
def changing(path: Path) -> Iterator[None]:
    """Somebody writes the file all the while."""
    done = threading.Event()

    def change() -> None:
        while not done.wait(0.005):
            os.utime(path, (1e9, os.stat(path).st_mtime + 10))

    somebody = threading.Thread(target=change)
    somebody.start()
    try:
        yield
    finally:
        done.set()
        somebody.join()


# ---------------------------------------------------------------------------------------------------- OME-Zarr
def zarr(folder: Path, name: str = "a.ome.zarr") -> Path:
    """An image, and the file of its only chunk."""
    folder.mkdir(exist_ok=True)
    pixels = np.stack([field(k) for k in range(2)])
    abbe.save(abbe.Image.from_array(pixels, "CYX", pixel_size=0.1), folder / name)
    return max((path for path in (folder / name).rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)


def test_pixels_of_an_image_that_is_a_folder_are_a_part_of_it(tmp_path: Path) -> None:
    """Its description alone was looked at: of pixels that came later, or were replaced, nothing was said."""
    folder, out, told = tmp_path / "images", tmp_path / "out", list[Outcome]()
    chunk = zarr(folder)
    whole = chunk.read_bytes()
    chunk.unlink()
    assert batch(folder, out).done == 1
    assert batch(folder, out).before == 1
    chunk.write_bytes(whole)
    assert batch(folder, out, told=told.append).failed == 1
    assert "it has changed since a_abbe.ome.tif was made from it" in str(told[0].error)
    assert rows(out)["a.ome.zarr"]["status"] == "done, changed since"
    (out / "a_abbe.ome.tif").unlink()
    assert batch(folder, out).done == 1
    assert np.asarray(abbe.open(out / "a_abbe.ome.tif")).mean() > 15


def test_pixels_that_come_while_an_image_is_worked_on_are_noticed(tmp_path: Path) -> None:
    folder, out, told = tmp_path / "images", tmp_path / "out", list[Outcome]()
    chunk = zarr(folder)
    summary = batch(folder, out, progress=lambda fraction, text: os.utime(chunk, (1e9, 2e9)), told=told.append)
    assert (summary.done, summary.failed) == (0, 1)
    assert "changed while it was worked on" in str(told[0].error)
    assert batch(folder, out).done == 1


def test_labels_that_others_put_into_an_image_do_not_change_it(tmp_path: Path) -> None:
    folder, out = tmp_path / "images", tmp_path / "out"
    zarr(folder)
    batch(folder, out)
    (folder / "a.ome.zarr" / "labels" / "cells").mkdir(parents=True)
    (folder / "a.ome.zarr" / "labels" / "cells" / "zarr.json").write_text("{}")
    (folder / "a.ome.zarr" / ".DS_Store").write_text("x")
    assert batch(folder, out).before == 1


# ---------------------------------------------------------------------------------------------------- sets of files
def pair(folder: Path) -> Path:
    """An image whose channels lie in two files. Returns the second."""
    folder.mkdir(exist_ok=True)
    ids = [f"urn:uuid:{k}1111111-1111-1111-1111-111111111111" for k in (1, 2)]
    blocks = "".join(
        f'<TiffData FirstC="{k}" IFD="0" PlaneCount="1"><UUID FileName="c{k}.ome.tif">{ids[k]}</UUID></TiffData>' for k in range(2)
    )
    for k in range(2):
        xml = (
            f'<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{ids[k]}"><Image ID="Image:0">'
            '<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SizeX="48" SizeY="48" SizeC="2" SizeZ="1" SizeT="1">'
            f'<Channel ID="Channel:0:0"/><Channel ID="Channel:0:1"/>{blocks}</Pixels></Image></OME>'
        )
        tifffile.imwrite(folder / f"c{k}.ome.tif", field(k), description=xml, metadata=None)
    return folder / "c1.ome.tif"


def rewrite(path: Path, seed: int) -> None:
    with tifffile.TiffFile(path) as tif:
        words = tif.pages.first.description
    tifffile.imwrite(path, field(seed), description=words, metadata=None)


@pytest.mark.parametrize("match", [(), ("c0*",)])
def test_a_change_in_any_file_of_a_set_is_one_of_its_image(match: tuple[str, ...], tmp_path: Path) -> None:
    """The second file was noted anew, and the result was out of date without a word."""
    folder, out, told = tmp_path / "images", tmp_path / "out", list[Outcome]()
    second = pair(folder)
    batch(folder, out, match=match)
    assert batch(folder, out, match=match).failed == 0
    rewrite(second, 7)
    assert batch(folder, out, match=match, told=told.append).failed == 1
    error = next(outcome for outcome in told if outcome.status == "failed")
    assert (error.key, str(error.error).split(";")[0]) == (
        "c0.ome.tif",
        "one of the files that it lies in has changed since c0_abbe.ome.tif was made from it",
    )
    assert rows(out)["c0.ome.tif"]["status"] == "done, changed since"
    (out / "c0_abbe.ome.tif").unlink()
    assert batch(folder, out, match=match).done == 1
    made = np.asarray(abbe.open(out / "c0_abbe.ome.tif"))[0, 1, 0]
    assert np.corrcoef(made.ravel(), field(7).ravel())[0, 1] > 0.7
    assert batch(folder, out, match=match).failed == 0


def test_a_file_of_a_set_that_changes_while_the_image_is_worked_on_is_noticed(tmp_path: Path) -> None:
    folder, out, told = tmp_path / "images", tmp_path / "out", list[Outcome]()
    second = pair(folder)

    with changing(second):
        assert batch(folder, out, match="c0*", told=told.append).failed == 1
    assert "changed" in str(told[0].error)
    assert not list(out.glob("*.tif"))


def test_planes_of_an_oif_that_are_replaced_are_noticed(tmp_path: Path) -> None:
    (tmp_path / "scan.oif.files").mkdir()
    plane = tmp_path / "scan.oif.files" / "c1.tif"
    for path in (tmp_path / "scan.oif", plane):
        path.write_text("x")
    before = look(tmp_path / "scan.oif", "scan.oif")
    assert before is not None
    os.utime(plane, (2e9, 2e9))
    after = look(tmp_path / "scan.oif", "scan.oif")
    assert after is not None
    assert not after.is_as(before.size, before.mtime_ns, before.inside)


# ---------------------------------------------------------------------------------------------------- dates
def test_images_that_changed_places_are_not_those_that_they_were(tmp_path: Path, images: Images) -> None:
    """Written within two seconds, and of one size, each was taken for the other."""
    folder, out = images("ctrl.tif", "drug.tif"), tmp_path / "out"
    for name, date in (("ctrl", 1_700_000_000_123_456_789), ("drug", 1_700_000_001_323_456_789)):
        os.utime(folder / f"{name}.tif", ns=(date, date))
    batch(folder, out)
    (folder / "ctrl.tif").rename(folder / "x")
    (folder / "drug.tif").rename(folder / "ctrl.tif")
    (folder / "x").rename(folder / "drug.tif")
    assert batch(folder, out).failed == 2
    assert {row["status"] for row in rows(out).values()} == {"done, changed since"}


@pytest.mark.parametrize(
    ("date", "same"),
    [
        (1_700_000_000_123_456_789, True),
        (1_700_000_000_123_456_788, False),
        (1_700_000_000_123_456_700, True),  # a share of Windows
        (1_700_000_000_123_456_900, False),
        (1_700_000_000_120_000_000, True),
        (1_700_000_000_140_000_000, False),
        (1_700_000_000_000_000_000, True),  # FAT
        (1_700_000_001_000_000_000, True),  # an archive
        (1_700_000_002_000_000_000, True),
        (1_700_000_003_000_000_000, False),
        (1_700_000_001_323_456_789, False),
    ],
)
def test_a_date_is_as_exact_as_it_is_kept(date: int, same: bool) -> None:
    was = Source("a.tif", 7, 1_700_000_000_123_456_789)
    assert was.is_as(7, date) is same
    assert Source("a.tif", 7, date).is_as(7, was.mtime_ns) is same


# ---------------------------------------------------------------------------------------------------- files of several
def test_a_file_that_holds_fewer_images_now_has_no_rows_as_if_it_held_all(tmp_path: Path) -> None:
    folder, out = tmp_path / "images", tmp_path / "out"
    folder.mkdir()

    def write(count: int) -> None:
        with tifffile.TiffWriter(folder / "f.ome.tif", ome=True) as tif:
            for k in range(count):
                tif.write(field(k + count), metadata={"axes": "YX"})

    write(3)
    batch(folder, out)
    write(2)
    batch(folder, out)
    assert [row["status"] for row in rows(out).values()] == ["done, changed since", "done, changed since", "done, no longer in the file"]
    write(1)
    batch(folder, out)
    table = rows(out)
    assert table.pop("f.ome.tif")["status"] == "done"
    assert {row["status"] for row in table.values()} == {"done, no longer in the file"}
