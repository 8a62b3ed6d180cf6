"""Who works on what: several processes, on one machine or many that share the folder of results, and none takes what another has.

A claim is a folder, because making one succeeds for one process alone on every file system, network shares included, where locks often
do not work. It holds the result until that is whole. Each process shows that it lives by touching a file of its own; the claims of one
that did not for `PATIENCE` seconds, or that is gone from this machine, are taken over. All times are the file system's, so that clocks
that differ between machines do not matter.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import socket
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from abbe.batch.finding import LOOKED
from abbe.batch.record import Outcome, Record
from abbe.errors import ExistsError, StorageError
from abbe.storage import place, storage_error, write_whole

#: seconds between two signs of life, and after how many without one a process is taken for dead
BEAT, PATIENCE = 15.0, 180.0
#: in a claim: what is about to become visible
PLACING = "placing.json"
#: seconds after which a start, or a claim that does not say whose it is, is taken for that of a process that died
STARTING = 60.0
#: seconds from a claim to the first attempt, at most
BEGINNING = 2.0
#: how often a step is tried that fails where another process removes an empty folder at the same moment
TRIES = 20


class Placing(BaseModel):
    """What is about to become visible: written before the first file gets its name, so that whoever takes over can end it."""

    model_config = ConfigDict(frozen=True)

    outcome: Outcome
    #: file in the claim -> path below the folder of results
    files: dict[str, str]
    overwrite: bool
    #: those of these paths that may be replaced all the same
    replaced: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """An image that this process works on."""

    key: str
    folder: Path

    def attempt(self) -> Path:
        """An empty folder for the files of one attempt at it."""
        made = self.folder / f"attempt-{secrets.token_hex(4)}"
        made.mkdir()
        return made


class Claims:
    """The claims of this process in a batch's folder, and a sign of life for the others."""

    def __init__(self, home: Path, out: Path) -> None:
        self.home, self.out = home, out
        self.name = _name()
        self._claims, self._runners = home / "claims", home / "runners"
        self._own = self._runners / self.name
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._live, name="abbe-batch-alive", daemon=True)
        self.held: dict[str, Claim] = {}

    def begin(self) -> None:
        """Be known to the others. Raises `StorageError`."""
        for left in reversed(range(TRIES)):
            try:
                self._runners.mkdir(parents=True, exist_ok=True)
                self._own.touch()
                self._claims.mkdir(exist_ok=True)
                break
            except OSError as problem:
                if not (left and isinstance(problem, FileNotFoundError)):
                    raise storage_error(self.home, problem) from problem
        self._thread.start()

    def end(self) -> None:
        """Give back what is held, with the files of unfinished attempts."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(5)
        for claim in list(self.held.values()):
            self.release(claim)
        with suppress(StorageError):
            if not self.others():
                self._sweep()
        with suppress(OSError):  # others are there, or the disk is gone
            self._own.unlink(missing_ok=True)
            self._runners.rmdir()
            self._claims.rmdir()

    def _sweep(self) -> None:
        """Folders that could not be deleted because the last hand of a process that was killed still wrote into them."""
        for folder in _listed(self._claims):
            if ".dead-" in folder.name and not (folder / PLACING).exists():
                shutil.rmtree(folder, ignore_errors=True)

    def _live(self) -> None:
        while not self._stop.wait(BEAT):
            with suppress(OSError):
                self._own.touch()

    # ------------------------------------------------------------------------------------------ claims
    def take(self, key: str) -> Claim | None:
        """None where another process has it."""
        folder = self._folder(key)
        try:
            if self.home.is_dir() and not self._claims.is_dir():  # one that ended when nobody had a claim took it away
                self._claims.mkdir(exist_ok=True)
            folder.mkdir()
        except FileExistsError:
            return None
        except OSError as problem:
            raise storage_error(folder, problem) from problem
        try:
            (folder / "runner").write_text(self.name, encoding="utf-8")
        except OSError as problem:
            shutil.rmtree(folder, ignore_errors=True)
            raise storage_error(folder, problem) from problem
        claim = Claim(key, folder)
        self.held[key] = claim
        return claim

    def release(self, claim: Claim) -> None:
        """Give it back, unless another process took it over and is at it now."""
        self.held.pop(claim.key, None)
        if self.holds(claim):
            _vanish(claim.folder)

    def holds(self, claim: Claim) -> bool:
        """Is it still this process's? It is not where this one gave no sign of life for too long: a laptop that slept."""
        try:
            return (claim.folder / "runner").read_text(encoding="utf-8") == self.name
        except OSError:
            return False

    def place(self, claim: Claim, placing: Placing, record: Record) -> None:
        """Give the files of an attempt their names, and write the outcome.

        Raises `ExistsError`, `StorageError` where a name is taken or cannot be given, and nothing is written of it. Where the outcome
        cannot be written, as on a full disk, the claim is left for the batch's next start, which does that.
        """
        with write_whole(claim.folder / PLACING) as part:
            part.write_text(placing.model_dump_json(), encoding="utf-8")
        try:
            self._give_names(claim.folder, placing)
        except StorageError:
            (claim.folder / PLACING).unlink(missing_ok=True)
            raise
        try:
            record.add(placing.outcome)
        except StorageError:
            self.held.pop(claim.key, None)
            raise

    def _give_names(self, folder: Path, placing: Placing, again: bool = False) -> None:
        """`again`: a process that died had begun with it."""
        for name, target in placing.files.items():
            part, final = folder / name, self.out / target
            if not part.exists() or (final.exists() and part.samefile(final)):
                continue  # it has its name already
            reserved = again and final.is_file() and not final.stat().st_size  # as `place` does on disks without hard links
            place(part, final, placing.overwrite or target in placing.replaced or reserved)

    # ------------------------------------------------------------------------------------------ the others
    def _folder(self, key: str) -> Path:
        return self._claims / hashlib.sha1(key.encode(), usedforsecurity=False).hexdigest()

    def is_new(self, key: str) -> bool:
        """Does another process have the file, and has not said yet whether it holds several images?"""
        folder = self._folder(key)
        attempts = [path for path in _listed(folder) if path.name.startswith("attempt-")]
        if not attempts:
            return folder.is_dir() and self._age(folder) < BEGINNING
        return not any((path / LOOKED).exists() for path in attempts)

    def others(self) -> list[str]:
        """Processes that work on this batch besides this one."""
        return [path.name for path in _listed(self._runners) if path.name != self.name and self._lives(path)]

    def take_over(self, record: Record | None) -> int:
        """Free what dead processes held; what they had computed whole is placed, or dropped without a record. Returns how many claims."""
        living = {*self.others(), self.name}
        freed = 0
        for folder in _listed(self._claims):
            with suppress(OSError):
                if ".dead-" not in folder.name:
                    if self._holder(folder) in living:
                        continue
                    dead = folder.with_name(f"{folder.name}.dead-{secrets.token_hex(4)}")
                    folder.rename(dead)  # for one process alone
                    folder = dead
                elif record is not None and len(living) > 1 and self._age(folder) < STARTING:
                    continue  # another process is at it; where there is none, one was killed at it
                freed += 1
                self._finish(folder, record)
        for path in _listed(self._runners):
            if path.name not in living:
                with suppress(OSError):
                    path.unlink(missing_ok=True)
        return freed

    def _finish(self, folder: Path, record: Record | None) -> None:
        os.utime(folder)
        placing = folder / PLACING
        if record is not None and placing.exists():
            with suppress(ValueError, ExistsError):  # what another file's name stands against is done again, and says so
                whole = Placing.model_validate_json(placing.read_bytes())
                try:
                    self._give_names(folder, whole, again=True)
                    record.add(whole.outcome)
                except ExistsError:
                    raise
                except StorageError:
                    return  # a full disk; it stays, for the next look
        _vanish(folder)

    def _holder(self, folder: Path) -> str:
        """Name of the process that has it; this one's own for a claim that was just made and does not say yet."""
        with suppress(FileNotFoundError):
            if name := (folder / "runner").read_text(encoding="utf-8"):
                return name
        return self.name if self._age(folder) < STARTING else ""

    def _lives(self, path: Path) -> bool:
        return not _died(path.name) and self._age(path) < PATIENCE

    def _age(self, path: Path) -> float:
        """Seconds since it changed, by the clock of the disk. Infinite for what is not there. Raises `StorageError`."""
        try:
            self._own.touch()
        except OSError as problem:
            raise storage_error(self.home, problem) from problem
        try:
            return self._own.stat().st_mtime - path.stat().st_mtime
        except OSError:
            return float("inf")


@contextmanager
def one_at_a_time(home: Path) -> Iterator[None]:
    """A start is for one process alone: it decides whether the batch goes on or begins anew. Raises `StorageError`."""
    gate, name = home / "starting", _name()
    try:
        _enter(gate, name)
    except OSError as problem:
        raise storage_error(home, problem) from problem
    try:
        yield
    finally:
        if (gate / name).exists():
            _vanish(gate)


def _enter(gate: Path, name: str) -> None:
    """Wait for those that start; for one that died, or that takes as long as no start does, not longer."""
    seen: list[str] | None = None
    since, gone = time.monotonic(), 0
    while True:
        gate.parent.mkdir(parents=True, exist_ok=True)
        try:
            gate.mkdir()
            (gate / name).touch()
            return
        except FileNotFoundError:  # one that ended took its empty folder away
            gone += 1
            if gone > TRIES:
                raise
        except FileExistsError:
            there = [path.name for path in _listed(gate)]
            if there != seen:
                seen, since = there, time.monotonic()
            if any(_died(other) for other in there) or time.monotonic() - since > STARTING:
                _vanish(gate)
        time.sleep(0.05)


def _name() -> str:
    """Of this process, for the others: host, process, and letters that tell this run of this machine, since numbers come again."""
    return f"{socket.gethostname()}-{os.getpid()}-{_machine()}{secrets.token_hex(3)}"


@cache
def _machine() -> str:
    """Four letters for what numbers of processes hold for: this machine since it started, or a container in it.

    Cloned machines and containers may have one name.
    """
    try:
        told = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii") + os.readlink("/proc/self/ns/pid")
    except OSError:  # not Linux
        told = str(uuid.getnode())
    return hashlib.sha1(told.encode(), usedforsecurity=False).hexdigest()[:4]


def _died(name: str) -> bool:
    """Is the process of that name gone, as far as can be seen from here?"""
    host, pid, letters = name.rsplit("-", 2)
    if host != socket.gethostname() or letters[:4] != _machine() or sys.platform == "win32" or not pid.isdecimal():
        return False
    return not _runs(int(pid))


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _vanish(folder: Path) -> None:
    """Delete it; its name is free at once, however long that takes."""
    gone = folder.with_name(f"{folder.name}.dead-{secrets.token_hex(4)}") if ".dead-" not in folder.name else folder
    with suppress(OSError):
        if gone != folder:
            folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
