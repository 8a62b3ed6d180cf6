"""A session may be deleted, and another take its path and its numbers: nobody is shown pixels of the one before."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx
import numpy as np

import abbe

from .conftest import Running
from .test_events import listening, next_of


def test_a_session_in_the_place_of_another_is_seen_as_itself(server: Running, device: httpx.Client, cells: str, folder: Path) -> None:
    place = f"/api/sessions/{cells}"
    before = device.get(place).json()["versions"][0]
    tile = {"level": 0, "x": 0, "y": 0}
    maps = {"version": "v1", "reference": "v1"}
    revealed = {"version": "v1", "first": 0, "second": 1, "low": 8, "high": 8}

    def seen() -> list[bytes]:
        return [
            device.get(f"{place}/versions/v1/tile", params=tile).content,
            device.get(f"{place}/versions/v1/statistics").content,
            device.get(f"{place}/revealed", params=tile | revealed).content,
            device.get(f"{place}/maps/error", params=maps).content,
            device.get(f"{place}/versions/v1/pixel", params={"x": 3, "y": 3}).content,
        ]

    old = seen()
    shutil.rmtree(folder / "cells.abbe")  # in the file manager, say
    abbe.save(abbe.Image.from_array(np.full((2, 30, 50), 9, np.uint16), axes="CYX"), folder / "cells.tif", overwrite=True)
    with listening(server, device, cells) as said:
        assert device.post("/api/open", json={"path": "cells.tif"}).json()["id"] == cells
        assert next_of(said, "session")["session"] == cells  # whoever still has it open reads it again
    now = seen()
    assert all(was != new for was, new in zip(old, now))
    assert now[0] == np.full((30, 50), 9, "<u2").tobytes()
    after = device.get(place).json()["versions"][0]
    assert (before["id"], before["stamp"] != after["stamp"]) == (after["id"], True)


def test_a_browser_keeps_pixels_only_from_an_address_that_no_other_session_can_have(device: httpx.Client, cells: str) -> None:
    place = f"/api/sessions/{cells}"
    stamp = device.get(place).json()["versions"][0]["stamp"]
    tile = {"level": 0, "x": 0, "y": 0}
    for path, asked in (
        ("/versions/v1/tile", tile),
        ("/versions/v1/thumbnail", {}),
        ("/maps/difference/tile", tile | {"version": "v1", "reference": "v1"}),
        ("/revealed", tile | {"version": "v1", "first": 0, "second": 1, "low": 8, "high": 8}),
    ):
        assert "immutable" in device.get(place + path, params=asked | {"stamp": stamp}).headers["cache-control"]
        assert device.get(place + path, params=asked).headers["cache-control"] == "no-store"
