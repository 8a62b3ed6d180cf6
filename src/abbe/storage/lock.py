"""One writer at a time, on one machine or several that share a file system with locks.

The lock is held for the moment of a change, not while a session is open: a page on the server and a command on the shell can work on
one session, and each sees the other's change. The system drops the lock of a process that dies.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from abbe.errors import SessionError
from abbe.positioned import BINARY, read_at, write_at

#: seconds to wait for another process's change; a change takes milliseconds, so whoever holds it longer is stuck
PATIENCE = 10.0
_PAUSE = 0.002


@contextlib.contextmanager
def locked(file: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock of `file` for the block. Raises `SessionError` naming the holder when it is not free in time."""
    handle = _open(file)
    try:
        end = time.monotonic() + patience
        while not try_lock(handle):
            if time.monotonic() > end:
                raise SessionError(f"wanted to change {file.parent.name}, which {holder(handle)} is changing; close it there, or try again")
            time.sleep(_PAUSE)
        with contextlib.suppress(OSError):  # a full disk; the lock holds without a name
            os.ftruncate(handle, 0)
            write_at(handle, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
        yield
    finally:
        os.close(handle)


def _open(file: Path) -> int:
    try:
        return os.open(file, os.O_RDWR | os.O_CREAT | BINARY | getattr(os, "O_CLOEXEC", 0), 0o666)
    except OSError as problem:
        raise SessionError(f"wanted to change {file.parent.name}, got: {problem.strerror}; it can be read, not written") from problem


def holder(handle: int) -> str:
    """Who holds the lock, as far as the file tells."""
    return read_at(handle, 200, 0).decode(errors="replace") or "another process"


if sys.platform == "win32":
    import msvcrt

    def try_lock(handle: int) -> bool:
        """Take the lock if it is free; the byte locked lies far behind the text, which stays readable."""
        os.lseek(handle, 2**20, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def try_lock(handle: int) -> bool:
        """Take the lock if it is free."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as problem:
            raise SessionError(f"wanted a file system with locks, got: {problem.strerror}; copy the session to a local disk") from problem
        return True
