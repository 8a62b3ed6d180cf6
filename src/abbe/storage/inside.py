"""Paths that come from elsewhere and must stay inside one folder."""

from __future__ import annotations

import os
import re
from pathlib import Path

from abbe.errors import StorageError
from abbe.limits import LIMITS

#: names that Windows reads as devices, with any suffix; refused everywhere, for the file may travel
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)


def inside(root: str | os.PathLike[str], path: str | os.PathLike[str]) -> Path:
    """The real path of `path` below `root`; it need not exist. Links are followed, and must lead below `root` too.

    Raises `StorageError` for absolute paths, "..", drive letters, backslashes, control characters, device names, and links that lead
    out. Between this check and the use of the path somebody who may write below `root` could still change a link: give write access
    to nobody who must not read what else this process can.
    """
    text = os.fspath(path)
    base = Path(os.path.realpath(root))
    parts = text.split("/")
    if not text or len(text) > LIMITS.name or text.startswith("/") or ".." in parts:
        raise StorageError(f"wanted a path inside the folder that is served, got {text[:200]!r}")
    if any(character in ":\\" or not 32 <= ord(character) != 127 for character in text) or any(map(_unsafe, parts)):
        raise StorageError(
            f"wanted a path inside the folder that is served, with names that every system can have, got {text[:200]!r}; rename it there "
            "(without : and \\, signs that cannot be seen, a space at the end, or the name of a device such as con)"
        )
    try:
        real = Path(os.path.realpath(base / text))
    except (OSError, ValueError) as problem:
        raise StorageError(f"wanted a path inside the folder that is served, got {text[:200]!r}") from problem
    if not real.is_relative_to(base):
        raise StorageError(f"wanted a path inside the folder that is served, got {text[:200]!r}, a link that leads out of it")
    return real


def _unsafe(part: str) -> bool:
    return part != part.rstrip(" ") or _DEVICE.fullmatch(part) is not None
