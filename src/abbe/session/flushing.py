"""Making sure that what was written is on the disk, many files at once."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def flush(folder: Path) -> None:
    """Everything in `folder`: files first, then the folders that name them."""
    files, folders = [], []
    for parent, _, names in os.walk(folder):
        folders.append(parent)
        files += [os.path.join(parent, name) for name in names]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(_fsync, files))
    for path in reversed(folders):
        flush_names(Path(path))


def flush_names(folder: Path) -> None:
    """The names in one folder, after something was renamed into it; Windows does that by itself."""
    if os.name == "posix":
        _fsync(str(folder))


def _fsync(path: str) -> None:
    handle = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
