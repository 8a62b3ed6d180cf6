"""A batch: every image of a folder, each once, whoever else is at it, and on from where it was."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from abbe.batch.beginning import check_folders, make_folder, refuse_mixture, refuse_where_starting, remove_empty, what_goes_on
from abbe.batch.claims import Claim, Claims, Placing, one_at_a_time
from abbe.batch.finding import HOME, Source
from abbe.batch.folder import LOOK, Folder
from abbe.batch.hands import Crew, Hands, workers_here
from abbe.batch.outcomes import facts_of, outcome_of
from abbe.batch.record import FIRST, Line, Outcome, Record, begin_anew, others_of
from abbe.batch.rights import Rights, keep_again, read_again
from abbe.batch.settings import BEADS, Began, Settings
from abbe.batch.summary import Summary
from abbe.batch.tally import Progress, Tally, Told
from abbe.batch.waiting import Waiting
from abbe.batch.work import Made, Task
from abbe.errors import AbbeError, ParameterError, StorageError
from abbe.storage import storage_error, write_whole
from abbe.storage.undisturbed import undisturbed

#: seconds between two looks for processes that died
ROUND = 60.0
#: a folder that takes long to list is not listed again before so many times as long
LOOKING = 10


@dataclass(frozen=True, slots=True)
class _Given:
    """An image in work: as it was when it was given, and the path of its result below the folder of results."""

    claim: Claim
    source: Source
    target: str
    #: why it cannot be done, unless its file holds several
    refused: str
    #: paths below that folder that may be replaced
    replaced: tuple[str, ...]


def run(
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str],
    settings: Settings | None = None,
    *,
    match: str | Sequence[str] = (),
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
        match: a pattern of file names (`*_ch1.tif`) or of paths below the folder (`plate1/*`), or several; none: all that abbe opens.
        workers: processes on this machine. None: one for every core, where memory lasts.
        scheduler: address of a Dask scheduler, whose workers do it instead.
        watch: go on for files that come, until interrupted.
        overwrite: begin anew: results that are there are replaced.
        progress: `progress(fraction, text)`; returns False or raises `CancelledError` to stop.
        told: called with every `Outcome`.

    Raises:
        ParameterError: the settings cannot be used, or are not those that the results in `out` were made with.
        StorageError: a folder is not there, or cannot be written to. CancelledError: stopped by `progress`.
    """
    refuse_where_starting(here=scheduler is None)
    match = (match,) if isinstance(match, str) else match
    settings = settings or Settings()
    began = Began(settings=settings, models=settings.check(), overwrite=overwrite)
    if workers is not None and workers < 1:
        raise ParameterError(f"wanted one worker or more, got {workers}")
    if workers is not None and scheduler is not None:
        raise ParameterError("wanted workers on this machine or those of a scheduler, got both; leave one out")
    source, target = Path(os.path.abspath(folder)), Path(os.path.abspath(out))
    check_folders(source, target)
    images = Folder(source, target, match, settings)  # before anything is made
    found = images.found
    if not found.sources and not watch:
        counts = [*found.ignored.most_common(5), *([("maps of abbe's own", found.maps)] if found.maps else [])]
        others = ", ".join(f"{count} {ending}" for ending, count in counts)
        raise ParameterError(f"wanted images in {source}, got {f'other files alone ({others})' if others else 'none'}; look at --match")
    batch = _Batch(images, settings, watch, told or (lambda outcome: None))
    most = None if watch else len(found.sources)
    hands: Hands = Crew(workers or workers_here(most), workers or workers_here()) if scheduler is None else _cluster(scheduler)
    try:
        with batch.begun(began):
            try:
                hands.ready(source, target, began)
                batch.work(hands, progress or (lambda fraction, text: None))
            except KeyboardInterrupt:
                if not watch:  # a folder that grows has no other end
                    raise
            finally:
                with undisturbed():
                    hands.close()
                    batch.tally.end(batch.claims)
    finally:
        hands.close()
    return batch.tally.summary


def _cluster(scheduler: str) -> Hands:
    from abbe.batch.cluster import Cluster

    return Cluster(scheduler)


class _Batch:
    """The state of a run."""

    def __init__(self, folder: Folder, settings: Settings, watch: bool, told: Told) -> None:
        self.folder, self.out, self.settings, self.watch, self.told = folder, folder.out, settings, watch, told
        self.home = self.out / HOME
        self.claims = Claims(self.home, self.out)
        self.record: Record
        self.tally: Tally
        self.waiting: Waiting
        self._given: dict[str, _Given] = {}
        #: images whose process died; they are tried again when nothing else is in work
        self._died: set[Source] = set()
        self._alone = False
        self._first = False
        self.rights: Rights
        self._beads: str | None = None
        #: images that cannot be done as things are
        self._refused: set[Source] = set()

    # ------------------------------------------------------------------------------------------ start and end
    @contextmanager
    def begun(self, began: Began) -> Iterator[None]:
        """On from where it was; anew, where that is asked for and nobody is at it."""
        new = [path for path in (self.out, *self.out.parents) if not path.exists()]
        try:
            with one_at_a_time(self.home):
                again, anew = self._begin(began)
            self.record = Record(self.home / "journal", self.claims.name, self.folder.is_ours, self.settings.maps)
            self.rights = Rights(self.record, self.out, self.settings.maps, again, anew and began.overwrite)
            self._beads = began.models.get(BEADS)
            self.claims.take_over(self.record)
            self.folder.begin(self.record)
            self.tally = Tally(self.folder, self.record, self.told)
            self.waiting = Waiting(self.folder, self.record, self.claims, self.tally, self._wanted, self.watch)
            yield
        finally:
            self.claims.end()
            with suppress(StorageError):
                self._clear()
            remove_empty([self.home, *new])

    def _begin(self, began: Began) -> tuple[frozenset[str], bool]:
        """Keys of the files whose results are to be replaced, whoever does them; and does the batch begin anew?"""
        kept, journal, listed = self.home / "settings.json", self.home / "journal", self.home / "again.json"
        self._first = not kept.exists()
        before = what_goes_on(kept, began, self.claims.others())
        sources, others, alike = self.folder.found.sources, list[Line](), False
        if before is None:
            others = others_of(journal, sources, self.folder.is_ours)
            alike = refuse_mixture(kept, began, others, self.out)
        self.claims.begin()
        make_folder(journal)
        if before is not None:
            return read_again(listed), False
        self.claims.take_over(None)  # what others held of a batch that is no more
        begin_anew(journal, others if alike else ())
        again = frozenset[str]()
        if began.overwrite:
            again = (read_again(listed) if alike else again) | {source.key for source in sources}
            keep_again(listed, again)
        with write_whole(kept, overwrite=True) as part:
            part.write_text(began.model_dump_json(indent=1), encoding="utf-8")
        return again, True

    def _clear(self) -> None:
        """Nothing is left of a batch of which nothing came, unless others are at it."""
        journal = self.home / "journal"
        if not self._first or any(journal.glob("*.jsonl")):
            return
        with one_at_a_time(self.home):
            if not self.claims.others():
                remove_empty([journal])
                if not journal.exists():
                    for name in ("settings.json", "again.json"):
                        (self.home / name).unlink(missing_ok=True)
            self.claims.end()  # looking for others made a sign of life

    # ------------------------------------------------------------------------------------------ work
    def work(self, hands: Hands, progress: Progress) -> None:
        looked = rounded = time.monotonic()
        pause = LOOK
        while True:
            self._give(hands)
            self.tally.say(hands.busy(), progress)
            if hands.busy():
                for task, made in hands.finished(0.5):
                    self._take(task, made, hands)
            elif self.watch:
                time.sleep(0.5)
            elif self.claims.take_over(self.record):
                self.waiting.look_through()
            elif self.waiting.more_may_come():
                time.sleep(0.5)
            else:
                return
            now = time.monotonic()
            if now - rounded > ROUND:
                rounded = now
                if self.claims.take_over(self.record):
                    self.waiting.look_through()
                self.tally.hear()
                self.tally.now_and_then(self.claims)
            if self.watch and now - looked > pause:
                self.folder.look_again()
                self.waiting.look_through()
                looked = time.monotonic()
                pause = max(LOOK, LOOKING * (looked - now))

    def _wanted(self, source: Source) -> bool:
        if source.key in self._given or source in self._died or source in self._refused:
            return False
        known = self.record.lines.get(source.key)
        if known is None or known.status == FIRST:
            return True
        if known.status == "failed":  # what failed in this run fails again, unless it has changed
            return source.key not in self.record.late or not known.of(source)
        return not known.of(source)

    def _give(self, hands: Hands) -> None:
        """Work for every hand that is free. What ended its process has all to itself when it is tried again."""
        while hands.free() and not self._alone:
            source = self.waiting.next()
            if source is not None:
                self._try(source, hands)
            elif self._died and not hands.busy():
                self._alone = True
                self._try(self._died.pop(), hands)
                self._alone = bool(hands.busy())
            else:
                return

    def _try(self, listed: Source, hands: Hands) -> None:
        if not (self._wanted(listed) and self.folder.holds(listed)):
            return
        claim = self.claims.take(listed.key)
        if claim is None:
            self.waiting.note_elsewhere(listed)
            return
        self.tally.hear()  # another process may have done it just now
        source = self.folder.look_at(listed)
        if source is None and not self.folder.is_away(self.watch) and not self.watch:
            self._refuse(listed, "it was there when the batch began, and is gone", write=False)
        if source is None or not self._wanted(source) or (self.watch and source != listed):
            self.claims.release(claim)
            if source is not None and source.number is None:  # another process may just have found it to hold several
                self.waiting.put_first(self.tally.split(source.key, before=False))
            return
        if source.number is not None and (anew := self.folder.anew(source)):
            self.claims.release(claim)
            self.waiting.put_first(anew)
            return
        target, known, refused, replaced = self.folder.target(source), self.record.lines.get(source.key), "", tuple[str, ...]()
        try:
            replaced = self.rights.check(source, target, known)
        except AbbeError as problem:
            if problem.full:
                self.claims.release(claim)
                raise self._full(str(problem)) from problem
            refused = str(problem)
            if source.number is not None or (known is not None and known.images == 1):
                self._refused.add(listed)
                self._refuse(source, refused, write=known is None)
                self.claims.release(claim)
                return
        try:
            attempt = claim.attempt()
        except OSError as problem:
            self.claims.release(claim)
            raise storage_error(claim.folder, problem) from problem
        self._given[source.key] = _Given(claim, source, target, refused, replaced)
        name, place = PurePosixPath(target).name, source.within(self.folder.path)
        hands.give(Task(source.key, place, attempt, name, self.settings, source.number, refused, self._beads))

    def _refuse(self, source: Source, error: str, write: bool) -> None:
        self._refused.add(source)
        self.tally.refused(Outcome(**self._facts(source), status="failed", error=error), write)

    def _take(self, task: Task, made: Made | None, hands: Hands) -> None:
        given = self._given.pop(task.key)
        claim, source = given.claim, given.source
        alone, self._alone = self._alone, False
        try:
            if made is None or not self.claims.holds(claim):
                return  # this machine slept, and another process took it over
            if made.died and not alone:
                self._died.add(source)
                return
            if made.full:
                raise self._full(made.error or "")
            if made.over:
                raise ParameterError(made.error or "")
            if source.number is None and (made.images or 1) > 1:
                self._split(source, made, hands)
                return
            outcome = outcome_of(self.folder, source, given.target, made, self.claims.name)
            if outcome.status == "done":
                self.tally.hear()
                if taken := self.rights.taken(source, given.target):  # meanwhile, by a process that was told to take other images
                    outcome = Outcome(**self._facts(source), status="failed", error=taken)
            if outcome.status == "failed" and self.folder.is_away(self.watch):
                return
            if outcome.status == "done":
                folder = PurePosixPath(given.target).parent
                files = {f"{task.attempt.name}/{name}": str(folder / name) for name in made.files}
                try:
                    with undisturbed():
                        self.claims.place(
                            claim, Placing(outcome=outcome, files=files, overwrite=False, replaced=given.replaced), self.record
                        )
                    self.tally.ended(outcome, write=False)
                    return
                except StorageError as problem:
                    if problem.full or claim.key not in self.claims.held:
                        raise (self._full(str(problem)) if problem.full else problem) from problem.__cause__
                    if not self.claims.holds(claim):
                        return
                    outcome = Outcome(**self._facts(source), status="failed", error=str(problem))
            if given.refused and outcome.error == given.refused:
                self._refuse_only(source, outcome, made)
                return
            if outcome.status == "failed":
                self._refused.add(source)
            self.tally.ended(outcome, write=True)
        finally:
            if claim.key in self.claims.held:
                self.claims.release(claim)

    def _full(self, said: str) -> StorageError:  # in place of a word on each image: none can be done
        return StorageError(
            f"the disk is full ({said.partition(';')[0]}); what is done is kept: free some space, and the same line goes on"
        )

    def _refuse_only(self, source: Source, outcome: Outcome, made: Made) -> None:
        """The only image of its file; unless it is done, by an older abbe that took small copies of it for others."""
        known = self.record.lines.get(source.key)
        if known is not None and (first := known.as_first(source)) is not None and first.shape in (None, made.shape):
            self.record.add(first)
            self.tally.was_done(first.key)
            return
        self._refused.add(source)
        self.tally.refused(outcome, write=known is None or known.status == "several")

    def _split(self, source: Source, made: Made, hands: Hands) -> None:
        """A file of several images: each is done as one of its own, by whoever is free."""
        facts, known, before = self._facts(source), self.record.lines.get(source.key), False
        if known is not None and (first := known.as_first(source.image(0))) is not None:
            self.record.add(first)
            before = True
        self.record.add(Outcome(**facts, status="several", images=made.images))
        hands.expect(self.waiting.put_first(self.tally.split(source.key, before)) + len(hands.busy()))

    def _facts(self, source: Source) -> dict[str, Any]:
        return facts_of(self.folder, source, self.claims.name)
