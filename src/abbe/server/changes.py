"""When a file or a folder changed: what is kept of it is good as long as that is the same."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

#: (what lies in it, the newest date in ns, bytes): another one means that something changed
State = tuple[int, int, int]

#: files and folders of an OME-Zarr that are looked at; of one with more chunks the others are taken to be as they were
LOOKED_THROUGH = 20_000


def state_of(place: Path, most: int = LOOKED_THROUGH) -> State:
    """Of a file its date and size; of a folder also those of all that lies below it, since a chunk that is written again changes no folder.

    Raises `OSError` when it is not there.
    """
    own = place.stat()
    if not place.is_dir():
        return 1, own.st_mtime_ns, own.st_size
    count, newest, size = 1, own.st_mtime_ns, 0
    below = (Path(folder, name) for folder, folders, files in os.walk(place) for name in (*folders, *files))
    for inner in islice(below, most):
        try:
            known = inner.stat(follow_symlinks=False)
        except OSError:  # it went meanwhile, which its folder's date tells
            continue
        count, newest, size = count + 1, max(newest, known.st_mtime_ns), size + known.st_size
    return count, newest, size
