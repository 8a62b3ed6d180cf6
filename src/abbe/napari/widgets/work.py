"""Work beside the viewer: one thread per job, one job at a time, with progress and a stop that is heeded at the next report."""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from qtpy.compat import isalive
from qtpy.QtCore import QCoreApplication, QObject, QTimer, Signal

from abbe.errors import AbbeError, CancelledError

log = logging.getLogger(__name__)

#: seconds between two reports of progress
PERIOD = 0.05
#: milliseconds between two collections of garbage while a job runs
SWEEP = 500
#: seconds between two looks whether a job's turn has come, or it was stopped
LOOK = 0.1

_turn = threading.Lock()
_running: set[Job] = set()


class Job(QObject):
    """One piece of work. Its signals come from its thread and arrive in that of the viewer.

    The thread is no daemon: a process that ends waits for it, as it must not be torn out of an inference engine, and it stops at the
    next report once the viewer, or the process, is about to go.
    """

    progressed = Signal(float, str)
    done = Signal(object)
    failed = Signal(str)
    stopped = Signal()

    def __init__(self, work: Callable[[Callable[[float, str], None]], Any]) -> None:
        super().__init__()
        self._work = work
        self._stop = threading.Event()
        self._told = 0.0
        self._thread = threading.Thread(target=self._run, name="abbe-job")

    def start(self) -> None:
        _running.add(self)
        _sweep_here()
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self._stop.set)
        self._thread.start()

    def stop(self) -> None:
        """Ends it at its next report of progress; nothing is added then."""
        self._stop.set()

    def wait(self, seconds: float) -> bool:
        """Whether it has ended within that time."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._send(*self._outcome())
        finally:
            _running.discard(self)

    def _outcome(self) -> tuple[str, tuple[Any, ...]]:
        """The signal that tells how it ended."""
        try:
            self._await_turn()
            try:
                found = self._work(self._report)
            finally:
                _turn.release()
            self._heed()
        except CancelledError:
            return "stopped", ()
        except Exception as problem:
            return "failed", (in_words(problem),)
        return "done", (found,)

    def _await_turn(self) -> None:
        if _turn.acquire(blocking=False):
            return
        self._send("progressed", (0.0, "waiting for the work before it"))
        while not _turn.acquire(timeout=LOOK):
            self._heed()

    def _heed(self) -> None:
        if self._stop.is_set() or not threading.main_thread().is_alive():
            raise CancelledError("stopped; nothing was added")

    def _report(self, fraction: float, what: str = "") -> None:
        self._heed()
        now = time.monotonic()
        if now - self._told >= PERIOD:
            self._told = now
            self._send("progressed", (float(fraction), what))

    def _send(self, name: str, values: tuple[Any, ...]) -> None:
        try:
            getattr(self, name).emit(*values)
        except RuntimeError:  # Qt has taken its part down already: nobody is there to be told
            self._stop.set()


class Sweeper(QObject):
    """Collects garbage in the viewer's thread while jobs run, and only there.

    Python collects in whatever thread allocates, and what it finds may be windows of Qt's, which abort the process when another thread
    than theirs takes them down.
    """

    def __init__(self) -> None:
        super().__init__()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._sweep)

    def begin(self) -> None:
        if not self._timer.isActive() and gc.isenabled():  # off for a reason of somebody else's: left alone
            gc.disable()
            self._timer.start(SWEEP)

    def _sweep(self) -> None:
        gc.collect(1)
        if not _running:
            self._timer.stop()
            gc.enable()


_sweeper: Sweeper | None = None


def _sweep_here() -> None:
    global _sweeper
    if _sweeper is None or not isalive(_sweeper):
        _sweeper = Sweeper()
    _sweeper.begin()


def in_words(problem: BaseException) -> str:
    """One sentence for the user; what is a bug goes to the log with its place."""
    if isinstance(problem, AbbeError):
        return str(problem)
    if isinstance(problem, MemoryError):
        return "wanted more memory than there is; close other images and programs, or work on a part of the image"
    what = str(problem).strip().partition("\n")[0]
    log.error("a bug in abbe", exc_info=problem)
    return f"{type(problem).__name__}: {what} - this is a bug in abbe; report it with what napari prints in the terminal"
