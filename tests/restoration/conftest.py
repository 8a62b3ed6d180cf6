"""Small random networks in place of abbe's own, so that what is tested does not depend on how good weights are."""

from __future__ import annotations

from pathlib import Path

import pytest

from abbe.restoration import engine
from abbe.zoo import catalogue
from model_maker import write_zoo


@pytest.fixture(scope="session")
def small_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_zoo(tmp_path_factory.mktemp("models"))


@pytest.fixture(autouse=True)
def _use_small_models(small_models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "BUILT_IN", small_models)
    monkeypatch.delenv(catalogue.MODELS_VARIABLE, raising=False)
    monkeypatch.setattr(engine, "_AUTOMATIC", ("cpu",))  # compiling takes OpenVINO longer than these networks run; test_engine.py has it
    engine._RUNNERS.clear()
