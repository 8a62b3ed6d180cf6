"""How a session's state gets to disk and back: journal first, then manifest, each change whole or not at all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from abbe.errors import SessionError
from abbe.limits import LIMITS
from abbe.session import journal, manifest
from abbe.session.manifest import Manifest
from abbe.session.places import Folder, Place
from abbe.session.records import Change, now
from abbe.session.recovery import recover
from abbe.session.state import State
from abbe.storage import write_whole
from abbe.storage.lock import locked

LOCK = "lock"


@dataclass(frozen=True, slots=True)
class Draft:
    """A change that is asked for: new values by key (None removes), and the keys that undo leaves alone."""

    action: str
    values: dict[str, Any]
    kept: tuple[str, ...] = ()
    kind: Literal["do", "undo", "redo", "forget"] = "do"
    of: int | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """What was found on disk: the state, the journal behind it, and what is missing or damaged."""

    manifest: Manifest
    changes: tuple[Change, ...]
    journal_bytes: int
    problems: tuple[str, ...]
    stamp: tuple[int, ...]


def read(place: Place) -> Opened:
    """Read a session as far as it can be read. Raises `SessionError` when nothing of it can, or when it is of a newer abbe."""
    stamp = place.stamp(manifest.NAME)
    found = manifest.load(place)
    try:
        reading = journal.parse(place.read(journal.NAME))
    except OSError:
        reading = journal.Reading((), 0, 1)
    if found is None:
        found, problems = recover(place, reading)
    else:
        found, problems = _caught_up(found, reading)
    return Opened(found, reading.changes, reading.good_bytes, problems, stamp)


def _caught_up(found: Manifest, reading: journal.Reading) -> tuple[Manifest, tuple[str, ...]]:
    """The manifest with the changes that the journal has beyond it (the process died between the two)."""
    state = found.state
    last = reading.changes[-1].revision if reading.changes else 0
    for change in reading.changes:
        if change.revision > state.revision:
            state.apply(change)
    known = {change.revision for change in reading.changes}
    if last < found.state.revision:
        state.undo = [revision for revision in state.undo if revision in known]
        state.redo = [revision for revision in state.redo if revision in known]
        return found, (f"the journal is damaged after change {last}; what was done later is kept, but cannot be undone",)
    return found, ()


class Store:
    """A session on disk, and its state in memory. Safe to use from several threads and several processes."""

    def __init__(self, place: Place, opened: Opened, read_only: str | None) -> None:
        self.place = place
        self.read_only = read_only
        self._opened = opened
        self._guard = threading.RLock()
        self._texts = manifest.Texts()

    @property
    def state(self) -> State:
        return self._opened.manifest.state

    @property
    def id(self) -> str:
        return self._opened.manifest.id

    @property
    def created(self) -> str:
        return self._opened.manifest.created

    @property
    def changes(self) -> tuple[Change, ...]:
        return self._opened.changes

    @property
    def problems(self) -> tuple[str, ...]:
        return self._opened.problems

    def refresh(self) -> bool:
        """Take over what other processes changed; one look at the file system when there is nothing. True when there was something."""
        with self._guard:
            if self.place.stamp(manifest.NAME) == self._opened.stamp:
                return False
            before = self.state.revision
            self._opened = read(self.place)
            return self.state.revision != before

    def writing(self) -> AbstractContextManager[None]:
        """The lock between processes, for work on the folder that no other change may cross."""
        return locked(self.folder / LOCK)

    @property
    def folder(self) -> Path:
        """Where the session is written. Raises `SessionError` when it may only be read."""
        if self.read_only is not None or not isinstance(self.place, Folder):
            raise SessionError(f"wanted to change {self.place.title}, which {self.read_only or 'is packed'}")
        return self.place.path

    def commit(self, draft: Callable[[State], Draft], author: str | None = None, locked_already: bool = False) -> Change:
        """Make one change, and return when it is on the disk.

        `draft` sees the newest state, that of other processes included. Raises `SessionError` when the session may only be read, is being
        changed by another process for too long, or the disk is full; nothing has changed then.
        """
        folder = self.folder
        with self._guard, nullcontext() if locked_already else self.writing():
            self.refresh()
            wanted = draft(self.state)
            values = self.state.values
            change = Change(
                revision=self.state.revision + 1,
                time=now(),
                action=wanted.action,
                kind=wanted.kind,
                of=wanted.of,
                changes={key: (values.get(key), after) for key, after in wanted.values.items()},
                kept=wanted.kept,
                author=author,
            )
            following = self.state.copy()
            following.apply(change)
            self._write(folder, change, replace(self._opened.manifest, state=following))
            return change

    def _write(self, folder: Path, change: Change, following: Manifest) -> None:
        content = manifest.dump(following, self._texts)
        if len(content) > LIMITS.metadata:  # more than is read again
            raise SessionError(
                f"wanted at most {LIMITS.metadata / 2**20:.0f} MiB of measurements, regions and names in {folder.name}, got more; "
                "the session is as before: go on in a new one"
            )
        length = journal.append(folder, [change], self._opened.journal_bytes)
        try:
            with write_whole(folder / manifest.NAME, overwrite=True) as part:
                part.write_bytes(content)
        except BaseException:
            journal.append(folder, [], self._opened.journal_bytes)  # the change is taken back: it was not confirmed to anyone
            raise
        stamp = self.place.stamp(manifest.NAME)
        self._opened = Opened(following, (*self._opened.changes, change), length, self._opened.problems, stamp)
