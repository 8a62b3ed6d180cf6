"""Folders of small images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import tifffile

from batch_maker import field


@pytest.fixture(autouse=True)
def _closed(no_file_left_open: None) -> None: ...


@pytest.fixture
def images(tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder with images of these names (paths below it): spots under photon noise, each another."""

    def make(*names: str, side: int = 48, folder: str = "images") -> Path:
        for k, name in enumerate(names):
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(path, field(k, side))
        return tmp_path / folder

    return make
