"""What every room's tests share."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real microscope images, which are too large for the repository: ABBE_TEST_DATA, or `../shared/data` beside the project."""
    folder = Path(os.environ.get("ABBE_TEST_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real images at {folder}; name their folder in ABBE_TEST_DATA")
    return folder


@pytest.fixture
def no_file_left_open() -> Iterator[None]:
    """Fails a test after which a file is open that was not before. Rooms that read files use it for every test."""
    before = _open_files()
    yield
    left = _open_files() - before
    if left:
        gc.collect()  # an object in a reference cycle may hold it
        left = _open_files() - before
    assert not left, f"left open: {sorted(left)}"


def _open_files() -> set[str]:
    """Named files that this process has open; scratch files without a name do not count."""
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        return set()
    found = set()
    for entry in os.listdir(folder):
        try:
            target = os.readlink(folder / entry)
        except OSError:
            continue
        if target.startswith("/") and not target.startswith(("/dev/", "/proc/")) and not target.endswith(" (deleted)"):
            found.add(target)
    return found
