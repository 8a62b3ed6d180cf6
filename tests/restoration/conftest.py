from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _use_small_models(small_models_in_use: None) -> None: ...
