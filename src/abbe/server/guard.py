"""The door: every request passes here before anything else sees it.

Host (against DNS rebinding), Origin (against other sites' pages), cookie, size of the body and number of requests are checked; the
answer gets the headers that keep the page to itself.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from abbe.server.keys import Keys
from abbe.server.lingering import Exchange
from abbe.server.settings import Settings

log = logging.getLogger(__name__)

SAFE = {"GET", "HEAD"}
#: where files go that are as large as an upload: label images of whole fields as regions, and images of beads
FILES = re.compile(r"/api/sessions/[^/]+/(regions|beads)")
#: the page loads scripts, styles and pixels from here alone; blob: and data: are images that the page itself draws
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; font-src 'self'; "
    "manifest-src 'self'; worker-src 'self'; frame-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)
#: what a client is told of a fault of abbe's own; the rest is in the log
BUG = "something went wrong inside abbe ({}); what was saved before is unchanged"


class RefusedError(Exception):
    """A request that goes no further."""

    def __init__(self, status: int, error: str, message: str) -> None:
        super().__init__(message)
        self.status, self.error, self.message = status, error, message


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, keys: Keys, settings: Settings) -> None:
        self._app, self._keys, self._settings = app, keys, settings
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        exchange = Exchange(scope, receive, send)
        try:
            self._check(scope)
        except RefusedError as refusal:
            await _answer(exchange.send, refusal)
            return
        self._running += 1
        try:
            await self._app(scope, self._bounded(scope, exchange.receive), _with_headers(exchange.send))
        except Exception as problem:
            log.error("%s %s failed", scope["method"], scope["path"], exc_info=problem)
            if exchange.answered:  # nothing can be said any more: the connection is closed, which the client sees
                raise
            await _answer(exchange.send, RefusedError(500, "bug", BUG.format(type(problem).__name__)))
        finally:
            self._running -= 1

    def _check(self, scope: Scope) -> None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        port = (scope.get("server") or ("", 0))[1]
        host = headers.get("host", "")
        if not allowed_host(host, port, self._settings.lan):
            raise RefusedError(421, "host", "this address is not one that abbe answers to; use the link that abbe serve printed")
        check_origin(scope["method"], headers, f"{self._settings.scheme}://{host}")
        if self._running >= self._settings.limits.requests:
            raise RefusedError(429, "busy", "too many requests at once; wait a moment")
        path = scope["path"]
        scope["device"] = self._keys.device(cookie_of(headers, port))
        if path.startswith("/api") and path != "/api/enter" and scope["device"] is None:
            raise RefusedError(401, "locked", "this device is not known here; open the link or scan the code that abbe shows")
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > self._limit(path):
            raise RefusedError(413, "too_large", f"more than {self._limit(path) / 2**20:.0f} MiB; abbe takes nothing larger here")

    def _limit(self, path: str) -> int:
        limits = self._settings.limits
        return limits.upload if path == "/api/upload" or FILES.fullmatch(path) else limits.body

    def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        """`receive`, cut off where the body grows beyond what its length may be (a body may come without a length)."""
        limit, seen = self._limit(scope["path"]), 0

        async def bounded() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise RefusedError(413, "too_large", f"more than {limit / 2**20:.0f} MiB; abbe takes nothing larger here")
            return message

        return bounded


def allowed_host(host: str, port: int, lan: bool) -> bool:
    """Is `host` (the header) this machine, said in a way that no DNS server can fake?

    `localhost` and addresses in numbers cannot be rebound; a name could. On the local network the address may change when a laptop wakes up
    elsewhere, so any number will do: the request did arrive here.
    """
    try:
        parts = urlsplit(f"//{host}")
        name, given = parts.hostname or "", parts.port
    except ValueError:
        return False
    if parts.netloc != host or parts.username is not None or (given or 80) != port:
        return False
    if name == "localhost":
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return lan or address.is_loopback


def check_origin(method: str, headers: Mapping[str, str], own: str) -> None:
    """Raise `RefusedError` for a request that another site's page made."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if origin is not None and origin != own:
        raise RefusedError(403, "origin", "another site asked for this; abbe answers its own page alone")
    followed_a_link = headers.get("sec-fetch-mode") == "navigate" and method in SAFE
    if site not in (None, "same-origin", "none") and not followed_a_link:
        raise RefusedError(403, "origin", "another site asked for this; abbe answers its own page alone")
    if method not in SAFE and origin is None:
        raise RefusedError(403, "origin", "a change was asked for without saying from which page; send the header Origin")


def cookie_name(port: int) -> str:
    """Cookies do not know ports: two servers on one machine need two names."""
    return f"abbe_{port}"


def cookie_of(headers: Mapping[str, str], port: int) -> str | None:
    """Ours among the cookies of all programs on this machine, whatever theirs are like: JSON in one of them ends a strict reader's work."""
    found = (cookie.partition("=") for cookie in headers.get("cookie", "").split(";"))
    return next((value.strip() for name, _, value in found if name.strip() == cookie_name(port)), None)


def _with_headers(send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *HEADERS]
        await send(message)

    return with_headers


async def _answer(send: Send, refusal: RefusedError) -> None:
    body = json.dumps({"error": refusal.error, "message": refusal.message}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *HEADERS]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
