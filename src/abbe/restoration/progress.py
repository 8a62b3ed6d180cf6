"""Telling how far a run is, and stopping it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from abbe.errors import CancelledError, ParameterError

#: `progress(fraction, text)`: the part of the whole run that is done, in [0, 1], and what is being done. It may return False, or raise
#: `CancelledError`, to stop the run; what it returns otherwise is ignored.
Progress: TypeAlias = Callable[[float, str], object]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a run: from `start` to `stop` of the whole."""

    report: Progress | None
    start: float = 0.0
    stop: float = 1.0

    def __post_init__(self) -> None:
        if self.report is not None and not callable(self.report):
            raise ParameterError(f"wanted a function progress(fraction, text), got {self.report!r}")

    def __call__(self, fraction: float, text: str) -> None:
        """Say that `fraction` of this part is done. Raises `CancelledError` when the listener wants no more."""
        if self.report is None:
            return
        if self.report(self.start + (self.stop - self.start) * min(max(fraction, 0.0), 1.0), text) is False:
            raise CancelledError("stopped on request; nothing was written")

    def part(self, start: float, stop: float) -> Part:
        """A part of this part, with `start` and `stop` in [0, 1]."""
        width = self.stop - self.start
        return Part(self.report, self.start + start * width, self.start + stop * width)
