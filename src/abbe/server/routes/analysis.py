"""Colocalization: coefficients while a region moves, scattergram, revealed pixels, a table over pairs and regions."""

from __future__ import annotations

import shutil
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic import Field

from abbe.server import aligning, colocalizing, tabling
from abbe.server.derived import Picture, check_memory
from abbe.server.regions import received
from abbe.server.routes.asking import Body
from abbe.server.routes.jobs import Method
from abbe.server.routes.pictures import Index, Stamp, raw
from abbe.server.service import Here

router = APIRouter(prefix="/sessions/{session_id}")

Value = Annotated[float, Query(allow_inf_nan=False)]


class Measuring(Body):
    """One pair in one region. `roi` is the id of a region of the session, `shape` one that is being drawn; neither: the whole image."""

    version: str | None = Field(None, max_length=64)
    channels: tuple[int, int]
    roi: str | None = Field(None, max_length=64)
    shape: dict[str, Any] | None = None
    threshold: Method | tuple[float, float] = "costes"
    scattergram: bool = True
    keep: bool = False


@router.get("/definitions")
def definitions() -> dict[str, Any]:
    """What each coefficient is, in plain words, and where it is defined."""
    return colocalizing.definitions()


@router.post("/colocalize")
def colocalize(here: Here, session_id: str, wanted: Measuring, request: Request) -> dict[str, Any]:
    """Every coefficient on the version and on its original, and the scattergram. `keep` puts it among the session's analyses."""
    session = here.cabinet.get(session_id)
    found = colocalizing.measure(session, wanted.version, wanted.channels, wanted.roi, wanted.shape, wanted.threshold)
    answer = {"result": found.to_dict()}
    if wanted.scattergram:
        answer["scattergram"] = colocalizing.scattergram(found)
    if wanted.keep:
        colocalizing.keep(session, found, wanted.version, wanted.roi, wanted.threshold, request.scope["device"])
        here.cabinet.changed(session_id, session)
    return answer


@router.get("/shifts")
def shifts(
    here: Here, session_id: str, version: Annotated[str | None, Query(max_length=64)] = None, reference: Index = 0
) -> list[dict[str, Any]]:
    """By how many pixels of the version each channel lies below and right of the reference."""
    return aligning.measure(here, session_id, version, reference)


@router.put("/beads")
async def beads(
    here: Here,
    session_id: str,
    request: Request,
    name: Annotated[str, Query(max_length=4096)],
    version: Annotated[str | None, Query(max_length=64)] = None,
    reference: Index = 0,
) -> dict[str, Any]:
    """The same, measured on an image of beads (the file's bytes are the body), with a handle by which a job "align" can use it."""
    await run_in_threadpool(here.cabinet.get, session_id)  # is there such a session?
    folder = here.scratch.folder()
    try:
        place = await received(request.stream(), name, folder, here.settings.limits.upload)
        return await run_in_threadpool(aligning.measure_beads, here, session_id, version, reference, place)
    finally:
        await run_in_threadpool(shutil.rmtree, folder, True)


@router.get("/tables/{handle}")
def table(here: Here, session_id: str, handle: Annotated[str, Path(max_length=64)]) -> Response:
    """The rows that a job of the kind "table" measured."""
    return Response(tabling.find(here, session_id, handle), media_type="application/json")


@router.get("/revealed")
def revealed(
    here: Here,
    session_id: str,
    version: Annotated[str, Query(max_length=64)],
    first: Index,
    second: Index,
    low: Value,
    high: Value,
    level: Index,
    x: Index,
    y: Index,
    t: Index = 0,
    z: Index = 0,
    c: Index = 0,
    roi: Annotated[str | None, Query(max_length=64)] = None,
    base: int = 0,
    stamp: Stamp = "",
) -> Response:
    """Pixels at or over both thresholds, `low` and `high`, are 255, others 0; uint8, on the version's grid. Those of one region alone, when
    there is a `roi`; `base` is its revision, so that a browser asks again when it was moved."""
    session = here.cabinet.get(session_id)
    region = None if roi is None else session.rois.roi(roi)
    key = (session_id, "revealed", version, first, second, low, high, t, z, roi, None if roi is None else session.rois.revision_of(roi))

    def make() -> Picture:
        check_memory(colocalizing.memory(session, version), here.settings.limits.picture, "revealed pixels")
        return colocalizing.revealed(session, version, (first, second), (low, high), t, z, region)

    return raw(here.derived.picture(key, make).tile(level, 0, y, x), stamp)
