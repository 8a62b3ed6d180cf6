"""What a killed server left behind is gone after the next start; what another server works on stays."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import pytest

from abbe.server import Settings, leftovers

from .conftest import running

AGO = time.time() - 60


def aged(place: Path) -> Path:
    os.utime(place, (AGO, AGO))
    return place


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's folder for temporary files, empty."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


@pytest.fixture
def left(folder: Path, temporary: Path) -> list[Path]:
    """Half an upload in a sub-folder, half an export, a session half deleted, and a download that nobody fetched."""
    (folder / "day 2").mkdir()
    upload = folder / "day 2" / (leftovers.UPLOAD + "1234")
    upload.write_bytes(b"half")
    places = [folder / (leftovers.EXPORT + "1234"), folder / (leftovers.DELETED + "1234"), temporary / (leftovers.SCRATCH + "1234")]
    for place in places:
        place.mkdir()
        (place / "part.tif").write_bytes(b"half")
    return [aged(place) for place in (upload, *places)]


def test_a_server_that_starts_removes_them_and_nothing_else(settings: Settings, folder: Path, left: list[Path]) -> None:
    kept = [folder / "cells.tif", folder / ".hidden.txt", folder / "day 2"]
    with running(settings):
        until = time.monotonic() + 20
        while any(place.exists() for place in left) and time.monotonic() < until:
            time.sleep(0.02)
    assert not [place for place in left if place.exists()]
    assert all(place.exists() for place in kept)


def test_what_is_worked_on_stays(folder: Path, left: list[Path]) -> None:
    if sys.platform == "win32":
        pytest.skip("no locks that can be asked for")
    with leftovers.held(left[0]), leftovers.held(left[1]):
        assert set(leftovers.sweep(folder)) == set(left[2:])
    assert set(leftovers.sweep(folder)) == set(left[:2])


def test_what_was_just_begun_stays(folder: Path, left: list[Path]) -> None:
    os.utime(left[0])
    assert left[0] not in leftovers.sweep(folder)


def test_without_locks_an_hour_decides(folder: Path, left: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "_free", lambda path: None)
    assert leftovers.sweep(folder) == []
    os.utime(left[0], (AGO - leftovers.OLD, AGO - leftovers.OLD))
    assert leftovers.sweep(folder) == [left[0]]


def test_a_link_of_such_a_name_leads_nowhere(folder: Path, temporary: Path) -> None:
    (folder / (leftovers.EXPORT + "link")).symlink_to(folder.parent)
    assert leftovers.sweep(folder) == []
    assert (folder.parent / "secret.txt").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_the_downloads_of_a_killed_server_go_with_the_next(folder: Path, temporary: Path) -> None:
    code = "import sys, time; from abbe.server.leftovers import Scratch\nprint(Scratch().folder(), flush=True); time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(temporary)}
    ) as other:
        assert other.stdout is not None
        place = Path(other.stdout.readline().strip()).parent
        aged(place)
        assert leftovers.sweep(folder) == []  # it lives, and may be asked for them
        other.send_signal(signal.SIGKILL)
        other.wait()
    assert leftovers.sweep(folder) == [place]
    assert list(temporary.iterdir()) == []


def test_an_upload_needs_no_hard_links(device: httpx.Client, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*paths: object) -> None:
        raise OSError(errno.EPERM, "no hard links on this disk")

    monkeypatch.setattr(os, "link", refused)
    content = (folder / "cells.tif").read_bytes()
    for name in ("new.tif", "new 2.tif"):
        assert device.put("/api/upload", params={"name": "new.tif"}, content=content).json()["path"] == name
        assert (folder / name).read_bytes() == content
    assert not list(folder.glob(leftovers.UPLOAD + "*"))
