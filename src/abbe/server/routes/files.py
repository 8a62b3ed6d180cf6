"""Files: listing, thumbnails, uploads, opening, samples, merging."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic import Field

from abbe.server import opening, samples
from abbe.server.folders import to_jpeg
from abbe.server.routes.asking import Body
from abbe.server.service import Here

router = APIRouter()

Path = Annotated[str, Query(max_length=4096)]
Number = Annotated[int | None, Query(ge=0, lt=10**6)]
Page = Annotated[str, Header(alias="X-Page", max_length=64)]


class Opening(Body):
    path: str = Field(max_length=4096)
    #: of a file of several images, which one, counted from 0; None: the first
    image: int | None = Field(None, ge=0, lt=10**6)


class Sample(Body):
    name: str = Field(max_length=64)
    folder: str = Field("", max_length=4096)


class Part(Body):
    path: str = Field(max_length=4096)
    #: of a file of several images, which one, counted from 0; None: the first
    image: int | None = Field(None, ge=0, lt=10**6)
    channel: int = Field(0, ge=0)
    name: str = Field("", max_length=1000)
    color: str | None = Field(None, pattern="^#[0-9a-fA-F]{6}$")


class Merging(Body):
    parts: list[Part] = Field(min_length=1, max_length=16)
    name: str = Field("merged", max_length=200)
    folder: str = Field("", max_length=4096)

    def channels(self) -> list[opening.Part]:
        return [opening.Part(**part.model_dump()) for part in self.parts]


@router.get("/folder")
def folder(here: Here, path: Path = "") -> dict[str, Any]:
    return here.folders.list(path)


@router.get("/thumbnail")
def thumbnail(here: Here, path: Path, image: Number = None, m: str = "") -> Response:
    """`m` is nothing but the file's date, so that a browser asks again when it has changed."""
    return Response(to_jpeg(here.folders.thumbnail(path, image)), media_type="image/jpeg", headers={"Cache-Control": "private, max-age=60"})


@router.get("/describe")
def describe(here: Here, path: Path, image: Number = None) -> dict[str, Any]:
    """What an image file, or of several images in it one, holds, before it is opened or merged."""
    return opening.describe(here, path, image)


@router.get("/images")
def images(here: Here, path: Path) -> list[dict[str, Any]]:
    """Of a file of several images, each: name, size, and its session if it was opened; of a file of one nothing."""
    return opening.choices(here, path)


@router.put("/upload")
async def upload(
    here: Here, request: Request, name: Annotated[str, Query(max_length=4096)], path: Path = "", page: Page = ""
) -> dict[str, Any]:
    kept, several = await here.folders.receive(path, name, request.stream(), here.settings.limits.upload)
    here.hub.publish("folder", {"path": path}, but=page)
    return {"path": kept, "several": several}


@router.post("/open")
def open_(here: Here, wanted: Opening) -> dict[str, str]:
    """The session of an image, made beside it the first time; or a session as it is."""
    session_id, made = opening.open_session(here, wanted.path, wanted.image)
    if made:
        here.hub.publish("folder", {"path": wanted.path.rpartition("/")[0]})
    return {"id": session_id}


@router.get("/samples")
def sample_list() -> list[dict[str, str]]:
    return samples.offered()


@router.post("/samples")
async def sample(here: Here, wanted: Sample) -> dict[str, str]:
    session_id = await run_in_threadpool(samples.make, here, wanted.name, wanted.folder)
    here.hub.publish("folder", {"path": wanted.folder})
    return {"id": session_id}


@router.post("/merge")
def merge(here: Here, wanted: Merging) -> dict[str, str]:
    session_id = opening.merge_session(here, wanted.channels(), wanted.name, wanted.folder)
    here.hub.publish("folder", {"path": wanted.folder})
    return {"id": session_id}


@router.post("/merge/preview")
def merge_preview(here: Here, wanted: Merging) -> Response:
    """The merged picture, small, as PNG."""
    return Response(opening.merge_preview(here, wanted.channels()), media_type="image/png", headers={"Cache-Control": "no-store"})
