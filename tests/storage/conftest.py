from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _closed(no_file_left_open: None) -> None: ...
