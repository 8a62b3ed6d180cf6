"""Before and after: whole views, colours, a detail at full resolution, histograms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from abbe.reporting.case import Case
from abbe.reporting.figures.canvas import rows_of
from abbe.reporting.figures.captions import bars, seen, seen_in_detail
from abbe.reporting.figures.charts import histograms
from abbe.reporting.figures.panels import Detail, Panels, bar_of_detail, detail, details, views
from abbe.reporting.figures.planes import HIGH, LOW
from abbe.reporting.figures.tables import word
from abbe.reporting.inert import short
from abbe.reporting.model import Figure, Section

#: most channels that get pictures of their own, and most histograms side by side
MOST, HISTOGRAMS = 6, 4


def pictures(case: Case) -> Section:
    """All channels in colour, then each in grey; below each view its busiest part as it is, pixel by pixel."""
    regions = case.regions
    panels = [Panels(case.before, regions)] + ([Panels(case.after, regions)] if case.after else [])
    image = case.before.image
    count = image.shape[1]
    figures = list(_pair(panels, None)) if 1 < count <= MOST else []
    for c in range(min(count, MOST)):
        figures += _pair(panels, c)
    after = case.after.image if case.after else None
    names = (short(case.before.name, 40), short(case.after.name, 40) if case.after else "")
    text = f"Share of the pixels per grey value, all frames and planes, 200 bins over the range of both images ({names[0]}"
    text += f" and {names[1]}), logarithmic." if after else "), logarithmic."
    rows = rows_of(min(count, MOST), HISTOGRAMS)
    for row in rows:
        key, which = ("histograms", "") if not row.start else (f"histograms-{row.start}", f", from channel {row.start + 1}")
        figures.append(Figure(key, f"Histograms{which}", text, histograms(image, after, names, row, len(rows[0]))))
    left_out = f"Pictures are of the first {MOST} of {count} channels." if count > MOST else ""
    return Section("pictures", "Before and after" if after else "Image", (left_out,) if left_out else (), figures=tuple(figures))


def _pair(panels: Sequence[Panels], c: int | None) -> Iterator[Figure]:
    """The whole view and its detail, of one channel or of all."""
    where = detail(panels[0], c)
    box = None if where is None else (where.y, where.x, where.side)
    key, name = ("merged", "All channels") if c is None else (f"channel-{c}", short(panels[0].image.channels[c], 40))
    caption = _merged_caption(panels) if c is None else _caption(panels, c)
    marks = "".join(
        f" {text}"
        for text, shown in (("Yellow box: the detail below.", where), ("Blue outlines: regions of interest.", panels[0].rois))
        if shown
    )
    yield Figure(key, name, caption + marks, views(panels, c, box))
    if where is not None:
        yield Figure(f"{key}-detail", f"{name}, detail", _detail_caption(panels, where), details(panels, c, where))


def _caption(panels: Sequence[Panels], c: int) -> str:
    parts = [_bar(panels)]
    for panel in panels:
        low, high = panel.limits(c)
        what = panel.shown(c).what
        parts.append(f"{panel.label}: grey values {low:.4g} (black) to {high:.4g} (white), linear{', ' + what if what else ''}.")
    parts.append(f"Limits are the {LOW} and {HIGH} percentiles of each picture; no gamma.")
    return " ".join(parts)


def _detail_caption(panels: Sequence[Panels], where: Detail) -> str:
    sizes = [f"{round(where.side * panel.image.shape[4])} pixels" for panel in panels]
    text = f"The part with the most structure, {' and '.join(sizes)} wide, not interpolated; grey values as in the whole view."
    bar = bars(panels, [bar_of_detail(panel, where, panel.side) for panel in panels])
    return " ".join(filter(None, (text, seen_in_detail(panels, where), bar)))


def _merged_caption(panels: Sequence[Panels]) -> str:
    image = panels[0].image
    named = ", ".join(f"{short(name, 30)} {word(color)}" for name, color in zip(image.channels, panels[0].colors, strict=True))
    return " ".join(filter(None, (_bar(panels), f"{named}; grey-value limits as in the single channels.", seen(panels))))


def _bar(panels: Sequence[Panels]) -> str:
    return bars(panels, [panel.placed for panel in panels])
