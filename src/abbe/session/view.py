"""View settings: replaced whole, beside the history, because moving a contrast slider is no change of the science."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from abbe.errors import ParameterError
from abbe.session.places import Place
from abbe.session.plain import DEEPEST, plain
from abbe.session.store import Store
from abbe.storage import write_whole

NAME = "view.json"
#: most bytes of view settings; they are read at every glance
MOST = 2**20


def read(place: Place) -> dict[str, Any]:
    """The settings; empty where there are none, or damaged ones."""
    try:
        content = place.read(NAME)
        found = json.loads(content)
        if b"\\u" in content or content.count(b"[") + content.count(b"{") > DEEPEST:  # nothing else can be what no page could be sent
            found = plain(found)
    except (OSError, ValueError, RecursionError, ParameterError):
        return {}
    return found if isinstance(found, dict) else {}


def merge(store: Store, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Put each setting (None removes it) and return all. Raises `SessionError` when the session may only be read."""
    folder = store.folder
    with store.writing():
        following = {key: value for key, value in {**read(store.place), **plain(settings)}.items() if value is not None}
        content = json.dumps(following, ensure_ascii=True).encode()
        if len(content) > MOST:
            raise ParameterError(f"wanted at most {MOST} bytes of view settings, got {len(content)}")
        with write_whole(folder / NAME, overwrite=True) as part:
            part.write_bytes(content)
    return following
