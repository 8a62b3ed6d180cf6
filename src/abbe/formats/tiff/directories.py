"""The chain of directories of a TIFF, walked without trust: a file that was cut short must not pass for a shorter stack.

TIFF 6.0 (Adobe, 1992), section 2, and BigTIFF (Aware Systems): an 8 or 16 byte header, then directories of 12 or 20 byte entries, each
with the position of the next, 0 after the last.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from abbe.errors import NotAnImageError

#: most directories of one file; a page each
MOST = 2**20
#: bytes of one value by its type's number
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
#: the last of the tags that the specification and its supplements give; what is private to a program may be spoilt without harm
LAST_BASELINE = 532
#: ImageJ's own metadata
IMAGEJ = (50838, 50839)


def check_directories(path: Path) -> int:
    """The number of pages of the TIFF at `path`.

    Raises `NotAnImageError` when a directory lies beyond the end of the file, is empty, or the chain runs in a circle.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        order, big, position = _header(file, path.name)
        seen: set[int] = set()
        while position:
            if position in seen or len(seen) >= MOST:
                raise NotAnImageError(f"{path.name} is damaged: its list of pages runs in a circle")
            seen.add(position)
            position = _next(file, position, size, order, big, len(seen), path.name)
    if not seen:
        raise NotAnImageError(f"{path.name} is a TIFF without any page")
    return len(seen)


def _header(file: BinaryIO, name: str) -> tuple[str, bool, int]:
    head = file.read(16)
    order = "<" if head[:2] == b"II" else ">"
    try:
        if struct.unpack(order + "H", head[2:4])[0] == 43:
            return order, True, struct.unpack(order + "Q", head[8:16])[0]
        return order, False, struct.unpack(order + "I", head[4:8])[0]
    except struct.error as problem:
        raise NotAnImageError(f"{name} is cut short: it ends within its first bytes; copy it again from its source") from problem


def _next(file: BinaryIO, position: int, size: int, order: str, big: bool, page: int, name: str) -> int:
    """The position of the directory after the one at `position`."""
    count_format, entry, next_format = ("Q", 20, "Q") if big else ("H", 12, "I")
    count_bytes, next_bytes = struct.calcsize(order + count_format), struct.calcsize(order + next_format)
    cut = NotAnImageError(f"{name} is cut short or damaged: page {page} lies beyond the end of the file; copy it again from its source")
    if position + count_bytes > size:
        raise cut
    file.seek(position)
    (entries,) = struct.unpack(order + count_format, file.read(count_bytes))
    if entries == 0 or entries > 65535 or position + count_bytes + entries * entry + next_bytes > size:
        raise cut
    body = file.read(entries * entry)
    if any(end > size for end in _ends(body, order, big)):
        raise cut
    following: int = struct.unpack(order + next_format, file.read(next_bytes))[0]
    return following


def _ends(entries: bytes, order: str, big: bool) -> Iterator[int]:
    """Where in the file the values of the entries end that matter to an image, of those that lie outside their entry."""
    room = 8 if big else 4
    for tag, kind, count, value in struct.iter_unpack(order + ("HHQQ" if big else "HHII"), entries):
        length = count * SIZES.get(kind, 0)
        if length > room and (tag <= LAST_BASELINE or tag in IMAGEJ):
            yield value + length
