"""Exporting: `Session.export`, for download or into the folder."""

from __future__ import annotations

import re
import secrets
import shutil
import zipfile
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from abbe.errors import ParameterError
from abbe.server.folders import clean_name, free_name
from abbe.server.jobs import Progress, Work
from abbe.server.leftovers import EXPORT, held
from abbe.server.service import Service
from abbe.server.works import part
from abbe.session import Session
from abbe.storage import storage_error

#: downloads that wait to be fetched; older ones are removed
KEPT = 8

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


def work(here: Service, session_id: str, version: str, wishes: Wishes) -> Work:
    """Writes everything that was wished for; several files become one zip file when they are downloaded."""

    def run(progress: Progress) -> dict[str, Any]:
        session = here.cabinet.get(session_id)
        stem = clean_name(wishes.name or session.name)
        scratch = here.scratch.folder()
        try:
            made = session.export(
                scratch / stem,
                version=version,
                parts=tuple(wishes.parts),
                images=wishes.images,
                pictures=wishes.pictures,
                data=tuple(wishes.data),
                report=tuple(wishes.report),
                colors=colors(session, version),
                progress=part(progress, 0.0, 0.97),
            )
            if not made.files:
                raise ParameterError("nothing could be exported: " + "; ".join(made.left_out))
            chosen = [line for line in made.left_out if "not chosen" not in line]
            said = {"files": [file.name for file in made.files], "left_out": chosen, "notices": list(made.notices)}
            if wishes.destination == "folder":
                return {"folder": _into_folder(here, session_id, scratch / stem), **said}
            ready = _one_file(scratch, stem, made.files)
            return {"download": _offer(here, ready), "name": ready.name, **said}
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise

    return run


def colors(session: Session, version: str) -> tuple[str, ...]:
    """The channels' colours as they were chosen on the page, black for those that are hidden there; empty when nobody chose any."""
    from abbe.session.export import BLACK

    kept = session.view.get("channels")
    if not isinstance(kept, list) or len(kept) != len(session.version(version).channels):
        return ()
    try:
        chosen = tuple(BLACK if one["visible"] is False else one["color"] for one in kept)
        return chosen if all(re.fullmatch("#[0-9a-fA-F]{6}", color) for color in chosen) else ()
    except (KeyError, TypeError):  # view settings come from any client, in any shape
        return ()


def _into_folder(here: Service, session_id: str, made: Path) -> str:
    """The files in a new folder beside the session, there at once or not at all; returns its path."""
    place = here.cabinet.folder(session_id).parent
    target = free_name(place, f"{made.name} export", "")
    hidden = place / f"{EXPORT}{secrets.token_hex(8)}"
    hidden.mkdir()
    with held(hidden):
        try:
            shutil.copytree(made, hidden, dirs_exist_ok=True)
            hidden.rename(target)
        except OSError as problem:
            shutil.rmtree(hidden, ignore_errors=True)
            raise storage_error(target.name, problem) from problem
    shutil.rmtree(made.parent, ignore_errors=True)
    where = target.relative_to(here.cabinet.root).as_posix()
    here.hub.publish("folder", {"path": where.rpartition("/")[0]})
    return where


def _one_file(scratch: Path, stem: str, files: tuple[Path, ...]) -> Path:
    if len(files) == 1 and files[0].is_file():
        return files[0]
    packed = scratch / f"{stem}.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, file.relative_to(scratch).as_posix())
    return packed


def _offer(here: Service, ready: Path) -> str:
    """A name for the download that nobody can guess; the oldest download goes when there are too many."""
    handle = secrets.token_hex(16)
    here.downloads[handle] = ready
    while len(here.downloads) > KEPT:
        shutil.rmtree(here.downloads.pop(next(iter(here.downloads))).parent, ignore_errors=True)
    return handle
