"""Pictures that are computed for looking at and kept in no file: difference, error map, revealed pixels, previews.

Each is made once, when first asked for, held with its smaller copies in memory, and forgotten when the budget is used up: the next
request makes it again. Tiles of versions come from the session; the newest are kept here too.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np

from abbe.errors import LimitError, ParameterError
from abbe.image.pixels import Array
from abbe.session.multiscale import shrink

#: side of a tile in pixels; the page knows it too
TILE = 512
#: the smallest copy is at most this many pixels a side
SMALLEST = 256


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Levels of an array (C, Y, X): each half the one before. `about` is what the page is told with it."""

    levels: tuple[Array, ...]
    about: dict[str, Any]

    @classmethod
    def of(cls, array: Array, about: dict[str, Any] | None = None) -> Picture:
        levels = [array]
        while max(levels[-1].shape[1:]) > SMALLEST:
            levels.append(shrink(levels[-1][None, :, None], 2)[0, :, 0])
        return cls(tuple(levels), about or {})

    @property
    def nbytes(self) -> int:
        return sum(level.nbytes for level in self.levels)

    def tile(self, level: int, channel: int, row: int, column: int) -> Array:
        """(Y, X), smaller at the right and lower edge. Raises `ParameterError` when there is no such tile."""
        if not 0 <= level < len(self.levels) or not 0 <= channel < len(self.levels[0]) or row < 0 or column < 0:
            raise ParameterError(f"wanted a tile of {len(self.levels)} levels and {len(self.levels[0])} channels, got {level}, {channel}")
        plane = self.levels[level][channel]
        part: Array = plane[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE]
        if part.size == 0:
            raise ParameterError(f"wanted a tile of {plane.shape[0]} x {plane.shape[1]} pixels, got row {row}, column {column}")
        return part

    def to_dict(self) -> dict[str, Any]:
        height, width = self.levels[0].shape[1:]
        return {
            "dtype": self.levels[0].dtype.name,
            "channels": len(self.levels[0]),
            "levels": [{"factor": 2**k, "height": a.shape[1], "width": a.shape[2]} for k, a in enumerate(self.levels)],
            "width": width,
            "height": height,
            **self.about,
        }


class Derived:
    """Pictures and tiles by key, least recently used first out, at most `budget` bytes in all. Safe to use from threads."""

    def __init__(self, budget: int) -> None:
        self._budget, self._used = budget, 0
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def picture(self, key: Hashable, make: Callable[[], Picture]) -> Picture:
        """The picture of this key; while one thread makes it, others that want it wait."""
        found: Picture | None = self.look_up(key)
        if found is not None:
            return found
        with self._lock:
            lock = self._making.setdefault(key, threading.Lock())
        try:
            with lock:
                found = self.look_up(key)
                if found is None:
                    found = make()
                    self.keep(key, found, found.nbytes)
                return found
        finally:
            with self._lock:
                self._making.pop(key, None)

    def look_up(self, key: Hashable) -> Any:
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def keep(self, key: Hashable, value: Any, size: int) -> None:
        with self._lock:
            if key in self._kept:
                self._used -= self._kept.pop(key)[1]
            self._kept[key] = (value, size)
            self._used += size
            while self._used > self._budget and len(self._kept) > 1:
                self._used -= self._kept.popitem(last=False)[1][1]

    def forget(self, session_id: str) -> None:
        """Drop everything of a session; keys start with its id."""
        with self._lock:
            for key in [key for key in self._kept if isinstance(key, tuple) and key and key[0] == session_id]:
                self._used -= self._kept.pop(key)[1]


def check_memory(needed: int, allowed: int | None, what: str) -> None:
    """Raises `LimitError` before so many bytes of memory are taken, where they are not `allowed` (None: half of what is free).

    Without it the system ends the whole server, and with it the work of everybody.
    """
    from abbe.restoration.room import free_memory, in_words

    free = free_memory() if allowed is None else None
    most = allowed if free is None else free // 2
    if most is not None and needed > most:
        raise LimitError(
            f"wanted {in_words(needed)} of memory for {what} of planes this large, got {in_words(most)} that it may take; close other "
            "programs, or draw a region, export it (Pictures: Regions), and open that"
        )


def as_bytes(tile: Array) -> bytes:
    """A tile as it travels: little-endian, C order."""
    return np.ascontiguousarray(tile, tile.dtype.newbyteorder("<")).tobytes()
