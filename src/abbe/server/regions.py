"""Regions from a file into a session: Fiji's ROIs, QuPath's outlines, abbe's own, and labels of a segmentation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from abbe.errors import AbbeError, LimitError, ParameterError
from abbe.formats.labels import rois_of_labels
from abbe.formats.rois import is_picture, open_rois, rings
from abbe.image import ROI, Ellipse, Image, Polygon, Rectangle
from abbe.image.roi_shapes import Combination
from abbe.server.folders import decoded
from abbe.server.leftovers import into
from abbe.server.names import clean_name
from abbe.session import Session

#: regions of one session: enough for every cell of a field
MOST_ROIS = 2000


async def received(chunks: AsyncIterator[bytes], name: str, folder: Path, limit: int) -> Path:
    """A file that a client sends, in a folder of its own. Raises `LimitError` beyond `limit` bytes, `StorageError` without room."""
    place, written = folder / clean_name(name), 0
    with into(folder, clean_name(name)), open(place, "xb") as file:
        async for chunk in chunks:
            written += len(chunk)
            if written > limit:
                raise LimitError(f"wanted a file of at most {limit / 2**30:.0f} GiB, got a larger one")
            file.write(chunk)
    return place


def add_from(session: Session, place: Path, author: str | None = None) -> int:
    """Add the regions of a file, in one change; returns how many.

    Raises what `open_rois` raises, `ParameterError` for none, and for labels of several planes, whose outlines the page cannot draw, and
    `LimitError` for more than a session takes.
    """
    image = session.image(session.original.id)
    try:
        # labels may be of a result, whose pixels are smaller
        of = image if session.is_cropped(session.current) else session.image()
        found = rois_of_labels(decoded(place, labels=True), place.name, of) if is_picture(place) else open_rois(place, image)
    except AbbeError as problem:
        said = str(problem).replace(str(place), place.name)
        raise type(problem)(said if place.name in said else f"{place.name}: {said}") from problem
    if not found:
        raise ParameterError(f"wanted regions, got none in {place.name}")
    if len(session.rois) + len(found) > MOST_ROIS:
        raise LimitError(
            f"wanted at most {MOST_ROIS} regions in a session, got {len(found)} more in {place.name} than the {len(session.rois)} there "
            f"are; measure them from the shell: abbe colocalize {session.path.name} --roi {place.name}"
        )
    shapes = [drawn(roi, image) for roi in found]
    session.rois.put(shapes, f"{len(shapes)} regions from {place.name}" if len(shapes) > 1 else f"region from {place.name}", author=author)
    return len(shapes)


def drawn(roi: ROI, image: Image) -> ROI:
    """A region as the page draws it: a mask, or several shapes in one, as their outline."""
    if isinstance(roi, Combination) and any(part.depth is not None or part.frames is not None for part in roi.parts):
        raise ParameterError(
            f"wanted regions that are the same on all of their planes, got {roi}, which is not; measure in those from the shell: "
            "abbe colocalize NAME.abbe --roi FILE"
        )
    if isinstance(roi, Rectangle | Ellipse | Polygon):
        return roi
    return Polygon(rings=rings(roi, image), unit=roi.unit, name=roi.name, depth=roi.depth, frames=roi.frames)
