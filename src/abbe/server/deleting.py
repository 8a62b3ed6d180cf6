"""Deleting a session: for good, on every device."""

from __future__ import annotations

import os
import secrets
import shutil

from abbe.errors import ConflictError, StorageError
from abbe.server.leftovers import DELETED
from abbe.server.service import Service


def delete(here: Service, session_id: str) -> None:
    """Take the session away and tell every page. The image file that it was made from stays.

    It vanishes at once, by a rename, and is then removed file by file. Raises `ConflictError` while a job works on it.
    """
    place = here.cabinet.folder(session_id)
    if here.queue.busy(session_id):
        raise ConflictError("abbe is working on this image; wait until it is done, or cancel it, then delete")
    here.cabinet.forget(session_id)  # which lets go of a packed one
    gone = place.with_name(f"{DELETED}{secrets.token_hex(8)}")
    try:
        os.rename(place, gone)
    except OSError as problem:
        raise StorageError(f"wanted to delete {place.name}, got: {problem.strerror}") from problem
    here.cabinet.forget(session_id)  # a page may have looked at it meanwhile
    here.derived.forget(session_id)
    here.hub.publish("deleted", {"session": session_id}, session_id)
    here.hub.publish("folder", {"path": place.parent.relative_to(here.cabinet.root).as_posix().removeprefix(".")})
    if gone.is_dir():
        shutil.rmtree(gone, ignore_errors=True)
    else:
        gone.unlink(missing_ok=True)
