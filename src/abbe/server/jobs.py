"""The queue: work that takes longer than an answer may, one job after another, with progress, time left and cancel.

One worker thread at low priority; threads that it starts (inference) inherit that, so tiles stay quick while a job runs. Another measures
meanwhile: a table of numbers, of a second or some, does not wait for minutes of restoring.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from abbe.errors import AbbeError, CancelledError, FullError

log = logging.getLogger(__name__)

State: TypeAlias = Literal["waiting", "running", "done", "failed", "cancelled"]
#: progress(fraction, what)
Progress: TypeAlias = Callable[[float, str], None]
#: the work: takes `progress`, gives what the page needs to show the result
Work: TypeAlias = Callable[[Progress], dict[str, Any]]

#: jobs that are over and still listed
REMEMBERED = 50
#: seconds between two reports of one job's progress
PERIOD = 0.1


@dataclass(eq=False)
class Job:
    """One piece of work on one session."""

    kind: str
    session: str | None
    title: str
    work: Work
    #: measures beside what restores or exports, and waits for none of it
    aside: bool = False
    #: a job that is asked for in the same words does the same; None: each is one of its own
    wish: str | None = None
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    state: State = "waiting"
    fraction: float = 0.0
    what: str = ""
    message: str = ""
    result: dict[str, Any] = field(default_factory=dict)
    started: float | None = None
    ended: float | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def seconds_left(self) -> float | None:
        """From the pace so far; None in the first second, when it would be a guess."""
        if self.state != "running" or self.started is None or self.fraction < 0.02:
            return None
        spent = time.monotonic() - self.started
        return None if spent < 1 else spent * (1 - self.fraction) / self.fraction

    def to_dict(self) -> dict[str, Any]:
        left = self.seconds_left
        return {
            "id": self.id,
            "kind": self.kind,
            "session": self.session,
            "title": self.title,
            "state": self.state,
            "stopping": self.state == "running" and self.stop.is_set(),
            "fraction": round(self.fraction, 4),
            "what": self.what,
            "message": self.message,
            "result": self.result,
            "seconds_left": None if left is None else round(left, 1),
            "seconds": None if self.started is None else round((self.ended or time.monotonic()) - self.started, 1),
        }


class Queue:
    """Jobs in the order they came, one at a time, and one that measures beside.

    `changed` is told about each, from its worker's thread; `said` gives what pages are told of a failure.
    """

    def __init__(self, most: int, changed: Callable[[Job], None], said: Callable[[AbbeError], str] = str) -> None:
        self._most, self._changed, self._said = most, changed, said
        self._lock = threading.Condition()
        self._waiting: deque[Job] = deque()
        self._running: list[Job] = []
        self._over: deque[Job] = deque(maxlen=REMEMBERED)
        self._closed = False
        self._workers = [threading.Thread(target=self._work, args=(aside,), name="abbe-jobs", daemon=True) for aside in (False, True)]
        for worker in self._workers:
            worker.start()

    def add(self, job: Job) -> Job:
        """The job; or one that does the same already, waiting or under way: two devices that ask at once share it.

        Raises `FullError` when the queue is full.
        """
        with self._lock:
            for other in (*self._running, *self._waiting):
                asked = job.wish is not None and (other.session, other.wish) == (job.session, job.wish)
                if asked and other.state in ("waiting", "running") and not other.stop.is_set():
                    return other
            if len(self._waiting) + len(self._running) >= self._most:
                raise FullError(f"wanted at most {self._most} jobs in the queue, got one more; wait for one to end, or cancel one")
            self._waiting.append(job)
            self._lock.notify_all()
        self._changed(job)
        return job

    def jobs(self) -> list[Job]:
        """Running, waiting, then over; newest last in each."""
        with self._lock:
            return [*self._running, *self._waiting, *self._over]

    def find(self, job_id: str) -> Job | None:
        return next((job for job in self.jobs() if job.id == job_id), None)

    def cancel(self, job: Job) -> None:
        """A waiting job ends at once, a running one at its next report of progress; until then it is said to be stopping."""
        job.stop.set()
        with self._lock:
            waiting = job in self._waiting
            if waiting:
                self._waiting.remove(job)
                job.state = "cancelled"
                self._over.append(job)
        if waiting or job.state == "running":
            self._changed(job)

    def cancel_session(self, session: str) -> None:
        for job in self.jobs():
            if job.session == session and job.state in ("waiting", "running"):
                self.cancel(job)

    def busy(self, session: str) -> bool:
        return any(job.session == session and job.state in ("waiting", "running") for job in self.jobs())

    def close(self, seconds: float = 5.0) -> None:
        with self._lock:
            self._closed = True
            for job in [*self._waiting, *self._running]:
                job.stop.set()
            self._waiting.clear()
            self._lock.notify_all()
        until = time.monotonic() + seconds
        for worker in self._workers:
            worker.join(max(0.0, until - time.monotonic()))

    def _work(self, aside: bool) -> None:
        _be_polite()
        while True:
            with self._lock:
                while (job := next((one for one in self._waiting if one.aside == aside), None)) is None and not self._closed:
                    self._lock.wait()
                if self._closed or job is None:
                    return
                self._waiting.remove(job)
                self._running.append(job)
            self._run(job)
            with self._lock:
                self._running.remove(job)
                self._over.append(job)
            self._changed(job)

    def _run(self, job: Job) -> None:
        job.state, job.started = "running", time.monotonic()
        self._changed(job)
        last = 0.0

        def progress(fraction: float, what: str = "") -> None:
            nonlocal last
            if job.stop.is_set():
                raise CancelledError("stopped; nothing was written")
            job.fraction, job.what = min(max(float(fraction), 0.0), 1.0), str(what)
            if time.monotonic() - last >= PERIOD:
                last = time.monotonic()
                self._changed(job)

        try:
            job.result = job.work(progress)
            job.state, job.fraction = "done", 1.0
        except CancelledError:
            job.state, job.message = "cancelled", "stopped; nothing was changed"
        except AbbeError as problem:
            job.state, job.message = "failed", self._said(problem)
        except MemoryError:
            job.state, job.message = "failed", "not enough memory; close other programs, or work on a smaller part of the image"
        except Exception as problem:
            log.exception("job %s failed", job.kind)
            job.state, job.message = "failed", f"something went wrong inside abbe ({type(problem).__name__}); the image is unchanged"
        finally:
            job.ended = time.monotonic()
            job.work = _over  # lets go of what the work held


def _over(progress: Progress) -> dict[str, Any]:
    return {}


def _be_polite() -> None:
    """Lower this thread's priority, and that of threads it starts (on Linux priorities are per thread)."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
