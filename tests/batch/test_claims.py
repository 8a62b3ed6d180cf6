"""Processes that share a batch: what one holds no other takes, however the others end, and what a dead one held is not lost."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from abbe.batch import claims as batch_claims
from abbe.batch.claims import PLACING, Claim, Claims, Placing, one_at_a_time
from abbe.batch.record import Outcome, Record
from abbe.errors import StorageError
from abbe.storage import whole

Runner = Callable[[], Claims]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "out" / ".abbe-batch"


@pytest.fixture
def runner(home: Path) -> Iterator[Runner]:
    """Makes processes that work on the batch, as far as the others can see."""
    made: list[Claims] = []

    def make() -> Claims:
        claims = Claims(home, home.parent)
        claims.begin()
        (home / "journal").mkdir(exist_ok=True)
        made.append(claims)
        return claims

    yield make
    for claims in made:
        claims.end()


def record(home: Path) -> Record:
    return Record(home / "journal", secrets.token_hex(4))


def falls_silent(claims: Claims, seconds: float = 1000) -> None:
    """It gave its last sign of life so long ago."""
    claims._stop.set()
    claims._thread.join()
    os.utime(claims._own, (time.time() - seconds,) * 2)


def taken(claims: Claims, key: str = "a.tif") -> Claim:
    claim = claims.take(key)
    assert claim is not None
    return claim


def computed(claim: Claim, overwrite: bool = False) -> Placing:
    """A result that is whole, and about to get its name."""
    attempt = claim.attempt()
    (attempt / "a_abbe.ome.tif").write_bytes(b"computed")
    outcome = Outcome(key="a.tif", size=1, mtime_ns=1, status="done", result="a_abbe.ome.tif")
    placing = Placing(outcome=outcome, files={f"{attempt.name}/a_abbe.ome.tif": "a_abbe.ome.tif"}, overwrite=overwrite)
    (claim.folder / PLACING).write_text(placing.model_dump_json())
    return placing


def test_a_process_that_slept_too_long_leaves_what_another_took_over(home: Path, runner: Runner) -> None:
    slept, awake = runner(), runner()
    claim = taken(slept)
    assert slept.holds(claim)
    assert awake.take("a.tif") is None
    falls_silent(slept)
    assert awake.take_over(record(home)) == 1
    assert not slept.holds(claim)
    other = taken(awake)
    attempt = other.attempt()
    slept.release(claim)
    slept.end()
    assert attempt.is_dir()
    assert awake.holds(other)


def test_one_that_ends_does_not_take_the_folder_of_the_others_away(home: Path, runner: Runner) -> None:
    one, two = runner(), runner()
    one.end()
    taken(two)


def test_what_a_hand_of_a_killed_process_still_wrote_into_is_deleted_by_the_last_one(home: Path, runner: Runner) -> None:
    first, last = runner(), runner()
    left = home / "claims" / "0123.dead-4567" / "attempt-89ab"
    left.mkdir(parents=True)
    first.end()
    assert left.exists()  # another process may be at it
    last.end()
    assert not (home / "claims").exists()


def test_what_was_being_placed_when_all_processes_were_killed_is_not_left_there(home: Path, runner: Runner) -> None:
    """Killed while it gave a claim back, a process left a folder that nobody touched for a minute, and with it those of the batch."""
    killed = runner()
    claim = taken(killed)
    computed(claim)
    claim.folder.rename(claim.folder.with_name(f"{claim.folder.name}.dead-4567"))
    other = runner()
    assert other.take_over(record(home)) == 0  # the first may be at it
    falls_silent(killed)
    written = record(home)
    assert other.take_over(written) == 1
    assert (home.parent / "a_abbe.ome.tif").read_bytes() == b"computed"
    assert set(written.lines) == {"a.tif"}
    other.end()
    assert not (home / "claims").exists()


def test_a_journal_that_is_gone_is_made_anew(home: Path, runner: Runner) -> None:
    runner()
    written = record(home)
    (home / "journal").rmdir()
    written.add(Outcome(key="a.tif", size=1, mtime_ns=1, status="done"))
    assert set(record(home).lines) == {"a.tif"}


def test_a_number_of_a_process_that_came_again_is_no_sign_of_life(home: Path, runner: Runner) -> None:
    before, now = runner(), runner()
    assert f"-{os.getpid()}-" in before.name
    taken(before)
    falls_silent(before)
    assert now.others() == []
    assert now.take_over(record(home)) == 1


def test_the_number_of_a_process_says_nothing_on_another_machine_of_the_same_name(home: Path, runner: Runner) -> None:
    here = runner()
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (home / "runners" / f"{socket.gethostname()}-{gone.pid}-zzzz000000").touch()
    assert len(here.others()) == 1
    (home / "runners" / f"{socket.gethostname()}-{gone.pid}-{here.name.rpartition('-')[2]}").touch()
    assert len(here.others()) == 1


@pytest.mark.parametrize("says", [None, ""])
def test_a_claim_that_never_said_whose_it_is_is_freed(home: Path, runner: Runner, says: str | None) -> None:
    here = runner()
    folder = taken(here, "b.tif").folder.with_name("a" * 40)
    folder.mkdir()
    if says is not None:
        (folder / "runner").write_text(says)
    assert here.take_over(record(home)) == 0
    os.utime(folder, (time.time() - 100,) * 2)
    assert here.take_over(record(home)) == 1
    assert not folder.exists()


def test_a_name_that_was_reserved_when_its_process_died_gets_its_file(home: Path, runner: Runner) -> None:
    dead, here = runner(), runner()
    computed(taken(dead))
    falls_silent(dead)
    (home.parent / "a_abbe.ome.tif").touch()  # as on a disk without hard links
    found = record(home)
    assert here.take_over(found) == 1
    assert (home.parent / "a_abbe.ome.tif").read_bytes() == b"computed"
    assert found.lines["a.tif"].status == "done"


def test_without_hard_links_a_file_gets_its_name_without_one_that_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    def never(*_: object) -> None:
        raise AssertionError("an empty file was made")

    monkeypatch.setattr(whole.os, "link", no_links)
    if sys.platform in ("linux", "darwin"):
        monkeypatch.setattr(Path, "replace", never)
    (tmp_path / "part").write_bytes(b"computed")
    whole.place(tmp_path / "part", tmp_path / "a.tif")
    assert (tmp_path / "a.tif").read_bytes() == b"computed"
    (tmp_path / "part").write_bytes(b"other")
    with pytest.raises(StorageError, match="exists already"):
        whole.place(tmp_path / "part", tmp_path / "a.tif")


def test_a_result_whose_outcome_could_not_be_written_is_not_dropped(home: Path, runner: Runner) -> None:
    dead, here = runner(), runner()
    computed(taken(dead))
    falls_silent(dead)
    found = record(home)
    found.own.mkdir()  # nothing can be written there
    here.take_over(found)
    (left,) = (home / "claims").iterdir()
    assert (left / PLACING).exists()
    found.own.rmdir()
    os.utime(left, (time.time() - 100,) * 2)
    assert here.take_over(found) == 1
    assert found.lines["a.tif"].status == "done"
    assert not left.exists()


def test_what_is_left_of_a_batch_that_is_no_more_is_not_placed(home: Path, runner: Runner) -> None:
    dead, here = runner(), runner()
    computed(taken(dead), overwrite=True)
    falls_silent(dead)
    assert here.take_over(None) == 1
    assert not (home.parent / "a_abbe.ome.tif").exists()
    assert not list((home / "claims").iterdir())


# ---------------------------------------------------------------------------------------------------- starting
def test_a_start_that_was_killed_holds_nobody_up_for_long(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_claims, "STARTING", 0.5)
    (home / "starting").mkdir(parents=True)  # killed before it could say who it was
    with one_at_a_time(home):
        pass
    (home / "starting").mkdir()
    (home / "starting" / "elsewhere-1-abc").touch()
    with one_at_a_time(home):
        assert (home / "starting").is_dir()
    assert not list(home.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_start_that_was_killed_on_this_machine_holds_nobody_up(home: Path) -> None:
    code = """
import sys, time
from pathlib import Path
from abbe.batch.claims import one_at_a_time
with one_at_a_time(Path(sys.argv[1])):
    time.sleep(99)
"""
    process = subprocess.Popen([sys.executable, "-c", code, str(home)])
    end = time.monotonic() + 60
    while not list(home.glob("starting/*")):
        assert time.monotonic() < end
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with one_at_a_time(home):
        pass


def test_many_starts_wait_for_one_another_as_long_as_it_takes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_claims, "STARTING", 0.6)
    inside: list[int] = []

    def start(k: int) -> None:
        with one_at_a_time(home):
            inside.append(k)
            assert len(inside) == 1
            time.sleep(0.3)
            inside.remove(k)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(start, range(6)))
