"""The sessions that pages look at: found by id, opened once, closed when long unused, and watched for changes by other programs."""

from __future__ import annotations

import base64
import binascii
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from abbe.errors import SessionError
from abbe.server.turns import Turns
from abbe.session import Session
from abbe.storage import inside

#: folders that are sessions, by custom
SUFFIX = ".abbe"


def id_of(path: str) -> str:
    """The id of the session at a path below the folder served: the path itself, spelled so that it fits in a URL."""
    return base64.urlsafe_b64encode(path.encode()).decode().rstrip("=")


def path_of(session_id: str) -> str:
    """The path behind an id. Raises `SessionError` when it is none."""
    try:
        return base64.b64decode(session_id + "=" * (-len(session_id) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError) as problem:
        raise SessionError("wanted the id of a session, got something else; open it from the list of files") from problem


class Cabinet:
    """Sessions below one folder. Safe to use from threads."""

    def __init__(
        self, root: Path, most: int, changed: Callable[[str, int], None], replaced: Callable[[str], None] = lambda session_id: None
    ) -> None:
        """`changed` is told of news in a session, `replaced` that another session lies in its place now."""
        self.root = root
        self._most, self._changed, self._replaced = most, changed, replaced
        self._open: OrderedDict[str, Session] = OrderedDict()
        self._told: dict[str, int] = {}
        #: of each session that was ever opened where its first version lies, which no other session has
        self._first: dict[str, str] = {}
        self._opening = Turns()
        self._lock = threading.Lock()

    def folder(self, session_id: str) -> Path:
        """Where the session of this id lies. Raises `SessionError` when there is none, `StorageError` for a path that leads out."""
        path = path_of(session_id)
        place = inside(self.root, path)
        hidden = any(part.startswith(".") for part in Path(path).parts)
        if hidden or place.suffix != SUFFIX or not place.exists():
            raise SessionError(f"wanted the session {path[:200]}, which is not there (any more); it may have been deleted or renamed")
        if id_of(place.relative_to(self.root).as_posix()) != session_id:  # whoever has it open by another id would hear of no change
            raise SessionError(f"wanted the session {path[:200]} by its own id, got another spelling of it; open it from the list of files")
        return place

    def get(self, session_id: str) -> Session:
        """The session of this id, as it is on the disk now."""
        place = self.folder(session_id)
        session = self._known(session_id)
        if session is None:
            with self._opening.alone(session_id):  # looking through its files may take long, and others go on meanwhile
                session = self._known(session_id) or self._keep(session_id, Session.open(place))
        session.refresh()
        if self._is_another(session_id, session):
            self.forget(session_id)
            session = self.get(session_id)
            self.changed(session_id, session)
        return session

    def _is_another(self, session_id: str, session: Session) -> bool:
        """Did somebody put another session in its place? Nothing of what was kept of the one before is good for it."""
        first = session.original.folder
        with self._lock:
            another = self._first.setdefault(session_id, first) != first
            self._first[session_id] = first
        if another:
            self._replaced(session_id)
        return another

    def _known(self, session_id: str) -> Session | None:
        with self._lock:
            session = self._open.get(session_id)
            if session is not None:
                self._open.move_to_end(session_id)
            return session

    def _keep(self, session_id: str, session: Session) -> Session:
        with self._lock:
            self._open[session_id] = session
            self._told.setdefault(session_id, session.revision)  # what pages know: whatever comes after it is news
            while len(self._open) > self._most:
                self._open.popitem(last=False)[1].close()
            return session

    def changed(self, session_id: str, session: Session) -> None:
        """Tell the pages that the session is now at its newest revision."""
        with self._lock:
            self._told[session_id] = session.revision
        self._changed(session_id, session.revision)

    def forget(self, session_id: str) -> None:
        with self._opening.alone(session_id):  # whoever is just opening it would keep it
            with self._lock:
                session = self._open.pop(session_id, None)
                self._told.pop(session_id, None)
            if session is not None:
                session.close()

    def look(self) -> None:
        """Find out what other programs (the command line) changed in open sessions, and tell."""
        with self._lock:
            sessions = list(self._open.items())
        for session_id, session in sessions:
            try:
                session.refresh()
                another = self._is_another(session_id, session)
            except (SessionError, OSError):
                continue
            if another:
                self.forget(session_id)
                self._changed(session_id, session.revision)
                continue
            with self._lock:
                news = self._told.get(session_id, session.revision) != session.revision
                self._told[session_id] = session.revision
            if news:
                self._changed(session_id, session.revision)
