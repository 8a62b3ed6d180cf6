"""Colocalization for the page: the numbers are those of `abbe.colocalize`, nothing is computed twice."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from abbe.errors import ParameterError
from abbe.image import ROI, Grid
from abbe.server.derived import Picture
from abbe.server.document import check_plane
from abbe.server.jobs import Progress
from abbe.session import Session
from abbe.session.collections import Measured

if TYPE_CHECKING:  # loading compiled coefficients takes seconds the first time; the page should not wait for them
    from abbe.colocalization import Colocalization

#: bins of the page's scattergram along each axis
BINS = 128
Threshold = str | tuple[float, float]


def measure(
    session: Session, version: str | None, channels: tuple[int, int], roi: str | None, shape: dict[str, Any] | None, threshold: Threshold
) -> Colocalization:
    """Raises `AbbeError` for channels, regions or thresholds that cannot be."""
    region = ROI.from_dict(shape) if shape is not None else session.rois.roi(roi) if roi is not None else None
    return _measured(session, version, channels, region, threshold)


def _measured(session: Session, version: str | None, channels: tuple[int, int], region: ROI | None, threshold: Threshold) -> Colocalization:
    from abbe.colocalization import colocalize

    return colocalize(session.image(version), channels=channels, roi=on_version(session, version, region), threshold=threshold)


def on_version(session: Session, version: str | None, region: ROI | None) -> ROI | None:
    """A region of the session, whose coordinates are those of the original, as it lies on a version that may be cropped."""
    return None if region is None else session.placed(region, version)


def definitions() -> dict[str, Any]:
    from abbe.colocalization.definitions import DEFINITIONS

    return {key: {"title": d.title, "formula": d.formula, "source": d.source, "meaning": d.meaning} for key, d in DEFINITIONS.items()}


def scattergram(found: Colocalization) -> dict[str, Any]:
    """The 2-D histogram and the thresholds in it."""
    return found.scattergram(BINS).to_dict()


def keep(session: Session, found: Colocalization, version: str | None, roi: str | None, threshold: Threshold, author: str) -> None:
    """In place of the same that was measured before."""
    session.analyses.put([_kept(session, found, version, roi, threshold)], author)


def _kept(session: Session, found: Colocalization, version: str | None, roi: str | None, threshold: Threshold) -> Measured:
    made = session.version(version)
    reference = session.original.id if made.id != session.original.id else None
    parameters = {"threshold": list(threshold) if isinstance(threshold, tuple) else threshold}
    return Measured("colocalization", found.to_dict(), made.id, reference, found.channels, roi, parameters)


def table(
    session: Session,
    version: str | None,
    pairs: Sequence[tuple[int, int]] | None,
    threshold: Threshold,
    author: str,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """A row for each pair of channels in the whole image and in each region."""
    from abbe.colocalization import colocalize_all

    count = session.version(version).shape[1]
    if count < 2:
        raise ParameterError("wanted an image of at least two channels, got one; merge two images first")
    version = session.version(version).id  # of the one that is current now, whatever others do while it is measured
    regions = list(session.rois)
    places = [session.placed(ROI.from_dict(one.shape).named(one.name), version) for one in regions]
    wanted = list(pairs or itertools.combinations(range(count), 2))
    found = colocalize_all(session.image(version), wanted, places, whole=True, threshold=threshold, progress=progress)
    named = itertools.product(wanted, [(None, "Whole image"), *((one.id, one.name) for one in regions)])
    rows, kept = [], []
    for (pair, (roi, name)), result in zip(named, found, strict=True):
        kept.append(_kept(session, result, version, roi, threshold))
        rows.append({"channels": list(pair), "roi": roi, "name": name, "result": result.to_dict()})
    if session.read_only is None:
        session.analyses.put(kept, author)
    return rows


def memory(session: Session, version: str) -> int:
    """Bytes of memory that revealing a plane's pixels takes: two channels, and where each and both are over their thresholds."""
    shape, dtype = session.version(version).shape, np.dtype(session.version(version).dtype)
    return (2 * dtype.itemsize + 5) * shape[3] * shape[4]


def revealed(
    session: Session, version: str, channels: tuple[int, int], thresholds: tuple[float, float], t: int, z: int, region: ROI | None = None
) -> Picture:
    """The colocalized pixels of one plane, within the region that the thresholds are for."""
    check_plane(session.version(version), t, z, *channels)
    image = session.image(version)
    a, b = (image.plane(t, c, z) for c in channels)
    found = (a >= thresholds[0]) & (b >= thresholds[1])
    if region is not None:
        region = session.placed(region, version)
        found &= region.rows(Grid.of(image), z, t, 0, image.shape[3])
    return Picture.of((found.astype(np.uint8) * 255)[None])
