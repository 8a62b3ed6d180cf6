"""What jobs do: each function gives the work of one job, which takes `progress` and returns what the page needs to show the result.

A result is a version of the session before the job is called done: a page that is closed meanwhile loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from abbe.image import Image
from abbe.server.jobs import Progress, Work
from abbe.server.service import Service
from abbe.session import Session

#: share of a run that is restoring; the rest is saving and looking at the result
RESTORING = 0.88


def part(progress: Progress, start: float, stop: float) -> Progress:
    """`progress` for a part of the work."""

    def report(fraction: float, what: str = "") -> None:
        progress(start + (stop - start) * fraction, what)

    return report


class How(NamedTuple):
    """What both workflows can be told; None: as the models' cards say, and as often as usual."""

    realism: float | None = None
    passes: int | None = None
    exact: bool = False


class Wish(NamedTuple):
    """What Workflow A can be told besides; `psf`, `frames` and `planes` as in `abbe.enhance`."""

    steps: tuple[str, ...]
    model: str | None = None
    psf: str | float | None = None
    frames: int = 0
    planes: bool | None = None


def enhancing(here: Service, session_id: str, version: str, wish: Wish, how: How, author: str) -> Work:
    """Workflow A."""

    def restore(image: Image, progress: Progress) -> Image:
        from abbe.restoration import enhance

        return enhance(image, progress=progress, **wish._asdict(), **how._asdict())

    return _restoring(here, session_id, version, restore, "enhance", author)


def correcting(here: Service, session_id: str, version: str, channels: Sequence[int], how: How, author: str) -> Work:
    """Workflow B."""

    def restore(image: Image, progress: Progress) -> Image:
        from abbe.restoration import correct_background

        return correct_background(image, channels=tuple(channels), progress=progress, **how._asdict())

    return _restoring(here, session_id, version, restore, "background", author)


def _restoring(
    here: Service, session_id: str, version: str, restore: Callable[[Image, Progress], Image], operation: str, author: str
) -> Work:
    def work(progress: Progress) -> dict[str, Any]:
        session = here.cabinet.get(session_id)
        image, source = session.image(version), session.version(version)  # which others may delete meanwhile
        progress(0.0, "preparing")
        result = restore(image, part(progress, 0.0, RESTORING))
        made = session.add_version(
            result,
            operation=operation,
            parent=source.id,
            offset=source.offset,
            author=author,
            progress=part(progress, RESTORING, 0.97),
        )
        here.cabinet.changed(session_id, session)
        said = judge(session, made.id, result, author)
        here.cabinet.changed(session_id, session)
        # no more progress to report: that is where a job is cancelled, and the version is there
        return {"version": made.id, "parent": made.parent, "verdict": said}

    return work


def judge(session: Session, version: str, result: Image, author: str) -> dict[str, Any]:
    """One word and one line on the result, kept with the session."""
    from abbe.restoration.judgement import verdict

    said = verdict(result)
    found = {
        "word": said.word,
        "line": said.reason,
        "channels": {
            name: {"word": c.word, "line": c.reason, "agreement": c.agreement, "noise_before": c.noise_before, "noise_after": c.noise_after}
            for name, c in said.channels.items()
        },
    }
    reference = session.version(version).parent
    session.analyses.add("verdict", found, version=version, reference=reference, author=author)
    return found
