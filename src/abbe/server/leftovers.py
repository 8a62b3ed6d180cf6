"""What a killed server leaves behind: half an upload, half an export, downloads that nobody fetched, a deleted session half removed.

Whoever works on such a file or folder holds a lock on it, and the system drops the lock of a process that dies. So the next server that
starts can tell what belongs to nobody from what another server is working on. Where there are no locks (Windows, some network disks),
what was not touched for an hour counts as nobody's.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from abbe.errors import StorageError
from abbe.storage import scratch_error

#: hidden names in the folder served, each with random digits behind
UPLOAD, EXPORT, DELETED = ".upload-", ".export-", ".deleted-"
#: folders of this program in the system's folder for temporary files
SCRATCH = "abbe-server-"
#: seconds: what is younger may not be locked yet; and, where there are no locks, the age of what counts as nobody's
YOUNG, OLD = 5.0, 3600.0
#: entries that a sweep looks at, at most: a served home folder may have millions
LOOKED_AT = 50_000


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Mark the file or folder as worked on, for the block."""
    handle = _hold(path)
    try:
        yield
    finally:
        _release(handle)


@contextlib.contextmanager
def into(folder: Path, what: str) -> Iterator[None]:
    """What the block cannot write below `folder`, one of a `Scratch`, becomes a `StorageError` that names `what` and no path of it."""
    try:
        yield
    except OSError as problem:
        if problem.filename is not None and not str(problem.filename).startswith(str(folder)):
            raise
        raise scratch_error(what, problem) from problem
    except StorageError as problem:
        cause = problem.__cause__
        if not isinstance(cause, OSError) or str(folder) not in str(problem):
            raise
        raise scratch_error(what, cause) from cause


class Scratch:
    """Folders for one server's exports, gone when it ends; when it is killed, the next one removes them."""

    def __init__(self) -> None:
        self._place: Path | None = None
        self._handle: int | None = None
        self._lock = threading.Lock()

    def folder(self) -> Path:
        """A new empty folder. Raises `StorageError` where the disk for temporary files takes none."""
        with self._lock:
            try:
                if self._place is None:
                    self._place = Path(tempfile.mkdtemp(prefix=SCRATCH)).resolve()
                    self._handle = _hold(self._place)
                return Path(tempfile.mkdtemp(dir=self._place))
            except OSError as problem:
                raise scratch_error("a temporary folder", problem) from problem

    def close(self) -> None:
        with self._lock:
            if self._place is not None:
                shutil.rmtree(self._place, ignore_errors=True)
                _release(self._handle)
            self._place = self._handle = None


def sweep(root: Path) -> list[Path]:
    """Remove what belongs to nobody any more, below `root` and in the system's folder for temporary files; returns what went."""
    own = (path for path in Path(tempfile.gettempdir()).glob(SCRATCH + "*") if _mine(path))
    gone = [path for path in (*_below(root), *own) if _nobodys(path)]
    for path in gone:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.unlink()
    return gone


def _below(root: Path) -> Iterator[Path]:
    """Leftovers by name, in every folder that can be browsed: no links, nothing hidden, not inside sessions and images."""
    folders, looked = [root], 0
    while folders and looked < LOOKED_AT:
        with contextlib.suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                looked += 1
                if entry.name.startswith((UPLOAD, EXPORT, DELETED)):
                    yield Path(entry.path)
                elif entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".") and not entry.name.endswith((".abbe", ".zarr")):
                    folders.append(Path(entry.path))


def _mine(path: Path) -> bool:
    try:
        return sys.platform == "win32" or path.lstat().st_uid == os.getuid()
    except OSError:
        return False


def _nobodys(path: Path) -> bool:
    try:
        age = time.time() - path.lstat().st_mtime
    except OSError:
        return False
    if age < YOUNG or path.is_symlink():
        return False
    free = _free(path)
    return age > OLD if free is None else free


if sys.platform == "win32":

    def _hold(path: Path) -> int | None:
        return None

    def _release(handle: int | None) -> None:
        return

    def _free(path: Path) -> bool | None:
        return None

else:
    import fcntl

    def _hold(path: Path) -> int | None:
        """A handle whose lock says that this is worked on; None where there are no locks."""
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return None
        return handle

    def _release(handle: int | None) -> None:
        if handle is not None:
            os.close(handle)

    def _free(path: Path) -> bool | None:
        """Is it worked on by nobody? None where there are no locks."""
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return None
        finally:
            os.close(handle)
        return True
