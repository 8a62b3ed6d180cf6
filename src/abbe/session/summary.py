"""From a session to the case of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abbe.errors import AbbeError
from abbe.image import ROI
from abbe.reporting.case import Ancestor, Case, Measured, Named, Remark
from abbe.reporting.measuring import comparison, every_pair
from abbe.session import standing
from abbe.session.multiscale import Progress
from abbe.session.progress import part
from abbe.session.records import Analysis, Version

if TYPE_CHECKING:
    from abbe.session._session import Session


def case_of(session: Session, version: Version, progress: Progress | None = None) -> Case:
    """The version with its measurements, beside what it was made from."""
    image = session.image(version.id)
    parent = session.version(version.parent) if image.original is not None and version.parent else None
    named = Named(version.id, version.name, image, version.created)
    before = named if image.original is None else Named(parent.id if parent else "", parent.name if parent else "original", image.original)
    rois = tuple(session.placed(session.rois.roi(region.id), version.id) for region in session.rois)
    kept = [analysis for analysis in session.analyses if analysis.version == version.id]
    numbers = [analysis for analysis in kept if analysis.kind == "colocalization"]
    placed = {region.id: roi for region, roi in zip(session.rois, rois, strict=True)}
    colocalizations = [_kept(session, analysis, placed.get(analysis.roi or "")) for analysis in numbers]
    comparisons = [_kept(session, analysis) for analysis in kept if analysis.kind == "comparison"][-1:]
    return Case(
        title=session.name,
        before=before,
        after=None if image.original is None else named,
        versions=tuple(Named(v.id, v.name, session.image(v.id), v.created) for v in session.versions if _readable(session, v)),
        colocalizations=tuple(colocalizations or every_pair(named, part(progress, 0.0, 0.6))),
        comparisons=tuple(comparisons or comparison(named, part(progress, 0.6, 1.0))),
        rois=rois,
        comments=tuple(Remark(c.text, c.author, c.created, c.version) for c in session.comments),
        source=str(session.path),
        kept=True,
        lineage=_lineage(session, version),
        problems=(*session.problems, *standing.changed_since(numbers, placed.get)),
    )


def _lineage(session: Session, version: Version) -> tuple[Ancestor, ...]:
    """The version and all that it was made from, with the digests of when they were saved."""
    known = {v.id: v for v in session.versions}
    found = [version]
    while (parent := known.get(found[0].parent or "")) is not None:  # one that was deleted is none, as for `Session.image`
        found.insert(0, parent)
    return tuple(Ancestor(session.image(v.id), v.digest) for v in found)


def _readable(session: Session, version: Version) -> bool:
    """Damaged versions are told of among the problems."""
    try:
        session.image(version.id)
    except AbbeError:
        return False
    return True


def _kept(session: Session, analysis: Analysis, region: ROI | None = None) -> Measured:
    version = session.version(analysis.version)
    image = session.image(version.id)
    return Measured(
        analysis.id, standing.named_as_now(analysis.results, region), image, f"{version.id} {version.name}", analysis.parameters
    )
