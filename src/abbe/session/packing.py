"""One file of a session, to send or to keep: a zip file whose parts lie in it as they are, since they are compressed already."""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from abbe.errors import SessionError
from abbe.session import manifest
from abbe.session.multiscale import Progress
from abbe.session.places import Folder
from abbe.session.saving import INCOMING
from abbe.session.store import LOCK
from abbe.storage import write_whole, write_whole_folder

if TYPE_CHECKING:
    from abbe.session._session import Session

#: the time in every entry: equal sessions make equal files
_TIME = (1980, 1, 1, 0, 0, 0)


def pack(session: Session, path: Path, overwrite: bool, progress: Progress | None) -> Path:
    """Write the zip file. Other programs may work on the session meanwhile; what they commit is in it whole or not at all."""
    place = session._store.place
    if not isinstance(place, Folder):
        raise SessionError(f"{place.title} is packed already; copy the file")
    # the manifest is read before the pixels that it names: versions only ever come, and go with `purge`
    state = {name: place.read(name) for name in (manifest.NAME, "journal.jsonl")}
    files = sorted(file for file in place.path.rglob("*") if file.is_file() and _belongs(file.relative_to(place.path)))
    with write_whole(path, overwrite) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED, strict_timestamps=False) as packed:
        for number, file in enumerate(files):
            name = file.relative_to(place.path).as_posix()
            packed.writestr(zipfile.ZipInfo(name, _TIME), state.get(name) or file.read_bytes())
            if progress is not None:
                progress((number + 1) / len(files), "packing")
    return path


def _belongs(name: Path) -> bool:
    return name.parts[0] != INCOMING and name.name != LOCK and not name.name.startswith(".abbe-")


def unpack(path: Path, folder: Path, overwrite: bool = False) -> Path:
    """The packed session as a folder again. Raises `SessionError` when it is none, or an entry would lead out of the folder."""
    try:
        packed = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as problem:
        raise SessionError(f"wanted a packed session, got {path.name}, which is no zip file") from problem
    with packed, write_whole_folder(folder, overwrite, sign=manifest.NAME) as part:
        for info in packed.infolist():
            name = PurePosixPath(info.filename)
            if name.is_absolute() or ".." in name.parts or "\\" in info.filename or ":" in info.filename:
                raise SessionError(f"wanted files inside the session, got {info.filename[:100]!r} in {path.name}; it was tampered with")
            if info.is_dir():
                continue
            target = part / name
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                target.write_bytes(packed.read(info))
            except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as problem:
                raise SessionError(f"{path.name} is damaged at {info.filename[:100]!r}: {problem}") from problem
        (part / LOCK).touch()
    return folder
