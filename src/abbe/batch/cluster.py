"""Workers of a Dask cluster: one image each at a time. They see the same folders under the same names, and have the same abbe.

Dask: Rocklin, "Dask: Parallel Computation with Blocked algorithms and Task Scheduling", Proc 14th Python in Science Conf 126 (2015).
"""

from __future__ import annotations

import os
import socket
from concurrent import futures
from contextlib import suppress
from pathlib import Path
from typing import Any

from abbe._version import __version__
from abbe.batch.settings import Began, Settings
from abbe.batch.work import Made, Task, do
from abbe.errors import AbbeError, CancelledError, MissingExtraError, ParameterError

#: seconds to wait for the scheduler, and for its first worker
CONNECTING, FIRST_WORKER = 15.0, 60.0
#: tasks given per place at work, so that none waits for this process
AHEAD = 2


class Cluster:
    """`Hands` at the workers of the scheduler at `address`, tcp://host:8786."""

    def __init__(self, address: str) -> None:
        """Raises `ParameterError` when the scheduler is not there; `MissingExtraError` without the extra `cluster`."""
        try:
            import distributed
        except ModuleNotFoundError as problem:
            raise MissingExtraError("working on a cluster", "cluster") from problem
        self._distributed = distributed
        try:
            self._client: Any = distributed.Client(address, timeout=CONNECTING, set_as_default=False)
        except (OSError, ValueError, TypeError) as problem:
            raise ParameterError(
                f"wanted a Dask scheduler at {address}, got no answer ({_line(problem)}); give the address that it shows when it starts, "
                "such as tcp://10.0.0.7:8786"
            ) from problem
        self._address, self._tasks = address, dict[Any, Task]()
        self._began: Began

    def ready(self, folder: Path, out: Path, began: Began) -> None:
        """Raises `ParameterError` where there are no workers, or they cannot do the work."""
        try:
            self._client.wait_for_workers(1, timeout=FIRST_WORKER)
        except TimeoutError as problem:
            raise ParameterError(f"wanted workers at the scheduler, got none in {FIRST_WORKER:.0f} s; start some: dask worker") from problem
        try:
            told = self._client.run(_about, str(folder), str(out), began.settings)
        except Exception as problem:
            raise ParameterError(f"wanted workers with abbe {__version__}, got: {_line(problem)}; install the same abbe there") from problem
        self._began = began
        for worker, (software, models, sees) in sorted(told.items()):
            if sees:
                raise ParameterError(f"wanted workers that can read the images and write the results, got one, {worker}, that {sees}")
            if differ := _differences(began, software, models):
                raise ParameterError(f"wanted workers with the same abbe and weights, got {differ} at {worker}; install the same there")

    def _places(self) -> int:
        with suppress(Exception):  # it goes away now and then, and comes back
            return sum(self._client.nthreads().values())
        return 0

    def free(self) -> int:
        return max(0, AHEAD * max(1, self._places()) - len(self._tasks))

    def give(self, task: Task) -> None:
        """Raises `AbbeError` where the scheduler has gone for good."""
        try:
            self._tasks[self._client.submit(_do, task, self._began, pure=False, retries=2)] = task
        except Exception as problem:
            raise self._lost() from problem

    def expect(self, images: int) -> None:
        """Workers of a cluster come and go by themselves."""

    def _lost(self) -> AbbeError:
        return AbbeError(
            f"the connection to the scheduler at {self._address} broke, or somebody cancelled the tasks there; what is done is kept, and "
            "the batch goes on when it is started again"
        )

    def busy(self) -> dict[str, float]:
        return {task.key: 0.0 for task in self._tasks.values()}

    def finished(self, timeout: float) -> list[tuple[Task, Made | None]]:
        if not self._tasks:
            return []
        try:
            with suppress(TimeoutError, self._distributed.TimeoutError), self._client.as_current():
                self._distributed.wait(list(self._tasks), timeout=timeout, return_when="FIRST_COMPLETED")
        except futures.CancelledError as problem:
            raise self._lost() from problem
        done = []
        for future in [future for future in self._tasks if future.done()]:
            task = self._tasks.pop(future)
            try:
                made = future.result()
            except futures.CancelledError as problem:
                raise self._lost() from problem
            except Exception as problem:  # the worker died
                made = Made(died=True, error=f"the worker that had it did not answer ({_line(problem)}); look at its log")
            done.append((task, made))
            future.release()
        return done

    def close(self) -> None:
        with suppress(Exception):
            self._client.cancel(list(self._tasks), force=True)
        self._tasks.clear()
        with suppress(Exception):  # a scheduler that has gone
            self._client.close()


def _do(task: Task, began: Began) -> Made | None:
    software, models = _weights(began.settings)
    if differ := _differences(began, software, models):  # a worker that came after the others
        return Made(error=f"wanted a worker with the same abbe and weights, got {differ} at {socket.gethostname()}; install the same there")
    try:
        return do(task, lambda fraction: None)
    except CancelledError:
        return None


def _weights(settings: Settings) -> tuple[str, dict[str, str] | str]:
    """At a worker: its abbe, and the weights that it would use, or why it has none."""
    try:
        return f"abbe {__version__}", settings.check()
    except AbbeError as problem:
        return f"abbe {__version__}", str(problem)


def _differences(began: Began, software: str, models: dict[str, str] | str) -> str:
    """What a worker has otherwise than the batch, in words; empty where nothing."""
    if software != began.software:
        return software
    if isinstance(models, str):
        return models
    return "" if models == began.models else ", ".join(f"{name} {digest[:8]}" for name, digest in models.items())


def _about(folder: str, out: str, settings: Settings) -> tuple[str, dict[str, str] | str, str]:
    """At a worker: its abbe, its weights, and what is wrong with its view of the folders."""
    sees = ""
    if not os.path.isdir(folder):
        sees = f"has no folder {folder}; share it under the same name"
    elif not (os.path.isdir(out) and os.access(out, os.W_OK)):
        sees = f"cannot write to {out}; share it under the same name"
    return *_weights(settings), sees


def _line(problem: BaseException) -> str:
    return (str(problem).strip().splitlines() or [type(problem).__name__])[0][:200]
