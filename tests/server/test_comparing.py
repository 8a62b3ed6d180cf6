"""What is computed for looking at: maps, revealed pixels, pictures of files; and the page itself."""

from __future__ import annotations

import gzip
import re
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest

import abbe
from abbe.restoration.room import free_memory, memory
from abbe.server import Settings, colocalizing, maps
from abbe.server.cabinet import id_of
from abbe.server.derived import Picture
from abbe.server.routes.page import BUILT

from .conftest import finished, running


@pytest.fixture
def brighter(device: httpx.Client, cells: str, folder: Path) -> str:
    """The session of `cells.tif` with a second version, five counts brighter in its first channel."""
    with abbe.Session.open(folder / "cells.abbe") as session:
        image = session.image()
        pixels = np.asarray(image).astype(np.float32)
        pixels[:, 0] += 5
        brighter = abbe.Image.from_array(pixels, axes="TCZYX", pixel_size=image.pixel_size, channels=image.channels)
        session.add_version(brighter, operation="import", parent="v1")
    return cells


def test_the_difference_is_the_result_less_the_original(device: httpx.Client, brighter: str) -> None:
    where = {"version": "v2", "reference": "v1"}
    found = device.get(f"/api/sessions/{brighter}/maps/difference", params=where).json()
    assert (found["height"], found["width"], found["channels"]) == (40, 50, 2)
    for c, more in ((0, 5.0), (1, 0.0)):
        tile = device.get(f"/api/sessions/{brighter}/maps/difference/tile", params={**where, "level": 0, "x": 0, "y": 0, "c": c})
        np.testing.assert_allclose(np.frombuffer(tile.content, "<f4"), more)


def test_the_error_map_has_the_grid_of_the_original(device: httpx.Client, brighter: str) -> None:
    where = {"version": "v2", "reference": "v1"}
    found = device.get(f"/api/sessions/{brighter}/maps/error", params=where).json()
    tile = device.get(f"/api/sessions/{brighter}/maps/error/tile", params={**where, "level": 0, "x": 0, "y": 0})
    assert len(tile.content) == 4 * found["width"] * found["height"] == 4 * 40 * 50
    assert found["low"] == 0 < found["high"]


def test_a_map_that_does_not_fit_into_memory_is_refused_before_it_is_made(
    settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of planes of 60,000 x 60,000 pixels the system had ended the server, with the work of everybody."""

    def never(*arguments: object) -> Picture:
        raise AssertionError("computed all the same")

    with running(replace(settings, limits=replace(settings.limits, picture=10_000))) as server, server.client() as device:
        device.post("/api/enter", json={"token": server.keys.invite()})
        session = device.post("/api/open", json={"path": "cells.tif"}).json()["id"]
        place, both = f"/api/sessions/{session}", {"version": "v1", "reference": "v1"}
        revealing = {"version": "v1", "first": 0, "second": 1, "low": 5, "high": 5, "level": 0, "x": 0, "y": 0}
        assert device.get(f"{place}/revealed", params=revealing | {"roi": "r9"}).status_code != 413
        with monkeypatch.context() as patched:
            patched.setattr("abbe.server.maps.MAPS", {"difference": never, "error": never})
            patched.setattr("abbe.server.colocalizing.revealed", never)
            for where, asked in (("maps/difference", both), ("maps/error", both), ("revealed", revealing)):
                answer = device.get(f"{place}/{where}", params=asked)
                assert (answer.status_code, answer.json()["error"]) == (413, "limit"), answer.text
                assert re.search(r"wanted [\d.]+ KB of memory for .*, got 10 KB .*close other", answer.json()["message"])


def test_making_a_map_takes_no_more_memory_than_it_is_said_to(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    coarse = rng.poisson(100, (2, 700, 600)).astype(np.uint16)
    with abbe.Session.create(tmp_path / "a.abbe", abbe.Image.from_array(coarse, axes="CYX", pixel_size=0.1)) as session:
        same = session.add_version(abbe.Image.from_array(coarse + np.float32(0.5), axes="CYX", pixel_size=0.1))
        fine = np.kron(coarse, np.ones((1, 3, 3), np.float32))
        finer = session.add_version(abbe.Image.from_array(fine, axes="CYX", pixel_size=0.1 / 3), parent="v1")

        def taken(make: Callable[..., object], *arguments: object) -> int:
            tracemalloc.start()
            try:
                make(session, *arguments)
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

        for version in (same.id, finer.id):
            for kind, make in maps.MAPS.items():
                needed = maps.memory(session, kind, version, "v1")
                assert 0.5 * needed < taken(make, version, "v1", 0, 0) < 1.2 * needed, (kind, version)
            needed = colocalizing.memory(session, version)
            assert 0.5 * needed < taken(colocalizing.revealed, version, (0, 1), (90, 90), 0, 0) < 1.2 * needed, version


@pytest.mark.skipif(not Path("/proc/meminfo").exists(), reason="only Linux tells")
def test_free_memory_is_no_more_than_there_is(tmp_path: Path) -> None:
    there = memory()
    assert there is not None
    assert 0 < (free_memory() or 0) <= there
    (tmp_path / "meminfo").write_text("MemTotal: 64 kB\nMemAvailable: 8 kB\n")
    assert free_memory(tmp_path / "meminfo") == 8192
    (tmp_path / "meminfo").write_text("MemTotal: 64 kB\n")
    assert free_memory(tmp_path / "meminfo") == there // 2


def test_a_large_map_has_smaller_copies_and_tiles_up_to_its_edge() -> None:
    pixels = np.arange(2 * 601 * 1030, dtype=np.float32).reshape(2, 601, 1030)
    picture = Picture.of(pixels)
    assert [level.shape for level in picture.levels] == [(2, 601, 1030), (2, 301, 515), (2, 151, 258), (2, 76, 129)]
    np.testing.assert_allclose(picture.levels[1][1, 7, 9], pixels[1, 14:16, 18:20].mean())
    np.testing.assert_array_equal(picture.tile(0, 1, 1, 2), pixels[1, 512:, 1024:])
    with pytest.raises(abbe.AbbeError):
        picture.tile(0, 1, 2, 0)


def test_revealed_pixels_are_those_over_both_thresholds(device: httpx.Client, cells: str, folder: Path) -> None:
    first, second = (abbe.open(folder / "cells.tif").plane(0, c, 0) for c in (0, 1))
    where = {"version": "v1", "first": 0, "second": 1, "low": 200, "high": 300, "level": 0, "x": 0, "y": 0}
    mask = np.frombuffer(device.get(f"/api/sessions/{cells}/revealed", params=where).content, np.uint8).reshape(40, 50)
    np.testing.assert_array_equal(mask == 255, (first >= 200) & (second >= 300))


def test_revealed_pixels_of_a_region_lie_in_it_also_after_it_was_moved(device: httpx.Client, cells: str, folder: Path) -> None:
    image = abbe.open(folder / "cells.tif")
    both = (image.plane(0, 0, 0) >= 200) & (image.plane(0, 1, 0) >= 200)
    shape = {"type": "rectangle", "unit": "um", "y": 1.0, "x": 1.0, "height": 1.0, "width": 1.0}
    roi = device.post(f"/api/sessions/{cells}/rois", json={"shape": shape}).json()["rois"][0]
    for x in (1.0, 2.0):
        edit = {"shape": {**shape, "x": x}, "base": roi["base"]}
        roi = device.put(f"/api/sessions/{cells}/rois/{roi['id']}", json=edit).json()["rois"][0]
        where = {"version": "v1", "first": 0, "second": 1, "low": 200, "high": 200, "level": 0, "x": 0, "y": 0}
        answer = device.get(f"/api/sessions/{cells}/revealed", params={**where, "roi": roi["id"], "base": roi["base"]})
        mask = np.frombuffer(answer.content, np.uint8).reshape(40, 50)
        inside = abbe.image.ROI.rectangle(1.0, x, 1.0, 1.0).mask(image)[0]
        assert (both & inside).any()
        np.testing.assert_array_equal(mask == 255, both & inside)


def test_numbers_of_a_comparison_are_kept(device: httpx.Client, brighter: str) -> None:
    where = {"version": "v2", "reference": "v1"}
    first = device.get(f"/api/sessions/{brighter}/comparison", params=where).json()
    assert first["verdict"]["word"] in ("improved", "unchanged", "doubtful")
    assert device.get(f"/api/sessions/{brighter}/comparison", params=where).json() == first


def test_measuring_the_agreement_is_a_job_that_two_devices_share(device: httpx.Client, brighter: str) -> None:
    where = {"version": "v2", "reference": "v1"}
    jobs = [device.post(f"/api/sessions/{brighter}/comparison", json=where).json() for _ in range(2)]
    over = [finished(device, job["id"]) for job in jobs]
    assert [job["state"] for job in over] == ["done", "done"]
    assert over[0]["result"] == where
    numbers = device.get(f"/api/sessions/{brighter}/comparison", params=where).json()
    assert [channel["channel"] for channel in numbers["channels"]] == ["actin", "tubulin"]
    assert device.post(f"/api/sessions/{brighter}/comparison", json={**where, "reference": "v9"}).status_code == 400


def test_measuring_the_agreement_of_a_stack_tells_how_far_it_is_and_can_be_stopped(device: httpx.Client, folder: Path) -> None:
    """Of 62 planes of four channels it took minutes, in which nothing moved and nothing could be done about it."""
    rng = np.random.default_rng(1)
    stack = abbe.Image.from_array(rng.poisson(100, (2, 40, 150, 150)).astype(np.uint16), axes="CZYX", channels=["DAPI", "actin"])
    with abbe.Session.create(folder / "stack.abbe", stack) as session:
        session.add_version(stack, operation="import", parent="v1")
    there = f"/api/sessions/{id_of('stack.abbe')}"
    job = device.post(f"{there}/comparison", json={"version": "v2", "reference": "v1"}).json()
    until = time.monotonic() + 60
    while (now := next(one for one in device.get("/api/jobs").json() if one["id"] == job["id"]))["fraction"] == 0:
        assert time.monotonic() < until, now
        time.sleep(0.02)
    assert now["what"].startswith("measuring the agreement")
    assert now["state"] == "running"
    device.delete(f"/api/jobs/{job['id']}")
    assert finished(device, job["id"])["state"] == "cancelled"
    with abbe.Session.open(folder / "stack.abbe") as session:
        assert not session.analyses


def test_files_and_sessions_have_a_small_picture(device: httpx.Client, cells: str) -> None:
    for path in ("cells.tif", "cells.abbe"):
        answer = device.get("/api/thumbnail", params={"path": path})
        assert answer.content[:2] == b"\xff\xd8", path  # JPEG
    assert device.get("/api/thumbnail", params={"path": "nothing.tif"}).status_code == 404


def test_a_download_that_is_gone_says_so(device: httpx.Client) -> None:
    assert "export again" in device.get("/api/downloads/0123").json()["message"]


@pytest.mark.skipif(not (BUILT / "index.html").is_file(), reason="the page is not built")
def test_the_page_is_under_500_kilobytes_on_the_wire(stranger: httpx.Client) -> None:
    files = [path.relative_to(BUILT).as_posix() for path in BUILT.rglob("*") if path.suffix in (".html", ".js", ".css", ".svg")]
    sent = 0
    for name in files:
        with stranger.stream("GET", f"/{name}", headers={"Accept-Encoding": "gzip"}) as answer:
            body = b"".join(answer.iter_raw())
        assert gzip.decompress(body) == (BUILT / name).read_bytes()
        sent += len(body)
    assert sent < 500_000
