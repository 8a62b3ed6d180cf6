"""napari's reader: every file that `abbe.open` reads, and sessions with all their versions."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import abbe
from abbe.errors import AbbeError
from abbe.formats import opening
from abbe.napari.layers import TRUST, LayerData, layers, map_layers
from abbe.napari.regions import shapes_layer
from abbe.napari.seat import Seat
from abbe.session import Session

Reader: TypeAlias = Callable[[str | list[str]], list[LayerData]]

SESSION = ".abbe"


def get_reader(path: str | os.PathLike[str] | Sequence[str]) -> Reader | None:
    """What reads `path`; None for several files at once, and for a file whose content is no format of abbe's."""
    if isinstance(path, Sequence) and not isinstance(path, str):
        if len(path) != 1:
            return None  # a stack of files: abbe merges channels, and does not guess what else files may be
        path = path[0]
    return read if is_session(path) or _known(path) else None


def is_session(path: str | os.PathLike[str]) -> bool:
    """By its name: a folder, or a packed one."""
    return os.fspath(path).rstrip("/\\").lower().endswith(SESSION)


def _known(path: str | os.PathLike[str]) -> bool:
    """The content counts, not the name. What cannot be read at all is taken, so that the user is told why."""
    text = os.fspath(path)
    if "://" in text:
        return True
    source = Path(text)
    try:
        head = opening._head(source)
    except AbbeError:
        return True
    return any(form.claims(head, source) for form in opening.FORMATS)


def read(path: str | list[str]) -> list[LayerData]:
    """The layers of a file. Pixels of large images are read when they are looked at.

    Raises `AbbeError` in words for what cannot be read.
    """
    place = path if isinstance(path, str) else path[0]
    return read_session(place) if is_session(place) else layers(abbe.open(place))


def read_session(path: str) -> list[LayerData]:
    """Every version of a session, the current one on top and shown, with its trust; and the ROIs as shapes."""
    session = Session.open(path, read_only=True)  # stays open: its images are read from it
    current, title = session.current, session.name
    found: list[LayerData] = []
    for version in sorted(session.versions, key=lambda v: v.id == current.id):
        image = session.image(version.id)
        seat = Seat.of(image, offset=version.offset)
        shown = version.id == current.id
        found += layers(image, seat, title, "" if version.is_original else version.name, visible=shown)
        if shown and image.trust is not None:
            found += map_layers(image.trust, seat, title, "trust", **TRUST)
    original = session.image(session.original.id)
    drawn = shapes_layer([session.rois.roi(region.id) for region in session.rois], original, Seat.of(original))
    return [*found, drawn] if drawn is not None else found
