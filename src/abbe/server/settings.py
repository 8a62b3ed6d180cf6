"""What a server is told when it starts, and the budget it keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

#: "abbe" on a telephone's keys is 2223; registered to nobody in IANA's list with a 1 before it
PORT = 12223


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Budget of one server. It guards against mistakes and hostile clients; see `abbe.limits` for images."""

    #: most bytes of one uploaded file
    upload: int = 8 * 2**30
    #: most bytes of the body of any other request
    body: int = 2**20
    #: jobs waiting or running
    jobs: int = 20
    #: open event streams; a device has one per page
    streams: int = 32
    #: requests being answered at once, tiles included
    requests: int = 256
    #: bytes of tiles and of reduced planes kept in memory
    cache: int = 384 * 2**20
    #: most bytes of memory in which a map of one plane is made; None: half of what is free
    picture: int | None = None
    #: sessions kept open
    sessions: int = 16
    #: wrong tokens before entering is closed for a minute
    wrong_tokens: int = 10
    #: side of the region that a preview restores, in pixels of the image
    preview: int = 256
    #: most entries of one folder that are listed
    entries: int = 2000


@dataclass(frozen=True, slots=True)
class Settings:
    """How to serve one folder.

    Attributes:
        folder: everything that is served lies below it.
        port: 0 takes any that is free.
        lan: reachable from the local network, for a tablet.
        certificate, key: PEM files; with both the page is served over https.
        page: folder of the built page; None is the one that abbe carries.
        state: folder for the signing key; None is the user's state folder.
    """

    folder: Path
    port: int = PORT
    lan: bool = False
    certificate: Path | None = None
    key: Path | None = None
    page: Path | None = None
    state: Path | None = None
    limits: ServerLimits = field(default_factory=ServerLimits)

    @property
    def host(self) -> str:
        return "0.0.0.0" if self.lan else "127.0.0.1"

    @property
    def scheme(self) -> str:
        return "https" if self.certificate else "http"
