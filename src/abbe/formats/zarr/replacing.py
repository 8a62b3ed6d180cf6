"""What may go when an OME-Zarr takes a folder's place: an OME-Zarr of before, and nothing that somebody put into it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from abbe.errors import ExistsError
from abbe.formats.zarr.reading import SIGNS, is_array

#: what systems put into any folder
LITTER = ("thumbs.db", "desktop.ini")
#: the folder of bioformats2raw for the words of the file that it converted
WORDS = "OME"


def check_replaceable(folder: Path) -> None:
    """Raises `ExistsError` where `folder` is there and is no OME-Zarr, nor empty, or where it holds a file that is no part of one."""
    if not os.path.isdir(folder):
        return  # writing says what it is
    entries = os.listdir(folder)
    if entries and not any(sign in entries for sign in SIGNS):
        raise ExistsError(f"will not replace {folder}, which is something else than was to be written there; choose another name")
    other = next(_foreign(folder), None)
    if other is not None:
        raise ExistsError(
            f"will not replace {folder}, for {other.relative_to(folder)} in it is no part of an OME-Zarr; move that elsewhere"
        )


def _foreign(folder: Path) -> Iterator[Path]:
    """Files that a group does not have, in it and below; arrays are full of chunks, which are not looked through."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.is_dir(follow_symlinks=False):
                if entry.name != WORDS and not is_array(Path(entry.path)):
                    yield from _foreign(Path(entry.path))
            elif entry.name != "zarr.json" and entry.name.lower() not in LITTER and not entry.name.startswith((".z", ".DS_Store", "._")):
                yield Path(entry.path)
