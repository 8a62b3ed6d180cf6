"""From a session to the case of a report."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from abbe.errors import AbbeError
from abbe.reporting.case import Case, Measured, Named, Remark
from abbe.session.crop import moved
from abbe.session.plain import plain
from abbe.session.records import Analysis, Version

if TYPE_CHECKING:
    from abbe.session._session import Session

#: channels up to which every pair is measured unasked: 4 have 6 pairs
PAIRS = 4


def case_of(session: Session, version: Version) -> Case:
    """The version with its measurements, beside what it was made from."""
    image = session.image(version.id)
    parent = session.version(version.parent) if image.original is not None and version.parent else None
    named = Named(version.id, version.name, image, version.created)
    before = named if image.original is None else Named(parent.id if parent else "", parent.name if parent else "original", image.original)
    rois = tuple(moved(session.rois.roi(region.id), version.offset) for region in session.rois)
    kept = [analysis for analysis in session.analyses if analysis.version == version.id]
    colocalizations = [_kept(session, analysis) for analysis in kept if analysis.kind == "colocalization"]
    comparisons = [_kept(session, analysis) for analysis in kept if analysis.kind == "comparison"][-1:]
    return Case(
        title=session.name,
        before=before,
        after=None if image.original is None else named,
        versions=tuple(Named(v.id, v.name, session.image(v.id), v.created) for v in session.versions if _readable(session, v)),
        colocalizations=tuple(colocalizations or _every_pair(named)),
        comparisons=tuple(comparisons or _comparison(named)),
        rois=rois,
        comments=tuple(Remark(c.text, c.author, c.created, c.version) for c in session.comments),
        source=str(session.path),
        kept=True,
        digests=_digests(session, version),
        problems=session.problems,
    )


def _digests(session: Session, version: Version) -> tuple[str, ...]:
    """Of the version and its ancestors as they were saved; empty where a crop is among them, whose original is computed."""
    known = {v.id: v for v in session.versions}
    found = [version]
    while (parent := known.get(found[0].parent or "")) is not None:  # a parent that was deleted is none, as for `Session.image`
        if found[0].operation == "crop":
            return ()
        found.insert(0, parent)
    return tuple(v.digest or "" for v in found) if all(v.digest for v in found) else ()


def _readable(session: Session, version: Version) -> bool:
    """Damaged versions are told of among the problems."""
    try:
        session.image(version.id)
    except AbbeError:
        return False
    return True


def _kept(session: Session, analysis: Analysis) -> Measured:
    version = session.version(analysis.version)
    image = session.image(version.id)
    return Measured(analysis.id, analysis.results, image, f"{version.id} {version.name}", analysis.parameters)


def _every_pair(named: Named) -> list[Measured]:
    from abbe.colocalization import colocalize

    count = named.image.shape[1]
    pairs = itertools.combinations(range(count), 2) if count <= PAIRS else []
    found = []
    for number, pair in enumerate(pairs, 1):
        data: dict[str, Any] = plain(colocalize(named.image, pair))
        found.append(Measured(f"pair{number}", data, named.image, f"{named.key} {named.name}", {"channels": list(pair)}))
    return found


def _comparison(named: Named) -> list[Measured]:
    from abbe.comparison import compare

    if named.image.original is None:
        return []
    try:
        data: dict[str, Any] = plain(compare(named.image.original, named.image).to_dict(resolution=False))
    except AbbeError:  # another grid, such as a merged or reordered image: there is nothing to compare pixel by pixel
        return []
    return [Measured("comparison", data, named.image, f"{named.key} {named.name}")]
