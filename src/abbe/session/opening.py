"""Opening a session: find out what it is, how whole it is, and whether it may be changed."""

from __future__ import annotations

import os
import zipfile
from dataclasses import replace
from pathlib import Path

from abbe.errors import SessionError
from abbe.session import manifest
from abbe.session.integrity import check
from abbe.session.places import Folder, Packed, Place
from abbe.session.store import Store, read


def open_store(path: Path, read_only: bool) -> Store:
    """Raises `SessionError` when there is no session at `path`."""
    place = _place(path)
    opened = read(place)
    problems = (*opened.problems, *check(place, opened.manifest.state.records("versions")))
    return Store(place, replace(opened, problems=problems), _why_read_only(place, bool(problems), read_only))


def _place(path: Path) -> Place:
    if path.is_dir():
        return Folder(path.resolve())
    if not path.exists():
        raise SessionError(f"wanted a session (a .abbe folder, or a zip file of one), got {path}, which does not exist")
    if zipfile.is_zipfile(path):
        return Packed(path.resolve())
    raise SessionError(f"wanted a session (a .abbe folder, or a zip file of one), got {path.name}, which is neither")


def _why_read_only(place: Place, damaged: bool, asked: bool) -> str | None:
    """Completes the sentence "wanted to change cells.abbe, which ..."."""
    if isinstance(place, Packed):
        return "is packed in one file and can be read only; unpack it first (abbe export --unpack)"
    if damaged:
        return "is damaged and can be read only; what is whole can be exported, or copied to a new session"
    if asked:
        return "was opened to be read only"
    if isinstance(place, Folder) and not (os.access(place.path, os.W_OK) and os.access(place.path / manifest.NAME, os.W_OK)):
        return "lies where you may not write; copy it to a folder of yours"
    return None
