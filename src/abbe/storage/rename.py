"""Renames that Python's `os` does not offer: two names exchanged in one step, and a rename that refuses a target that is there.

With them a folder takes another's place, or a new name, without a moment in which a kill would leave neither. Linux has them since 2014
(renameat2), macOS since 10.12 (renamex_np); elsewhere, and on disks that cannot, the caller does without.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

#: the system says that it, or this disk, cannot
_CANNOT = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM}
#: flags (no replace, exchange): linux/fs.h, and sys/stdio.h of macOS
_LINUX, _MACOS = (1, 2), (4, 2)


def exchange(one: Path, other: Path) -> bool:
    """Let two names change places at once. False when that cannot be done here; then nothing has changed."""
    return _rename(one, other, 1)


def rename_new(source: Path, target: Path) -> bool:
    """Rename, unless there is a target: then `FileExistsError`. False when that cannot be done here; then nothing has changed."""
    return _rename(source, target, 0)


def _rename(source: Path, target: Path, which: int) -> bool:
    call = _call()
    if call is None:
        return False
    if call(os.fsencode(source), os.fsencode(target), which) == 0:
        return True
    code = ctypes.get_errno()
    if code in _CANNOT:
        return False
    raise OSError(code, os.strerror(code), str(source), None, str(target))


@cache
def _call() -> Any:
    """A function of (source, target, 0 no replace or 1 exchange); None where the system has none."""
    name = {"linux": "renameat2", "darwin": "renamex_np"}.get(sys.platform)
    if name is None:
        return None
    found = getattr(ctypes.CDLL(None, use_errno=True), name, None)
    if found is None:
        return None
    if name == "renameat2":
        here = -100  # AT_FDCWD: names as they are
        return lambda source, target, which: found(here, source, here, target, _LINUX[which])
    return lambda source, target, which: found(source, target, _MACOS[which])
