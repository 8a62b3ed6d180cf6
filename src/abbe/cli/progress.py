"""A progress bar on a terminal; elsewhere a plain line every few seconds, so that a log stays readable.

Everything in abbe that takes longer than a second takes `progress=`, a callable `progress(fraction, what)`: how much of the whole call is
done, in [0, 1], and the step it is at, in a word or two.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from abbe.cli.speech import clean

Progress: TypeAlias = Callable[[float, str], None]

#: seconds between plain lines; and at most, where a line has nothing new to say
PERIOD, LONGEST = 5.0, 3600.0


@contextmanager
def progress(title: str, quiet: bool = False) -> Iterator[Progress]:
    """A callable for `progress=`; shown on stderr until the block ends."""
    if quiet:
        yield _silence
    elif sys.stderr.isatty():
        with _bar(clean(title)) as report:
            yield report
    else:
        yield _Lines(clean(title))


def _silence(fraction: float, what: str = "") -> None: ...


@contextmanager
def _bar(title: str) -> Iterator[Progress]:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(escape(title), total=1.0)

        def report(fraction: float, what: str = "") -> None:
            bar.update(task, completed=min(max(fraction, 0.0), 1.0), description=escape(f"{title}: {clean(what)}" if what else title))

        yield report


class _Lines:
    """Plain lines, at most one every `PERIOD` seconds, none for work that is over before the first.

    One that says what the last one said comes after twice as long each time: a folder is watched for weeks.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._last = time.monotonic()
        self._said, self._pause = "", PERIOD

    def __call__(self, fraction: float, what: str = "") -> None:
        now = time.monotonic()
        if now - self._last < PERIOD:
            return
        line = f"{self._title}: {100 * fraction:.0f} %{f', {clean(what)}' if what else ''}"
        if line != self._said:
            self._pause = PERIOD
        elif now - self._last < self._pause:
            return
        self._last, self._said, self._pause = now, line, min(2 * self._pause, LONGEST)
        print(line, file=sys.stderr, flush=True)
