"""Listing, uploading, opening, merging."""

from __future__ import annotations

import errno
import os
import socket
import time
from pathlib import Path

import httpx
import numpy as np
import pytest

import abbe

from .conftest import Running, finished


def names(device: httpx.Client) -> list[str]:
    return [entry["name"] for entry in device.get("/api/folder").json()["entries"]]


def test_an_uploaded_image_is_in_the_list_byte_for_byte(device: httpx.Client, folder: Path) -> None:
    content = (folder / "cells.tif").read_bytes()
    path = device.put("/api/upload", params={"name": "new.tif"}, content=content).json()["path"]
    assert (folder / path).read_bytes() == content
    assert "new.tif" in names(device)


def test_an_image_that_is_a_folder_has_no_size_that_means_nothing(device: httpx.Client, folder: Path) -> None:
    """The entry of a folder has a few kilobytes, whatever is in it."""
    abbe.save(np.zeros((300, 300), np.uint16), folder / "a.ome.zarr")
    abbe.save(np.zeros((30, 30), np.uint16), folder / "b.tif")
    sizes = {entry["name"]: entry["bytes"] for entry in device.get("/api/folder").json()["entries"]}
    assert {name: sizes[name] for name in ("a.ome.zarr", "b.tif")} == {"a.ome.zarr": None, "b.tif": (folder / "b.tif").stat().st_size}


def test_an_upload_never_replaces_a_file(device: httpx.Client, folder: Path) -> None:
    content = (folder / "cells.tif").read_bytes()
    assert device.put("/api/upload", params={"name": "cells.tif"}, content=content).json()["path"] == "cells 2.tif"


def test_a_file_that_is_no_image_is_refused_and_leaves_nothing(device: httpx.Client, folder: Path) -> None:
    before = sorted(folder.iterdir())
    for content in (b"hello", b"", b"II*\0" + b"\xff" * 100, b"<svg onload=alert(1)>"):
        answer = device.put("/api/upload", params={"name": "wrong.tif"}, content=content)
        assert answer.status_code in (400, 404, 413)
        assert answer.json()["message"]
    assert sorted(folder.iterdir()) == before


def test_a_file_that_is_too_large_is_refused_while_it_comes(device: httpx.Client, folder: Path) -> None:
    before = sorted(folder.iterdir())
    assert device.put("/api/upload", params={"name": "huge.tif"}, content=b"0" * (2**20 + 1)).status_code == 413

    def endless():  # type: ignore[no-untyped-def]
        for _ in range(40):
            yield b"0" * 2**16

    assert device.put("/api/upload", params={"name": "huge.tif"}, content=endless()).status_code == 413
    assert sorted(folder.iterdir()) == before


def test_opening_an_image_twice_gives_the_same_session(device: httpx.Client, cells: str) -> None:
    assert device.post("/api/open", json={"path": "cells.tif"}).json()["id"] == cells
    assert names(device) == ["cells.abbe", "cells.tif"]


def test_a_session_of_the_second_image_of_a_file_is_not_taken_for_that_of_the_first(device: httpx.Client, folder: Path) -> None:
    import tifffile

    with tifffile.TiffWriter(folder / "two.tif") as tif:
        for side in (40, 24):
            tif.write(np.arange(side * side, dtype=np.uint16).reshape(side, side), metadata=None)
    abbe.Session.create(folder / "two.abbe", abbe.open(folder / "two.tif#1")).close()
    made = device.post("/api/open", json={"path": "two.tif"}).json()["id"]
    with abbe.Session.open(folder / "two 2.abbe", read_only=True) as session:
        assert session.image(session.original.id).shape[3:] == (40, 40)
    assert device.post("/api/open", json={"path": "two.tif#1"}).status_code == 404
    assert device.post("/api/open", json={"path": "two.tif"}).json()["id"] == made


def test_another_image_of_the_same_name_gets_its_own_session(device: httpx.Client, cells: str, folder: Path) -> None:
    (folder / "cells.tif").unlink()
    abbe.save(np.zeros((20, 20), np.uint8), folder / "cells.tif")
    assert device.post("/api/open", json={"path": "cells.tif"}).json()["id"] != cells


def test_merging_puts_files_together_as_channels(device: httpx.Client, folder: Path) -> None:
    for k, name in enumerate(("red", "green")):
        abbe.save(np.full((30, 30), 100 * (k + 1), np.uint8), folder / f"{name}.tif")
    parts = [{"path": "red.tif", "name": "R", "color": "#ff0000"}, {"path": "green.tif", "name": "G", "color": "#00ff00"}]
    assert device.post("/api/merge/preview", json={"parts": parts}).content[:4] == b"\x89PNG"
    made = device.post("/api/merge", json={"parts": parts, "name": "both"}).json()["id"]
    version = device.get(f"/api/sessions/{made}").json()["versions"][0]
    assert version["channels"] == ["R", "G"]
    assert [c.lower() for c in version["colors"]] == ["#ff0000", "#00ff00"]


def test_files_that_do_not_fit_together_are_refused_with_the_reason(device: httpx.Client, folder: Path) -> None:
    abbe.save(np.zeros((30, 30), np.uint8), folder / "small.tif")
    abbe.save(np.zeros((31, 30), np.uint8), folder / "large.tif")
    answer = device.post("/api/merge", json={"parts": [{"path": "small.tif"}, {"path": "large.tif"}]})
    assert answer.status_code == 400
    assert "rows" in answer.json()["message"]


def test_files_whose_channels_have_no_names_are_merged_by_their_own(device: httpx.Client, folder: Path) -> None:
    for name in ("a", "b"):
        abbe.save(np.zeros((30, 30), np.uint8), folder / f"{name}.tif")
    parts = [{"path": "a.tif"}, {"path": "b.tif", "name": "actin"}]
    made = device.post("/api/merge", json={"parts": parts}).json()["id"]
    assert device.get(f"/api/sessions/{made}").json()["versions"][0]["channels"] == ["a", "actin"]
    twice = device.post("/api/merge", json={"parts": [{**part, "name": "x"} for part in parts]})
    assert (twice.status_code, "a different name" in twice.json()["message"]) == (400, True)


def test_a_sample_opens_without_any_file(device: httpx.Client) -> None:
    made = device.post("/api/samples", json={"name": "cell"}).json()["id"]
    assert len(device.get(f"/api/sessions/{made}").json()["versions"][0]["channels"]) == 3


def test_an_upload_whose_sender_goes_leaves_nothing(
    server: Running, device: httpx.Client, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = {path.name for path in folder.iterdir()}
    cookie = "; ".join(f"{name}={value}" for name, value in device.cookies.items())
    head = f"PUT /api/upload?name=half.tif HTTP/1.1\r\nHost: {server.origin[7:]}\r\nOrigin: {server.origin}\r\nCookie: {cookie}\r\n"
    with socket.create_connection(("127.0.0.1", int(server.origin.rpartition(":")[2]))) as line:
        line.sendall(f"{head}Content-Length: 4000\r\n\r\n".encode() + b"x" * 2000)
        until = time.monotonic() + 20
        while {path.name for path in folder.iterdir()} == before and time.monotonic() < until:
            time.sleep(0.02)
        assert {path.name for path in folder.iterdir()} != before
    while {path.name for path in folder.iterdir()} != before and time.monotonic() < until:
        time.sleep(0.02)
    assert {path.name for path in folder.iterdir()} == before
    time.sleep(0.2)  # what goes wrong is written after the file is gone
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_full_disk_is_no_thing_that_is_not_there(device: httpx.Client, cells: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device.post(f"/api/sessions/{cells}/rois", json={"shape": {"type": "rectangle", "y": 1, "x": 1, "height": 2, "width": 2}})
    before = device.get(f"/api/sessions/{cells}").json()

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        for answer in (
            device.put("/api/upload", params={"name": "new.tif"}, content=(folder / "cells.tif").read_bytes()),
            device.put(f"/api/sessions/{cells}/comment", json={"text": "lost?"}),
            device.post(f"/api/sessions/{cells}/undo"),
        ):
            assert answer.status_code == 507, answer.text
            assert "free some" in answer.json()["message"]
        numbers = device.get(f"/api/sessions/{cells}/comparison", params={"version": "v1", "reference": "v1"})
        assert numbers.status_code == 200  # which cannot be kept, and are there all the same
        asked = device.post(f"/api/sessions/{cells}/jobs", json={"kind": "enhance", "steps": ["denoise"]}).json()
        said = finished(device, asked["id"])["message"]
        assert "free some" in said
        assert str(folder) not in said
    assert device.get(f"/api/sessions/{cells}").json() == before
    assert names(device) == ["cells.abbe", "cells.tif"]
