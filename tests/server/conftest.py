"""A server as users run it, on a port of its own, and one known device that talks to it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn

import abbe
from abbe.server import ServerLimits, Settings, create_app
from abbe.server.keys import Keys
from abbe.server.launch import listen


class Running:
    """A server in a thread of this process."""

    def __init__(self, settings: Settings) -> None:
        self._socket = listen(settings)
        port = self._socket.getsockname()[1]
        self.origin = f"http://127.0.0.1:{port}"
        self.app = create_app(settings)
        self._server = uvicorn.Server(uvicorn.Config(self.app, log_config=None, access_log=False, timeout_graceful_shutdown=1))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})
        self._thread.start()

    @property
    def keys(self) -> Keys:
        keys: Keys = self.app.state.service.keys
        return keys

    def client(self, **more: object) -> httpx.Client:
        return httpx.Client(base_url=self.origin, headers={"Origin": self.origin}, timeout=120, **more)  # type: ignore[arg-type]

    def stop(self) -> None:
        self.app.state.service.hub.close()
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()


@contextlib.contextmanager
def running(settings: Settings) -> Iterator[Running]:
    server = Running(settings)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to serve, with one two-channel image of 40 x 50 pixels; secrets beside and in it."""
    place = tmp_path / "images"
    place.mkdir()
    rng = np.random.default_rng(0)
    blobs = rng.poisson(40, (2, 40, 50)).astype(np.uint16)
    blobs[:, 10:20, 10:30] += 500
    image = abbe.Image.from_array(blobs, axes="CYX", pixel_size=(None, 0.1, 0.1), channels=["actin", "tubulin"])
    abbe.save(image, place / "cells.tif")
    (tmp_path / "secret.txt").write_text("SECRET")
    (place / ".hidden.txt").write_text("SECRET")
    return place


@pytest.fixture
def settings(folder: Path, tmp_path: Path) -> Settings:
    return Settings(folder=folder, port=0, state=tmp_path / "state", limits=ServerLimits(upload=2**20, jobs=3, streams=4))


@pytest.fixture
def server(settings: Settings) -> Iterator[Running]:
    with running(settings) as found:
        yield found


@pytest.fixture
def stranger(server: Running) -> Iterator[httpx.Client]:
    """A browser that was never let in."""
    with server.client() as client:
        yield client


@pytest.fixture
def device(server: Running, stranger: httpx.Client) -> httpx.Client:
    """A browser that came in with a link."""
    assert stranger.post("/api/enter", json={"token": server.keys.invite()}).status_code == 200
    return stranger


@pytest.fixture
def cells(device: httpx.Client) -> str:
    """The id of the session of `cells.tif`."""
    answer = device.post("/api/open", json={"path": "cells.tif"})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def finished(device: httpx.Client, job: str, seconds: float = 300) -> dict[str, Any]:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = next(one for one in device.get("/api/jobs").json() if one["id"] == job)
        if found["state"] not in ("waiting", "running"):
            return dict(found)
        time.sleep(0.05)
    raise AssertionError("the job did not end")


def tabled(device: httpx.Client, session: str, **wanted: object) -> list[dict[str, Any]]:
    """The rows of a table over every pair and region."""
    asked = device.post(f"/api/sessions/{session}/jobs", json={"kind": "table", **wanted})
    assert asked.status_code == 200, asked.text
    job = finished(device, asked.json()["id"])
    assert job["state"] == "done", job["message"]
    return list(device.get(f"/api/sessions/{session}/tables/{job['result']['table']}").json()["rows"])
