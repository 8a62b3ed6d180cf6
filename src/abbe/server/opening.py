"""From image files to sessions: opening one, merging several."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from abbe.errors import AbbeError, ExistsError, MergeError, StorageError
from abbe.formats import merge
from abbe.formats.merging import only_filled
from abbe.formats.naming import numbered
from abbe.image import Image
from abbe.server.cabinet import SUFFIX, id_of
from abbe.server.document import one_of
from abbe.server.names import clean_name, free_name
from abbe.server.service import Service
from abbe.session import Session
from abbe.session.multiscale import colors
from abbe.session.thumbnail import blend, png

#: longest side of the merge window's preview
PREVIEW = 640

#: among the facts of an image from a folder: how that was when it was read, for it has no digest
STATE = "state of the folder"

#: names that are tried for a new session
TRIES = 8

#: letters of an image's name that its session is called by
NAMED = 60


class Part(NamedTuple):
    """A channel of the merged image to be: where it comes from, what it is called, and its colour, #rrggbb."""

    path: str
    #: of a file of several images, which one, counted from 0; None: the first, with a word about the others
    image: int | None = None
    channel: int = 0
    name: str = ""
    color: str | None = None


def open_session(here: Service, path: str, number: int | None = None) -> tuple[str, bool]:
    """(session id, was it made now?) for a session or an image file, of several the image `number`.

    An image that was opened before gives its session again.
    """
    place = here.folders.place(path)
    if not place.exists():
        raise StorageError(f"wanted {path[:200]}, which is not there (any more)")
    path = place.relative_to(
        here.folders.root
    ).as_posix()  # one image has one session, and a session one id, by whatever link it is reached
    if place.suffix == SUFFIX:
        here.cabinet.get(id_of(path))
        return id_of(path), False
    folder = path.rpartition("/")[0]
    with here.folders.opening.alone(place):  # whoever opens the same at the same moment gets the session that is being made
        known = _sessions_of(here, path, place).get(number or 0)
        if known is not None:
            return id_of(_join(folder, known.name)), False
        state = here.folders.state(path) if place.is_dir() else None  # as it is before it is read
        image = here.folders.image(path, number)
        if state is not None:
            image = image.replace(provenance=replace(image.provenance, facts={**image.provenance.facts, STATE: state}))
        return id_of(_join(folder, create(place.parent, _session_stem(here, place, path, number), image))), True


def create(folder: Path, stem: str, image: Image) -> str:
    """A session under the first free name; returns that. Another image may take a name that was free when this one began to be written."""
    for _ in range(TRIES):
        target = free_name(folder, stem, SUFFIX)
        with suppress(ExistsError):
            Session.create(target, image).close()
            return target.name
    raise StorageError(f"wanted a free name like {stem}{SUFFIX}, and each was taken meanwhile; try again")


def choices(here: Service, path: str) -> list[dict[str, Any]]:
    """The images of a file of several, each with the session that was made from it; nothing of a file of one, or of a session."""
    place = here.folders.place(path)
    path = place.relative_to(here.folders.root).as_posix()
    known = {} if place.suffix == SUFFIX else _sessions_of(here, path, place)
    if place.suffix == SUFFIX or (set(known) == {0} and _of_one(known[0])):
        return []
    there = here.folders.images(path)
    folder = path.rpartition("/")[0]
    made = {number: id_of(_join(folder, session.name)) for number, session in known.items()}
    return [{"number": number, **one.to_dict(), "bytes": one.nbytes, "session": made.get(number)} for number, one in enumerate(there)]


def keep(here: Service, image: Image, name: str, folder: str) -> str:
    """A new session around an image that is in no file; returns its id."""
    place = here.folders.folder(folder)
    folder = place.relative_to(here.folders.root).as_posix().removeprefix(".")
    return id_of(_join(folder, create(place, Path(clean_name(name)).name.removesuffix(SUFFIX), image)))


def merge_session(here: Service, parts: Sequence[Part], name: str, folder: str) -> str:
    """The files' channels as one image, in a new session; returns its id."""
    return keep(here, merged(here, parts), name, folder)


def merged(here: Service, parts: Sequence[Part]) -> Image:
    """Raises `MergeError` when the files do not fit together."""
    images = [here.folders.image(part.path, part.image).select([part.channel]) for part in parts]
    given = [part.color for part in parts]
    if len(images) == 1:
        return images[0].replace(channels=(parts[0].name or images[0].channels[0],), colors=(given[0] or images[0].colors[0],))
    try:
        image = merge(images)
        if any(part.name for part in parts):
            image = merge(images, channels=[part.name or own for part, own in zip(parts, image.channels)])
    except MergeError:
        raise
    except AbbeError as problem:
        raise MergeError(str(problem)) from problem
    return image.replace(colors=tuple(color or own for color, own in zip(given, image.colors)))


def merge_preview(here: Service, parts: Sequence[Part]) -> bytes:
    """PNG of the merged image's middle plane."""
    image = merged(here, parts)
    step = max(1, max(image.shape[3:]) // PREVIEW)
    planes = [image.plane(0, c, image.shape[2] // 2)[::step, ::step] for c in range(image.shape[1])]
    return png(blend(planes, colors(image)), PREVIEW)


def describe(here: Service, path: str, number: int | None = None) -> dict[str, Any]:
    """What the merge window shows of a file, or of the image `number` in it, before it is merged."""
    image = here.folders.image(path, number)
    return {
        "shape": list(image.shape),
        "dtype": image.dtype.name,
        "pixel_size": list(image.pixel_size),
        "channels": list(image.channels),
        "only": only_filled(image),
        "colors": [color or "" for color in image.colors],
        "notices": [notice.to_dict() for notice in image.notices],
    }


def _of_one(session_place: Path) -> bool:
    """Was the session made from a file that holds this image alone?"""
    with Session.open(session_place, read_only=True) as session:
        return one_of(session, session_place) is None


def _sessions_of(here: Service, path: str, place: Path) -> dict[int, Path]:
    """The sessions beside a file that were made from exactly this file: by the number of the image in it, 0 in a file of one."""
    stem = _stem(place)
    near = [p for p in place.parent.iterdir() if p.suffix == SUFFIX and (p.stem == stem or p.stem.startswith(f"{stem} "))]
    if not near:
        return {}
    digest = here.folders.digest(path) if place.is_file() else None
    found: dict[int, Path] = {}
    for session_place in sorted(near, key=lambda p: (len(p.name), p.name)):
        try:
            with Session.open(session_place, read_only=True) as session:
                first = session.original
                origin = session.image(first.id).provenance
        except AbbeError:
            continue
        file, number = numbered(place.with_name(origin.names or place.name))  # "cells.lif#2" has the digest of its file
        if digest is None:  # a folder has none: as long as nothing in it was written since
            kept = origin.facts.get(STATE)
            same = file == place and here.folders.unchanged(path, kept, datetime.fromisoformat(first.created))
        else:  # another file with the same bytes has sessions of its own
            same = origin.digest == digest and (file == place or not file.exists())
        if same:
            found.setdefault(number or 0, session_place)
    return found


def _session_stem(here: Service, place: Path, path: str, number: int | None) -> str:
    """What a session of an image is called: as its file, and of several as the image in it."""
    there = here.folders.images(path) if number is not None else ()
    if number is None or number >= len(there):
        return _stem(place)
    try:
        name = clean_name(there[number].name)
    except StorageError:  # a name of signs that no file name has
        name = f"image {number + 1}"
    return f"{_stem(place)} {name[:NAMED].strip()}"


def _stem(place: Path) -> str:
    """The name without its ending, of which OME-TIFF and OME-Zarr have two."""
    return place.stem.removesuffix(".ome") or place.stem


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
