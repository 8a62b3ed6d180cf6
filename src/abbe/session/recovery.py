"""What can still be read when the manifest is lost: the journal from its beginning, and the versions by their own metadata."""

from __future__ import annotations

import itertools
import json
from typing import Any

from pydantic import ValidationError

from abbe.errors import SessionError
from abbe.session.journal import Reading
from abbe.session.manifest import Manifest
from abbe.session.places import Place
from abbe.session.records import Version, now
from abbe.session.state import State

#: folder of the versions' folders
VERSIONS = "versions"


def recover(place: Place, reading: Reading) -> tuple[Manifest, tuple[str, ...]]:
    """The state from the journal, then versions that lie in the folder and that it does not know.

    Raises `SessionError` when there is neither journal nor version: the folder is no session.
    """
    state = State()
    if reading.changes and reading.changes[0].revision == 1:
        for change in reading.changes:
            state.apply(change)
    problems = ["the manifest is missing or damaged; the session was rebuilt from its journal"]
    if not state.values or reading.damaged > 1:
        found = _adopt(place, state)
        problems = [f"manifest and journal are damaged; {found} versions were found by themselves, names and later changes may be lost"]
    if not list(state.records("versions")):
        raise SessionError(f"wanted a session (a .abbe folder, or a zip file of one), got {place.title}, which holds none")
    if state.values.get("current") not in state.ids_of("versions"):
        state.values["current"] = state.ids_of("versions")[-1]
    return Manifest("recovered", now(), state), tuple(problems)


def _adopt(place: Place, state: State) -> int:
    """Add versions that only their folders tell of; returns how many versions there are."""
    known = {state.values[f"versions/{name}"]["folder"] for name in state.ids_of("versions")}
    for name in sorted(place.names(VERSIONS), key=lambda name: (len(name.partition("-")[0]), name)):
        folder = f"{VERSIONS}/{name}"
        record = _record(place, folder)
        if folder not in known and record is not None:
            taken = state.ids_of("versions")
            numbers = (f"v{k}" for k in itertools.count(1))
            wanted = name.partition("-")[0]
            record["id"] = wanted if wanted not in taken and wanted[1:].isdigit() else next(n for n in numbers if n not in taken)
            state.put(f"versions/{record['id']}", record)
    return len(state.ids_of("versions"))


def _record(place: Place, folder: str) -> dict[str, Any] | None:
    try:
        record = json.loads(place.read(f"{folder}/zarr.json"))["attributes"]["abbe"]["version"]
        return Version.model_validate({**record, "folder": folder}).model_dump(mode="json")
    except (OSError, ValueError, KeyError, TypeError, RecursionError, ValidationError):
        return None
