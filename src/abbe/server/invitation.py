"""The link to a second device, and the same as a QR code."""

from __future__ import annotations

import contextlib
import io
import socket
from typing import Any

import segno

from abbe.server.keys import TOKEN_SECONDS, Keys
from abbe.server.settings import Settings


def addresses() -> list[str]:
    """This machine's addresses on local networks, the likeliest first. Nothing is sent anywhere."""
    found: list[str] = []
    # The operating system's own choice for reaching the world: connecting a datagram socket sends no packet.
    for target in ("192.0.2.1", "10.255.255.255"):
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((target, 9))
            found.append(str(probe.getsockname()[0]))
    with contextlib.suppress(OSError):
        found += [str(entry[4][0]) for entry in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)]
    return [address for address in dict.fromkeys(found) if not address.startswith("127.")]


def link(settings: Settings, keys: Keys, port: int, host: str) -> str:
    return f"{settings.scheme}://{host}:{port}/#token={keys.invite()}"


def invite(settings: Settings, keys: Keys, port: int) -> dict[str, Any]:
    """For the page: link, code as SVG, minutes that it lasts; without `--lan` how to get one."""
    if not settings.lan:
        return {"link": None, "how": "Start abbe with --lan to reach it from a tablet: abbe serve --lan"}
    found = addresses()
    if not found:
        return {"link": None, "how": "This computer is in no local network now; connect it, and try again."}
    url = link(settings, keys, port, found[0])
    picture = io.BytesIO()
    segno.make(url, error="m").save(picture, kind="svg", border=2, scale=6, dark="#000", light="#fff", xmldecl=False, svgns=True)
    return {
        "link": url,
        "others": found[1:],
        "svg": picture.getvalue().decode(),
        "minutes": TOKEN_SECONDS // 60,
        "secure": settings.scheme == "https",
    }


def terminal_code(url: str) -> str:
    """The code in half-height blocks, for a terminal."""
    out = io.StringIO()
    segno.make(url, error="l").terminal(out, compact=True, border=2)
    return out.getvalue()
