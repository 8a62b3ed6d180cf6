"""From image files to sessions: opening one, merging several."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from abbe.errors import AbbeError, MergeError, StorageError
from abbe.formats import merge
from abbe.formats.naming import numbered
from abbe.image import Image
from abbe.server.cabinet import SUFFIX, id_of
from abbe.server.folders import clean_name, free_name
from abbe.server.service import Service
from abbe.session import Session
from abbe.session.multiscale import colors
from abbe.session.thumbnail import blend, png

#: longest side of the merge window's preview
PREVIEW = 640

#: (path, channel, name, colour) of a channel to be
Part = tuple[str, int, str, str | None]


def open_session(here: Service, path: str) -> tuple[str, bool]:
    """(session id, was it made now?) for a session or an image file. An image that was opened before gives its session again."""
    place = here.folders.place(path)
    if not place.exists():
        raise StorageError(f"wanted {path[:200]}, which is not there (any more)")
    if place.suffix == SUFFIX:
        here.cabinet.get(id_of(path))
        return id_of(path), False
    folder = path.rpartition("/")[0]
    known = _session_of(place)
    if known is not None:
        return id_of(_join(folder, known.name)), False
    target = free_name(place.parent, _stem(place), SUFFIX)
    Session.create(target, here.folders.image(path)).close()
    return id_of(_join(folder, target.name)), True


def keep(here: Service, image: Image, name: str, folder: str) -> str:
    """A new session around an image that is in no file; returns its id."""
    place = here.folders.place(folder)
    target = free_name(place, Path(clean_name(name)).name.removesuffix(SUFFIX), SUFFIX)
    Session.create(target, image).close()
    return id_of(_join(folder, target.name))


def merge_session(here: Service, parts: Sequence[Part], name: str, folder: str) -> str:
    """The files' channels as one image, in a new session; returns its id."""
    return keep(here, merged(here, parts), name, folder)


def merged(here: Service, parts: Sequence[Part]) -> Image:
    """Raises `MergeError` when the files do not fit together."""
    images = []
    for path, channel, _, _ in parts:
        image = here.folders.image(path)
        images.append(image.select([channel]) if image.shape[1] > 1 else image)
    names = [name or image.channels[0] for (_, _, name, _), image in zip(parts, images)]
    given = [color for *_, color in parts]
    if len(images) == 1:
        return images[0].replace(channels=tuple(names), colors=(given[0] or images[0].colors[0],))
    try:
        image = merge(images, channels=names)
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


def describe(here: Service, path: str) -> dict[str, Any]:
    """What the merge window shows of a file before it is merged."""
    image = here.folders.image(path)
    return {
        "shape": list(image.shape),
        "dtype": image.dtype.name,
        "pixel_size": list(image.pixel_size),
        "channels": list(image.channels),
        "colors": [color or "" for color in image.colors],
        "notices": [notice.to_dict() for notice in image.notices],
    }


def _session_of(place: Path) -> Path | None:
    """The session that was made from exactly this file, beside it."""
    stem = _stem(place)
    near = [p for p in (place.parent / f"{stem}{SUFFIX}", *(place.parent / f"{stem} {k}{SUFFIX}" for k in range(2, 10))) if p.exists()]
    if not near or not place.is_file():
        return None
    with place.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    for session_place in near:
        try:
            with Session.open(session_place, read_only=True) as session:
                origin = session.image(session.original.id).provenance
                # "cells.lif#2" has the digest of its file, and is another image than the one that opens first
                if origin.digest == digest and not numbered(place.with_name(origin.names or place.name))[1]:
                    return session_place
        except AbbeError:
            continue
    return None


def _stem(place: Path) -> str:
    """The name without its ending, of which OME-TIFF and OME-Zarr have two."""
    return place.stem.removesuffix(".ome") or place.stem


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
