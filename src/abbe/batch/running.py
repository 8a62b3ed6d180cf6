"""A batch: every image of a folder, each once, whoever else is at it, and on from where it was."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from abbe.batch.beginning import check_folders, make_folder, remove_empty, what_goes_on
from abbe.batch.claims import Claim, Claims, Placing, one_at_a_time
from abbe.batch.finding import Found, Source, find, targets
from abbe.batch.hands import Crew, Hands
from abbe.batch.record import Outcome, Record
from abbe.batch.settings import Began, Settings
from abbe.batch.summary import write_summary
from abbe.batch.work import Made, Task
from abbe.errors import AbbeError, CancelledError, ParameterError, StorageError
from abbe.formats.naming import maps_beside
from abbe.restoration.engine import cores
from abbe.restoration.room import memory
from abbe.storage import check_target, storage_error, write_whole
from abbe.storage.undisturbed import undisturbed

#: the folder in that of the results where a batch keeps its journal
HOME = ".abbe-batch"
#: the table of all images, in the folder of results
TABLE = "batch.csv"
#: bytes of memory that a process needs for images of usual size, and cores that it makes good use of
MEMORY_EACH, CORES_EACH = 3 * 2**30, 2
#: seconds between two looks at a folder that grows, and without a change before a file in it counts as whole
LOOK, SETTLED = 5.0, 10.0
#: seconds between two looks for processes that died, and between two tables
ROUND, TABLE_EVERY = 60.0, 120.0

Progress = Callable[[float, str], object]
Told = Callable[[Outcome], None]


@dataclass(slots=True)
class Summary:
    """What a run came to."""

    #: images in the folder
    count: int = 0
    #: done by this run; done before it, or beside it by other processes; failed
    done: int = 0
    before: int = 0
    #: of those done by this run, how many are called doubtful
    doubtful: int = 0
    failed: int = 0
    #: in the hands of other processes when this one had nothing left to do
    elsewhere: int = 0
    #: files that are no images, by ending
    ignored: dict[str, int] = field(default_factory=dict)
    table: Path = Path()
    #: other processes that were at it at the end
    others: tuple[str, ...] = ()


def workers_here() -> int:
    """How many processes suit this machine."""
    there = memory()
    fit = cores() if there is None else there // MEMORY_EACH
    return max(1, min(cores() // CORES_EACH, fit))


def run(
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str],
    settings: Settings | None = None,
    *,
    match: Sequence[str] = (),
    workers: int | None = None,
    scheduler: str | None = None,
    watch: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
    told: Told | None = None,
) -> Summary:
    """Restore every image below `folder`; results lie below `out` as the images do below `folder`.

    What is done already is left, so that a batch that was stopped, or killed, goes on; what failed is tried again. It may be started
    several times at once, on several machines that see both folders: each image is done by one of them. One image that fails does not
    stop the others. Call it from a script under `if __name__ == "__main__":`, since it starts processes.

    Args:
        settings: what is done to each; None: Workflow A as it is by default.
        match: patterns of file names (`*_ch1.tif`), or of paths below the folder (`plate1/*`); none: all that abbe opens.
        workers: processes on this machine. None: one for every two cores, where memory lasts.
        scheduler: address of a Dask scheduler, whose workers do it instead.
        watch: go on for files that come, until interrupted.
        overwrite: begin anew: results that are there are replaced.
        progress: `progress(fraction, text)`; returns False or raises `CancelledError` to stop.
        told: called with every `Outcome`.

    Raises:
        ParameterError: the settings cannot be used, or are not those that the results in `out` were made with.
        StorageError: a folder is not there, or cannot be written to. CancelledError: stopped by `progress`.
    """
    settings = settings or Settings()
    began = Began(settings=settings, models=settings.check(), overwrite=overwrite)
    if workers is not None and workers < 1:
        raise ParameterError(f"wanted one worker or more, got {workers}")
    source, target = Path(os.path.abspath(folder)), Path(os.path.abspath(out))
    check_folders(source, target)
    found = find(source, target, match)  # before anything is made
    if not found.sources and not watch:
        others = ", ".join(f"{count} {ending}" for ending, count in found.ignored.most_common(5))
        raise ParameterError(f"wanted images in {source}, got {f'other files alone ({others})' if others else 'none'}; look at --match")
    batch = _Batch(source, target, settings, match, told or (lambda outcome: None))
    hands: Hands = Crew(workers or workers_here()) if scheduler is None else _cluster(scheduler)
    try:
        with batch.begun(began):
            try:
                hands.ready(source, target)
                batch.work(hands, found, progress or (lambda fraction, text: None), watch)
            except KeyboardInterrupt:
                if not watch:  # a folder that grows has no other end
                    raise
            finally:
                with undisturbed():
                    hands.close()
                    batch.end()
    finally:
        hands.close()
    return batch.summary


def _cluster(scheduler: str) -> Hands:
    from abbe.batch.cluster import Cluster

    return Cluster(scheduler)


class _Batch:
    """The state of a run."""

    def __init__(self, source: Path, out: Path, settings: Settings, match: Sequence[str], told: Told) -> None:
        self.source, self.out, self.settings, self.match, self.told = source, out, settings, match, told
        self.home = out / HOME
        self.claims = Claims(self.home, out)
        self.summary = Summary(table=out / TABLE)
        self.record: Record
        self.found = Found()
        self._targets: dict[str, str] = {}
        self._claimed: dict[str, tuple[Claim, Source]] = {}
        #: images whose process died; they are tried again when nothing else is in work
        self._died: set[Source] = set()
        self._alone = False
        self.overwrite, self._first = False, False
        #: images that cannot be done as things are
        self._told_of: set[Source] = set()
        self._tabled, self._telling = time.monotonic(), 0.0

    # ------------------------------------------------------------------------------------------ start and end
    @contextmanager
    def begun(self, began: Began) -> Iterator[None]:
        """On from where it was; anew, where that is asked for and nobody is at it."""
        new = [path for path in (self.out, *self.out.parents) if not path.exists()]
        try:
            with one_at_a_time(self.home):
                self._begin(began)
            yield
        finally:
            self.claims.end()
            remove_empty([self.home / "journal"])
            if self._first and not (self.home / "journal").exists() and not self.claims.others():  # nothing came of it
                (self.home / "settings.json").unlink(missing_ok=True)
            remove_empty([self.home, *new])

    def _begin(self, began: Began) -> None:
        kept = self.home / "settings.json"
        living = self.claims.others()
        self._first = not kept.exists()
        before = what_goes_on(kept, began, living)
        if before is None:
            shutil.rmtree(self.home / "journal", ignore_errors=True)
        try:
            (self.home / "journal").mkdir(exist_ok=True)
            if before is None:
                with write_whole(kept, overwrite=True) as part:
                    part.write_text(began.model_dump_json(indent=1), encoding="utf-8")
        except OSError as problem:
            raise storage_error(self.home, problem) from problem
        self.overwrite = (before or began).overwrite
        self.claims.begin()
        self.record = Record(self.home / "journal", self.claims.name)
        self.claims.take_over(self.record)

    # ------------------------------------------------------------------------------------------ work
    def work(self, hands: Hands, found: Found, progress: Progress, watch: bool) -> None:
        self._look(found)
        self.summary.before = sum(self._finished(source) for source in found.sources)
        looked = rounded = time.monotonic()
        since = dict.fromkeys(found.sources, looked)  # how long each has looked as it does
        queue = self._queue(since if watch else None)
        while True:
            self._give(hands, queue)
            self._say(hands, progress)
            if hands.busy():
                for task, made in hands.finished(0.5):
                    self._take(task, made)
            elif watch:
                time.sleep(0.5)
            else:
                return
            now = time.monotonic()
            if now - rounded > ROUND:
                rounded = now
                if self.claims.take_over(self.record):
                    queue = self._queue(since if watch else None)
                self._tell_now_and_then()
            if watch and now - looked > LOOK:
                looked = now
                self._look(find(self.source, self.out, self.match))
                since = {source: since.get(source, now) for source in self.found.sources}
                queue = self._queue(since)

    def _look(self, found: Found) -> None:
        self.found = found
        self._targets = targets(found.sources, self.settings.ending)
        self.summary.count, self.summary.ignored = len(found.sources), dict(found.ignored)

    def _queue(self, since: dict[Source, float] | None) -> Iterator[Source]:
        """What is to be done, as far as this process knows; of a folder that grows, what is whole."""
        for source in self.found.sources:
            if self._wanted(source) and (since is None or time.monotonic() - since[source] >= SETTLED):
                yield source

    def _finished(self, source: Source) -> bool:
        known = self.record.lines.get(source.key)
        return known is not None and known.status != "failed" and known.of(source)

    def _wanted(self, source: Source) -> bool:
        if source.key in self._claimed or source in self._died or source in self._told_of:
            return False
        known = self.record.lines.get(source.key)
        if known is not None and known.status == "failed":  # what failed in this run fails again, unless it has changed
            return source.key not in self.record.late or not known.of(source)
        return known is None or not known.of(source)

    def _give(self, hands: Hands, queue: Iterator[Source]) -> None:
        """Work for every hand that is free. What ended its process has all to itself when it is tried again."""
        while hands.free() and not self._alone:
            source = next(queue, None)
            if source is not None:
                self._try(source, hands)
            elif self._died and not hands.busy():
                self._alone = True
                self._try(self._died.pop(), hands)
            else:
                return

    def _try(self, source: Source, hands: Hands) -> None:
        claim = self.claims.take(source.key)
        if claim is None:
            return
        self.record.refresh()  # another process may have done it just now
        known, target = self.record.lines.get(source.key), self.out / self._targets[source.key]
        if not self._wanted(source):
            self.claims.release(claim)
            return
        try:
            if known is not None and known.status == "done":
                raise ParameterError(f"it has changed since {known.outcome().result} was made from it; do all again with --overwrite")
            make_folder(target.parent)
            for path in (target, *(maps_beside(target).values() if self.settings.maps else ())):
                check_target(path, self.overwrite)
            attempt = claim.attempt()
        except OSError as problem:
            self.claims.release(claim)
            raise storage_error(claim.folder, problem) from problem
        except AbbeError as problem:
            self._told_of.add(source)
            self._ended(Outcome(**_facts(source), status="failed", error=str(problem), by=self.claims.name), write=known is None)
            self.claims.release(claim)
            return
        self._claimed[source.key] = (claim, source)
        hands.give(Task(source.key, self.source / source.key, attempt, target.name, self.settings))

    def _take(self, task: Task, made: Made | None) -> None:
        claim, source = self._claimed.pop(task.key)
        alone, self._alone = self._alone, False
        try:
            if made is None or not self.claims.holds(claim):
                return  # this machine slept, and another process took it over
            if made.died and not alone:
                self._died.add(source)
                return
            outcome = self._outcome(source, made)
            if made.files:
                folder = PurePosixPath(self._targets[source.key]).parent
                files = {f"{task.attempt.name}/{name}": str(folder / name) for name in made.files}
                try:
                    with undisturbed():
                        self.claims.place(claim, Placing(outcome=outcome, files=files, overwrite=self.overwrite), self.record)
                    self._ended(outcome, write=False)
                    return
                except StorageError as problem:
                    if claim.key not in self.claims.held:
                        raise
                    outcome = Outcome(**_facts(source), status="failed", error=str(problem), by=self.claims.name)
            self._ended(outcome, write=True)
        finally:
            if claim.key in self.claims.held:
                self.claims.release(claim)

    def _outcome(self, source: Source, made: Made) -> Outcome:
        facts = {**_facts(source), "by": self.claims.name, "seconds": round(made.seconds, 3)}
        if made.error is not None:
            return Outcome(**facts, status="failed", error=made.error)
        if made.part_of is not None:
            return Outcome(**facts, status="part", reason=f"a part of the image that begins in {made.part_of}")
        return Outcome(
            **facts,
            status="done",
            result=self._targets[source.key],
            verdict=made.verdict,
            reason=made.reason,
            notices=made.notices,
            shape=made.shape,
            pixel_size=made.pixel_size,
            engine=made.engine,
        )

    def _ended(self, outcome: Outcome, write: bool) -> None:
        if write:
            self.record.add(outcome)
        if outcome.status == "failed":
            self.summary.failed += 1
        else:
            self.summary.done += 1
            self.summary.doubtful += outcome.verdict == "doubtful"
        self.told(outcome)

    # ------------------------------------------------------------------------------------------ telling
    def _say(self, hands: Hands, progress: Progress) -> None:
        summary, busy = self.summary, hands.busy()
        ready = summary.before + summary.done + summary.failed
        failed = f", {summary.failed} failed" if summary.failed else ""
        fraction = min(1.0, (ready + sum(busy.values())) / max(summary.count, 1))
        if progress(fraction, f"{ready} of {summary.count}{failed}") is False:
            raise CancelledError("stopped on request; what is done is kept, and the batch goes on when it is started again")

    def _tell_now_and_then(self) -> None:
        began = time.monotonic()
        if began - self._tabled > max(TABLE_EVERY, 20 * self._telling):
            self.tell()
            self._tabled = time.monotonic()
            self._telling = self._tabled - began

    def end(self) -> None:
        """The last table; none where nothing came of any image."""
        with suppress(StorageError):  # what stopped the work is what is to be told
            self.record.refresh()
            if self.record.lines:
                self.tell()

    def tell(self) -> None:
        """The table of all images, as far as all processes have come."""
        self.record.refresh()
        here = {source.key: source for source in self.found.sources}
        write_summary(self.summary.table, here, self.record.lines)
        left = [s for s in self.found.sources if not self._finished(s) and s not in self._told_of]
        self.summary.elsewhere = sum(self.record.lines.get(s.key) is None for s in left)
        self.summary.others = tuple(self.claims.others())


def _facts(source: Source) -> dict[str, Any]:
    return {"key": source.key, "size": source.size, "mtime_ns": source.mtime_ns}
