"""A bounded child process that runs one decoder on one untrusted file.

Decoders of image formats are large C programs that meet hostile bytes. The child has a limit on address space, processor seconds, file
size and open files, and no environment of this process beyond what Python needs; if it crashes or hangs, a user reads one line.
Address space and file size can be limited on POSIX systems only; the time limit holds everywhere.
"""

from __future__ import annotations

import errno
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import IO, Any

from abbe import errors
from abbe.errors import AbbeError, LimitError, NotAnImageError, StorageError
from abbe.limits import LIMITS
from abbe.storage.whole import NO_ROOM, scratch_error

#: variables that Python and its libraries need to start
_ENVIRONMENT = ("PATH", "PYTHONPATH", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP", "LANG", "LC_ALL", "HOME", "USERPROFILE")
#: one thread each: thread stacks and arenas eat address space
_SINGLE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
#: bytes of address space for libraries that are loaded after the limit was set
_SLACK = 2**28


def run_in_child(
    decoder: str,
    arguments: Mapping[str, Any],
    files: Sequence[IO[bytes]] = (),
    *,
    seconds: float = LIMITS.decode_seconds,
    memory: int = LIMITS.decode_memory,
    disk: int | None = None,
) -> dict[str, Any]:
    """What `decoder` returned, a function named "abbe.room.module:function", run in a child process.

    It is called as `function(arguments, descriptors)`: `arguments` is a JSON object, `descriptors` are those of `files`, open for
    writing: large results go there. It returns a JSON object.

    Args:
        seconds: of time, and of processor time.
        memory: bytes of address space beyond what an idle Python takes.
        disk: most bytes that it may write into one file; None: no limit.

    Raises:
        LimitError: it took more time or memory than allowed.
        NotAnImageError: it crashed.
        AbbeError: whatever the decoder itself raised.
    """
    order = json.dumps(
        {
            "decoder": decoder,
            "arguments": dict(arguments),
            "files": [_number(file) for file in files],
            "seconds": seconds,
            "memory": memory,
            "disk": disk,
        }
    )
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ} | _SINGLE
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "abbe.storage.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            **_handed(files),
        )
    except OSError as problem:
        raise StorageError(f"could not start a process to read the file: {problem.strerror}") from problem
    try:
        answer, _ = process.communicate(order.encode(), timeout=seconds)
    except subprocess.TimeoutExpired as problem:
        raise LimitError(f"the file took longer than {seconds:g} s to decode and was given up; open it on the command line") from problem
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    return _result(answer, process.returncode)


def _number(file: IO[bytes]) -> int:
    """What the child knows an open file by: its descriptor, or on Windows the system's handle of it."""
    if sys.platform == "win32":
        import msvcrt

        return msvcrt.get_osfhandle(file.fileno())
    return file.fileno()


def _handed(files: Sequence[IO[bytes]]) -> dict[str, Any]:
    """What `Popen` is told, so that the child gets these open files and no others."""
    if sys.platform == "win32":
        handles = [_number(file) for file in files]
        for handle in handles:
            os.set_handle_inheritable(handle, True)
        startup = subprocess.STARTUPINFO(lpAttributeList={"handle_list": handles})
        return {"startupinfo": startup, "creationflags": subprocess.CREATE_NO_WINDOW}
    return {"pass_fds": [file.fileno() for file in files]}


def _result(answer: bytes, code: int) -> dict[str, Any]:
    try:
        data = json.loads(answer) if len(answer) <= LIMITS.metadata else None
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        how = f"signal {-code}" if code < 0 else f"code {code}"
        raise NotAnImageError(f"the file could not be decoded: its decoder gave up ({how}); the file is damaged, or needs too much memory")
    if "error" in data:
        kind = getattr(errors, str(data["error"]), None)
        known = isinstance(kind, type) and issubclass(kind, AbbeError) and kind is not errors.MissingExtraError
        problem = (kind if known and kind is not None else AbbeError)(str(data.get("message"))[: LIMITS.name])
        problem.full = data.get("full") is True
        raise problem
    result = data.get("result")
    return result if isinstance(result, dict) else {}


# ------------------------------------------------------------------------------------------------------ in the child
def _received(numbers: Sequence[int]) -> list[int]:
    """The descriptors of the files that `_handed` gave."""
    if sys.platform == "win32":
        import msvcrt

        return [msvcrt.open_osfhandle(number, os.O_RDWR | os.O_BINARY) for number in numbers]
    return list(numbers)


def _limit(seconds: float, memory: int, disk: int | None) -> None:
    """From here on this process can take no more; Windows has no such limits."""
    if sys.platform == "win32":
        return
    import resource

    bounds = {
        resource.RLIMIT_AS: _address_space() + _SLACK + memory,
        resource.RLIMIT_CPU: int(seconds) + 1,
        resource.RLIMIT_NOFILE: 128,
        resource.RLIMIT_CORE: 0,
    }
    if disk is not None:
        bounds[resource.RLIMIT_FSIZE] = disk
    for what, bound in bounds.items():
        hard = resource.getrlimit(what)[1]
        bound = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(what, (bound, bound))


def _unwritten(problem: OSError, disk: int | None) -> dict[str, Any]:
    """What to answer where an image did not get to the disk. The system says of the share that was set here that the file is too large."""
    if problem.errno == errno.EFBIG and disk is not None:
        room = f"{disk / 1e9:.3g} GB" if disk >= 1e9 else f"{disk / 1e6:.3g} MB"
        said = (
            f"could not decode the image: it needs more than {room}, which is what it may take of the room on the disk for "
            "temporary files; free some of it, or start abbe with the environment variable TMPDIR naming a folder on a disk with room"
        )
        return {"message": said, "full": True}
    if problem.errno in NO_ROOM:
        return {"message": str(scratch_error("the pixels of the image", problem)), "full": True}
    return {"message": f"the image could not be decoded to disk: {problem.strerror or problem}"}


def _address_space() -> int:
    """Bytes that this process has mapped, Python and its libraries; 1 GB where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 2**30


def _serve() -> None:
    order = json.loads(sys.stdin.buffer.read())
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # a library that prints must not spoil the answer
    try:
        place, _, name = order["decoder"].partition(":")
        if not place.startswith("abbe."):
            raise StorageError(f"wanted a decoder of abbe, got {place!r}")
        decode = getattr(importlib.import_module(place), name)
        _limit(order["seconds"], order["memory"], order["disk"])
        answer = {"result": decode(order["arguments"], _received(order["files"]))}
    except AbbeError as problem:
        answer = {"error": type(problem).__name__, "message": str(problem)}
    except MemoryError:
        amount = f"{order['memory'] / 2**30:.3g} GB"
        answer = {"error": "LimitError", "message": f"the image needs more than {amount} of memory to decode; open it on the command line"}
    except OSError as problem:
        answer = {"error": "StorageError", **_unwritten(problem, order["disk"])}
    except Exception as problem:
        answer = {"error": "NotAnImageError", "message": f"the file is damaged: {type(problem).__name__}: {problem}"}
    out.write(json.dumps(answer).encode())
    out.flush()


if __name__ == "__main__":
    _serve()
