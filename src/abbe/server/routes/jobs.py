"""Work that takes longer than an answer may: queue, progress, cancel."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse
from pydantic import Field

from abbe.errors import ParameterError, StorageError
from abbe.server import aligning, exporting, tabling, works
from abbe.server.jobs import Job
from abbe.server.routes.asking import Body, ModelName
from abbe.server.service import Here
from abbe.session import Session

router = APIRouter()

Step = Literal["denoise", "axial", "super_resolve"]
#: as in `abbe.enhance`; widths of many channels as text
Psf = Annotated[str, Field(max_length=8192)] | float
#: of an image's side at most
Pixels = Annotated[float, Field(ge=-1e6, le=1e6)]
#: how thresholds are found
Method = Literal["costes", "costes-classic", "otsu", "none"]


class Enhancing(Body):
    kind: Literal["enhance"]
    version: str | None = Field(None, max_length=64)
    steps: list[Step] = Field(default=["denoise", "axial", "super_resolve"], min_length=1, max_length=3)
    model: ModelName | None = None
    psf: Psf | None = None
    frames: int = Field(0, ge=0, le=4)
    planes: bool | None = None
    realism: float | None = Field(None, ge=0, le=1)
    passes: int | None = Field(None, ge=1, le=8)
    exact: bool = False


class Correcting(Body):
    kind: Literal["background"]
    version: str | None = Field(None, max_length=64)
    channels: list[int] = Field(min_length=1, max_length=64)
    realism: float | None = Field(None, ge=0, le=1)
    passes: int | None = Field(None, ge=1, le=8)
    exact: bool = False


class Exporting(Body, exporting.Wishes):
    kind: Literal["export"]
    version: str | None = Field(None, max_length=64)


class Tabling(Body):
    kind: Literal["table"]
    version: str | None = Field(None, max_length=64)
    pairs: list[tuple[int, int]] | None = Field(None, max_length=200)
    threshold: Method | tuple[float, float] = "costes"


class Aligning(Body):
    """`shifts`: of channels by index, (y, x) or (z, y, x) in pixels; `beads`: what PUT /beads called them. Neither: as measured."""

    kind: Literal["align"]
    version: str | None = Field(None, max_length=64)
    reference: int = Field(0, ge=0, le=4096)
    shifts: dict[int, tuple[Pixels, Pixels] | tuple[Pixels, Pixels, Pixels]] | None = Field(None, max_length=4096)
    beads: str | None = Field(None, max_length=64)


Wanted = Annotated[Enhancing | Correcting | Aligning | Exporting | Tabling, Field(discriminator="kind")]


def how(wanted: Enhancing | Correcting) -> works.How:
    return works.How(wanted.realism, wanted.passes, wanted.exact)


@router.post("/sessions/{session_id}/jobs")
def add(here: Here, session_id: str, wanted: Wanted, request: Request) -> dict[str, Any]:
    session = here.cabinet.get(session_id)
    version = session.version(wanted.version)
    author = request.scope["device"]
    if isinstance(wanted, Enhancing):
        wish = works.Wish(tuple(wanted.steps), wanted.model, wanted.psf, wanted.frames, wanted.planes)
        work = works.enhancing(here, session_id, version.id, wish, how(wanted), author)
        title = f"Super resolution of {session.name}"
    elif isinstance(wanted, Correcting):
        if not all(0 <= c < version.shape[1] for c in wanted.channels):
            raise ParameterError(f"wanted channels of {version.name}, 0 to {version.shape[1] - 1}, got {wanted.channels}")
        work = works.correcting(here, session_id, version.id, wanted.channels, how(wanted), author)
        title = f"Background correction of {session.name}"
    elif isinstance(wanted, Aligning):
        shifts = aligning.Shifts(wanted.reference, wanted.shifts, wanted.beads)
        work = aligning.work(here, session_id, version.id, shifts, author)
        title = f"Alignment of {session.name}"
    elif isinstance(wanted, Tabling):
        work = tabling.work(here, session_id, version.id, wanted.pairs, wanted.threshold, author)
        title = f"Table of {session.name}"
    else:
        work = exporting.work(here, session_id, version.id, wanted)
        title = f"Export of {session.name}"
    job = Job(wanted.kind, session_id, title, work, aside=isinstance(wanted, Tabling), wish=wish_of(session, version.id, wanted))
    return here.queue.add(job).to_dict()


def wish_of(session: Session, version: str, wanted: Enhancing | Correcting | Aligning | Exporting | Tabling) -> str | None:
    """What makes two requests one, whoever asks: two devices need no two results that are the same. An export is delivered to one."""
    if isinstance(wanted, Exporting):
        return None
    asked = wanted.model_copy(update={"version": version})
    # a table is of the regions that there are
    regions = session.rois.revisions() if isinstance(wanted, Tabling) else {}
    return f"{asked.model_dump_json()} {regions}"


@router.get("/jobs")
def jobs(here: Here) -> list[dict[str, Any]]:
    return [job.to_dict() for job in here.queue.jobs()]


@router.delete("/jobs/{job_id}")
def cancel(here: Here, job_id: str) -> dict[str, Any]:
    job = _find(here, job_id)
    here.queue.cancel(job)
    return job.to_dict()


@router.api_route("/downloads/{handle}", methods=["GET", "HEAD"])
def download(here: Here, handle: str) -> FileResponse:
    """What an export made for download."""
    found = here.downloads.get(handle)
    if found is None or not found.is_file():
        raise StorageError("this download is not there any more; export again")
    return FileResponse(found, filename=found.name, headers={"Cache-Control": "no-store"})


def _find(here: Here, job_id: str) -> Job:
    job = here.queue.find(job_id)
    if job is None:
        raise StorageError("wanted a job of the queue, got one that is not there (any more)")
    return job
