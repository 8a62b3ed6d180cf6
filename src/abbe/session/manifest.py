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


class Texts:
    """The values of a state as JSON. Values are replaced and never edited, so one that is still there has the text that it had."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Any, str]] = {}

    def of(self, values: dict[str, Any]) -> str:
        found = {}
        for key, value in values.items():
            known = self._known.get(key)
            found[key] = known if known is not None and known[0] is value else (value, _text(value))
        self._known = found
        return "{" + ", ".join(f"{_text(key)}: {found[key][1]}" for key in sorted(found)) + "}"


def _text(data: Any) -> str:
    return json.dumps(data, sort_keys=True, ensure_ascii=True)


def dump(manifest: Manifest, texts: Texts | None = None) -> bytes:
    """What is written. `texts` remembers what was written of the session before: most of it is the same again."""
    state = manifest.state.to_dict()
    values = (texts or Texts()).of(state.pop("values"))
    head = _text({"id": manifest.id, "created": manifest.created, "software": f"abbe {__version__}", "state": state})
    text = f'{head[:-2]}, "values": {values}}}}}'  # which are the last of the state, and that the last of all
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
