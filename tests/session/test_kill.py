"""Killed at any moment, or out of disk at any write: what was finished is there, and nothing is silently wrong."""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from abbe.errors import AbbeError
from abbe.image import Image
from abbe.session import Session
from small_disk import own_file_system

pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL and limits on files are POSIX")
VICTIM = Path(__file__).with_name("victim.py")


def kill(folder: Path, kills: int, seed: int) -> dict[str, object]:
    command = [sys.executable, str(VICTIM), str(folder), str(kills), str(seed)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=3600)
    assert run.returncode == 0, run.stderr[-2000:]
    result: dict[str, object] = json.loads(run.stdout.splitlines()[-1])
    return result


def test_forty_kills_leave_everything_that_was_finished(tmp_path: Path) -> None:
    result = kill(tmp_path, 40, 1)
    assert result["findings"] == []


@pytest.mark.long
def test_three_hundred_kills_leave_everything_that_was_finished(tmp_path: Path) -> None:
    result = kill(tmp_path, 300, 2)
    print(result)
    assert result["findings"] == []


def test_a_disk_that_fills_up_at_any_write_leaves_everything_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real disk with room for no block, for one, two, ...: comments, versions, sessions, packed sessions, images, reports."""
    (tmp_path / "disk").mkdir()
    monkeypatch.setenv("ABBE_CONFIG", str(tmp_path / "settings"))
    script = [sys.executable, str(VICTIM.with_name("full_disk.py")), str(tmp_path / "disk")]
    run = subprocess.run([*own_file_system(tmp_path / "disk"), *script], capture_output=True, text=True, check=False, timeout=1800)
    assert run.returncode == 0, run.stderr[-2000:]
    result = json.loads(run.stdout.splitlines()[-1])
    assert result["findings"] == []
    assert all(result["failures"].values()), "each action met a full disk at least once"


@contextmanager
def files_at_most(size: int) -> Iterator[None]:
    """No file can grow beyond `size` bytes: a write beyond it fails as on a full disk, in the kernel."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def test_a_disk_that_is_full_at_any_byte_leaves_the_session_as_it_was(session: Session, image: Image) -> None:
    """Cuts every file of a version, the journal and the manifest at many lengths."""
    larger = Image.from_array(np.random.default_rng(0).poisson(500, (600, 600)).astype(np.uint16))
    for size in [0, 1, 100, 700, 1500, 3000, 5000, 20_000, 60_000, 200_000]:
        revision = session.revision
        with files_at_most(size), pytest.raises(AbbeError):
            session.add_version(larger)
        with files_at_most(min(size, 300)), pytest.raises(AbbeError):
            session.comments.add("no room for this")
        again = Session.open(session.path)
        assert (again.revision, again.problems, again.read_only) == (revision, (), None), size
        assert again.verify() == ()
        np.testing.assert_array_equal(np.asarray(again.image("v1")), np.asarray(image))
        session.comments.add(f"room again after {size}")
    assert session.add_version(larger).id == "v2"


def test_a_write_that_fails_once_is_taken_back_wherever_it_is(session: Session, image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    """ENOSPC at the n-th write, flush or rename of a change, for every n that there is."""
    small = Image.from_array(np.zeros((20, 20), np.uint8))
    for name in ("write", "pwrite", "fsync", "replace", "rename"):
        real = getattr(os, name)
        for nth in range(1, 60):
            calls = 0

            def failing(*arguments: object, real: object = real, nth: int = nth) -> object:
                nonlocal calls
                calls += 1
                if calls == nth:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                return real(*arguments)  # type: ignore[operator]

            before = [version.id for version in session.versions]
            monkeypatch.setattr(os, name, failing)
            failed = False
            try:
                session.add_version(small)
            except AbbeError:
                failed = True
            finally:
                monkeypatch.setattr(os, name, real)
            again = Session.open(session.path)
            assert (again.problems, again.verify()) == ((), ()), (name, nth)
            if failed:
                assert [version.id for version in again.versions] == before, (name, nth)
            if calls < nth:
                break
    np.testing.assert_array_equal(np.asarray(Session.open(session.path).image("v1")), np.asarray(image))
