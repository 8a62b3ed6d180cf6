"""Two devices that open one image at the same moment work on one session, and different images get one each."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest

import abbe
from abbe.session import Session

from .conftest import Running


def test_an_image_that_two_open_at_once_has_one_session(server: Running, device: httpx.Client, folder: Path) -> None:
    names = [f"cells {k}" for k in range(3)]
    for name in names:
        pixels = np.random.default_rng(len(name)).integers(0, 4000, (2, 600, 600)).astype(np.uint16)
        abbe.save(abbe.Image.from_array(pixels, axes="CYX"), folder / f"{name}.tif")
        with ThreadPoolExecutor(4) as devices:
            answers = list(devices.map(lambda _, name=name: device.post("/api/open", json={"path": f"{name}.tif"}), range(4)))  # type: ignore[misc]
        assert [answer.status_code for answer in answers] == [200] * 4, [answer.text for answer in answers]
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert [path.name for path in folder.glob(f"{name}*.abbe")] == [f"{name}.abbe"]


def test_images_of_one_name_that_are_opened_at_once_have_a_session_each(server: Running, device: httpx.Client, folder: Path) -> None:
    image = abbe.Image.from_array(np.random.default_rng(1).integers(0, 200, (1, 600, 600)).astype(np.uint8), axes="CYX")
    files = [f"field.{suffix}" for suffix in ("tif", "ome.tif", "png", "jpg")]
    for file in files:
        abbe.save(image, folder / file)
    with ThreadPoolExecutor(4) as devices:
        answers = list(devices.map(lambda file: device.post("/api/open", json={"path": file}), files))
    assert [answer.status_code for answer in answers] == [200] * 4, [answer.text for answer in answers]
    assert len({answer.json()["id"] for answer in answers}) == 4
    assert [device.post("/api/open", json={"path": file}).json()["id"] for file in files] == [answer.json()["id"] for answer in answers]
    assert len(server.app.state.service.folders.opening) == 0


def test_a_session_that_takes_long_to_open_keeps_nobody_waiting_but_its_own(
    device: httpx.Client, cells: str, folder: Path, server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a network share a session of thousands of files takes seconds."""
    (folder / "more.tif").write_bytes((folder / "cells.tif").read_bytes()[:-1] + b"1")
    slow = device.post("/api/open", json={"path": "more.tif"}).json()["id"]
    device.get(f"/api/sessions/{cells}")
    begun, go, opened, times = threading.Event(), threading.Event(), Session.open, []

    def slowly(path: Path, read_only: bool = False) -> Session:
        times.append(path)
        begun.set()
        assert go.wait(60)
        return opened(path, read_only)

    monkeypatch.setattr(Session, "open", slowly)
    with ThreadPoolExecutor(2) as others:
        waiting = [others.submit(device.get, f"/api/sessions/{slow}") for _ in range(2)]
        assert begun.wait(60)
        try:
            assert device.get(f"/api/sessions/{cells}", timeout=10).status_code == 200
        finally:
            go.set()
        assert [answer.result().status_code for answer in waiting] == [200, 200]
    assert len(times) == 1


def test_a_session_that_is_deleted_while_it_is_opened_leaves_nothing_behind(
    device: httpx.Client, cells: str, server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is made anew under its name would show what the pages had looked at before."""
    cabinet = server.app.state.service.cabinet
    cabinet.forget(cells)
    begun, opened = threading.Event(), Session.open

    def slowly(path: Path, read_only: bool = False) -> Session:
        found = opened(path, read_only)
        begun.set()
        time.sleep(0.5)
        return found

    monkeypatch.setattr(Session, "open", slowly)
    with ThreadPoolExecutor(2) as others:
        looking = others.submit(cabinet.get, cells)
        assert begun.wait(60)
        assert device.delete(f"/api/sessions/{cells}").status_code == 200
        looking.exception()
    monkeypatch.undo()
    assert cabinet._known(cells) is None
    assert device.get(f"/api/sessions/{cells}").status_code == 404
    assert device.post("/api/open", json={"path": "cells.tif"}).json()["id"] == cells
    assert len(device.get(f"/api/sessions/{cells}").json()["versions"]) == 1
