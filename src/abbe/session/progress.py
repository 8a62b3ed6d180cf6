"""Progress of a part of the work, told as progress of the whole."""

from __future__ import annotations

from typing import overload

from abbe.session.multiscale import Progress


@overload
def part(progress: Progress, start: float, stop: float, word: str | None = None) -> Progress: ...
@overload
def part(progress: Progress | None, start: float, stop: float, word: str | None = None) -> Progress | None: ...
def part(progress: Progress | None, start: float, stop: float, word: str | None = None) -> Progress | None:
    """What the part tells, between `start` and `stop` of the whole; under `word` where one is given."""
    if progress is None:
        return None
    whole = progress
    return lambda fraction, said: whole(start + (stop - start) * fraction, said if word is None else word)
