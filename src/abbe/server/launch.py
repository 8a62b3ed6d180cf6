"""Starting the server: one port, one link, no access log (a log of addresses is a log of secrets)."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

import uvicorn

from abbe.errors import ParameterError, StorageError
from abbe.server.application import create_app
from abbe.server.invitation import addresses, link
from abbe.server.logbook import write_to_terminal
from abbe.server.settings import PORT, Settings

#: ports after the usual one that are tried when it is taken
TRIED = 20
#: seconds that open answers get to end when the server stops
GRACE = 3


@dataclass(frozen=True, slots=True)
class Started:
    """Where the page is now: links that work once each."""

    link: str
    #: for a second device; None without `--lan`, or when this computer is in no network
    lan_link: str | None
    #: why devices are not remembered, where they are not
    forgetful: str = ""


def listen(settings: Settings) -> socket.socket:
    """A listening socket; the usual port or one of the next. Raises `ParameterError` when a port that was asked for is taken."""
    ports = range(PORT, PORT + TRIED) if settings.port == PORT else [settings.port]
    for port in ports:
        found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if sys.platform == "win32":  # there the other option would let two servers share a port
            found.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((settings.host, port))
            found.listen(128)
        except OSError as problem:
            found.close()
            if problem.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise ParameterError(f"wanted to listen on port {port}, got: {problem.strerror}") from problem
            continue
        found.setblocking(False)
        return found
    taken = f"ports {PORT} to {PORT + TRIED - 1} are" if len(ports) > 1 else f"port {settings.port} is"
    raise ParameterError(f"{taken} taken; choose another with --port")


def _check_certificate(settings: Settings) -> None:
    """Before anything is told to be ready: are certificate and key there, and do they belong together?"""
    if settings.certificate is None or settings.key is None:
        if settings.certificate is not settings.key:
            raise ParameterError("wanted a certificate and its key, got one of them; give both or none")
        return
    for what, path in (("certificate", settings.certificate), ("key", settings.key)):
        if not path.is_file():
            raise ParameterError(f"wanted the {what} (a PEM file), got {path}, which is no file")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.certificate, settings.key)
    except (ssl.SSLError, OSError) as problem:
        raise ParameterError(
            f"wanted a certificate and its key (PEM files), got {settings.certificate.name} and {settings.key.name}, "
            f"which do not serve: {problem.args[-1]}"
        ) from problem


def serve(settings: Settings, ready: Callable[[Started], None] | None = None) -> None:
    """Serve until Ctrl-C. `ready` is called when the page can be opened.

    Raises `StorageError` when the folder is not there, `ParameterError` when no port is free, or certificate and key are none.
    """
    if not settings.folder.is_dir():
        raise StorageError(f"wanted a folder to serve, got {settings.folder}, which is none; make it first")
    _check_certificate(settings)
    write_to_terminal()
    with contextlib.closing(listen(settings)) as found:
        settings = replace(settings, port=found.getsockname()[1])
        app = create_app(settings)
        config = uvicorn.Config(
            app,
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=GRACE,
            timeout_keep_alive=30,
            h11_max_incomplete_event_size=32 * 1024,
            ssl_certfile=settings.certificate,
            ssl_keyfile=settings.key,
        )
        server = _Server(config, lambda: app.state.service.hub.close())
        if ready is not None:
            keys = app.state.service.keys
            near = addresses() if settings.lan else []
            server.when_ready = lambda: ready(
                Started(
                    link(settings, keys, settings.port, "127.0.0.1"),
                    link(settings, keys, settings.port, near[0]) if near else None,
                    app.state.forgetful,
                )
            )
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(server.serve(sockets=[found]))


class _Server(uvicorn.Server):  # type: ignore[misc]
    """Ends event streams first when it stops: they would never end by themselves."""

    def __init__(self, config: uvicorn.Config, closing: Callable[[], None]) -> None:
        super().__init__(config)
        self.when_ready: Callable[[], None] = lambda: None
        self._closing = closing

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self.when_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._closing()
        await super().shutdown(sockets=sockets)
