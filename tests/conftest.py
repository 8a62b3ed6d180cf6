"""What every room's tests share."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from model_maker import write_zoo

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real microscope images, which are too large for the repository: ABBE_TEST_DATA, or `../shared/data` beside the project."""
    folder = Path(os.environ.get("ABBE_TEST_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real images at {folder}; name their folder in ABBE_TEST_DATA")
    return folder


@pytest.fixture(scope="session")
def small_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zoo of small random networks."""
    return write_zoo(tmp_path_factory.mktemp("models"))


@pytest.fixture
def small_models_in_use(small_models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small random networks in place of abbe's own, so that what is tested does not depend on how good weights are."""
    from abbe.restoration import engine
    from abbe.zoo import catalogue

    monkeypatch.setattr(catalogue, "BUILT_IN", small_models)
    monkeypatch.delenv(catalogue.MODELS_VARIABLE, raising=False)
    monkeypatch.setattr(engine, "_AUTOMATIC", ("cpu",))  # compiling takes OpenVINO longer than these networks run; test_engine.py has it
    engine._RUNNERS.clear()


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
