"""May a batch begin here, or go on?"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from abbe.batch.settings import Began
from abbe.errors import ParameterError
from abbe.storage import storage_error


def check_folders(source: Path, target: Path) -> None:
    """Raises `ParameterError` where results would lie among the images."""
    real, end = os.path.realpath(source), os.path.realpath(target)
    if real == end:
        raise ParameterError(f"wanted another folder for the results than that of the images, got {target} for both; choose another --out")
    if real.startswith(end + os.sep):
        raise ParameterError(f"wanted results beside or below the images, got {target}, which holds them; choose another --out")


def what_goes_on(kept: Path, began: Began, living: Sequence[str]) -> Began | None:
    """What the batch that goes on began with, as the file `kept` says; None where one begins.

    `living`: other processes that work on it. Raises `ParameterError` where it is another batch.
    """
    if not kept.exists():
        return None
    try:
        before = Began.from_json(kept.read_text(encoding="utf-8"))
    except ParameterError:
        if began.overwrite and not living:
            return None
        raise
    if began.overwrite and not living:
        return None
    if differ := before.differences(began):
        at_it = f", at which {', '.join(living)} works" if living else ""
        raise ParameterError(
            f"wanted the batch that {kept.parent.parent} holds{at_it}, got other {', '.join(differ)}; choose another --out, or do all of "
            "it again with --overwrite"
        )
    return before


def make_folder(folder: Path) -> None:
    """Raises `StorageError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise storage_error(folder, problem) from problem


def remove_empty(folders: Sequence[Path]) -> None:
    """Folders that were made for results that did not come."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()
