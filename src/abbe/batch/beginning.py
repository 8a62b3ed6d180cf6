"""May a batch begin here, or go on?"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from abbe.batch.hands import GUARD
from abbe.batch.record import Line
from abbe.batch.settings import Began
from abbe.errors import ParameterError
from abbe.formats.naming import READ
from abbe.storage import storage_error


def refuse_where_starting(here: bool) -> None:
    """In a process that is being started to work on images, and runs the script of its parent for that: it would start others.

    `here`: processes of this machine will work, which must be able to read that script.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise SystemExit("abbe: this script starts a batch wherever it is imported; " + GUARD)
    if here and getattr(sys.modules.get("__main__"), "__file__", None) == "<stdin>":
        raise ParameterError(
            "wanted a script in a file, which the processes that work on images read too, got one from the standard input; save it, and "
            f"start it by its name ({GUARD})"
        )


def check_folders(source: Path, target: Path) -> None:
    """Raises `ParameterError` where results would lie among the images, or in a folder that is called like an image or a session."""
    if target.name.lower().endswith((".abbe", ".abbe.zip", *READ)) and not target.is_dir():
        raise ParameterError(f"wanted a folder for the results of many images, got {target.name}, as an image or a session is called")
    real, end = os.path.realpath(source), os.path.realpath(target)
    if real == end:
        raise ParameterError(f"wanted another folder for the results than that of the images, got {target} for both; choose another --out")
    if real.startswith(end + os.sep):
        raise ParameterError(f"wanted results beside or below the images, got {target}, which holds them; choose another --out")


def what_goes_on(kept: Path, began: Began, living: Sequence[str]) -> Began | None:
    """What the batch that goes on began with, as the file `kept` says; None where one begins.

    `living`: other processes that work on it. Raises `ParameterError` where it is another batch.
    """
    try:
        before = _read(kept)
    except ParameterError:
        if began.overwrite and not living:
            return None
        raise
    if before is None or (began.overwrite and not living):
        return None
    at_it = f", at which {', '.join(living)} works" if living else ""
    if differ := before.differences(began):
        raise ParameterError(
            f"wanted the batch that {kept.parent.parent} holds{at_it}, got other {', '.join(differ)}; choose another --out, or do all of "
            "it again with --overwrite"
        )
    if began.overwrite and not before.overwrite:
        raise ParameterError(f"wanted to do all again, got a batch{at_it}, which replaces nothing; wait until it has ended, or stop it")
    return before


def refuse_mixture(kept: Path, began: Began, others: Sequence[Line], out: Path) -> bool:
    """Were the results that are there made as those of a batch that begins anew will be?

    `others`: what became of images that it does not take. Raises `ParameterError` where their results were made otherwise, and are there.
    """
    differ = ["settings that cannot be told"]
    with suppress(ParameterError):
        before = _read(kept)
        if before is None or not (differ := before.differences(began)):
            return before is not None
    results = [found.result for line in others if (found := line.outcome()).status == "done" and found.result]
    there = [result for result in results if (out / result).exists()]
    if there:
        raise ParameterError(
            f"wanted all results in {out} made alike, got --overwrite with other {', '.join(differ)}, which leaves {len(there)} of other "
            f"images as they are ({there[0]}{', ...' if len(there) > 1 else ''}); take all images, move those away, or choose another --out"
        )
    return False


def _read(kept: Path) -> Began | None:
    """Raises `ParameterError` where results were recorded, and how they were made cannot be told."""
    try:
        text = kept.read_text(encoding="utf-8")
    except FileNotFoundError:
        if not any((kept.parent / "journal").glob("*.jsonl")):
            return None
        text = ""
    except OSError as problem:
        raise storage_error(kept, problem) from problem
    except ValueError:
        text = ""
    return Began.from_json(text)


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
