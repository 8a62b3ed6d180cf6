"""The application: everything that answers requests, put together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from abbe._version import __version__
from abbe.errors import AbbeError, ConflictError, ExistsError, LimitError, SessionError, StorageError
from abbe.server import leftovers
from abbe.server.cabinet import Cabinet
from abbe.server.derived import Derived
from abbe.server.events import Hub
from abbe.server.folders import Folders
from abbe.server.guard import Guard, RefusedError
from abbe.server.jobs import Job, Queue
from abbe.server.keys import Keys, key_at_hand
from abbe.server.routes import ROUTERS
from abbe.server.routes.page import add_page
from abbe.server.service import Service
from abbe.server.settings import Settings

log = logging.getLogger(__name__)

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
    service = Service(
        settings,
        Keys(key, root, settings.limits.wrong_tokens),
        hub,
        Queue(settings.limits.jobs, job_changed),
        Cabinet(root, settings.limits.sessions, session_changed),
        Folders(root, settings.limits.entries),
        Derived(settings.limits.cache),
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
        app.include_router(router, prefix="/api")
    add_page(app, settings)
    _explain_failures(app)
    app.add_middleware(Guard, keys=service.keys, settings=settings)
    return app


async def _watch(service: Service) -> None:
    while True:
        await asyncio.sleep(WATCH)
        with contextlib.suppress(OSError):
            await asyncio.to_thread(service.cabinet.look)


#: the first that fits decides the status
STATUS: tuple[tuple[type[AbbeError], int], ...] = (
    (ConflictError, 409),
    (ExistsError, 409),
    (LimitError, 413),
    (SessionError, 404),
    (StorageError, 404),
    (AbbeError, 400),
)


def _explain_failures(app: FastAPI) -> None:
    """Every failure becomes a sentence; none shows where in the code, or where on the disk, it happened."""

    @app.exception_handler(AbbeError)
    async def _abbe(request: Request, problem: AbbeError) -> JSONResponse:
        status = next(code for kind, code in STATUS if isinstance(problem, kind))
        message = str(problem).replace(str(request.app.state.service.folders.root) + "/", "")
        return _failure(status, type(problem).__name__.removesuffix("Error").lower(), message)

    @app.exception_handler(RefusedError)
    async def _refused(request: Request, refusal: RefusedError) -> JSONResponse:
        return _failure(refusal.status, refusal.error, refusal.message)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, problem: RequestValidationError) -> JSONResponse:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        return _failure(400, "parameter", f"the page sent something wrong for {where or 'the request'}: {first['msg']}")

    @app.exception_handler(HTTPException)
    async def _http(request: Request, problem: HTTPException) -> JSONResponse:
        return _failure(
            problem.status_code, "http", "there is nothing at this address" if problem.status_code == 404 else str(problem.detail)
        )

    @app.exception_handler(Exception)
    async def _bug(request: Request, problem: Exception) -> JSONResponse:
        log.error("%s %s failed", request.method, request.url.path, exc_info=problem)
        return _failure(500, "bug", f"something went wrong inside abbe ({type(problem).__name__}); what was saved before is unchanged")


def _failure(status: int, error: str, message: str, **more: Any) -> JSONResponse:
    return JSONResponse({"error": error, "message": message, **more}, status_code=status)
