"""Of a file of several images a user chooses which to open."""

from __future__ import annotations

import io
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

import abbe
from abbe.formats import listing
from abbe.server import Settings
from abbe.server.folders import Folders
from abbe.session import Session

from .conftest import running

SHAPES = ((2, 40, 50), (3, 30, 20))


@pytest.fixture
def two(folder: Path) -> list[np.ndarray]:
    """The pixels of both images in `two.ome.tif`, an OME-TIFF."""
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 4000, shape, dtype=np.uint16) for shape in SHAPES]
    with tifffile.TiffWriter(folder / "two.ome.tif", ome=True) as tif:
        for k, pixels in enumerate(images):
            tif.write(pixels, metadata={"axes": "CYX", "Name": f"field/{k}"})
    return images


def shape(device: httpx.Client, session: str) -> list[int]:
    return list(device.get(f"/api/sessions/{session}").json()["versions"][0]["shape"])


def test_the_images_of_a_file_are_listed_with_their_sizes(device: httpx.Client, two: list[np.ndarray]) -> None:
    found = device.get("/api/images", params={"path": "two.ome.tif"}).json()
    assert [one["name"] for one in found] == ["field/0", "field/1"]
    assert [one["shape"] for one in found] == [[1, c, 1, y, x] for c, y, x in SHAPES]
    assert [one["bytes"] for one in found] == [pixels.nbytes for pixels in two]
    assert [one["session"] for one in found] == [None, None]
    assert device.get("/api/images", params={"path": "cells.tif"}).json() == []
    assert device.get("/api/images", params={"path": "../secret.txt"}).status_code == 404


def test_each_is_opened_as_itself_once_and_named_as_in_the_file(device: httpx.Client, folder: Path, two: list[np.ndarray]) -> None:
    made = [device.post("/api/open", json={"path": "two.ome.tif", "image": k}).json()["id"] for k in (1, 0)]
    assert [shape(device, session) for session in made] == [[1, c, 1, y, x] for c, y, x in reversed(SHAPES)]
    assert sorted(p.name for p in folder.glob("two*.abbe")) == ["two 0.abbe", "two 1.abbe"]
    for k, name in enumerate(("two 0", "two 1")):
        with abbe.Session.open(folder / f"{name}.abbe", read_only=True) as session:
            original = session.image(session.original.id)
            assert np.array_equal(np.asarray(original)[0, :, 0], two[k])
            assert not [notice for notice in original.warnings if notice.code == "dropped"]  # whoever chose knows
    again = [device.post("/api/open", json={"path": "two.ome.tif", "image": k}).json()["id"] for k in (1, 0)]
    assert again == made
    assert device.post("/api/open", json={"path": "two.ome.tif"}).json()["id"] == made[1]  # the first, for those who choose none
    listed = device.get("/api/images", params={"path": "two.ome.tif"}).json()
    assert [one["session"] for one in listed] == made[::-1]


def test_an_image_that_was_taken_without_a_choice_is_known_as_the_first(device: httpx.Client, two: list[np.ndarray]) -> None:
    made = device.post("/api/open", json={"path": "two.ome.tif"}).json()["id"]
    assert device.post("/api/open", json={"path": "two.ome.tif", "image": 0}).json()["id"] == made
    assert device.post("/api/open", json={"path": "two.ome.tif", "image": 1}).json()["id"] != made


def test_a_session_says_which_file_of_several_it_is_one_of(device: httpx.Client, folder: Path, cells: str, two: list[np.ndarray]) -> None:
    of = [device.post("/api/open", json={"path": "two.ome.tif", "image": k}).json()["id"] for k in (None, 1)]
    told = [device.get(f"/api/sessions/{session}").json()["one_of"] for session in (*of, cells)]
    assert told == [{"name": "two.ome.tif", "number": 0}, {"name": "two.ome.tif", "number": 1}, None]
    (folder / "two.ome.tif").unlink()
    assert device.get(f"/api/sessions/{of[1]}").json()["one_of"] is None


def test_each_has_a_picture_of_its_own(device: httpx.Client, two: list[np.ndarray]) -> None:
    sizes = []
    for k in range(2):
        answer = device.get("/api/thumbnail", params={"path": "two.ome.tif", "image": k})
        sizes.append(Pillow.open(io.BytesIO(answer.content)).size)
    assert sizes == [(50, 40), (20, 30)]


def test_a_number_that_no_image_has_is_refused(device: httpx.Client, folder: Path, two: list[np.ndarray]) -> None:
    before = sorted(folder.iterdir())
    answer = device.post("/api/open", json={"path": "two.ome.tif", "image": 2})
    assert answer.status_code == 400
    assert "two.ome.tif#0 to #1" in answer.json()["message"]
    assert sorted(folder.iterdir()) == before


def test_a_file_with_the_name_of_a_number_is_not_taken_for_the_image(device: httpx.Client, folder: Path, two: list[np.ndarray]) -> None:
    abbe.save(np.zeros((20, 20), np.uint8), folder / "other.tif")
    (folder / "other.tif").rename(folder / "two.ome.tif#1")
    answer = device.post("/api/open", json={"path": "two.ome.tif", "image": 1})
    assert answer.status_code == 404
    assert "rename that file" in answer.json()["message"]


def test_a_microscopes_file_of_several_positions(device: httpx.Client, folder: Path, shared_data: Path) -> None:
    pytest.importorskip("liffile")
    (folder / "scan.lif").write_bytes((shared_data / "formats" / "Multiposition.lif").read_bytes())
    found = device.get("/api/images", params={"path": "scan.lif"}).json()
    assert [(one["name"], one["shape"]) for one in found] == [(f"Pos00{k}_S001", [1, 3, 1, 512, 512]) for k in (1, 2, 3)]
    made = device.post("/api/open", json={"path": "scan.lif", "image": 2}).json()["id"]
    assert device.get(f"/api/sessions/{made}").json()["name"] == "scan Pos003_S001"


def test_what_cannot_be_opened_says_why_and_takes_nothing_from_the_others(tmp_path: Path, two: list[np.ndarray], folder: Path) -> None:
    named = listing.listed(folder / "two.ome.tif", None, ("field 0", "field 1, 3 x 30 x 20", "field 2"))
    assert [one.shape is None for one in named] == [False, False, True]
    assert "got two.ome.tif#2" in named[2].problem
    assert named[1].name == "field 1"


def test_a_file_whose_first_image_cannot_be_read_is_taken_for_the_others(device: httpx.Client, folder: Path, two: list[np.ndarray]) -> None:
    data = bytearray((folder / "two.ome.tif").read_bytes())
    with tifffile.TiffFile(folder / "two.ome.tif") as tif:
        data[tif.pages.first.tags["Compression"].valueoffset] = 99  # of the first plane of the first image: there is no such method
    answer = device.put("/api/upload", params={"name": "broken.ome.tif"}, content=bytes(data))
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"path": "broken.ome.tif", "several": True}
    refused = device.post("/api/open", json={"path": "broken.ome.tif", "image": 0})
    assert refused.status_code == 400
    assert "damaged" in refused.json()["message"]
    assert not list(folder.glob("*.abbe"))
    made = device.post("/api/open", json={"path": "broken.ome.tif", "image": 1}).json()["id"]
    assert shape(device, made) == [1, 3, 1, 30, 20]


def test_an_upload_says_whether_there_is_something_to_choose(device: httpx.Client, folder: Path, two: list[np.ndarray]) -> None:
    for name, several in (("two.ome.tif", True), ("cells.tif", False)):
        answer = device.put("/api/upload", params={"name": f"new {name}"}, content=(folder / name).read_bytes())
        assert answer.json() == {"path": f"new {name}", "several": several}


def test_a_zarr_folder_gives_its_session_again_until_it_changes(device: httpx.Client, folder: Path) -> None:
    abbe.save(np.arange(400, dtype=np.uint16).reshape(20, 20), folder / "cells.zarr")
    made = device.post("/api/open", json={"path": "cells.zarr"}).json()["id"]
    assert device.post("/api/open", json={"path": "cells.zarr"}).json()["id"] == made
    (folder / "cells.zarr" / "notes.txt").write_text("changed")
    assert device.post("/api/open", json={"path": "cells.zarr"}).json()["id"] != made


def test_a_zarr_folder_that_somebody_looked_into_is_the_same(device: httpx.Client, folder: Path) -> None:
    """Finder and Explorer keep notes in the folders they show."""
    abbe.save(np.arange(400, dtype=np.uint16).reshape(20, 20), folder / "cells.zarr")
    made = device.post("/api/open", json={"path": "cells.zarr"}).json()["id"]
    later = datetime.now(UTC) + timedelta(seconds=1)
    for inner in (folder / "cells.zarr", folder / "cells.zarr" / "0"):
        assert inner.is_dir()
        for name in (".DS_Store", "._zarr.json", "Thumbs.db"):
            (inner / name).write_text("notes of a file manager")
            os.utime(inner / name, (later.timestamp() + 9, later.timestamp() + 9))
    assert device.post("/api/open", json={"path": "cells.zarr"}).json()["id"] == made
    assert Folders(folder, 100).unchanged("cells.zarr", None, later)  # of a session that keeps no state, by the date


def test_a_chunk_that_is_written_again_makes_a_zarr_folder_another(device: httpx.Client, folder: Path) -> None:
    pixels = np.arange(400, dtype=np.uint16).reshape(20, 20)
    abbe.save(pixels, folder / "cells.zarr")
    first = device.post("/api/open", json={"path": "cells.zarr"}).json()["id"]
    abbe.save(pixels[::-1], folder / "other.zarr")
    (chunk,) = (p for p in (folder / "cells.zarr").rglob("*") if p.is_file() and "zarr" not in p.name)
    chunk.write_bytes((folder / "other.zarr" / chunk.relative_to(folder / "cells.zarr")).read_bytes())
    again = device.post("/api/open", json={"path": "cells.zarr"}).json()["id"]
    assert again != first
    with Session.open(folder / "cells 2.abbe", read_only=True) as session:  # and not what was decoded before
        np.testing.assert_array_equal(np.squeeze(np.asarray(session.image(session.original.id))), pixels[::-1])


def test_a_zarr_folder_gives_its_session_again_after_a_new_start(settings: Settings, folder: Path) -> None:
    """Also one that was written in the second in which it was opened, or that was copied to a disk of whole seconds since."""
    place = folder / "cells.zarr"
    made = []
    for _ in range(3):
        with running(settings) as server, server.client() as device:
            device.post("/api/enter", json={"token": server.keys.invite()})
            if not place.exists():
                abbe.save(np.arange(400, dtype=np.uint16).reshape(20, 20), place)
            made.append(device.post("/api/open", json={"path": "cells.zarr"}).json()["id"])
        for path in [path for path in place.rglob("*") if path.is_file()]:
            whole = path.stat().st_mtime_ns // 10**9 * 10**9
            os.utime(path, ns=(whole, whole))
    assert len(set(made)) == 1
    chunk = max((path for path in place.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    chunk.write_bytes(chunk.read_bytes())  # the same number of bytes, later
    with running(settings) as server, server.client() as device:
        device.post("/api/enter", json={"token": server.keys.invite()})
        assert device.post("/api/open", json={"path": "cells.zarr"}).json()["id"] not in made


@pytest.mark.parametrize(("age", "same"), [(5, True), (-5, False)])
def test_of_a_session_that_keeps_no_state_the_date_tells_it(folder: Path, age: int, same: bool) -> None:
    abbe.save(np.arange(400, dtype=np.uint16).reshape(20, 20), folder / "cells.zarr")
    then = time.time() - age
    for path in (folder / "cells.zarr", *(folder / "cells.zarr").rglob("*")):
        os.utime(path, (then, then))
    assert Folders(folder, 100).unchanged("cells.zarr", None, datetime.now(UTC)) is same


def test_copies_of_a_file_have_sessions_of_their_own(device: httpx.Client, folder: Path, two: list[np.ndarray]) -> None:
    (folder / "two 2.ome.tif").write_bytes((folder / "two.ome.tif").read_bytes())
    made = device.post("/api/open", json={"path": "two 2.ome.tif", "image": 1}).json()["id"]
    assert [one["session"] for one in device.get("/api/images", params={"path": "two.ome.tif"}).json()] == [None, None]
    assert [one["session"] for one in device.get("/api/images", params={"path": "two 2.ome.tif"}).json()] == [None, made]


def test_of_thousands_of_images_the_names_come_in_time(folder: Path, two: list[np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "SECONDS", 0.2)
    began = time.monotonic()
    found = listing.listed(folder / "two.ome.tif", None, ("field 0",) * 5000)
    assert time.monotonic() - began < 5
    assert len(found) == 5000
    assert found[0].shape is not None
    assert found[-1].shape is None
    assert found[-1].problem == ""


def test_channels_are_merged_from_the_images_that_were_chosen(device: httpx.Client, folder: Path, two: list[np.ndarray]) -> None:
    abbe.save(np.full((30, 20), 7, np.uint16), folder / "seven.tif")
    parts = [{"path": "two.ome.tif", "image": 1, "channel": 2, "name": "third"}, {"path": "seven.tif"}]
    described = device.get("/api/describe", params={"path": "two.ome.tif", "image": 1}).json()
    assert (described["shape"], described["only"]) == ([1, 3, 1, 30, 20], None)
    assert device.get("/api/describe", params={"path": "seven.tif"}).json()["only"] == 0
    picture = device.post("/api/merge/preview", json={"parts": parts}).content
    assert Pillow.open(io.BytesIO(picture)).size == (20, 30)
    made = device.post("/api/merge", json={"parts": parts, "name": "both"}).json()["id"]
    assert device.get(f"/api/sessions/{made}").json()["one_of"] is None
    with Session.open(folder / "both.abbe", read_only=True) as session:
        merged = session.image(session.original.id)
        np.testing.assert_array_equal(np.asarray(merged)[0, 0, 0], two[1][2])
        assert merged.provenance.names == "two.ome.tif#1, seven.tif"
        assert not [notice for notice in merged.notices if notice.code == "dropped"]
    missing = device.post("/api/merge/preview", json={"parts": [{**parts[0], "image": 2}, parts[1]]})
    assert (missing.status_code, "two.ome.tif#0 to #1" in missing.json()["message"]) == (400, True)


def test_a_channel_that_the_file_does_not_have_is_not_replaced_by_another(device: httpx.Client, folder: Path) -> None:
    for name in "ab":
        abbe.save(np.full((30, 20), 7, np.uint16), folder / f"{name}.tif")
    answer = device.post("/api/merge", json={"parts": [{"path": "a.tif", "channel": 1}, {"path": "b.tif"}]})
    assert answer.status_code == 400
    assert "wanted a channel of this image" in answer.json()["message"]


def test_of_a_colour_picture_the_only_channel_that_is_not_black_is_proposed(device: httpx.Client, folder: Path) -> None:
    green = np.zeros((30, 20, 3), np.uint8)
    green[..., 1] = np.arange(20)
    Pillow.fromarray(green).save(folder / "green.png")
    assert device.get("/api/describe", params={"path": "green.png"}).json()["only"] == 1
    green[..., 0] = 1
    Pillow.fromarray(green).save(folder / "yellow.png")
    assert device.get("/api/describe", params={"path": "yellow.png"}).json()["only"] is None
