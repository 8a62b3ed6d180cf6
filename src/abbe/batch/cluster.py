"""Workers of a Dask cluster: one image each at a time. They see the same folders under the same names, and have the same abbe.

Dask: Rocklin, "Dask: Parallel Computation with Blocked algorithms and Task Scheduling", Proc 14th Python in Science Conf 126 (2015).
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from abbe._version import __version__
from abbe.batch.work import Made, Task, do
from abbe.errors import CancelledError, MissingExtraError, ParameterError

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
        self._tasks: dict[Any, Task] = {}

    def ready(self, folder: Path, out: Path) -> None:
        """Raises `ParameterError` where there are no workers, or they cannot do the work."""
        try:
            self._client.wait_for_workers(1, timeout=FIRST_WORKER)
        except TimeoutError as problem:
            raise ParameterError(f"wanted workers at the scheduler, got none in {FIRST_WORKER:.0f} s; start some: dask worker") from problem
        try:
            told = self._client.run(_about, str(folder), str(out))
        except Exception as problem:
            raise ParameterError(f"wanted workers with abbe {__version__}, got: {_line(problem)}; install the same abbe there") from problem
        for worker, (version, sees) in sorted(told.items()):
            if version != __version__:
                raise ParameterError(f"wanted workers with abbe {__version__}, got {version} at {worker}; install the same there")
            if sees:
                raise ParameterError(f"wanted workers that can read the images and write the results, got one, {worker}, that {sees}")

    def _places(self) -> int:
        with suppress(Exception):  # it goes away now and then, and comes back
            return sum(self._client.nthreads().values())
        return 0

    def free(self) -> int:
        return max(0, AHEAD * max(1, self._places()) - len(self._tasks))

    def give(self, task: Task) -> None:
        self._tasks[self._client.submit(_do, task, pure=False, retries=2)] = task

    def busy(self) -> dict[str, float]:
        return {task.key: 0.0 for task in self._tasks.values()}

    def finished(self, timeout: float) -> list[tuple[Task, Made | None]]:
        if not self._tasks:
            return []
        with suppress(TimeoutError, self._distributed.TimeoutError), self._client.as_current():
            self._distributed.wait(list(self._tasks), timeout=timeout, return_when="FIRST_COMPLETED")
        done = []
        for future in [future for future in self._tasks if future.done()]:
            task = self._tasks.pop(future)
            try:
                made = future.result()
            except Exception as problem:  # the worker died, or the scheduler
                made = Made(died=True, error=f"the worker that had it did not answer ({_line(problem)}); look at its log")
            done.append((task, made))
            future.release()
        return done

    def close(self) -> None:
        with suppress(Exception):
            self._client.cancel(list(self._tasks), force=True)
        self._tasks.clear()
        self._client.close()


def _do(task: Task) -> Made | None:
    try:
        return do(task, lambda fraction: None)
    except CancelledError:
        return None


def _about(folder: str, out: str) -> tuple[str, str]:
    """At a worker: its abbe, and what is wrong with its view of the folders."""
    if not os.path.isdir(folder):
        return __version__, f"has no folder {folder}; share it under the same name"
    if not (os.path.isdir(out) and os.access(out, os.W_OK)):
        return __version__, f"cannot write to {out}; share it under the same name"
    return __version__, ""


def _line(problem: BaseException) -> str:
    return (str(problem).strip().splitlines() or [type(problem).__name__])[0][:200]
