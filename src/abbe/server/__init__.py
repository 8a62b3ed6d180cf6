"""The page's server: folders, sessions, tiles, jobs and events over HTTP (docs/design/http.md).

    from abbe.server import Settings, serve

    serve(Settings(folder=Path("images")))

One process; its state is the session files below the folder.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from abbe.server.settings import ServerLimits, Settings

if TYPE_CHECKING:
    from abbe.server.application import create_app as create_app
    from abbe.server.launch import serve as serve

_LATER = {"create_app": "abbe.server.application", "serve": "abbe.server.launch"}

__all__ = ["ServerLimits", "Settings", "create_app", "serve"]


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(importlib.import_module(_LATER[name]), name)
    raise AttributeError(f"module 'abbe.server' has no attribute {name!r}")
