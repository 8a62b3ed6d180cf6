"""Channels that lie off one another: measured on a version or on an image of beads that somebody brings, and moved back."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from abbe.alignment import channel_shifts
from abbe.alignment.moving import Given, measured_on
from abbe.errors import StorageError
from abbe.image import Image
from abbe.server.folders import decoded
from abbe.server.jobs import Progress, Work
from abbe.server.service import Service
from abbe.server.works import part


class Shifts(NamedTuple):
    """What was asked for: the channel that stays, the others' shifts (y, x), or the handle of an image of beads; neither: as measured."""

    reference: int
    given: Given | None = None
    beads: str | None = None


def measure(here: Service, session_id: str, version: str | None, reference: int) -> list[dict[str, Any]]:
    """Where each channel of a version lies against the reference, in its pixels."""
    image = here.cabinet.get(session_id).image(version)
    return [found.to_dict() for found in channel_shifts(image, reference)]


def measure_beads(here: Service, session_id: str, version: str | None, reference: int, place: Path) -> dict[str, Any]:
    """The same, measured on the beads in a file, which are kept for the alignment; with their handle."""
    image, beads = here.cabinet.get(session_id).image(version), decoded(place)
    with place.open("rb") as file:
        handle = hashlib.file_digest(file, "sha256").hexdigest()[:16]  # measured against another channel they are kept once
    here.derived.keep((session_id, "beads", handle), beads, 0)
    return {"beads": handle, "shifts": [found.to_dict() for found in measured_on(image, beads, reference)]}


def work(here: Service, session_id: str, version: str, wanted: Shifts, author: str) -> Work:
    """Move the channels of a version."""

    def run(progress: Progress) -> dict[str, Any]:
        session = here.cabinet.get(session_id)
        source = session.version(version)
        progress(0.0, "looking where the channels lie")
        made = session.align(
            wanted.given,
            source.id,
            reference=wanted.reference,
            beads=None if wanted.beads is None else _beads(here, session_id, wanted.beads),
            author=author,
            progress=part(progress, 0.3, 0.97),
        )
        here.cabinet.changed(session_id, session)
        return {"version": made.id, "parent": made.parent}

    return run


def _beads(here: Service, session_id: str, handle: str) -> Image:
    found: Image | None = here.derived.look_up((session_id, "beads", handle))
    if found is None:
        raise StorageError("the image of beads is not there any more; choose it again")
    return found
