"""The images that wait for a free hand, in the order in which they are given."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from abbe.batch.claims import Claims
from abbe.batch.finding import Source
from abbe.batch.folder import Folder
from abbe.batch.record import Line, Record
from abbe.batch.tally import Tally

#: seconds for which a process that has nothing left to do waits for another to say how many images a file holds
OPENING = 60.0


class Waiting:
    """What is to be done, as far as this process knows; of a folder that grows (`watch`), what is whole."""

    def __init__(self, folder: Folder, record: Record, claims: Claims, tally: Tally, wanted: Callable[[Source], bool], watch: bool) -> None:
        self._folder, self._record, self._claims, self._tally = folder, record, claims, tally
        self._wanted, self._watch = wanted, watch
        self._soon = deque[Source]()
        self._listed: Iterator[Source] = iter(())
        #: files that other processes have: since when, and what was known of each then
        self._elsewhere: dict[str, tuple[float, Line | None]] = {}
        self.look_through()

    def look_through(self) -> None:
        """Begin again with the first image of the folder."""
        self._soon.clear()
        self._tally.found = []
        if self._watch:
            self._folder.watch(self._wanted)
        whole = self._folder.is_whole
        self._listed = (s for s in self._folder.images() if self._wanted(s) and (not self._watch or whole(s)))

    def put_first(self, sources: Iterable[Source]) -> int:
        """Images of a file that was found to hold several. Returns how many such wait now."""
        self._soon.extend(sources)
        return len(self._soon)

    def next(self) -> Source | None:
        """Images of files that were opened here; then what was listed; then images of files that others opened, who are at them."""
        if self._soon:
            return self._soon.popleft()
        source = next(self._listed, None)
        if source is None and self._tally.found:
            self._soon.extend(self._tally.found)
            self._tally.found = []
            return self._soon.popleft()
        return source

    def note_elsewhere(self, source: Source) -> None:
        """Another process has it."""
        if source.number is None:
            self._elsewhere.setdefault(source.key, (time.monotonic(), self._record.lines.get(source.key)))

    def more_may_come(self) -> bool:
        """Is another process about to find out whether a file holds several images? They are there for all."""
        if not self._elsewhere:
            return False
        now, lines = time.monotonic(), self._record.lines
        new = {key: seen for key, seen in self._elsewhere.items() if now - seen[0] < OPENING and self._claims.is_new(key)}
        self._tally.hear()
        self._elsewhere = {key: (since, line) for key, (since, line) in new.items() if lines.get(key) is line}
        return bool(self._elsewhere or self._tally.found)
