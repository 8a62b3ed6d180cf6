"""Exporting: `Session.export`, for download or into the folder."""

from __future__ import annotations

import math
import re
import secrets
import shutil
import zipfile
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from abbe.errors import ParameterError
from abbe.server.document import colors as shown_colors
from abbe.server.jobs import Progress, Work
from abbe.server.leftovers import EXPORT, held, into
from abbe.server.names import clean_name, free_name
from abbe.server.service import Service
from abbe.server.works import part
from abbe.session import Session
from abbe.session.export import safe
from abbe.storage import storage_error

#: downloads that wait to be fetched; older ones are removed
KEPT = 8
#: share of an export that is writing its files; the rest is packing them
WRITING = 0.95
#: files that are worth compressing, and bytes that are packed between two reports of progress
LOOSE, BLOCK = (".txt", ".csv", ".tsv", ".html"), 2**22
#: channels that the page's picture takes at once, the first of those that are shown
MOST = 6

Part = Literal["image", "original", "whole", "rois", "revealed", "scattergram", "figure", "data", "report", "session"]


class Wishes(BaseModel):
    """What the export sheet says; see `abbe.session.export.Choices`."""

    name: str = Field("", max_length=200)
    destination: Literal["download", "folder"] = "download"
    parts: list[Part] = Field(default=["image"], min_length=1, max_length=10)
    images: Literal["ome.tif", "tif", "png", "jpg"] = "ome.tif"
    pictures: Literal["png", "tif", "jpg"] = "png"
    data: list[Literal["xlsx", "txt", "csv", "tsv"]] = Field(default=["xlsx"], max_length=4)
    report: list[Literal["pdf", "html"]] = Field(default=["pdf"], max_length=2)
    #: of a time series, the frame that the page shows
    frame: int = Field(default=0, ge=0)
    #: colours and contrast that the page shows, as `session.view` has them; None: those that the session keeps
    view: dict[str, Any] | None = None


def work(here: Service, session_id: str, version: str, wishes: Wishes) -> Work:
    """Writes everything that was wished for; several files become one zip file when they are downloaded."""

    def run(progress: Progress) -> dict[str, Any]:
        session = here.cabinet.get(session_id)
        view = session.view if wishes.view is None else wishes.view
        stem = clean_name(wishes.name or session.name)
        scratch = here.scratch.folder()
        try:
            with into(scratch, f"the export of {session.name}"):
                made = session.export(
                    scratch / stem,
                    version=version,
                    parts=tuple(wishes.parts),
                    images=wishes.images,
                    pictures=wishes.pictures,
                    data=tuple(wishes.data),
                    report=tuple(wishes.report),
                    colors=colors(session, version, view),
                    contrast=contrast(session, view),
                    frame=wishes.frame,
                    progress=part(progress, 0.0, WRITING),
                )
            files = made.files
            if not files:
                raise ParameterError("nothing could be exported: " + "; ".join(made.left_out))
            chosen = [line for line in made.left_out if "not chosen" not in line]
            if len(files) == 1 and wishes.name and wishes.destination == "download":  # several come in a folder of that name
                files = (_named(files[0], safe(session.name), stem),)
            said = {"files": [file.name for file in files], "left_out": chosen, "notices": list(made.notices)}
            if wishes.destination == "folder":
                return {"folder": _into_folder(here, session_id, scratch / stem), **said}
            with into(scratch, f"the export of {session.name}"):
                ready = _one_file(scratch, stem, files, part(progress, WRITING, 1.0))
            return {"download": _offer(here, ready), "name": ready.name, **said}
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise

    return run


def _named(file: Path, before: str, after: str) -> Path:
    """The file with another name at its beginning; what follows says which version it is, and of which kind."""
    return file.rename(file.with_name(after + file.name.removeprefix(before))) if file.name.startswith(before) else file


def colors(session: Session, version: str, view: dict[str, Any]) -> tuple[str, ...]:
    """The channels' colours as the page shows them, black for those that are not in its picture."""
    from abbe.session.export import BLACK

    channels = len(session.version(version).channels)
    known = shown_colors(session.original)
    if len(known) != channels:
        return ()
    chosen = [(color, k < MOST) for k, color in enumerate(known)]
    kept = view.get("channels")
    try:  # view settings come from any client, in any shape
        if isinstance(kept, list) and len(kept) == channels and all(re.fullmatch("#[0-9a-fA-F]{6}", one["color"]) for one in kept):
            chosen = [(one["color"], one["visible"] is not False) for one in kept]
    except (KeyError, TypeError):
        pass
    drawn = [k for k, (_, visible) in enumerate(chosen) if visible][:MOST]
    return tuple(color if k in drawn else BLACK for k, (color, _) in enumerate(chosen))


def contrast(session: Session, view: dict[str, Any]) -> dict[str, tuple[tuple[float, float], ...]]:
    """Grey values shown as black and in full colour, per channel, of the versions whose contrast was set on the page."""
    kept = view.get("ranges")
    found = {}
    for version in session.versions:
        try:
            limits = tuple((float(one["low"]), float(one["high"])) for one in kept[version.id])  # type: ignore[index]
        except (KeyError, TypeError, ValueError, OverflowError):
            continue
        if len(limits) == len(version.channels) and all(math.isfinite(low) and math.isfinite(high) and low < high for low, high in limits):
            found[version.id] = limits
    return found


def _into_folder(here: Service, session_id: str, made: Path) -> str:
    """The files in a new folder beside the session, there at once or not at all; returns its path."""
    place = here.cabinet.folder(session_id).parent
    target = free_name(place, f"{made.name} export", "")
    hidden = place / f"{EXPORT}{secrets.token_hex(8)}"
    try:
        hidden.mkdir()
        with held(hidden):
            shutil.copytree(made, hidden, dirs_exist_ok=True)
            hidden.rename(target)
    except OSError as problem:
        shutil.rmtree(hidden, ignore_errors=True)
        raise storage_error(target.name, problem) from problem
    shutil.rmtree(made.parent, ignore_errors=True)
    where = target.relative_to(here.cabinet.root).as_posix()
    here.hub.publish("folder", {"path": where.rpartition("/")[0]})
    return where


def _one_file(scratch: Path, stem: str, files: tuple[Path, ...], progress: Progress) -> Path:
    """The file itself, or all of them in a zip file; what is compressed already is not compressed again, which takes minutes."""
    if len(files) == 1 and files[0].is_file():
        return files[0]
    packed = scratch / f"{stem}.zip"
    total, done = max(1, sum(file.stat().st_size for file in files)), 0
    with zipfile.ZipFile(packed, "w") as archive:
        for file in files:
            entry = zipfile.ZipInfo.from_file(file, file.relative_to(scratch).as_posix())
            entry.compress_type = zipfile.ZIP_DEFLATED if file.suffix in LOOSE else zipfile.ZIP_STORED
            with file.open("rb") as source, archive.open(entry, "w") as target:
                while block := source.read(BLOCK):
                    target.write(block)
                    done += len(block)
                    progress(done / total, "packing")
    return packed


def _offer(here: Service, ready: Path) -> str:
    """A name for the download that nobody can guess; the oldest download goes when there are too many."""
    handle = secrets.token_hex(16)
    here.downloads[handle] = ready
    while len(here.downloads) > KEPT:
        shutil.rmtree(here.downloads.pop(next(iter(here.downloads))).parent, ignore_errors=True)
    return handle
