"""Exporting: data, images and report, for download or into the folder."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from abbe.errors import ParameterError
from abbe.formats import save
from abbe.limits import LIMITS
from abbe.server.folders import clean_name, free_name
from abbe.server.jobs import Progress, Work
from abbe.server.service import Service
from abbe.server.works import part


class Wishes(BaseModel):
    """What the export sheet says."""

    name: str = Field("", max_length=200)
    destination: Literal["download", "folder"] = "download"
    image: Literal["ome.tif", "tif", "png", "jpg"] | None = "ome.tif"
    data: list[Literal["xlsx", "csv", "tsv"]] = Field(default_factory=list, max_length=3)
    report: list[Literal["pdf", "html"]] = Field(default_factory=list, max_length=2)
    pack: bool = False
    comment: str | None = Field(None, max_length=LIMITS.name)


def work(here: Service, session_id: str, version: str, wishes: Wishes, author: str) -> Work:
    """Writes every file that was wished for; several become one zip file when they are downloaded."""

    def run(progress: Progress) -> dict[str, Any]:
        session = here.cabinet.get(session_id)
        stem = clean_name(wishes.name or session.name)
        folder = Path(tempfile.mkdtemp(prefix="abbe-export-"))
        try:
            files = []
            if wishes.image is not None:
                saved = save(session.image(version), folder / f"{stem}.{wishes.image}", progress=part(progress, 0, 0.5))
                files.append(saved.path)
            if not files:
                raise ParameterError("nothing was chosen to export")
            return _deliver(here, session_id, files, stem, wishes, folder)
        finally:
            if wishes.destination == "folder":
                shutil.rmtree(folder, ignore_errors=True)

    return run


def _deliver(here: Service, session_id: str, files: list[Path], stem: str, wishes: Wishes, folder: Path) -> dict[str, Any]:
    names = [file.name for file in files]
    if wishes.destination == "folder":
        place = here.cabinet.folder(session_id).parent
        target = free_name(place, f"{stem} export", "")
        shutil.copytree(folder, target)
        return {"folder": target.relative_to(here.cabinet.root).as_posix(), "files": names}
    ready = files[0]
    if len(files) > 1:
        ready = folder / f"{stem}.zip"
        with zipfile.ZipFile(ready, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:
                archive.write(file, file.name)
    handle = secrets.token_hex(8)
    here.downloads[handle] = ready
    return {"download": handle, "name": ready.name, "files": names}
