"""Sessions: reading one, its history, regions, comment, view; deleting."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from abbe.errors import ConflictError, LimitError, ParameterError
from abbe.image import ROI, Order
from abbe.image.arranging import STORED
from abbe.limits import LIMITS
from abbe.server import advising, deleting, regions
from abbe.server import properties as correcting
from abbe.server.cabinet import path_of
from abbe.server.document import document
from abbe.server.routes.asking import Body
from abbe.server.routes.pictures import Stamp, keeping
from abbe.server.service import Here, Service
from abbe.session import Change, Session

router = APIRouter(prefix="/sessions/{session_id}")

Page = Annotated[str, Header(alias="X-Page", max_length=64)]
#: a length in um or a time in s; larger than any that a microscope has
Size = Annotated[float, Field(ge=1e-9, le=1e6)]


class Planes(Body):
    """How many there are of each, and which changes fastest, next and last along the file's sequence of planes."""

    channels: int = Field(ge=1)
    planes: int = Field(ge=1)
    frames: int = Field(ge=1)
    order: Order = STORED


class Known(Body):
    """What somebody knows of the image; what is left out stays as it is."""

    #: (z, y, x) in um, null where unknown
    pixel_size: tuple[Size | None, Size | None, Size | None] | None = None
    time_step: Size | None = None
    planes: Planes | None = None
    channels: list[Annotated[str, Field(max_length=200)]] | None = None


class Going(Body):
    version: str = Field(max_length=64)


class Step(Body):
    """`base`: the change that this device shows as the one to be undone, or done again."""

    base: int | None = None


class Naming(Body):
    name: str = Field(min_length=1, max_length=200)


class RegionEdit(Body):
    shape: dict[str, Any] | None = None
    name: str | None = Field(None, max_length=200)
    base: int | None = None


class Text(Body):
    text: str = Field(max_length=LIMITS.name)
    base: int | None = None


class View(Body):
    """`keep` goes to the session's view settings; `look` (where this device looks) only to other pages."""

    keep: dict[str, Any] = Field(default_factory=dict)
    look: dict[str, Any] = Field(default_factory=dict)


def told(here: Service, session_id: str, session: Session) -> dict[str, Any]:
    """The session after a change; the other pages are told."""
    here.cabinet.changed(session_id, session)
    return document(session_id, path_of(session_id), session, here.cabinet.root)


@router.get("")
def read(here: Here, session_id: str) -> dict[str, Any]:
    session = here.cabinet.get(session_id)
    return {**document(session_id, path_of(session_id), session, here.cabinet.root), "pages": here.hub.pages(session_id)}


@router.delete("")
def delete(here: Here, session_id: str) -> dict[str, bool]:
    deleting.delete(here, session_id)
    return {"deleted": True}


@router.post("/properties")
def properties(here: Here, session_id: str, known: Known) -> dict[str, str]:
    """A session around the original as it is told now: in place of this one where nothing was done in it, else beside it."""
    planes = known.planes
    wanted = correcting.Properties(
        pixel_size=known.pixel_size,
        time_step=known.time_step,
        planes=None if planes is None else (planes.channels, planes.planes, planes.frames),
        order=STORED if planes is None else planes.order,
        channels=None if known.channels is None else tuple(known.channels),
    )
    return {"id": correcting.correct(here, session_id, wanted)}


@router.get("/advice")
def advice(here: Here, session_id: str, version: str | None = None) -> dict[str, Any]:
    """Which workflow fits, and why; size of the result."""
    return advising.advice(here.cabinet.get(session_id), version)


@router.post("/undo")
def undo(here: Here, session_id: str, request: Request, step: Step | None = None) -> Any:
    return _step(here, session_id, Session.undo, step, request)


@router.post("/redo")
def redo(here: Here, session_id: str, request: Request, step: Step | None = None) -> Any:
    return _step(here, session_id, Session.redo, step, request)


def _step(here: Service, session_id: str, take: Callable[..., Change], step: Step | None, request: Request) -> Any:
    session = here.cabinet.get(session_id)
    try:
        change = take(session, author=request.scope["device"], base=step.base if step else None)
    except ConflictError as conflict:
        return _conflict(conflict, here, session_id, session)
    return {**told(here, session_id, session), "did": change.action}


@router.post("/revert")
def revert(here: Here, session_id: str, going: Going, request: Request) -> dict[str, Any]:
    session = here.cabinet.get(session_id)
    if session.current.id != session.version(going.version).id:
        session.revert_to(going.version, author=request.scope["device"])
    return told(here, session_id, session)


@router.patch("/versions/{version}")
def rename(here: Here, session_id: str, version: str, naming: Naming, request: Request) -> dict[str, Any]:
    session = here.cabinet.get(session_id)
    session.rename(version, naming.name, author=request.scope["device"])
    return told(here, session_id, session)


@router.delete("/versions/{version}")
def delete_version(here: Here, session_id: str, version: str, request: Request) -> dict[str, Any]:
    session = here.cabinet.get(session_id)
    change = session.delete(version, author=request.scope["device"])
    return {**told(here, session_id, session), "change": change.revision}


@router.get("/versions/{version}/thumbnail")
def thumbnail(here: Here, session_id: str, version: str, stamp: Stamp = "") -> Response:
    picture = here.cabinet.get(session_id).thumbnail(version)
    return Response(picture, media_type="image/png", headers=keeping(stamp))


@router.post("/rois")
def add_roi(here: Here, session_id: str, edit: RegionEdit, request: Request) -> dict[str, Any]:
    session = here.cabinet.get(session_id)
    if edit.shape is None:
        raise ParameterError("wanted the shape of a region, got none")
    if len(session.rois) >= regions.MOST_ROIS:
        raise LimitError(f"wanted at most {regions.MOST_ROIS} regions in a session, got one more; delete some")
    added = session.rois.add(ROI.from_dict(edit.shape), edit.name, author=request.scope["device"])
    return {**told(here, session_id, session), "added": added.id}


@router.put("/regions")
async def add_regions(here: Here, session_id: str, request: Request, name: Annotated[str, Query(max_length=4096)]) -> dict[str, Any]:
    """The regions of a file (its bytes are the body): ImageJ .roi or .zip, GeoJSON, abbe's JSON, or a label image."""
    await run_in_threadpool(here.cabinet.folder, session_id)  # is there such a session?
    folder = here.scratch.folder()
    try:
        place = await regions.received(request.stream(), name, folder, here.settings.limits.upload)
        session = await run_in_threadpool(here.cabinet.get, session_id)  # which may have been corrected while the file came
        added = await run_in_threadpool(regions.add_from, session, place, request.scope["device"])
        return {**await run_in_threadpool(told, here, session_id, session), "added": added}
    finally:
        await run_in_threadpool(shutil.rmtree, folder, True)


@router.put("/rois/{roi}")
def change_roi(here: Here, session_id: str, roi: str, edit: RegionEdit, request: Request) -> Any:
    session = here.cabinet.get(session_id)
    shape = None if edit.shape is None else ROI.from_dict(edit.shape)
    try:
        session.rois.change(roi, shape, edit.name, author=request.scope["device"], base=edit.base)
    except ConflictError as conflict:
        return _conflict(conflict, here, session_id, session)
    return told(here, session_id, session)


@router.delete("/rois/{roi}")
def remove_roi(here: Here, session_id: str, roi: str, request: Request, base: int | None = None) -> Any:
    session = here.cabinet.get(session_id)
    try:
        change = session.rois.remove(roi, author=request.scope["device"], base=base)
    except ConflictError as conflict:
        return _conflict(conflict, here, session_id, session)
    return {**told(here, session_id, session), "change": change.revision}


@router.put("/comment")
def comment(here: Here, session_id: str, edit: Text) -> Any:
    """The session's comment, which goes into the report; empty takes it out. Nobody signs it: a device's id is no name for a reader."""
    session = here.cabinet.get(session_id)
    known = next(iter(session.comments), None)
    try:
        if known is None and edit.text.strip():
            if edit.base is not None:
                raise ConflictError("the comment was deleted elsewhere meanwhile")
            session.comments.add(edit.text)
        elif known is not None and edit.base is None and known.text != edit.text:
            raise ConflictError("a comment was written elsewhere meanwhile")
        elif known is not None and not edit.text.strip():
            session.comments.remove(known.id, base=edit.base)
        elif known is not None and known.text != edit.text:
            session.comments.change(known.id, edit.text, base=edit.base)
    except ConflictError as conflict:
        return _conflict(conflict, here, session_id, session)
    return told(here, session_id, session)


@router.put("/view")
def view(here: Here, session_id: str, wanted: View, page: Page = "") -> dict[str, Any]:
    """Colours and contrast are kept, and all that are kept returned; they and the place looked at are told to the other pages."""
    session = here.cabinet.get(session_id)
    with here.hub.in_order() as at:  # the answer and what others are told may cross on their way: the number says which is newer
        kept = session.set_view(wanted.keep) if wanted.keep and session.read_only is None else {**session.view, **wanted.keep}
        for key, value in wanted.keep.items():  # one by one: a page that is slow is told the newest of each
            here.hub.publish("view", {"keep": {key: value}, "at": at}, session_id, f"keep {key}", but=page)
    if wanted.look:
        part = "look" if {"x", "t"} <= wanted.look.keys() else "look frame" if "t" in wanted.look else "look place"
        here.hub.publish("view", {"look": wanted.look}, session_id, part, but=page)
    return {"told": True, "kept": kept, "at": at}


def _conflict(conflict: ConflictError, here: Service, session_id: str, session: Session) -> JSONResponse:
    """The refusal, with the session as it is now, so that the page can show the other's edit."""
    now = document(session_id, path_of(session_id), session, here.cabinet.root)
    return JSONResponse({"error": "conflict", "message": str(conflict), "session": now}, status_code=409)
