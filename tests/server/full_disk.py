"""A server whose disk for temporary files is full: run with TMPDIR on a small file system; prints what its pages are told."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import httpx
import numpy as np
from tests.server.conftest import finished, running

import abbe
from abbe.server import Settings

#: bytes of a file that does not fit, and of the room that is left for it
LARGE, SOME = 3 * 2**20, 2**20


def fill(name: str, leave: int) -> Path:
    """Leave so many bytes on the disk for temporary files."""
    place = Path(tempfile.gettempdir(), name)
    with place.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(2**12))
        except OSError:
            file.truncate(max(0, file.tell() - leave))
    return place


def told(answer: httpx.Response) -> list[object]:
    return [answer.status_code, answer.json()["message"]]


def export(device: httpx.Client, session: str, **more: object) -> list[object]:
    wanted = {"kind": "export", "parts": ["image", "original"], **more}
    job = finished(device, device.post(f"/api/sessions/{session}/jobs", json=wanted).json()["id"])
    return [job["state"], job["message"]]


def main(folder: Path) -> None:
    (folder / "images").mkdir()
    noise = np.random.default_rng(0).integers(0, 2**16, (2, 512, 512), np.uint16)  # 1 MB, which packing makes no smaller
    abbe.save(abbe.Image.from_array(noise, axes="CYX", pixel_size=0.1), folder / "images" / "cells.tif")
    settings = Settings(folder=folder / "images", port=0, state=folder / "state")
    said: dict[str, object] = {}
    with running(settings) as server, server.client() as device:
        device.post("/api/enter", json={"token": server.keys.invite()})
        session = device.post("/api/open", json={"path": "cells.tif"}).json()["id"]
        large = {"params": {"name": "large.tif"}, "content": bytes(LARGE)}
        for name, leave in (("packing", 3 * noise.nbytes), ("writing", noise.nbytes // 2)):
            filled = fill("filled", leave)
            said[name] = export(device, session)
            filled.unlink()
        filled = fill("filled", SOME)
        said["regions"] = told(device.put(f"/api/sessions/{session}/regions", **large))
        said["beads"] = told(device.put(f"/api/sessions/{session}/beads", **large))
        upload = {"params": {"name": "new.tif"}, "content": (folder / "images" / "cells.tif").read_bytes()}
        said["upload"] = told(device.put("/api/upload", **upload))
        filled.unlink()
        said["left"] = [path.name for path in Path(tempfile.gettempdir()).glob("abbe-server-*/*")]
        said["room again"] = export(device, session)
    print(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
