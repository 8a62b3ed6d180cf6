"""Coming in, who else is here, and what the server can do."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import Field

from abbe._version import __version__
from abbe.server import invitation, models
from abbe.server.guard import cookie_name
from abbe.server.keys import DEVICE_SECONDS
from abbe.server.routes.asking import Body
from abbe.server.service import Here

router = APIRouter()


class Entering(Body):
    token: str = Field(max_length=200)


@router.post("/enter")
def enter(here: Here, request: Request, entering: Entering) -> Response:
    """A cookie for a token. A device that is known already comes in again with any token."""
    if here.keys.too_many_wrong():
        return JSONResponse({"error": "locked", "message": "too many wrong links; wait a minute"}, status_code=429)
    cookie = here.keys.enter(entering.token)
    if cookie is None:
        if request.scope.get("device"):
            return JSONResponse({"entered": True})
        message = "this link was used already, or is too old; ask abbe for a new one (its window shows it)"
        return JSONResponse({"error": "locked", "message": message}, status_code=401)
    answer = JSONResponse({"entered": True})
    port = (request.scope.get("server") or ("", 0))[1]
    answer.set_cookie(
        cookie_name(port),
        cookie,
        max_age=DEVICE_SECONDS,
        httponly=True,
        samesite="strict",
        secure=here.settings.scheme == "https",
        path="/",
    )
    return answer


@router.get("/state")
def state(here: Here, request: Request) -> dict[str, Any]:
    return {
        "version": __version__,
        "folder": here.folders.name,
        "lan": here.settings.lan,
        "upload": here.settings.limits.upload,
        "models": models.offered(),
        "device": request.scope["device"],
    }


@router.get("/invite")
def invite(here: Here, request: Request) -> dict[str, Any]:
    """A link for another device, and the same as a QR code. Works once, for ten minutes."""
    port = (request.scope.get("server") or ("", 0))[1]
    return invitation.invite(here.settings, here.keys, port)


@router.get("/events")
async def events(here: Here, request: Request, page: str = "", session: str | None = None) -> StreamingResponse:
    """Server-sent events, until the page goes."""
    subscription = here.hub.join(request.scope["device"], page[:64], session)

    async def lines() -> Any:
        try:
            async for line in subscription.lines():
                yield line
        finally:
            here.hub.leave(subscription)

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(lines(), media_type="text/event-stream", headers=headers)
