"""The application: everything that answers requests, put together."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Match

from abbe._version import __version__
from abbe.errors import AbbeError, ConflictError, ExistsError, FullError, LimitError, SessionError, StorageError
from abbe.server import leftovers
from abbe.server.cabinet import Cabinet
from abbe.server.derived import Derived
from abbe.server.events import Hub
from abbe.server.folders import Folders
from abbe.server.guard import Guard, RefusedError
from abbe.server.jobs import Job, Queue
from abbe.server.keys import Keys, key_at_hand
from abbe.server.routes import ROUTERS
from abbe.server.routes.asking import known_alone
from abbe.server.routes.page import add_page
from abbe.server.service import Service
from abbe.server.settings import Settings

#: seconds between two looks for what other programs changed
WATCH = 0.5


def create_app(settings: Settings) -> FastAPI:
    """The ASGI application that serves `settings.folder`. `app.state.service.keys.invite()` gives a token to enter with."""
    root = Path(settings.folder).resolve(strict=True)
    hub = Hub(settings.limits.streams)

    def session_changed(session_id: str, revision: int) -> None:
        hub.publish("session", {"session": session_id, "revision": revision}, session_id)

    def job_changed(job: Job) -> None:
        hub.publish("job", job.to_dict(), subject=job.id)

    key, forgetful = key_at_hand(settings.state)
    folders, derived = Folders(root, settings.limits.entries), Derived(settings.limits.cache)
    service = Service(
        settings,
        Keys(key, root, settings.limits.wrong_tokens),
        hub,
        Queue(settings.limits.jobs, job_changed, folders.said),
        Cabinet(root, settings.limits.sessions, session_changed, derived.forget),
        folders,
        derived,
        {},
        leftovers.Scratch(),
    )

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        watch = asyncio.create_task(_watch(service))
        sweep = asyncio.create_task(asyncio.to_thread(leftovers.sweep, root))
        try:
            yield
        finally:
            watch.cancel()
            sweep.cancel()
            hub.close()
            await asyncio.to_thread(service.queue.close)
            service.scratch.close()

    app = FastAPI(title="abbe", version=__version__, docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.state.service = service
    app.state.forgetful = forgetful
    for router in ROUTERS:
        app.include_router(router, prefix="/api", dependencies=[Depends(known_alone)])
    add_page(app, settings)
    _explain_failures(app)
    app.add_middleware(Guard, keys=service.keys, settings=settings)
    return app


async def _watch(service: Service) -> None:
    while True:
        await asyncio.sleep(WATCH)
        with contextlib.suppress(OSError):
            await asyncio.to_thread(service.cabinet.look)


#: the disk, or the user's share of it, is full
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
#: the first that fits decides the status
STATUS: tuple[tuple[type[AbbeError], int], ...] = (
    (ConflictError, 409),
    (ExistsError, 409),
    (FullError, 429),
    (LimitError, 413),
    (SessionError, 404),
    (StorageError, 404),
    (AbbeError, 400),
)


def _explain_failures(app: FastAPI) -> None:
    """Every failure becomes a sentence; none shows where in the code, or where on the disk, it happened."""

    @app.exception_handler(AbbeError)
    async def _abbe(request: Request, problem: AbbeError) -> JSONResponse:
        status = (
            507 if _no_room(problem) or _no_room(problem.__cause__) else next(code for kind, code in STATUS if isinstance(problem, kind))
        )
        return _failure(status, type(problem).__name__.removesuffix("Error").lower(), request.app.state.service.folders.said(problem))

    @app.exception_handler(RefusedError)
    async def _refused(request: Request, refusal: RefusedError) -> JSONResponse:
        return _failure(refusal.status, refusal.error, refusal.message)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, problem: RequestValidationError) -> JSONResponse:
        return _failure(400, "parameter", _wrong(problem.errors()[0], request.headers.get("content-type", "")))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, problem: HTTPException) -> JSONResponse:
        if problem.status_code not in (404, 405):
            return _failure(problem.status_code, "http", str(problem.detail))
        allowed = ", ".join(_methods(request))
        if not allowed:
            return _failure(404, "http", "there is nothing at this address")
        answer = _failure(405, "http", f"wanted {allowed} at this address, got {request.method}")
        answer.headers["Allow"] = allowed
        return answer


def _no_room(problem: BaseException | None) -> bool:
    return (isinstance(problem, OSError) and problem.errno in NO_ROOM) or (isinstance(problem, AbbeError) and problem.full)


def _methods(request: Request) -> list[str]:
    """What else than this method an address of the interface can be asked with; nothing where there is no such address."""
    path: str = request.scope["path"]
    if not path.startswith("/api/"):
        return []
    here = {"type": "http", "method": request.method, "path": path.removeprefix("/api"), "root_path": "", "headers": []}
    routes = (route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute))
    return sorted({method for route in routes if route.matches(here)[0] is Match.PARTIAL for method in route.methods or ()})


def _wrong(first: dict[str, Any], content_type: str) -> str:
    """What is wrong with a request, in words: `first` of what was found."""
    where = ".".join(str(part) for part in first["loc"][1:])
    if first["type"] == "json_invalid":
        return f"wanted JSON, got something else at character {where}: {first['ctx']['error']}"
    if first["type"] == "extra_forbidden":
        return f"wanted settings that there are, got {where}, which is none here; is it misspelt?"
    if not where and "json" not in content_type:
        return "wanted JSON, and the header Content-Type: application/json, got " + (
            f"a body of {content_type}" if content_type else "none"
        )
    return f"wanted something else for {where or 'the request'}: {first['msg']}"


def _failure(status: int, error: str, message: str, **more: Any) -> JSONResponse:
    return JSONResponse({"error": error, "message": message, **more}, status_code=status)
