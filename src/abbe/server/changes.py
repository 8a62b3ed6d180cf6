"""When a file or a folder changed: what is kept of it is good as long as that is the same."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

#: (what lies in it, the newest date in ns, bytes): another one means that something changed
State = tuple[int, int, int]

#: a disk that a folder is copied to may keep its dates this much earlier, in ns: whole or even seconds
COARSER = 2 * 10**9
#: files and folders of an OME-Zarr that are looked at; of one with more chunks the others are taken to be as they were
LOOKED_THROUGH = 20_000
#: what file managers leave in a folder that somebody looks into, beside all that begins with "._"
LEFT_BY_LOOKING = {".DS_Store", "Thumbs.db", "desktop.ini", ".directory"}


def state_of(place: Path, most: int = LOOKED_THROUGH) -> State:
    """Of a file its date and size; of a folder those of all files below it, since a chunk that is written again changes no folder.

    Dates of folders are left out: they change when somebody looks into one with a file manager that keeps its notes there.

    Raises `OSError` when it is not there.
    """
    own = place.stat()
    if not place.is_dir():
        return 1, own.st_mtime_ns, own.st_size
    count, newest, size = 1, 0, 0
    walked = ((at, kind) for at, folders, files in os.walk(place) for kind in ((folders, True), (files, False)))
    below = ((folder, name, is_folder) for folder, (names, is_folder) in walked for name in names)
    for folder, name, is_folder in islice(below, most):
        if name in LEFT_BY_LOOKING or name.startswith("._"):
            continue
        count += 1
        if is_folder:
            continue
        try:
            known = os.stat(os.path.join(folder, name), follow_symlinks=False)
        except OSError:  # it went meanwhile, which the next look's count tells
            continue
        newest, size = max(newest, known.st_mtime_ns), size + known.st_size
    return count, newest, size


def as_text(state: State) -> str:
    """How a session keeps the state of what it was made from."""
    return " ".join(map(str, state))


def is_as_kept(state: State, text: str) -> bool:
    """Is it the state that was kept so? On a coarser disk dates may have become earlier; whatever is written again has a later one."""
    try:
        count, newest, size = map(int, text.split())
    except ValueError:
        return False
    return (state[0], state[2]) == (count, size) and 0 <= newest - state[1] < COARSER
