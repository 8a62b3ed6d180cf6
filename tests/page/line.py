"""The network between a second device and the server: it can be cut, and come back."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any

from .conftest import PATIENCE, Served
from .hand import SIZES

#: where the second device finds the server: the same machine by another of its addresses, so that the port may be the same
PLACE = "127.0.0.2"


class Line:
    """Hands on every byte between `PLACE` and the server."""

    def __init__(self, served: Served) -> None:
        self._port = served.port
        self._whole = True
        self._ends: list[socket.socket] = []
        self._door = socket.create_server((PLACE, served.port))
        threading.Thread(target=self._open, daemon=True).start()

    def _open(self) -> None:
        with contextlib.suppress(OSError):  # the door is closed: the test is over
            while True:
                near, _ = self._door.accept()
                if not self._whole:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._port))
                self._ends += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while part := source.recv(2**16):
                target.sendall(part)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        self._whole = False
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self._whole = True

    def close(self) -> None:
        self.cut()
        self._door.close()
        for end in self._ends:
            end.close()

    def device(self, hand: Any, chromium: Any) -> Any:
        """A page of another device behind this line, on the image that `hand` looks at."""
        context = chromium.new_context(viewport=SIZES["mouse"], color_scheme="dark")
        context.set_default_timeout(PATIENCE)
        (known,) = hand.context.cookies()
        context.add_cookies(
            [{"name": known["name"], "value": known["value"], "url": f"http://{PLACE}:{self._port}/", "sameSite": "Strict"}]
        )
        page = context.new_page()
        page.goto(hand.page.url.replace("127.0.0.1", PLACE))
        page.locator(".surface[aria-busy=false]").wait_for()
        return page
