"""What a process made of an image, as the journal has it."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from abbe.batch.finding import Source, is_wanted, look, together
from abbe.batch.folder import Folder
from abbe.batch.record import Outcome
from abbe.batch.work import Made

#: of an image that was not the same before it was read and after
_CHANGED = "it changed while it was worked on, as a file does that is still being written; run again when it is whole"


def facts_of(folder: Folder, source: Source, by: str) -> dict[str, Any]:
    """Which image it is, and who has it."""
    facts = {"key": source.key, "size": source.size, "mtime_ns": source.mtime_ns, "inside": source.inside, "number": source.number}
    return {**facts, "folder": str(folder.path), "by": by}


def outcome_of(folder: Folder, source: Source, target: str, made: Made, by: str) -> Outcome:
    """`source`: the image as it was when it was given; `target`: path of its result below the folder of results."""
    facts = {**facts_of(folder, source, by), "seconds": round(made.seconds, 3), "images": made.images, "name": made.called}
    if made.error is not None:
        return Outcome(**facts, status="failed", error=made.error)
    if made.part_of is not None:
        first = PurePosixPath(source.relative).with_name(made.part_of)
        if is_wanted(str(first), folder.match):
            return Outcome(**facts, status="part", reason=f"a part of the image that begins in {made.part_of}")
        said = f"it is a part of the image that begins in {made.part_of}, which --match leaves out; take that, and --channels of it"
        return Outcome(**facts, status="failed", error=said)
    place = source.within(folder.path)
    now = look(place, source.relative)
    if now is not None and not now.is_as(source.size, source.mtime_ns, source.inside):
        return Outcome(**facts, status="failed", error=_CHANGED)
    if made.parts:
        facts |= {"parts": made.parts, "inside": made.inside}
        if made.inside != together(place.parent, made.parts):
            return Outcome(**facts, status="failed", error=_CHANGED)
    return Outcome(
        **facts,
        status="done",
        result=target,
        verdict=made.verdict,
        reason=made.reason,
        notices=made.notices,
        shape=made.shape,
        pixel_size=made.pixel_size,
        engine=made.engine,
    )
