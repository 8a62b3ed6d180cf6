"""Files and folders that appear whole or not at all, and never in place of another unless asked.

What is written goes to a hidden neighbour of the target first, is flushed to the disk, and takes the target's name in one atomic step.
Whatever goes wrong before that step, a full disk or Ctrl-C included, leaves the target as it was and removes the neighbour. A process that
is killed leaves it; who next writes into that folder, a day later or more, removes it.
"""

from __future__ import annotations

import errno
import itertools
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from abbe.errors import ExistsError, StorageError
from abbe.storage.rename import exchange, rename_new

T = TypeVar("T")

#: the disk, or the user's share of it, is full
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
#: why a write failed -> what to do about it
_REMEDIES = {
    errno.ENOSPC: "the disk is full; free some space or choose another folder",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another folder",
    errno.EFBIG: "the file would be larger than this system or this disk allows; choose another disk, or save a part of the image",
    errno.EROFS: "the disk is read-only; choose another folder",
    errno.EACCES: "writing is not allowed there; choose another folder, or ask its owner",
    errno.EPERM: "writing is not allowed there; choose another folder, or ask its owner",
    errno.ENOENT: "the folder does not exist; create it first",
    errno.ENOTDIR: "a part of the path is a file, not a folder; check the path",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.EIO: "the disk reports an error; choose another disk, and check this one",
}


#: what Windows answers while another program has a file or folder open: access denied, sharing violation
_IN_USE = (5, 32)
#: seconds to wait for that program: virus scanners and indexers look at each new file for a moment
_PATIENCE = 2.0

#: a neighbour's name: random digits, the number of the process that writes it, the target's suffix
_NEIGHBOUR = re.compile(r"\.abbe-[0-9a-f]{8}(?P<process>[0-9a-f]{8})(\..*)?")
#: seconds after which nobody writes a neighbour any more whose process is gone: on a disk that is shared, it may be another computer's
_FORGOTTEN = 86_400.0
#: entries of a folder that are looked at for such, and folders that this process has looked through
_LOOKED_AT = 50_000
_looked_through: set[Path] = set()


def storage_error(target: str | os.PathLike[str], problem: OSError) -> StorageError:
    """The error that tells a user why `target` could not be written, and what to do."""
    # numpy reports a short write without an error number: the disk is full, or a limit on file size was reached
    code = errno.ENOSPC if problem.errno is None else problem.errno
    remedy = _REMEDIES.get(code, problem.strerror or str(problem))
    if getattr(problem, "winerror", None) in _IN_USE:
        remedy = "another program has it open, or writing is not allowed there; close it there, or choose another name or folder"
    error = StorageError(f"could not write {os.fspath(target)}: {remedy}; nothing was changed")
    error.full = code in NO_ROOM
    return error


def scratch_error(what: str, problem: OSError) -> StorageError:
    """The same for what goes through the disk for temporary files, in a place that nobody chose and nobody is told."""
    code = errno.ENOSPC if problem.errno is None else problem.errno
    why = "is full; free some of it" if code in NO_ROOM else f"does not take it ({problem.strerror or problem})"
    error = StorageError(
        f"could not write {what}: the disk for temporary files {why}, or start abbe with the environment variable TMPDIR naming a folder "
        "on a disk with room; nothing was changed"
    )
    error.full = code in NO_ROOM
    return error


def check_target(target: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Could `target` be written? Asked before long work, so that it does not fail at its end; writing asks again.

    Raises `ExistsError` when it exists and `overwrite` is False, `StorageError` when its folder is missing or takes no files.
    """
    final = _final(target)
    part = _neighbour(final)
    with _reporting(final):
        _refuse_existing(final, overwrite)
        with suppress(FileNotFoundError):
            final.lstat()  # a name that is too long for this disk fails here
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        part.unlink()


@contextmanager
def write_whole(target: str | os.PathLike[str], overwrite: bool = False) -> Iterator[Path]:
    """A path to write to; what lies there when the block ends becomes `target`, when the block fails nothing does.

    The path is an empty file in the target's folder with the target's suffix. A link as target is followed.

    Raises:
        ExistsError: there is a target already and `overwrite` is False, also when it appeared while the block ran.
        StorageError: the target cannot be written; what was there is untouched.
    """
    final = _final(target)
    part = _neighbour(final)
    try:
        with _reporting(final):
            _check_file(final, overwrite)
            _remove_forgotten(final.parent)
            os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666))
            yield part
            if final.exists():
                shutil.copymode(final, part)
            _flush(part)
            _place_file(part, final, overwrite)
    finally:
        with suppress(OSError):
            part.unlink()


@contextmanager
def write_whole_folder(target: str | os.PathLike[str], overwrite: bool = False, sign: str | None = None) -> Iterator[Path]:
    """As `write_whole`, for a folder: gives an empty folder to fill.

    `sign` guards what `overwrite` may replace: a folder is replaced only when it holds an entry of that name.
    """
    final = _final(target)
    with _reporting(final):
        _refuse_existing(final, overwrite)
    if final.exists() and not (final.is_dir() and (sign is None or (final / sign).exists() or not any(final.iterdir()))):
        raise ExistsError(f"will not replace {final}, which is something else than was to be written there; choose another name")
    part = _neighbour(final)
    try:
        with _reporting(final):
            part.mkdir()
            yield part
            for folder, _, files in os.walk(part):
                for name in files:
                    _flush(Path(folder, name))
                _flush_folder(Path(folder))
            _place_folder(part, final, overwrite)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def place(part: Path, target: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Give what lies whole at `part`, a file or a folder on the target's disk, the name `target` in one step.

    Raises `ExistsError`, `StorageError` as `write_whole` does; `part` is then where it was.
    """
    final = _final(target)
    with _reporting(final):
        if part.is_dir():
            _refuse_existing(final, overwrite)
            _place_folder(part, final, overwrite)
        else:
            _check_file(final, overwrite)
            _place_file(part, final, overwrite)
            part.unlink(missing_ok=True)


def _final(target: str | os.PathLike[str]) -> Path:
    text = os.fspath(target)
    if not text or "\0" in text:
        raise StorageError(f"wanted a file name to write to, got {text!r}")
    return Path(os.path.realpath(text))


def _neighbour(final: Path) -> Path:
    return final.with_name(f".abbe-{secrets.token_hex(4)}{os.getpid():08x}{final.suffix[:16]}")


def _remove_forgotten(folder: Path) -> None:
    """Remove the files that killed processes left half written here: the user's own, old, and of no process that is there. Folders stay:
    where names cannot be exchanged, one may be what a user had."""
    if folder in _looked_through:
        return
    _looked_through.add(folder)
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in itertools.islice(entries, _LOOKED_AT):
            found = _NEIGHBOUR.fullmatch(entry.name)
            if found and entry.is_file(follow_symlinks=False) and _forgotten(Path(entry.path), int(found["process"], 16)):
                with suppress(OSError):  # on Windows also: it is open
                    os.unlink(entry.path)


def _forgotten(part: Path, process: int) -> bool:
    try:
        state = part.lstat()
    except OSError:
        return False
    if time.time() - state.st_mtime < _FORGOTTEN:
        return False
    if sys.platform != "win32":  # where signal 0 would be Ctrl-C
        try:
            if state.st_uid == os.getuid():
                os.kill(process, 0)
            return False
        except (ProcessLookupError, OverflowError):
            pass
        except OSError:  # somebody else's process
            return False
    return True


def _check_file(final: Path, overwrite: bool) -> None:
    if final.is_dir():
        raise StorageError(f"wanted the name of a file to write, got the folder {final}; add a file name")
    _refuse_existing(final, overwrite)
    if final.exists() and not final.is_file():
        raise StorageError(f"wanted the name of a file to write, got {final}, which is a device or a pipe")


def _refuse_existing(final: Path, overwrite: bool) -> None:
    if not overwrite and os.path.lexists(final):
        raise ExistsError(f"{final} exists already and was left as it is; choose another name, or ask with --overwrite (overwrite=True)")


@contextmanager
def _reporting(final: Path) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise storage_error(final, problem) from problem


def _place_file(part: Path, final: Path, overwrite: bool) -> None:
    if overwrite:
        _patiently(lambda: part.replace(final))
    elif os.name == "nt":
        _claim(lambda: _patiently(lambda: part.rename(final)), final)  # refuses an existing target by itself
    else:
        try:
            _claim(lambda: os.link(part, final), final)  # a rename would replace a file that appeared meanwhile
        except OSError as problem:
            if problem.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
                raise
            # a disk without hard links (FAT, some network shares)
            if not _claim(lambda: rename_new(part, final), final):
                # nor such renames: reserve the name, then replace the reservation
                _claim(lambda: os.close(os.open(final, os.O_CREAT | os.O_EXCL | os.O_WRONLY)), final)
                part.replace(final)
    _flush_folder(final.parent)


def _place_folder(part: Path, final: Path, overwrite: bool) -> None:
    if overwrite and final.exists():
        if exchange(part, final):  # `part` is now the old folder
            shutil.rmtree(part, ignore_errors=True)
        else:
            _replace_in_two_steps(part, final)
    elif os.name == "nt":
        _claim(lambda: _patiently(lambda: part.rename(final)), final)
    elif not _claim(lambda: rename_new(part, final), final):
        _claim(final.mkdir, final)
        _claim(lambda: part.rename(final), final)  # replaces the empty folder just made, refuses one filled meanwhile
    _flush_folder(final.parent)


def _replace_in_two_steps(part: Path, final: Path) -> None:
    """Where names cannot be exchanged: for a moment the old folder is to be found under a neighbour's name only."""
    old = _neighbour(final)
    _patiently(lambda: final.rename(old))
    try:
        _patiently(lambda: part.rename(final))
    except BaseException:
        old.rename(final)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _patiently(step: Callable[[], T]) -> T:
    """What `step` gives; tried again for a moment while Windows says that another program has the file open."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            return step()
        except PermissionError as problem:
            if getattr(problem, "winerror", None) not in _IN_USE or time.monotonic() > end:
                raise
            time.sleep(0.05)


def _claim(step: Callable[[], T], final: Path) -> T:
    try:
        return step()
    except OSError as problem:
        if problem.errno in (errno.EEXIST, errno.ENOTEMPTY):
            raise ExistsError(f"{final} appeared while it was being written, and was left as it is; choose another name") from problem
        raise


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_folder(path: Path) -> None:
    """Make the new name itself durable; not every system can."""
    if os.name == "nt":
        return
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
