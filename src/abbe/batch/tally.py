"""How far a batch has come, with what other processes did meanwhile; told while it works, and as a table."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from abbe.batch.claims import Claims
from abbe.batch.finding import Source
from abbe.batch.folder import Folder
from abbe.batch.record import FIRST, Outcome, Record
from abbe.batch.summary import TABLE, Summary, write_summary
from abbe.errors import CancelledError, StorageError

#: seconds between two tables
TABLE_EVERY = 120.0

Progress = Callable[[float, str], object]
Told = Callable[[Outcome], None]


class Tally:
    """What was done by this run, and beside it."""

    def __init__(self, folder: Folder, record: Record, told: Told) -> None:
        self._folder, self._record, self._told = folder, record, told
        self.summary = Summary(table=folder.out / TABLE)
        self._mine: set[str] = set()
        self._beside: set[str] = set()
        #: first images of files of several, done before the others were looked for
        self._old: set[str] = set()
        self._failed: set[str] = set()
        self._failed_beside: set[str] = set()
        #: images in files that other processes found to hold several, since this was emptied
        self.found: list[Source] = []
        self._tabled, self._telling = time.monotonic(), 0.0
        done = [source.key for source in folder.images() if self.is_done(source)]
        self.summary.before = len(done)
        #: what is done or failed, in files: an image of several is a part of one
        self._files = float(sum(map(folder.share, done)))
        record.news.clear()

    def is_done(self, source: Source) -> bool:
        known = self._record.lines.get(source.key)
        return known is not None and known.ended and known.of(self._folder.as_known(source))

    def ended(self, outcome: Outcome, write: bool) -> None:
        """What came of an image. Raises `StorageError` where it is to be written and cannot."""
        if write:
            self._record.add(outcome)
        self._ready(outcome.key)
        self._failed_beside.discard(outcome.key)
        if outcome.status == "failed":
            self._failed.add(outcome.key)
        else:
            self._mine.add(outcome.key)
            self._failed.discard(outcome.key)
            self.summary.doubtful += outcome.verdict == "doubtful"
        self._told(outcome)

    def refused(self, outcome: Outcome, write: bool) -> None:
        """An image that cannot be done as things are; of one that grows that is not said again and again."""
        if write or outcome.key not in self._failed:
            self.ended(outcome, write)

    def _ready(self, key: str) -> None:
        if not any(key in known for known in (self._mine, self._beside, self._failed, self._failed_beside)):
            self._files += self._folder.share(key)

    def split(self, file: str, before: bool) -> list[Source]:
        """The images of a file that was found to hold several; was the first of them done `before`?"""
        if file in self._failed or file in self._failed_beside:
            self._failed.discard(file)
            self._failed_beside.discard(file)
            self._files -= 1
        images = self._folder.split([file])
        if before and images:
            self.was_done(images[0].key)
        return images

    def was_done(self, key: str) -> None:
        """An image was done before this run, which is known only now."""
        self._ready(key)
        self._old.add(key)
        self.summary.before += 1

    def hear(self) -> bool:
        """What other processes did meanwhile. Was there anything?"""
        self._record.refresh()
        news, self._record.news = self._record.news, []
        lines = self._record.lines
        for key in news:
            if lines[key].status == "several":
                self.found += self.split(key, before=False)
        for key in news:
            if lines[key].ended and key not in self._mine and key not in self._old and self._folder.knows(key):
                self._ready(key)
                self._beside.add(key)
                self._failed.discard(key)
                self._failed_beside.discard(key)
            elif lines[key].status == "failed" and key not in self._mine and key not in self._failed and self._folder.knows(key):
                self._ready(key)
                self._failed_beside.add(key)
        return bool(news)

    def count(self) -> Summary:
        found, summary = self._folder.found, self.summary
        summary.count, summary.ignored, summary.closed = self._folder.count, dict(found.ignored), tuple(found.closed)
        summary.maps = found.maps
        summary.done, summary.beside, summary.failed = len(self._mine), len(self._beside), len(self._failed)
        summary.failed_beside = len(self._failed_beside)
        return summary

    def say(self, busy: dict[str, float], progress: Progress) -> None:
        """Raises `CancelledError` where `progress` says so."""
        summary = self.count()
        failures = summary.failed + summary.failed_beside
        ready = min(summary.before + summary.beside + summary.done + failures, summary.count)
        failed = f", {failures} failed" if failures else ""
        unseen = "" if self._folder.seen else f", {self._folder.path} cannot be listed now"
        at_work = sum(part * self._folder.share(key) for key, part in busy.items())
        files = len(self._folder.found.sources)
        fraction = 1.0 if ready == summary.count else min(1.0, (self._files + at_work) / max(files, 1))
        if progress(fraction, f"{ready} of {summary.count}{failed}{unseen}") is False:
            raise CancelledError("stopped on request; what is done is kept, and the batch goes on when it is started again")

    # ------------------------------------------------------------------------------------------ the table
    def now_and_then(self, claims: Claims) -> None:
        began = time.monotonic()
        if began - self._tabled > max(TABLE_EVERY, 20 * self._telling):
            with suppress(StorageError):  # a spreadsheet has it open; the last one says so
                self.tell(claims)
            self._tabled = time.monotonic()
            self._telling = self._tabled - began

    def end(self, claims: Claims) -> None:
        """The last table; none where nothing came of any image."""
        try:
            self.hear()
            if self._record.lines:
                self.tell(claims)
        except StorageError as problem:
            self.summary.table_error = str(problem)
        self.count()

    def tell(self, claims: Claims) -> None:
        """The table of all images, as far as all processes have come. Raises `StorageError`."""
        folder, lines = self._folder, self._record.lines
        left = [s.key for s in folder.images() if not self.is_done(s) and s.key not in self._failed]
        self.summary.elsewhere = sum(key not in lines or lines[key].status in (FIRST, "several") for key in left)
        self.summary.others = tuple(claims.others())
        here = {source.key: folder.as_known(source) for source in folder.images()}
        for _ in range(5):
            write_summary(self.summary.table, here, lines)
            if not self.hear():  # else this may have replaced the table of a process that has ended, which had more
                break
