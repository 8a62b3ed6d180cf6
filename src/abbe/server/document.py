"""A session as the page reads it: everything but pixels, in one answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from abbe.errors import AbbeError, ParameterError
from abbe.formats.naming import numbered
from abbe.formats.opening import SEVERAL
from abbe.image import Image
from abbe.recipe import Recipe
from abbe.session import Session, Version
from abbe.session.multiscale import DEFAULT_COLORS

#: changes listed in the history of the page
CHANGES = 200


def document(session_id: str, path: str, session: Session, root: Path) -> dict[str, Any]:
    """Versions, history, ROIs, comment, and what can be undone; `path` lies below `root`."""
    undo, redo = session.next_undo, session.next_redo
    comments, bases, said = list(session.comments), session.rois.revisions(), verdicts(session)
    original = session.original
    first = _first(session)
    known = original.pixel_size[1] is not None and original.pixel_size[2] is not None
    return {
        "id": session_id,
        "path": path,
        "name": session.name,
        "revision": session.revision,
        "current": session.current.id,
        "can_undo": session.can_undo,
        "can_redo": session.can_redo,
        "undo_action": in_words(session, undo.action) if undo else None,
        "redo_action": in_words(session, redo.action) if redo else None,
        "undo_base": undo.revision if undo else None,
        "redo_base": redo.revision if redo else None,
        "read_only": session.read_only,
        "problems": list(session.problems),
        "unit": "um" if known else "pixel",
        "time_step": None if first is None else first.time_step,
        "versions": [version_document(session, version, said.get(version.id)) for version in session.versions],
        "rois": [{"id": r.id, "name": r.name, "shape": r.shape, "base": bases.get(r.id, 0)} for r in session.rois],
        "comment": {"id": comments[0].id, "text": comments[0].text, "base": session.comments.revision_of(comments[0].id)}
        if comments
        else None,
        "history": [
            {"revision": change.revision, "action": change.action, "time": change.time, "kind": change.kind}
            for change in session.history()[-CHANGES:]
        ],
        "view": session.view,
        "one_of": one_of(session, root / path),
    }


def one_of(session: Session, place: Path) -> dict[str, Any] | None:
    """The file of several images beside the session that it was made from, and the number of its image there; None: no such file."""
    first = _first(session)
    source = None if first is None else first.provenance.names
    if source is None:
        return None
    file, number = numbered(place.with_name(source))
    # of a file of several the first comes with a word about the others, where nobody chose it
    several = number is not None or any(n.code == "dropped" and n.message.startswith(SEVERAL) for n in session.original.notices)
    return {"name": file.name, "number": number or 0} if several and file.exists() else None


def _first(session: Session) -> Image | None:
    """The original; None where it is damaged."""
    try:
        return session.image(session.original.id)
    except AbbeError:
        return None


def in_words(session: Session, action: str) -> str:
    """A line of the history without the numbers of versions, which the page shows nowhere.

    "background: v3 background corrected from v2" becomes "background corrected from super-resolved".
    """
    names = {version.id: version.name for version in session.versions}
    action = re.sub(r"^\w+: (?=v\d+ )", "", action)
    action = re.sub(r"^(reverted to )?v\d+ ", r"\1", action)
    parent = re.search(r" from (v\d+)$", action)
    if parent is None:
        return action
    return action[: parent.start()] + (f" from {names[parent[1]]}" if parent[1] in names else "")


def check_plane(version: Version, t: int, z: int, *channels: int) -> None:
    """Raises `ParameterError` for a frame, plane or channel that the version does not have."""
    frames, known, planes = version.shape[:3]
    if t >= frames or z >= planes or any(c >= known for c in channels):
        raise ParameterError(
            f"wanted one of {frames} frames, {planes} planes and {known} channels of {version.name[:80]}, counted from 0, got "
            f"frame {t}, plane {z}" + (f", channels {', '.join(map(str, channels))}" if channels else "")
        )


def version_document(session: Session, version: Version, said: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "id": version.id,
        "stamp": stamp(version),
        "name": version.name,
        "operation": version.operation,
        "parent": version.parent,
        "created": version.created,
        "shape": list(version.shape),
        "dtype": version.dtype,
        "pixel_size": list(version.pixel_size),
        "channels": list(version.channels),
        "colors": colors(version),
        "levels": [{"factor": level.factor, "width": level.width, "height": level.height} for level in session.levels(version.id)],
        "notices": [{"code": notice.code, "message": notice.message} for notice in version.notices],
        "has_trust": version.has_trust,
        "has_interval": version.has_interval,
        "offset": list(version.offset),
        "step": session.steps(version)[2],
        "bytes": version.bytes,
        "verdict": said,
        "recipe": None if version.recipe is None else recipe(version.recipe),
    }


def stamp(version: Version) -> str:
    """What no other version has, of no other session: one that takes this one's place, with its path and its number, has another."""
    return version.folder.rpartition("-")[2]


def colors(version: Version) -> list[str]:
    """A colour per channel: the file's own, else distinguishable ones; a single channel is grey."""
    given = version.colors or (None,) * len(version.channels)
    if len(version.channels) == 1:
        return [given[0] or "#FFFFFF"]
    return [color or DEFAULT_COLORS[k % len(DEFAULT_COLORS)] for k, color in enumerate(given)]


def verdicts(session: Session) -> dict[str, Mapping[str, Any]]:
    """What was found when a version was compared with what it came from, by the version's id; the last word counts."""
    return {found.version: found.results for found in session.analyses if found.kind == "verdict"}


def recipe(made: Recipe) -> dict[str, Any]:
    engine = made.engine
    return {
        "operation": made.operation,
        "steps": [f"{step.name}, {step.model} {step.model_version or ''}".strip() if step.model else step.name for step in made.steps],
        "engine": None
        if engine is None
        else f"{engine.name} {engine.version or ''}, {engine.precision}{', exact' if engine.exact else ''}",
    }
