"""The folder that is served: what is in it, thumbnails, uploads. No path leads out of it, and nothing hidden is shown."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

from starlette.requests import ClientDisconnect

from abbe.errors import AbbeError, LimitError, NotAnImageError, StorageError
from abbe.formats.listing import Listed
from abbe.image import Image
from abbe.limits import LIMITS
from abbe.server.cabinet import SUFFIX
from abbe.server.changes import State, as_text, is_as_kept, state_of
from abbe.server.leftovers import SCRATCH, UPLOAD, held
from abbe.server.names import clean_name, legible
from abbe.server.turns import Turns
from abbe.storage import inside

#: folders that are images
ZARR = ".zarr"
#: what the list offers to open; whether it is an image is decided by content when it is opened
IMAGES = [
    ".tif",
    ".tiff",
    ".btf",
    ".ome.tif",
    ".png",
    ".jpg",
    ".jpeg",
    ".lsm",
    ".nd2",
    ".czi",
    ".lif",
    ".oib",
    ".oif",
    ".dv",
    ".r3d",
    ".ims",
    ".ics",
    ".ids",
    ".mrc",
    ".zarr",
    ".stk",
    ".bmp",
    ".webp",
    ".jp2",
    ".zip",
    ".gif",
]
#: longest side of a thumbnail in pixels, and bytes of thumbnails kept in memory
SIDE, KEPT = 320, 32 * 2**20
#: files larger than this have no thumbnail until they are opened: decoding them for a look takes too long (bytes)
LOOKED_AT = 256 * 2**20
#: images kept decoded, in scratch files, for the merge window
DECODED = 6
#: files whose digests, and lists of several images, are kept
LISTED = 64
#: where a server works on a file that nobody chose a place for
HIDDEN = re.compile(rf"[^\s'\"]*[/\\]{SCRATCH}\w+[/\\]\w+[/\\]")
#: bytes a second that any decoder should manage, to bound its time
PACE = 10 * 2**20


class Folders:
    """Everything below `root` that is not hidden."""

    def __init__(self, root: Path, entries: int) -> None:
        self.root, self._entries = root, entries
        self._thumbnails: OrderedDict[tuple[str, int | None, State], bytes] = OrderedDict()
        self._kept = 0
        self._decoded: OrderedDict[tuple[str, int | None, State], Image] = OrderedDict()
        self._digests: OrderedDict[tuple[str, State], str] = OrderedDict()
        self._listed: OrderedDict[tuple[str, State], tuple[Listed, ...]] = OrderedDict()
        self.opening = Turns()
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """What the folder served is called."""
        return legible(self.root.name)

    def said(self, problem: AbbeError) -> str:
        """What went wrong, as a client may be told: with paths below the folder served, and none on the disk."""
        return HIDDEN.sub("", str(problem).replace(str(self.root) + os.sep, ""))

    def place(self, path: str) -> Path:
        """The real place of a path from a client. Raises `StorageError` for what leads out, is hidden, or lies inside a session."""
        if path == "":
            return self.root
        real = inside(self.root, path)
        below = real.relative_to(self.root)
        if legible(str(below)) != str(below) or ("\ufffd" in path and not real.exists()):
            raise StorageError(f"wanted {legible(path)[:200]}, whose name on the disk has bytes that are no text (UTF-8); rename it there")
        hidden = any(part.startswith(".") for part in (*below.parts, *path.split("/")))
        if hidden or any(part.endswith(SUFFIX) for part in below.parts[:-1]):
            raise StorageError(f"wanted a path inside the folder that is served, got {path[:200]!r}")
        return real

    def folder(self, path: str) -> Path:
        """The real place of a folder to list, or to put something into. Raises `StorageError` for sessions and images, and for none."""
        place = self.place(path)
        within = place.relative_to(self.root).parts
        if any(part.lower().endswith((SUFFIX, ZARR)) for part in within) or not place.is_dir():
            if not path:
                raise StorageError(
                    f"wanted the folder that is served, {self.name}, which is not there (any more); is its disk still connected?"
                )
            raise StorageError(f"wanted a folder inside the one that is served, got {path[:200]!r}, which is none (any more)")
        return place

    def list(self, path: str) -> dict[str, Any]:
        """Sub-folders first, then sessions and images, by name. Raises `StorageError`."""
        folder = self.folder(path)
        found: list[dict[str, Any]] = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    found += _listed(entry, path)
        except OSError as problem:
            raise StorageError(f"wanted to list the folder {path or self.name}, got: {problem.strerror}") from problem
        order = {"folder": 0, "session": 1, "image": 1}
        found.sort(key=lambda e: (order[str(e["kind"])], _natural(str(e["name"]))))
        parts = path.split("/") if path else []
        return {
            "path": path,
            "name": parts[-1] if parts else self.name,
            "parents": [{"name": name, "path": "/".join(parts[:k])} for k, name in enumerate([self.name, *parts[:-1]] if parts else [])],
            "entries": found[: self._entries],
            "more": max(0, len(found) - self._entries),
        }

    def image(self, path: str, number: int | None = None) -> Image:
        """An image file, decoded in a bounded child process; `number` of several. Raises `AbbeError` when it is none."""
        place, state = self._file(path)
        key = (path, number, state)
        with self._lock:
            image = self._decoded.get(key)
        if image is None:
            image = self._keep(key, decoded(place, number))
        return image

    def images(self, path: str) -> tuple[Listed, ...]:
        """What a file of several images holds; nothing of a file of one. Raises `AbbeError` when it is no image."""
        from abbe.formats.untrusted import open_sole

        place, state = self._file(path)
        key = (path, state)
        with self._lock:
            if key in self._listed:
                return self._listed[key]
        found = open_sole(place, seconds=patience(place))
        if isinstance(found, Image):  # which is likely to be opened next
            self._keep((path, None, state), found)
            found = ()
        with self._lock:
            self._listed[key] = found
            while len(self._listed) > LISTED:
                self._listed.popitem(last=False)
        return found

    def thumbnail(self, path: str, number: int | None = None) -> bytes:
        """PNG of at most `SIDE` pixels a side; made once per file and its date. Raises `AbbeError` when it is no image."""
        place, state = self._file(path)
        key = (path, number, state)
        with self._lock:
            if key in self._thumbnails:
                self._thumbnails.move_to_end(key)
                return self._thumbnails[key]
        if place.suffix == SUFFIX:
            made = _session_thumbnail(place)
        else:
            size = place.stat().st_size if number is None else self._bytes(path, number)
            made = _image_thumbnail(place, size, number)
        with self._lock:
            self._thumbnails[key] = made
            self._kept += len(made)
            while self._kept > KEPT:
                self._kept -= len(self._thumbnails.popitem(last=False)[1])
        return made

    def digest(self, path: str) -> str:
        """SHA-256 of a file's bytes, computed once while it does not change."""
        place, state = self._file(path)
        key = (path, state)
        with self._lock:
            digest = self._digests.get(key)
        if digest is None:
            with place.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            with self._lock:
                self._digests[key] = digest
                while len(self._digests) > LISTED:
                    self._digests.popitem(last=False)
        return digest

    def state(self, path: str) -> str:
        """Of a file or folder as it is now, to be kept in what is made from it."""
        return as_text(self._file(path)[1])

    def unchanged(self, path: str, kept: str | None, created: datetime) -> bool:
        """Is the folder as it was when its session was made, with this state, or at this second where no state was kept?"""
        _, state = self._file(path)
        return is_as_kept(state, kept) if kept is not None else state[1] / 1e9 < created.timestamp()

    def _file(self, path: str) -> tuple[Path, State]:
        place = self.place(path)
        try:
            return place, state_of(place)
        except OSError as problem:
            raise StorageError(f"wanted the file {path[:200]}, which is not there (any more)") from problem

    def _keep(self, key: tuple[str, int | None, State], image: Image) -> Image:
        with self._lock:
            self._decoded[key] = image
            while len(self._decoded) > DECODED:
                self._decoded.popitem(last=False)
        return image

    def _bytes(self, path: str, number: int) -> int:
        """Of one image of several; 0 where that is not known."""
        there = self.images(path)
        return (there[number].nbytes or 0) if number < len(there) else 0

    async def receive(self, folder: str, name: str, chunks: AsyncIterator[bytes], limit: int) -> tuple[str, bool]:
        """Write an uploaded file, whole or not at all, under its name or the next free one.

        Returns its path, and whether it holds several images.

        Raises `LimitError` when it is larger than `limit` or the disk has no room, `StorageError` for a name that cannot be,
        and when the sender goes before the end.
        """
        place = self.folder(folder)
        clean = clean_name(name)
        if clean.lower().endswith(SUFFIX):
            raise StorageError(f"wanted an image's file, got {clean}, a name of sessions; copy a session into the folder that is served")
        part = place / f"{UPLOAD}{secrets.token_hex(8)}"
        written = 0
        try:
            with open(part, "xb") as file, held(part):
                async for chunk in chunks:
                    written += len(chunk)
                    if written > limit:
                        raise LimitError(f"wanted a file of at most {limit / 2**30:.0f} GiB, got a larger one")
                    file.write(chunk)
                file.flush()
                await asyncio.to_thread(os.fsync, file.fileno())
                if written == 0:
                    raise StorageError(f"{clean} is empty; nothing was kept")
                several = await asyncio.to_thread(_check_image, part, clean)
                target = _free(place, clean, part)
        except ClientDisconnect as gone:
            raise StorageError(f"wanted all of {clean}, got a part of it; nothing was kept") from gone
        except OSError as problem:
            raise StorageError(f"wanted to keep {clean}, got: {problem.strerror}; free some disk, or choose another folder") from problem
        finally:
            part.unlink(missing_ok=True)
        return f"{folder}/{target}" if folder else target, several


def _free(folder: Path, name: str, part: Path) -> str:
    """Give `part` the name, or the next free one, never replacing a file; returns the name."""
    stem, suffix = os.path.splitext(name)
    for number in range(1, 10_000):
        target = folder / (name if number == 1 else f"{stem} {number}{suffix}")
        try:
            _place(part, target)
        except FileExistsError:
            continue
        return target.name
    raise StorageError(f"wanted a free name like {name}, and ten thousand are taken")


def _place(part: Path, target: Path) -> None:
    """Give `part` another name. Raises `FileExistsError` when something has it."""
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:  # a disk without hard links (a memory stick, some network shares): reserve the name, then take the reservation's place
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        os.replace(part, target)


def _listed(entry: os.DirEntry[str], path: str) -> list[dict[str, Any]]:
    """What the list says of one entry; nothing of a hidden one, of one that is no image, and of one that vanished meanwhile."""
    kind = None if entry.name.startswith(".") else _kind(entry)
    if kind is None:
        return []
    try:
        known = entry.stat()
    except OSError:
        return []
    name = legible(entry.name)
    where = f"{path}/{name}" if path else name
    size = None if entry.is_dir() else known.st_size  # that of a folder says nothing of what is in it, and adding that up takes long
    return [{"name": name, "path": where, "kind": kind, "bytes": size, "modified": known.st_mtime}]


def _kind(entry: os.DirEntry[str]) -> str | None:
    name = entry.name.lower()
    try:
        if entry.is_symlink() and not os.path.exists(entry.path):
            return None
        if name.endswith(SUFFIX):
            return "session"
        if entry.is_dir():
            return "image" if name.endswith(ZARR) else "folder"
    except OSError:
        return None
    return "image" if name.endswith(tuple(IMAGES)) else None


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sorts "cell 2" before "cell 10"."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", name.lower()) if part]


def decoded(place: Path, number: int | None = None, *, labels: bool = False) -> Image:
    """The image, or the `labels`, in a file that anybody may have brought: no decoder runs in this process."""
    from abbe.formats.untrusted import open_untrusted

    return open_untrusted(_numbered(place, number), labels=labels, seconds=patience(place))


def _numbered(place: Path, number: int | None) -> Path:
    """How the image `number` of a file is named to `abbe.open`. Raises `StorageError` where a file has that very name."""
    if number is None:
        return place
    named = place.with_name(f"{place.name}#{number}")
    if os.path.lexists(named):
        raise StorageError(f"wanted the image {number + 1} of {place.name}, and there is a file {named.name}; rename that file")
    return named


def patience(place: Path) -> float:
    """Seconds that decoding a file may take."""
    return max(LIMITS.decode_seconds, (place.stat().st_size if place.is_file() else 0) / PACE)


def _check_image(part: Path, name: str) -> bool:
    """Does it hold several images? Raises `AbbeError`, with the file's own name in it, when it is no image."""
    from abbe.formats.untrusted import open_sole

    try:
        found = open_sole(part, seconds=patience(part))
        if isinstance(found, tuple) and all(one.problem for one in found):
            raise NotAnImageError(f"{name} holds {len(found)} images, none of which can be opened; the first: {found[0].problem}")
        return isinstance(found, tuple)
    except AbbeError as problem:
        raise type(problem)(str(problem).replace(str(part), name).replace(part.name, name)) from problem


def _session_thumbnail(place: Path) -> bytes:
    from abbe.session import Session

    with Session.open(place, read_only=True) as session:
        return session.thumbnail()


def _image_thumbnail(place: Path, size: int, number: int | None) -> bytes:
    from abbe.formats.untrusted import glance
    from abbe.session.multiscale import colors
    from abbe.session.thumbnail import blend, png

    if size > LOOKED_AT:
        raise LimitError("too large for a picture in the list; open it to see it")
    image = glance(_numbered(place, number), SIDE, seconds=patience(place))
    planes = [image.plane(0, c) for c in range(min(image.shape[1], 6))]
    return png(blend(planes, colors(image)[: len(planes)]), SIDE)


def to_jpeg(picture: bytes) -> bytes:
    """A smaller file for the same small picture."""
    from PIL import Image as Pillow

    out = io.BytesIO()
    Pillow.open(io.BytesIO(picture)).convert("RGB").save(out, "JPEG", quality=82)
    return out.getvalue()
