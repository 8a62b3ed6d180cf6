"""Maps of one version against another: difference and error map, a plane at a time; and the numbers of `abbe.compare`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from abbe.errors import ParameterError, SessionError, StorageError
from abbe.image import Image
from abbe.image.pixels import Array
from abbe.server.derived import Picture
from abbe.server.document import check_plane
from abbe.server.jobs import Progress, Work
from abbe.server.service import Service
from abbe.session import Session, Version

#: rows and columns
Place = tuple[slice, slice]
#: what a job that compares is doing, in the page's words
MEASURING = "measuring the agreement"
#: share of the time that the measures of all planes take; the rest finds the resolution
CHANNELS = 0.9
#: gives what it is told to make, or what it made of the same two versions before
Once = Callable[[Callable[[], Image]], Image]


def _anew(make: Callable[[], Image]) -> Image:
    return make()


def difference(session: Session, version: str, reference: str, t: int, z: int, once: Once = _anew) -> Picture:
    """Version less reference, in its units, on its grid; a coarser reference is enlarged by cubic splines, centres aligned."""
    check_plane(session.version(version), t, z)
    after, before, _ = _together(session, version, reference)
    if after.shape[1] != before.shape[1]:
        raise ParameterError("wanted two versions with the same channels, got different ones")
    plane = np.stack([_difference(after, before, t, c, z) for c in range(after.shape[1])])
    reach = float(np.percentile(np.abs(plane[:, ::4, ::4]), 99.5)) or 1.0
    return Picture.of(plane, {"low": -reach, "high": reach})


def _difference(after: Image, before: Image, t: int, c: int, z: int) -> Array:
    from abbe.comparison.resample import enlarged

    height, width = after.shape[3:]
    k = min(before.shape[2] - 1, round(z * (before.shape[2] - 1) / max(after.shape[2] - 1, 1)))
    plane = before.plane(min(t, before.shape[0] - 1), c, k)
    if plane.shape != (height, width):
        plane = enlarged(plane.astype(np.float64), (height, width))
    return after.plane(t, c, z).astype(np.float32) - plane.astype(np.float32)


def error(session: Session, version: str, reference: str, t: int, z: int, once: Once = _anew) -> Picture:
    """NanoJ-SQUIRREL's error map, on the reference's grid: where the version does not explain the reference.

    What is found out about the whole stack serves its next plane, if `once` keeps it.
    """
    from abbe.comparison import compare

    check_plane(session.version(reference), t, z)
    after, before, place = _together(session, version, reference)
    maps = once(lambda: compare(original=before, transformed=after).error_map)
    part = np.stack([maps.plane(min(t, maps.shape[0] - 1), c, min(z, maps.shape[2] - 1)) for c in range(maps.shape[1])]).astype(np.float32)
    high = float(np.percentile(part[:, ::2, ::2], 99.8)) or 1.0
    plane = np.zeros((len(part), *session.version(reference).shape[3:]), np.float32)  # nothing is said of what was cropped away
    plane[(slice(None), *place)] = part
    return Picture.of(plane, {"low": 0.0, "high": high})


def _together(session: Session, version: str, reference: str) -> tuple[Image, Image, Place]:
    """Both images, the reference cut to what a cropped version shows of it, and where that lies in it.

    Versions of which none was cropped are taken to show the same field, whatever their pixel sizes say. Raises `ParameterError` when the
    version shows more than the reference.
    """
    after, before = session.version(version), session.version(reference)
    image, place = session.image(before.id), (slice(0, before.shape[3]), slice(0, before.shape[4]))
    if not session.is_cropped(after) and not session.is_cropped(before):
        return session.image(after.id), image, place
    rows, columns = (_span(session, after, before, k) for k in (0, 1))
    if min(rows.start, columns.start) < 0 or rows.stop > before.shape[3] or columns.stop > before.shape[4]:
        raise ParameterError(
            f"wanted a version that shows the field of view of {before.name[:80]}, or a part of it, got {after.name[:80]}, which shows "
            "another: go to the one that shows less, and compare it with the other"
        )
    return session.image(after.id), image if (rows, columns) == place else image.crop(rows, columns), (rows, columns)


def _span(session: Session, after: Version, before: Version, k: int) -> slice:
    """The rows (k = 0) or columns of `before` that `after` shows."""
    size = _step(session, before, 3 + k)
    start = (after.offset[k] - before.offset[k]) / size
    return slice(round(start), round(start + after.shape[3 + k] * _step(session, after, 3 + k) / size))


def _step(session: Session, version: Version, axis: int) -> float:
    """Size of a pixel in the unit of offsets: um, or pixels of the original where no size is known."""
    known = version.pixel_size[axis - 2]
    if known is not None and None not in session.original.pixel_size[1:]:
        return known
    return session.steps(version)[axis - 2]


def memory(session: Session, kind: str, version: str, reference: str) -> int:
    """Bytes of memory that making a map takes, as measured: float32 planes of all channels, twice, and of one channel what is between."""
    after, before = session.version(version), session.version(reference)
    fine, coarse = (one.shape[3] * one.shape[4] for one in (after, before))
    channels = after.shape[1]
    if kind == "difference":
        return (8 * channels + (4 if after.shape[3:] == before.shape[3:] else 20)) * fine
    return (12 * channels + 32) * coarse + 14 * fine


MAPS: dict[str, Callable[[Session, str, str, int, int, Once], Picture]] = {"difference": difference, "error": error}


def comparison(session: Session, version: str, reference: str, progress: Progress | None = None) -> dict[str, Any]:
    """The numbers, from the session where they were measured before. `progress` may stop the measuring of others."""
    from abbe.comparison import compare

    version, reference = session.version(version).id, session.version(reference).id
    known = [a for a in session.analyses if a.kind == "comparison" and (a.version, a.reference) == (version, reference)]
    if known:
        return dict(known[-1].results)
    after, before, _ = _together(session, version, reference)
    if progress is not None:
        progress(0.0, MEASURING)

    def report(done: float, channel: str) -> None:
        if progress is not None:
            progress(CHANNELS * done, MEASURING if done == 1 else f"{MEASURING}: {channel}")

    result = compare(original=before, transformed=after, progress=report).to_dict()
    with suppress(SessionError, StorageError):  # it may only be read, or the disk is full: the numbers are there all the same
        session.analyses.add("comparison", result, version=version, reference=reference)
    return result


def comparing(here: Service, session_id: str, version: str, reference: str) -> Work:
    """The same as a job: of a stack of many planes it takes minutes. The numbers are had by `measured` then."""

    def work(progress: Progress) -> dict[str, Any]:
        session = here.cabinet.get(session_id)
        result = comparison(session, version, reference, progress)
        here.derived.keep((session_id, "comparison", version, reference), result, 0)
        return {"version": version, "reference": reference}

    return work


def measured(here: Service, session_id: str, version: str, reference: str) -> dict[str, Any]:
    """The numbers: those of a job, or of the session, else measured now."""
    session = here.cabinet.get(session_id)
    key = (session_id, "comparison", session.version(version).id, session.version(reference).id)
    found: dict[str, Any] | None = here.derived.look_up(key)
    return comparison(session, version, reference) if found is None else found
