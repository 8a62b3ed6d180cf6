"""What every room's tests share."""

from __future__ import annotations

import os
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
