"""Processes of this machine that work on images: each on one at a time, none brings the others down."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import connection, get_context, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Protocol

from abbe.batch.settings import Began
from abbe.batch.work import Made, Task, do
from abbe.errors import AbbeError, CancelledError
from abbe.restoration.engine import CORES, cores
from abbe.restoration.room import memory

#: seconds between two reports of how far an image is
OFTEN = 0.5
#: seconds that a process may take to stop what it is at
STOPPING = 10.0
#: libraries that start as many threads as there are cores, unless these say otherwise before they are loaded
_THREADS = (CORES, "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")

#: bytes of memory that a process needs for images of usual size
MEMORY_EACH = 3 * 2**30
#: what a process says when it is ready for its first image
HERE = "here"
#: said where no process gets as far as to ask for work
GUARD = 'in a script, call abbe.batch.run below `if __name__ == "__main__":`'

#: what a shell and a scheduler send to all processes of a batch; it is the first of them that ends the others
_STOPS = (signal.SIGINT, signal.SIGTERM)


def workers_here(images: int | None = None) -> int:
    """How many processes suit this machine, and so many images: one thread each is what they make the best use of."""
    there = memory()
    fit = cores() // 2 if there is None else min(cores(), there // MEMORY_EACH)
    return max(1, fit if images is None else min(fit, images))


class Hands(Protocol):
    """What works on tasks: processes here, or workers of a cluster."""

    def ready(self, folder: Path, out: Path, began: Began) -> None:
        """Asked once, when both folders are there. Raises `AbbeError` where the work cannot be done."""
        ...

    def free(self) -> int:
        """How many more tasks can be given."""
        ...

    def give(self, task: Task) -> None: ...

    def expect(self, images: int) -> None:
        """So many are waiting or in work: more than was known when the batch began."""
        ...

    def finished(self, timeout: float) -> list[tuple[Task, Made | None]]:
        """What was finished, waiting for it at most so many seconds; None for what was stopped."""
        ...

    def busy(self) -> dict[str, float]:
        """Key of each image in work -> how much of it is done."""
        ...

    def close(self) -> None:
        """Stop, whatever is in work."""
        ...


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    line: Connection
    task: Task | None = None
    fraction: float = 0.0


class Crew:
    """`count` processes of this machine, which share its cores; up to `most` where there is work for more than there seemed to be."""

    def __init__(self, count: int, most: int | None = None) -> None:
        self._context = get_context("spawn")
        self._count, self._most, self._cores = count, most or count, cores()
        self._workers: list[_Worker] = []
        #: did one of them get as far as to ask for work?
        self._works = False

    def ready(self, folder: Path, out: Path, began: Began) -> None:
        for k in range(self._count):
            self._workers.append(self._start(k))

    def _start(self, place: int) -> _Worker:
        ours, theirs = self._context.Pipe()
        share = max(1, self._cores // self._count + (place < self._cores % self._count))
        with _environment({name: str(share) for name in _THREADS}), _held_back():
            process = self._context.Process(target=_serve, args=(theirs,), name="abbe-batch", daemon=True)
            try:
                process.start()
            except OSError as problem:
                raise AbbeError(f"wanted a process to work on images, got: {problem.strerror}; use fewer --workers") from problem
        theirs.close()
        return _Worker(process, ours)

    def free(self) -> int:
        return sum(worker.task is None for worker in self._workers)

    def give(self, task: Task) -> None:
        worker = next(worker for worker in self._workers if worker.task is None)
        if not worker.process.is_alive():
            worker = self._again(worker)
        worker.task, worker.fraction = task, 0.0
        with suppress(OSError):  # a process that died just now is noticed as one that died at work
            worker.line.send(task)

    def expect(self, images: int) -> None:
        count = min(images, self._most)
        if count <= self._count:
            return
        self._count = count
        for worker in [worker for worker in self._workers if worker.task is None]:
            self._again(worker)  # with a share of the cores
        self._workers += [self._start(place) for place in range(len(self._workers), count)]

    def busy(self) -> dict[str, float]:
        return {worker.task.key: worker.fraction for worker in self._workers if worker.task is not None}

    def finished(self, timeout: float) -> list[tuple[Task, Made | None]]:
        at_work = {worker.line: worker for worker in self._workers if worker.task is not None}
        if not at_work:
            return []
        done: list[tuple[Task, Made | None]] = []
        end = time.monotonic() + timeout
        while not done and (left := end - time.monotonic()) > 0:
            for line in connection.wait(list(at_work), left):
                worker = at_work[line]  # type: ignore[index]
                assert worker.task is not None
                try:
                    message = worker.line.recv()
                except (EOFError, OSError):
                    if not self._works:
                        raise AbbeError(f"{_end_of(worker.process, 'before it began')}; {GUARD}") from None
                    done.append((worker.task, Made(died=True, error=_end_of(worker.process))))
                    self._again(worker)
                    continue
                if message == HERE:
                    self._works = True
                elif isinstance(message, float):
                    worker.fraction = message
                else:
                    done.append((worker.task, message))
                    worker.task = None
        return done

    def _again(self, worker: _Worker) -> _Worker:
        """Another process in the place of one that died."""
        worker.line.close()
        place = self._workers.index(worker)
        self._workers[place] = self._start(place)
        return self._workers[place]

    def close(self) -> None:
        for worker in self._workers:
            worker.line.close()  # who waits for a task ends; who is at one ends with its next report
        end = time.monotonic() + STOPPING
        for worker in self._workers:
            worker.process.join(max(0.0, end - time.monotonic()))
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
        self._workers = []


def _end_of(process: BaseProcess, when: str = "") -> str:
    process.join(5)
    code = process.exitcode
    how = f"was ended by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"
    if when:
        return f"wanted a process to work on images, got one that {how} {when}"
    return f"the process that worked on it {how}, as happens where memory runs out; use fewer --workers, or work on a part of the image"


@contextmanager
def _held_back() -> Iterator[None]:
    """Processes that are started within never get Ctrl-C nor SIGTERM, not even while they start; this one gets them afterwards."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # starting it lets signals through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update({name: value if name == CORES else before[name] or value for name, value in changes.items()})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)


def _serve(line: Connection) -> None:
    """In a process of its own: tasks in, reports and results out, until nobody is at the other end."""
    for number in _STOPS:
        signal.signal(number, signal.SIG_IGN)
    told = time.monotonic()
    with suppress(OSError):
        line.send(HERE)

    def report(fraction: float) -> None:
        nonlocal told
        if time.monotonic() - told < OFTEN:
            return
        told = time.monotonic()
        try:
            line.send(float(fraction))
        except OSError as problem:
            raise CancelledError("the batch has ended") from problem

    while True:
        try:
            task = line.recv()
        except (EOFError, OSError):
            return
        made: Made | None
        try:
            made = do(task, report)
        except CancelledError:
            made = None
        try:
            line.send(made)
        except OSError:
            return
