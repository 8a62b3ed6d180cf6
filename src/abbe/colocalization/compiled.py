"""Compiled kernels: how they are compiled, cached, warmed up, and run on several cores.

numba compiles a kernel when it is first called with a pixel type, about a second each, and keeps the machine code on disk, so that this
happens once per installation. Where no folder is writable, it is kept for the process alone. Kernels release Python's lock and run in
plain threads: numba's own thread pool must not be entered from two threads at once, which a server would do.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
R = TypeVar("R")

#: more threads than this gain nothing: the kernels are bound by memory
THREADS = 8


def kernel(function: F) -> F:
    """Compile `function` with numba when first called; sums may be reordered, so that they use the processor's vector units."""
    options = {"nogil": True, "fastmath": {"reassoc", "nsz"}, "error_model": "numpy"}
    try:
        compiled: F = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba finds no folder that it may write its cache to
        compiled = numba.njit(**options)(function)
    return compiled


@cache
def _threads() -> int:
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1  # not on macOS and Windows
    return min(count, THREADS)


@cache
def _pool(process: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_threads(), thread_name_prefix="abbe-coloc")


def together(function: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """`function` of every item on several cores, results in the items' order."""
    work = list(items)
    if len(work) < 2 or _threads() < 2:
        return [function(item) for item in work]
    # a pool per process: threads do not survive a fork
    return list(_pool(os.getpid()).map(function, work))
