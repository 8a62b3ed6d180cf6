"""An answer that is ready before the whole request is: it must arrive all the same.

A server that closes a connection while bytes of the request lie unread resets it, and the reset may overtake the answer: the client sees
a broken connection instead of the reason (RFC 9112, section 9.6). So the answer goes out, what still comes is read and thrown away for a
while, and only then is the connection closed.
"""

from __future__ import annotations

import asyncio
import contextlib

from starlette.types import Message, Receive, Scope, Send

#: most bytes, and most seconds, that are listened to after an answer; a client that goes on longer than that hears no answer anyway
BYTES, SECONDS = 64 * 2**20, 10.0


class Exchange:
    """One request and its answer, which may come early. Takes the place of `receive` and `send`."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        named = {name.lower(): value for name, value in scope["headers"]}
        #: bytes of the request may still come
        self._open = named.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in named
        self._early = False
        #: the answer has begun
        self.answered = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._open = self._open and message["type"] == "http.request" and message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        self.answered = True
        if message["type"] == "http.response.start" and self._open:
            self._early = True
            others = [(name, value) for name, value in message.get("headers", ()) if name.lower() != b"connection"]
            message = {**message, "headers": [*others, (b"connection", b"close")]}
        last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if last and self._early:
            await self._send({**message, "more_body": True})
            await self._linger()
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    async def _linger(self) -> None:
        heard = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SECONDS):
                while self._open and heard <= BYTES:
                    heard += len((await self.receive()).get("body", b""))
