from __future__ import annotations

import pytest

from abbe.restoration.agreement import Spectra


@pytest.fixture(autouse=True)
def _use_small_models(small_models_in_use: None) -> None: ...


@pytest.fixture
def no_agreement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Super-resolution gives what its network gives: for tests of what the network sees. test_agreement.py tests what is left out."""
    monkeypatch.setattr(Spectra, "width", lambda spectra, scale: None)
