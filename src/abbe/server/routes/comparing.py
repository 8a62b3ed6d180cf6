"""Comparing versions: maps, numbers, and a preview of the region in view."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import Field

from abbe.image import Image
from abbe.server import maps, previewing
from abbe.server.derived import Picture, check_memory
from abbe.server.jobs import Job
from abbe.server.routes.asking import Body, ModelName
from abbe.server.routes.jobs import Psf
from abbe.server.routes.pictures import Index, Stamp, raw
from abbe.server.service import Here, Service

router = APIRouter(prefix="/sessions/{session_id}")

Kind = Literal["difference", "error"]
WORDS: dict[Kind, str] = {"difference": "the difference", "error": "the error map"}
Id = Annotated[str, Query(max_length=64)]


class Previewing(Body):
    kind: Literal["enhance", "background"]
    version: str | None = Field(None, max_length=64)
    steps: list[Literal["denoise", "axial", "super_resolve"]] = Field(
        default=["denoise", "axial", "super_resolve"], min_length=1, max_length=3
    )
    channels: list[int] | None = Field(None, max_length=64)
    model: ModelName | None = None
    psf: Psf | None = None
    frames: int = Field(0, ge=0, le=4)
    planes: bool | None = None
    realism: float | None = Field(None, ge=0, le=1)
    passes: int | None = Field(None, ge=1, le=8)
    exact: bool = False
    x: int = Field(ge=0)
    y: int = Field(ge=0)
    t: int = Field(0, ge=0)
    z: int = Field(0, ge=0)


class Comparing(Body):
    version: str = Field(max_length=64)
    reference: str = Field(max_length=64)


def _map(here: Service, session_id: str, kind: Kind, version: str, reference: str, t: int, z: int) -> Picture:
    key = (session_id, kind, version, reference, t, z)

    def once(make: Callable[[], Image]) -> Image:
        fitted = (session_id, "fitted", version, reference)
        found: Image | None = here.derived.look_up(fitted)
        if found is None:
            found = make()
            here.derived.keep(fitted, found, 0)
        return found

    def make_map() -> Picture:
        session = here.cabinet.get(session_id)
        check_memory(maps.memory(session, kind, version, reference), here.settings.limits.picture, WORDS[kind])
        return maps.MAPS[kind](session, version, reference, t, z, once)

    return here.derived.picture(key, make_map)


@router.get("/maps/{kind}")
def map_(here: Here, session_id: str, kind: Kind, version: Id, reference: Id, t: Index = 0, z: Index = 0) -> dict[str, Any]:
    """Size and value range of a map of `version` against `reference`; makes it."""
    return _map(here, session_id, kind, version, reference, t, z).to_dict()


@router.get("/maps/{kind}/tile")
def map_tile(
    here: Here,
    session_id: str,
    kind: Kind,
    version: Id,
    reference: Id,
    level: Index,
    x: Index,
    y: Index,
    t: Index = 0,
    c: Index = 0,
    z: Index = 0,
    stamp: Stamp = "",
) -> Response:
    """`stamp`: those of both versions."""
    return raw(_map(here, session_id, kind, version, reference, t, z).tile(level, c, y, x), stamp)


@router.get("/comparison")
def comparison(here: Here, session_id: str, version: Id, reference: Id) -> dict[str, Any]:
    """RSP, RSE, PSNR, SSIM, resolution and one line of verdict per channel; kept with the session once measured."""
    return maps.measured(here, session_id, version, reference)


@router.post("/comparison")
def compare(here: Here, session_id: str, wanted: Comparing) -> dict[str, Any]:
    """A job that measures it, beside those that restore: with progress, and it can be cancelled. Two devices that ask share it."""
    session = here.cabinet.get(session_id)
    version, reference = session.version(wanted.version), session.version(wanted.reference)
    work = maps.comparing(here, session_id, version.id, reference.id)
    about = {"version": version.id, "reference": reference.id}
    job = Job(
        "compare", session_id, f"Comparison of {session.name}", work, aside=True, wish=f"compare {version.id} {reference.id}", result=about
    )
    return here.queue.add(job).to_dict()


@router.post("/preview")
def preview(here: Here, session_id: str, wanted: Previewing) -> dict[str, Any]:
    """Restores a small region around (x, y) and gives the address of its tiles."""
    return previewing.preview(here, session_id, wanted.model_dump())


@router.get("/preview/{preview_id}/tile")
def preview_tile(
    here: Here, session_id: str, preview_id: str, level: Index, x: Index, y: Index, t: Index = 0, c: Index = 0, z: Index = 0
) -> Response:
    return raw(previewing.find(here, session_id, preview_id).tile(level, c, y, x), preview_id)
