"""What every room's tests share."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_maker import write_zoo

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session", autouse=True)
def settings_of_their_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Formats that tests export in are not what their user finds remembered, nor the other way round; processes that they start too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ABBE_CONFIG", str(tmp_path_factory.mktemp("settings")))
        yield


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
def failing_late(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Runs `enhance` (image, and what to say) on the engine "cuda", which is the CPU's here and gives up on super-resolution, when what
    shares its light has shared it and was denoised: the result is that of the plain CPU provider, says so, and progress never goes back."""
    import abbe
    from abbe.restoration import engine

    monkeypatch.setitem(engine.PROVIDERS, "cuda", "CPUExecutionProvider")
    honest = engine.Runner.run

    def failing(self: engine.Runner, *given: Any) -> Any:
        if self.engine.name == "cuda" and self.card.task == "super_resolve":
            raise engine.ProviderError("the driver gave up")
        return honest(self, *given)

    monkeypatch.setattr(engine.Runner, "run", failing)

    def check(image: abbe.Image, **told: Any) -> None:
        heard: list[float] = []
        steps = ("denoise", "super_resolve")
        result = abbe.enhance(image, steps, engine="cuda", exact=True, progress=lambda fraction, text: heard.append(fraction), **told)
        assert [notice.code for notice in result.warnings].count("engine") == 1
        assert heard == sorted(heard)
        assert heard[-1] == 1
        assert np.array_equal(np.asarray(result), np.asarray(abbe.enhance(image, steps, engine="cpu", exact=True, **told)))

    return check


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
