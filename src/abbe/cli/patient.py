"""A stream whose reader may go away, as `head` does, or a terminal: what is said from then on goes nowhere, and the work goes on."""

from __future__ import annotations

import errno
import os
from typing import Any, TextIO


class Patient:
    """Stands for `stream`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError as problem:
            self._go_nowhere(problem)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as problem:
            self._go_nowhere(problem)

    def _go_nowhere(self, problem: OSError) -> None:
        """The pipe too, for what is buffered and for the interpreter's last flush. Raises `problem` where the reader is there."""
        if problem.errno not in (errno.EPIPE, errno.EIO):  # EIO: of a terminal that was closed
            raise problem
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)
