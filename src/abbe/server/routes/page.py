"""The page itself: built files, compressed once, kept in memory."""

from __future__ import annotations

import gzip
import mimetypes
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException

from abbe.server.settings import Settings

BUILT = Path(__file__).parent.parent / "page"
MISSING = """<!doctype html><html lang="en"><meta charset="utf-8"><title>abbe</title>
<h1>The page of abbe is not built</h1><p>This abbe was installed from a checkout without its page.
In the checkout, run <code>make page</code>, then reload.</p></html>"""

mimetypes.add_type("application/manifest+json", ".webmanifest")
mimetypes.add_type("text/javascript", ".js")


@dataclass(frozen=True, slots=True)
class Asset:
    body: bytes
    packed: bytes | None
    type: str


def _root(settings: Settings) -> Path:
    return (settings.page or BUILT).resolve()


def page_is_built(settings: Settings) -> bool:
    """Is there a page to show? A checkout that was installed without node has none."""
    return (_root(settings) / "index.html").is_file()


def add_page(app: FastAPI, settings: Settings) -> None:
    """Serve the built page from every address that is not the interface's: it finds its own way by the fragment."""
    root = _root(settings)

    @lru_cache(maxsize=64)
    def asset(path: Path, modified: int) -> Asset:
        body = path.read_bytes()
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        packed = gzip.compress(body, 9, mtime=0) if kind.startswith(("text/", "application/", "image/svg")) else None
        return Asset(body, packed, kind)

    @app.api_route("/{name:path}", methods=["GET", "HEAD"], include_in_schema=False)
    def page(request: Request, name: str) -> Response:
        name = name or "index.html"
        # A dozen files, listed anew: the page may be built while it is served.
        files = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()} if root.is_dir() else {}
        if name == "index.html" and name not in files:
            return HTMLResponse(MISSING, status_code=503)
        if name not in files:  # a look-up among the files there are: no path of a client's reaches the disk
            raise HTTPException(404)
        found = asset(files[name], files[name].stat().st_mtime_ns)
        headers = {
            "Cache-Control": "public, max-age=31536000, immutable" if name.startswith("assets/") else "no-cache",
            "Vary": "Accept-Encoding",
        }
        if found.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(found.packed, media_type=found.type, headers={**headers, "Content-Encoding": "gzip"})
        return Response(found.body, media_type=found.type, headers=headers)
