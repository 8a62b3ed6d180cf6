"""Events to every open page: that something changed, never what.

A page that missed events reads its session again, so nothing is replayed and nothing piles up: for each (event, subject) a slow page
keeps only the newest.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from abbe.errors import FullError

#: seconds between signs of life, so that both ends notice a dead connection
HEARTBEAT = 10.0


class Subscription:
    """One open page: who it is, what it looks at, and what it has not been told yet."""

    def __init__(self, loop: asyncio.AbstractEventLoop, device: str, page: str, session: str | None) -> None:
        self.device, self.page, self.session = device, page, session
        self._loop = loop
        self._waiting: dict[tuple[str, str], dict[str, Any]] = {}
        self._wake = asyncio.Event()
        self._closed = False

    def put(self, event: str, subject: str, data: dict[str, Any]) -> None:
        """From any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: the page is gone
            self._loop.call_soon_threadsafe(self._put, event, subject, data)

    def _put(self, event: str, subject: str, data: dict[str, Any]) -> None:
        self._waiting.pop((event, subject), None)  # the newest comes last
        self._waiting[event, subject] = data
        self._wake.set()

    def close(self) -> None:
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._close)

    def _close(self) -> None:
        self._closed = True
        self._wake.set()

    async def lines(self) -> AsyncIterator[str]:
        """The stream, in the format of server-sent events."""
        yield "retry: 1000\n\n"
        while not self._closed:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), HEARTBEAT)
            self._wake.clear()
            waiting, self._waiting = self._waiting, {}
            if not waiting and not self._closed:
                yield "event: here\ndata: {}\n\n"  # an event, for a page is not told of comments
            for (event, _), data in waiting.items():
                yield f"event: {event}\ndata: {json.dumps(data)}\n\n"


class Hub:
    """All open pages."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._open: list[Subscription] = []
        self._order = threading.Lock()
        self._number = 0

    @contextlib.contextmanager
    def in_order(self) -> Iterator[int]:
        """For a change that pages are told with its content: one at a time, under a number that is larger than any before.

        Numbers are microseconds, so that they go on from those of a server before this one.
        """
        with self._order:
            self._number = max(self._number + 1, time.time_ns() // 1000)
            yield self._number

    def join(self, device: str, page: str, session: str | None) -> Subscription:
        """Called in the event loop. Raises `FullError` when too many pages are open.

        A page that comes back took leave of nobody where its network went: its stream from before ends now, not when TCP gives it up.
        """
        with self._lock:
            before = [one for one in self._open if page and (one.device, one.page) == (device, page)]
            others = [one for one in self._open if one not in before]
            if len(others) >= self._most:
                raise FullError(f"wanted at most {self._most} open pages, got one more; close some")
            new = Subscription(asyncio.get_running_loop(), device, page, session)
            self._open = [*others, new]
        for one in before:
            one.close()
        for shown in {session, *(one.session for one in before)}:
            self._tell_who(shown)
        return new

    def leave(self, subscription: Subscription) -> None:
        with self._lock:
            if subscription in self._open:
                self._open.remove(subscription)
        self._tell_who(subscription.session)

    def publish(self, event: str, data: dict[str, Any], session: str | None = None, subject: str = "", but: str = "") -> None:
        """Tell every page (of one session, when given), from any thread; not the page named `but`."""
        with self._lock:
            targets = [s for s in self._open if (session is None or s.session == session) and (not but or s.page != but)]
        for target in targets:
            target.put(event, subject, data)

    def pages(self, session: str | None) -> int:
        with self._lock:
            return sum(s.session == session for s in self._open)

    def close(self) -> None:
        with self._lock:
            targets = list(self._open)
        for target in targets:
            target.close()

    def _tell_who(self, session: str | None) -> None:
        if session is not None:
            self.publish("devices", {"pages": self.pages(session)}, session)
