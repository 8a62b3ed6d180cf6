"""The journal: one line of JSON per change, each with its own checksum, appended and flushed before the change counts.

With the manifest it forms a pair of which either can be lost: the manifest is the state after the last change, the journal is how it
came to be, from nothing. A line that was cut by a power failure is dropped; what came before it stands.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from abbe.errors import SessionError
from abbe.positioned import BINARY, write_at
from abbe.session.records import Change

NAME = "journal.jsonl"


@dataclass(frozen=True, slots=True)
class Reading:
    """Changes that are whole, the bytes that they take, and how many lines behind or between them are not whole."""

    changes: tuple[Change, ...]
    good_bytes: int
    damaged: int


def line(change: Change) -> bytes:
    body = json.dumps(change.model_dump(mode="json", exclude_defaults=True), sort_keys=True, ensure_ascii=True)
    return f'{{"crc32": {zlib.crc32(body.encode())}, "change": {body}}}\n'.encode()


def parse(content: bytes) -> Reading:
    """Read as many changes as follow each other without a gap, from the first line on."""
    changes: list[Change] = []
    position, good = 0, 0
    lines = content.split(b"\n")
    for number, text in enumerate(lines[:-1]):
        change = _change(text)
        if change is None or (changes and change.revision != changes[-1].revision + 1):
            return Reading(tuple(changes), good, len(lines) - number - (lines[-1] == b""))
        changes.append(change)
        position += len(text) + 1
        good = position
    return Reading(tuple(changes), good, int(lines[-1] != b""))


def _change(text: bytes) -> Change | None:
    try:
        entry = json.loads(text)
        body = json.dumps(entry["change"], sort_keys=True, ensure_ascii=True)
        if zlib.crc32(body.encode()) != entry["crc32"]:
            return None
        return Change.model_validate(entry["change"])
    except (ValueError, KeyError, TypeError, RecursionError, ValidationError):
        return None


def append(folder: Path, changes: Sequence[Change], good_bytes: int) -> int:
    """Write `changes` behind the first `good_bytes` bytes, flush them to the disk, and return the new length.

    Raises `SessionError` when the disk is full; the journal is then as it was.
    """
    data = b"".join(map(line, changes))
    handle = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | BINARY, 0o666)
    try:
        try:
            os.ftruncate(handle, good_bytes)
            write_at(handle, data, good_bytes)
            os.fsync(handle)
        except OSError as problem:
            os.ftruncate(handle, good_bytes)
            raise SessionError(
                f"wanted to note a change of {folder.name}, got: {problem.strerror}; the session is as before; free some disk and try again"
            ) from problem
    finally:
        os.close(handle)
    return good_bytes + len(data)
