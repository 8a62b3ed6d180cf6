"""Reading and writing at a position of an open file, from several threads at once.

POSIX has calls for that. Windows has none that Python offers: there the file's own position is moved, by one thread at a time. A
descriptor and its duplicates share that position, so that all files wait for one turn.
"""

from __future__ import annotations

import os
import threading

#: for `os.open`: bytes as they are. Windows would end lines by its own custom otherwise, and lengths would no longer be what was counted
BINARY: int = getattr(os, "O_BINARY", 0)

_TURN = threading.Lock()


def read_at(descriptor: int, length: int, position: int) -> bytes:
    """At most `length` bytes from `position` on; none at the end of the file."""
    if hasattr(os, "pread"):
        return os.pread(descriptor, length, position)
    with _TURN:
        os.lseek(descriptor, position, os.SEEK_SET)
        return os.read(descriptor, length)


def read_into(descriptor: int, view: memoryview, position: int) -> int:
    """Fill `view`, bytes, from `position` on; returns how many were read, 0 at the end of the file."""
    if hasattr(os, "preadv"):
        return os.preadv(descriptor, [view], position)
    piece = read_at(descriptor, len(view), position)
    view[: len(piece)] = piece
    return len(piece)


def write_at(descriptor: int, data: bytes | memoryview, position: int) -> None:
    """Write all of `data` from `position` on. Raises `OSError`."""
    view = memoryview(data)
    while len(view):
        done = _write(descriptor, view, position)
        view, position = view[done:], position + done


def _write(descriptor: int, view: memoryview, position: int) -> int:
    if hasattr(os, "pwrite"):
        return os.pwrite(descriptor, view, position)
    with _TURN:
        os.lseek(descriptor, position, os.SEEK_SET)
        return os.write(descriptor, view)
