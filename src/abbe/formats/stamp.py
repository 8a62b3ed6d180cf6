"""Reading a file that was opened earlier: it must still be the same bytes, and hold as many as it promised."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from abbe.errors import LimitError, NotAnImageError, StorageError
from abbe.limits import LIMITS
from abbe.positioned import BINARY, read_at


@dataclass(frozen=True, slots=True)
class Stamp:
    """A file as it was when opened: pixels that are read later must come from the same bytes."""

    path: Path
    size: int
    modified: int

    @classmethod
    def of(cls, path: Path) -> Stamp:
        status = path.stat()
        return cls(path, status.st_size, status.st_mtime_ns)

    def open(self) -> int:
        """A descriptor to read from. Raises `StorageError` when the file has changed or gone."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | BINARY)
        except OSError as problem:
            raise StorageError(f"{self.path} can no longer be read: {problem.strerror}") from problem
        status = os.fstat(descriptor)
        if (status.st_size, status.st_mtime_ns) != (self.size, self.modified):
            os.close(descriptor)
            raise StorageError(f"{self.path} was changed by another program after it was opened; open it again")
        return descriptor

    @contextmanager
    def opened(self) -> Iterator[int]:
        """A descriptor that is closed at the end of the block."""
        descriptor = self.open()
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def check(self) -> None:
        """Raise `StorageError` when the file has changed or gone."""
        with self.opened():
            pass


def read_exactly(descriptor: int, start: int, length: int) -> bytes:
    """Raises `NotAnImageError` when the file ends before."""
    if length > LIMITS.segment:
        raise LimitError(f"wanted parts of at most {LIMITS.segment} bytes, got one of {length}; save the image in tiles")
    parts = []
    while length > 0:
        piece = read_at(descriptor, length, start)
        if not piece:
            raise NotAnImageError("the file is cut short: pixels lie beyond its end; copy it again from its source")
        parts.append(piece)
        start, length = start + len(piece), length - len(piece)
    return parts[0] if len(parts) == 1 else b"".join(parts)
