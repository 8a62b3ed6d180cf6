"""Where a session lies: a folder, or a zip file made of one (which is read, not written)."""

from __future__ import annotations

import os
import threading
import zipfile
from pathlib import Path, PurePosixPath
from typing import Protocol

from abbe.errors import SessionError
from abbe.limits import LIMITS


class Place(Protocol):
    """Files by name, "/" between folders, relative to the session."""

    @property
    def title(self) -> str:
        """What to call the session in a message."""
        ...

    def read(self, name: str) -> bytes:
        """The whole file. Raises `FileNotFoundError`, or another `OSError`."""
        ...

    def size(self, name: str) -> int | None:
        """Bytes; None where the file is missing."""
        ...

    def names(self, folder: str) -> list[str]:
        """Names of the files and folders directly inside `folder`, sorted; empty where there is none."""
        ...

    def stamp(self, name: str) -> tuple[int, ...]:
        """Changes when the file changes; costs one look at the file system."""
        ...


class Folder:
    """A session as a folder on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def title(self) -> str:
        return self.path.name

    def read(self, name: str) -> bytes:
        path = self.path / _inside(name)
        if path.stat().st_size > LIMITS.segment:
            raise OSError(f"{name} is larger than any part of a session")
        return path.read_bytes()

    def size(self, name: str) -> int | None:
        try:
            return (self.path / _inside(name)).stat().st_size
        except OSError:
            return None

    def names(self, folder: str) -> list[str]:
        try:
            return sorted(os.listdir(self.path / _inside(folder)))
        except OSError:
            return []

    def stamp(self, name: str) -> tuple[int, ...]:
        try:
            status = (self.path / _inside(name)).stat()
        except OSError:
            return ()
        return status.st_mtime_ns, status.st_ino, status.st_size


class Packed:
    """A session as one zip file. The files lie in it uncompressed (their chunks are compressed already), and zip checks each by CRC-32."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as problem:
            raise SessionError(f"wanted a session (a .abbe folder, or a zip file of one), got a damaged file: {path.name}") from problem
        self._lock = threading.Lock()

    @property
    def title(self) -> str:
        return self.path.name

    def read(self, name: str) -> bytes:
        try:
            info = self._zip.getinfo(_inside(name))
            if info.file_size > LIMITS.segment:
                raise OSError(f"{name} is larger than any part of a session")
            with self._lock:
                return self._zip.read(info)
        except KeyError as problem:
            raise FileNotFoundError(name) from problem
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as problem:
            raise OSError(f"{name} is damaged: {problem}") from problem

    def size(self, name: str) -> int | None:
        try:
            return self._zip.getinfo(_inside(name)).file_size
        except KeyError:
            return None

    def names(self, folder: str) -> list[str]:
        start = _inside(folder) + "/"
        return sorted({name[len(start) :].partition("/")[0] for name in self._zip.namelist() if name.startswith(start)})

    def stamp(self, name: str) -> tuple[int, ...]:
        return ()

    def close(self) -> None:
        self._zip.close()


def _inside(name: str) -> str:
    """The name as it is; a manifest from elsewhere must not lead out of the session."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
        raise SessionError(f"wanted a file inside the session, got {name[:100]!r}; the session was tampered with")
    return name
