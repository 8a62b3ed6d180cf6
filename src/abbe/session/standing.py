"""Regions as they are now, and the numbers that were kept of them: what a reader of both has to be told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from abbe.errors import AbbeError
from abbe.image import ROI, Grid, Image
from abbe.reporting.case import Measured, outline
from abbe.session.records import Analysis

#: names in one line; the rest are counted
NAMED = 6

Place = Callable[[str], ROI | None]


def named_as_now(results: Mapping[str, Any], now: ROI | None) -> Mapping[str, Any]:
    """The numbers under the name that their region has now, as long as it lies where it was measured."""
    told = results.get("region")
    if now is None or not now.name or not isinstance(told, Mapping) or not isinstance(told.get("roi"), Mapping) or _differs(results, now):
        return results
    return {**results, "region": {**told, "name": now.name, "roi": {**told["roi"], "name": now.name}}}


def changed_since(kept: Sequence[Analysis], now: Place) -> Iterator[str]:
    """A line for regions that were moved, and one for those deleted, after their numbers had been kept. `now`: the region of an id."""
    moved, deleted = dict[str, str](), dict[str, str]()
    for analysis in kept:
        if analysis.roi is None:
            continue
        region, before = now(analysis.roi), str(analysis.results.get("region", {}).get("name") or analysis.roi)
        if region is None:
            deleted[analysis.roi] = before
        elif _differs(analysis.results, region):
            moved[analysis.roi] = before if region.name in ("", before) else f"{before} (now {region.name})"
    if moved:
        it, was = ("it", "was") if len(moved) == 1 else ("they", "were")
        yield (
            f"the numbers of {_list(moved.values())} are of where {it} lay when they were kept, and {it} {was} moved or reshaped since: "
            "measure again, and keep that"
        )
    if deleted:
        it = "the region itself was" if len(deleted) == 1 else "the regions themselves were"
        yield f"the numbers of {_list(deleted.values())} are here because they were kept; {it} deleted since"


def without_numbers(rois: Sequence[ROI], measured: Sequence[Measured], image: Image) -> str | None:
    """A line for regions that are drawn in the pictures of a version, `image`, while nothing that was measured in them was kept.

    Of those that a crop left outside there is nothing to measure.
    """
    known = {outline(roi) for one in measured if (roi := _measured_in(one.data)) is not None}
    missing = [roi.name or "a region" for roi in rois if outline(roi) not in known and _lies_in(roi, image)]
    if not missing:
        return None
    return (
        f"no numbers of {_list(missing)}: nothing measured there on this version was kept. On the page, Colocalization measures all "
        "regions in Table of all, and one in Keep for the report"
    )


def _lies_in(roi: ROI, image: Image) -> bool:
    grid = Grid.of(image)
    first, last = roi.span(grid, 0, grid.rows)
    return any(roi.rows(grid, z, t, first, last).any() for t in range(image.shape[0]) for z in range(grid.planes))


def _differs(results: Mapping[str, Any], now: ROI) -> bool:
    before = _measured_in(results)
    return before is not None and outline(before) != outline(now)


def _measured_in(results: Mapping[str, Any]) -> ROI | None:
    told = results.get("region")
    try:
        return ROI.from_dict(told["roi"]) if isinstance(told, Mapping) and isinstance(told.get("roi"), Mapping) else None
    except AbbeError:  # data of a damaged or foreign session
        return None


def _list(names: Iterable[str]) -> str:
    every = [name[:60] for name in names]
    return ", ".join(every[:NAMED]) + (f" and {len(every) - NAMED} others" if len(every) > NAMED else "")
