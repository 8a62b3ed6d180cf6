"""Export formats that were chosen last: in the session, and for new sessions in the user's own folder."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from abbe.errors import AbbeError
from abbe.session.places import Place
from abbe.session.store import Store
from abbe.storage import write_whole

NAME = "export.json"
#: most bytes that are read of it
MOST = 2**16


def remembered(place: Place) -> dict[str, Any]:
    """The session's preferences over the user's; empty where there are none."""
    found: dict[str, Any] = {}
    with suppress(OSError, ValueError, RecursionError):
        found |= _mapping(_user_file().read_bytes()[:MOST])
    with suppress(OSError, ValueError, RecursionError):
        found |= _mapping(place.read(NAME)[:MOST])
    return found


def remember(store: Store, chosen: Mapping[str, Any]) -> None:
    """Keep what was chosen. A preference that cannot be kept is no reason to fail an export."""
    content = json.dumps(dict(chosen), ensure_ascii=True).encode()
    if store.read_only is None:
        with suppress(AbbeError), write_whole(store.folder / NAME, overwrite=True) as part:
            part.write_bytes(content)
    file = _user_file()
    with suppress(AbbeError, OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with write_whole(file, overwrite=True) as part:
            part.write_bytes(content)


def _mapping(content: bytes) -> dict[str, Any]:
    data = json.loads(content)
    return data if isinstance(data, dict) else {}


def _user_file() -> Path:
    """ABBE_CONFIG where it is set; else where the system keeps settings."""
    if folder := os.environ.get("ABBE_CONFIG"):
        return Path(folder) / NAME
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home()) / "abbe" / NAME
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "abbe" / NAME
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "abbe" / NAME
