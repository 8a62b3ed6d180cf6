from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def _closed(no_file_left_open: None) -> None: ...


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)
