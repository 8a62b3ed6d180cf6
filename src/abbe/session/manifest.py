"""The manifest: the whole state of a session in one small file, replaced at once by a rename.

Format 1 is the first. A session of an older format is migrated in memory when it is read, and on disk with the next change; one of a newer
format is refused with a word on updating.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from abbe._version import __version__
from abbe.errors import SessionError
from abbe.limits import LIMITS
from abbe.session.places import Place
from abbe.session.state import State

NAME = "manifest.json"
FORMAT = 1

#: format -> what turns a manifest of that format into one of the next
MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}


@dataclass(frozen=True, slots=True)
class Manifest:
    id: str
    created: str
    state: State


def dump(manifest: Manifest) -> bytes:
    body = {
        "id": manifest.id,
        "created": manifest.created,
        "software": f"abbe {__version__}",
        "state": manifest.state.to_dict(),
    }
    text = json.dumps(body, sort_keys=True, ensure_ascii=True)
    return f'{{"abbe": "session", "format": {FORMAT}, "crc32": {zlib.crc32(text.encode())}, "content": {text}}}\n'.encode()


def load(place: Place) -> Manifest | None:
    """The manifest; None when it is missing or damaged.

    Raises `SessionError` when it is whole but of a newer abbe: going on without it could lose what that abbe wrote.
    """
    try:
        content = place.read(NAME)
        if len(content) > LIMITS.metadata:
            return None
        entry = json.loads(content)
        version = entry["format"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(version, int) or version > FORMAT:
        raise SessionError(f"wanted a session of format {FORMAT} or older, got {version} in {place.title}; update abbe")
    try:
        text = json.dumps(entry["content"], sort_keys=True, ensure_ascii=True)
        if zlib.crc32(text.encode()) != entry["crc32"]:
            return None
        body = entry["content"]
        for step in range(version, FORMAT):
            body = MIGRATIONS[step](body)
        return Manifest(str(body["id"]), str(body["created"]), State.from_dict(body["state"]))
    except (ValueError, KeyError, TypeError, RecursionError, SessionError):
        return None
