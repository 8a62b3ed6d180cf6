"""Pixels: tiles, statistics, values under the pointer.

A version never changes, so a browser may keep what it got; but a session may be deleted, and another take its path and its numbers. So an
address whose pixels are to be kept has the version's `stamp`, which no other has; without it the browser asks again.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query
from fastapi.responses import Response

from abbe.errors import ParameterError
from abbe.image.pixels import Array
from abbe.server.derived import TILE, as_bytes
from abbe.server.service import Here
from abbe.server.statistics import statistics
from abbe.session import Session

router = APIRouter(prefix="/sessions/{session_id}/versions/{version}")

Index = Annotated[int, Query(ge=0)]
#: part of an address, for browsers alone
Stamp = Annotated[str, Query(max_length=64)]


def keeping(stamp: str) -> dict[str, str]:
    """How long a browser may keep what it gets from an address with this stamp."""
    return {"Cache-Control": "private, max-age=604800, immutable" if stamp else "no-store"}


def raw(tile: Array, stamp: str) -> Response:
    """A tile as it travels; the page knows its dtype, and its size from the level's."""
    return raw_bytes(as_bytes(tile), stamp)


def raw_bytes(body: bytes, stamp: str) -> Response:
    return Response(body, media_type="application/octet-stream", headers=keeping(stamp))


@router.get("/tile")
def tile(
    here: Here, session_id: str, version: str, level: Index, x: Index, y: Index, t: Index = 0, c: Index = 0, z: Index = 0, stamp: Stamp = ""
) -> Response:
    key = (session_id, version, level, x, y, t, c, z)
    body: bytes | None = here.derived.look_up(key)
    if body is None:
        session = here.cabinet.get(session_id)
        body = as_bytes(session.tile(version, level, (y, x), (t, c, z), size=TILE))
        here.derived.keep(key, body, len(body))
    return raw_bytes(body, stamp)


@router.get("/trust")
def trust(
    here: Here, session_id: str, version: str, level: Index, x: Index, y: Index, t: Index = 0, c: Index = 0, z: Index = 0, stamp: Stamp = ""
) -> Response:
    """The trust map, float32 in [0, 1]: low where structure is not supported by the data."""
    found = here.cabinet.get(session_id).tile(version, level, (y, x), (t, c, z), size=TILE, what="trust")
    return raw(found.astype(np.float32, copy=False), stamp)


@router.get("/statistics")
def numbers(here: Here, session_id: str, version: str, t: Index = 0, z: Index = 0, quick: bool = False) -> list[dict[str, Any]]:
    key = (session_id, version, "statistics", t, z, quick)
    found: list[dict[str, Any]] | None = here.derived.look_up(key)
    if found is None:
        found = statistics(here.cabinet.get(session_id), version, t, z, quick)
        here.derived.keep(key, found, 8192)
    return found


@router.get("/pixel")
def pixel(here: Here, session_id: str, version: str, x: Index, y: Index, t: Index = 0, z: Index = 0) -> dict[str, list[float]]:
    """The value of every channel at one pixel."""
    return {"values": values(here.cabinet.get(session_id), version, t, z, y, x)}


def values(session: Session, version: str, t: int, z: int, y: int, x: int) -> list[float]:
    found = session.version(version)
    if y >= found.shape[3] or x >= found.shape[4] or z >= found.shape[2] or t >= found.shape[0]:
        raise ParameterError(f"wanted a pixel of {found.shape[3]} x {found.shape[4]}, got row {y}, column {x}")
    box = (slice(t, t + 1), slice(0, found.shape[1]), slice(z, z + 1), slice(y, y + 1), slice(x, x + 1))
    return [float(value) for value in session.image(version).read(box).ravel()]
