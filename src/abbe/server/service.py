"""What every route works with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from abbe.server.cabinet import Cabinet
from abbe.server.derived import Derived
from abbe.server.events import Hub
from abbe.server.folders import Folders
from abbe.server.jobs import Queue
from abbe.server.keys import Keys
from abbe.server.leftovers import Scratch
from abbe.server.settings import Settings


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of one running server."""

    settings: Settings
    keys: Keys
    hub: Hub
    queue: Queue
    cabinet: Cabinet
    folders: Folders
    derived: Derived
    #: files that were made for download, by a name nobody can guess
    downloads: dict[str, Path]
    #: where they lie
    scratch: Scratch


def service_of(request: Request) -> Service:
    found: Service = request.app.state.service
    return found


#: a route's parameter: the service
Here = Annotated[Service, Depends(service_of)]
