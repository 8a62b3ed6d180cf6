"""Who works on what: several processes, on one machine or many that share the folder of results, and none takes what another has.

A claim is a folder, because making one succeeds for one process alone on every file system, network shares included, where locks often
do not work. It holds the result until that is whole. Each process shows that it lives by touching a file of its own; the claims of one
that did not for `PATIENCE` seconds, or that died on this machine, are taken over. All times are the file system's, so that clocks that
differ between machines do not matter.
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
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from abbe.batch.record import Outcome, Record
from abbe.errors import SessionError, StorageError
from abbe.storage import place, storage_error, write_whole

#: seconds between two signs of life, and after how many without one a process is taken for dead
BEAT, PATIENCE = 15.0, 180.0
#: in a claim: what is about to become visible
PLACING = "placing.json"
#: seconds that a process may need to start, while others wait
STARTING = 60.0


class Placing(BaseModel):
    """What is about to become visible: written before the first file gets its name, so that whoever takes over can end it."""

    model_config = ConfigDict(frozen=True)

    outcome: Outcome
    #: file in the claim -> path below the folder of results
    files: dict[str, str]
    overwrite: bool


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
        try:
            self._claims.mkdir(parents=True, exist_ok=True)
            self._runners.mkdir(exist_ok=True)
            self._own.touch()
        except OSError as problem:
            raise storage_error(self.home, problem) from problem
        self._thread.start()

    def end(self) -> None:
        """Give back what is held, with the files of unfinished attempts."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(5)
        for claim in list(self.held.values()):
            self.release(claim)
        self._own.unlink(missing_ok=True)
        for folder in (self._claims, self._runners):
            with suppress(OSError):  # others are there
                folder.rmdir()

    def _live(self) -> None:
        while not self._stop.wait(BEAT):
            with suppress(OSError):
                self._own.touch()

    # ------------------------------------------------------------------------------------------ claims
    def take(self, key: str) -> Claim | None:
        """None where another process has it."""
        folder = self._claims / hashlib.sha1(key.encode(), usedforsecurity=False).hexdigest()
        try:
            folder.mkdir()
            (folder / "runner").write_text(self.name, encoding="utf-8")
        except FileExistsError:
            return None
        except OSError as problem:
            raise storage_error(folder, problem) from problem
        claim = Claim(key, folder)
        self.held[key] = claim
        return claim

    def release(self, claim: Claim) -> None:
        self.held.pop(claim.key, None)
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

    def _give_names(self, folder: Path, placing: Placing) -> None:
        for name, target in placing.files.items():
            part, final = folder / name, self.out / target
            if part.exists() and not (final.exists() and part.samefile(final)):  # else it has its name already
                place(part, final, placing.overwrite)

    # ------------------------------------------------------------------------------------------ the others
    def others(self) -> list[str]:
        """Processes that work on this batch besides this one."""
        return [path.name for path in _listed(self._runners) if path.name != self.name and self._lives(path)]

    def take_over(self, record: Record) -> int:
        """Free what dead processes held; what they had computed whole is placed. Returns how many claims."""
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
                elif self._age(folder) < STARTING:
                    continue  # another process is at it
                freed += 1
                self._finish(folder, record)
        for path in _listed(self._runners):
            if path.name not in living:
                path.unlink(missing_ok=True)
        return freed

    def _finish(self, folder: Path, record: Record) -> None:
        os.utime(folder)
        placing = folder / PLACING
        if placing.exists():
            with suppress(ValueError, StorageError):
                whole = Placing.model_validate_json(placing.read_bytes())
                self._give_names(folder, whole)
                record.add(whole.outcome)
        _vanish(folder)

    def _holder(self, folder: Path) -> str:
        """Name of the process that has it; this one's own for a claim that was just made and does not say yet."""
        try:
            return (folder / "runner").read_text(encoding="utf-8") or self.name
        except FileNotFoundError:
            return self.name if self._age(folder) < STARTING else ""

    def _lives(self, path: Path) -> bool:
        died = _died(path.name)
        return self._age(path) < PATIENCE if died is None else not died

    def _age(self, path: Path) -> float:
        """Seconds since it changed, by the clock of the disk. Infinite for what is not there."""
        self._own.touch()
        try:
            return self._own.stat().st_mtime - path.stat().st_mtime
        except OSError:
            return float("inf")


@contextmanager
def one_at_a_time(home: Path) -> Iterator[None]:
    """A start is for one process alone: it decides whether the batch goes on or begins anew. Raises `SessionError`, `StorageError`."""
    gate = home / "starting"
    try:
        home.mkdir(parents=True, exist_ok=True)
        _enter(gate)
    except OSError as problem:
        raise storage_error(home, problem) from problem
    try:
        yield
    finally:
        _vanish(gate)


def _enter(gate: Path) -> None:
    began = time.monotonic()
    while True:
        try:
            gate.mkdir()
            (gate / _name()).touch()
            return
        except FileExistsError:
            waited = time.monotonic() - began
            if waited > STARTING:
                raise SessionError(f"wanted to start, got {gate}, which another start holds; if none is at work, delete it") from None
            if any(_died(path.name) for path in _listed(gate)):
                _vanish(gate)
            time.sleep(0.05)


def _name() -> str:
    """Of this process, for the others: host, process, and a few letters, since process numbers come again."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


def _died(name: str) -> bool | None:
    """Is the process of that name gone? None where that cannot be seen from here."""
    host, pid, _ = name.rsplit("-", 2)
    if host != socket.gethostname() or sys.platform == "win32" or not pid.isdecimal():
        return None
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
