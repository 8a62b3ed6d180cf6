"""Names of files: those that another device gives, those that are free, and those that can be shown."""

from __future__ import annotations

import os
import re
from pathlib import Path

from abbe.errors import StorageError

#: devices of Windows, which no file there can be called by, whatever its ending
_DEVICE = re.compile(r"^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?=\.|$)", re.IGNORECASE)


def clean_name(name: str) -> str:
    """A file name from another device, without what a file system or a terminal could trip over. Raises `StorageError` if that is all."""
    last = re.split(r"[/\\]", name)[-1]
    clean = re.sub(r'[\x00-\x1f\x7f<>:"|?*\u202a-\u202e\u2066-\u2069]', "_", last).strip(" .")
    stem, suffix = os.path.splitext(clean)
    if not stem:
        raise StorageError(f"wanted a file name, got {name[:100]!r}")
    return _DEVICE.sub(r"\1_", (stem.encode()[:180].decode(errors="ignore") + suffix[:20]).rstrip(" ."), count=1)


def free_name(folder: Path, stem: str, suffix: str) -> Path:
    """A place that nothing has yet: "cells.abbe", "cells 2.abbe", ..."""
    for number in range(1, 10_000):
        place = folder / (f"{stem}{suffix}" if number == 1 else f"{stem} {number}{suffix}")
        if not place.exists():
            return place
    raise StorageError(f"wanted a free name like {stem}{suffix}, and ten thousand are taken")


def legible(name: str) -> str:
    """A name as it can be sent and shown: where its bytes are no text (UTF-8), there are marks for that."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
