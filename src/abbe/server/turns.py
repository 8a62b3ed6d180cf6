"""One at a time for each thing: who wants the same waits, who wants another does not."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager


class Turns:
    """Locks by key, each there as long as somebody holds it or waits for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[Hashable, tuple[threading.Lock, int]] = {}

    def __len__(self) -> int:
        return len(self._known)

    @contextmanager
    def alone(self, key: Hashable) -> Iterator[None]:
        with self._lock:
            lock, there = self._known.get(key, (threading.Lock(), 0))
            self._known[key] = lock, there + 1
        try:
            with lock:
                yield
        finally:
            with self._lock:
                _, there = self._known.pop(key)
                if there > 1:
                    self._known[key] = lock, there - 1
