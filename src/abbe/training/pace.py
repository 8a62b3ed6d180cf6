"""A line of progress for what a training does before its first step and after its last, at most one in ten seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

#: seconds between two lines, and before the first: what is done sooner needs none
BETWEEN = 10.0


def told(items: Iterable[T], count: int, what: str, report: Callable[[str], None]) -> Iterator[T]:
    """`items`, `count` of them, with a line like "simulated planes 340/2400 1.2 min left" now and then."""
    began = said = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if now - said >= BETWEEN and done < count:
            said = now
            report(f"{what} {done}/{count} {(now - began) / done * (count - done) / 60:.1f} min left")
