"""What is said of pictures beside them: grey values, planes and frames, and the scale where no bar says it."""

from __future__ import annotations

from collections.abc import Sequence

from abbe.reporting.figures.panels import Detail, Panels, bar_of_detail
from abbe.reporting.figures.planes import HIGH, LOW
from abbe.reporting.figures.scalebar import Placed
from abbe.reporting.inert import short

#: how limits that nobody set were found
PERCENTILES = f"the {LOW} and {HIGH} percentiles"


# ---------------------------------------------------------------------------------------------- captions of a report
def bars(panels: Sequence[Panels], places: Sequence[Placed]) -> str:
    """The lengths of the scale bars of pictures side by side, also of those that have none because they are too thin."""
    labels = list(dict.fromkeys(place.bar.label for place in places))
    if not all(place.drawn for place in places):
        return f"Too thin for a scale bar: {' and '.join(dict.fromkeys(map(_extent, panels)))}."
    bare = "" if all(place.labelled for place in places) else " There is no room for the length beside it."
    if all(place.bar.unit == "µm" for place in places):
        return (f"Scale bar: {labels[0]}." if len(labels) == 1 else f"Scale bars: {' and '.join(labels)}.") + bare
    if len(labels) == 1:
        return f"Bar: {labels[0]} of each image; the pixel size is not known.{bare}"
    return f"Bars: {' and '.join(labels)}, each of its own image; the pixel size is not known.{bare}"


def _extent(panel: Panels) -> str:
    """How wide an image is."""
    columns, size = panel.image.shape[4], panel.image.pixel_size[2]
    return f"{columns} pixels wide, the pixel size is not known" if size is None else f"{columns * size:.4g} µm wide"


def seen(panels: Sequence[Panels]) -> str:
    """Which frame, and that it is a projection: said once where it holds for all of the pictures."""
    whats = [panel.shown(0).what for panel in panels]
    if len(set(whats)) == 1:
        return f"{whats[0][0].upper()}{whats[0][1:]}." if whats[0] else ""
    return " ".join(f"{panel.label}: {what or 'one plane'}." for panel, what in zip(panels, whats, strict=True))


def seen_in_detail(panels: Sequence[Panels], where: Detail) -> str:
    """Which plane of each, and which frame."""
    planes = ", ".join(f"{panel.label} {plane(panel, where)}" for panel in panels) if _stacked(panels) else ""
    frames = panels[0].image.shape[0]
    frame = f"frame {panels[0].frame + 1} of {frames}" if frames > 1 else ""
    said = ", ".join(filter(None, (frame, planes)))
    return f"{said[0].upper() if frame else said[0]}{said[1:]}." if said else ""


def plane(panel: Panels, where: Detail) -> str:
    """The plane of a detail, and how deep it lies."""
    z, step = where.plane(panel.image), panel.image.pixel_size[0]
    return f"plane {z + 1} of {panel.image.shape[2]}{f' (z {z * step:.3g} µm)' if step else ''}"


def _stacked(panels: Sequence[Panels]) -> bool:
    return any(panel.image.shape[2] > 1 for panel in panels)


# ---------------------------------------------------------------------------------------------- descriptions of exported pictures
def grey_values(panels: Sequence[Panels], how: str | None = None) -> str:
    """Which grey values are black and full colour in exported pictures; `how` they were found, by default what the panels say."""
    lines = []
    for panel in panels:
        ends = [(name, *panel.limits(c)) for c, name in enumerate(panel.image.channels)]
        values = ", ".join(f"{name} {low:.4g} to {high:.4g}" for name, low, high in ends)
        found = how or ("as set" if panel.between else PERCENTILES)
        what = panel.shown(0).what
        lines.append(f"{panel.named.name}: {values} ({found}{'; ' + what if what else ''})")
    return f"grey values from black to full colour, linear, in pictures of {'; '.join(lines)}"


def insets(panels: Sequence[Panels], where: Detail | None) -> str:
    """Of stacks, the plane that each inset shows; else nothing."""
    if where is None or not _stacked(panels):
        return ""
    return f"each inset is one plane: of {', of '.join(f'{panel.named.name} {plane(panel, where)}' for panel in panels)}"


def scales(panels: Sequence[Panels], where: Detail | None = None, width: int = 0) -> str:
    """The lengths of the bars in exported pictures and their pixel sizes; `where` and `width`: of their insets, where there are some."""
    lines = []
    for panel in panels:
        inset = "" if where is None else f", in its inset {bar_of_detail(panel, where, width).bar.label}"
        lines.append(f"{panel.named.name}: {_scale(panel)}{inset}")
    return f"scale bar of {'; of '.join(lines)}"


def _scale(panel: Panels) -> str:
    place, bar = panel.placed, panel.bar
    each = f"{bar.length / bar.pixels:.4g} µm each" if bar.unit == "µm" else "the pixel size is not known"
    length = f"{bar.pixels:.4g} pixels of the picture ({each})"
    if not place.drawn:
        return f"none, for want of room: {bar.label} are {length}"
    return f"{bar.label}{'' if place.labelled else ', drawn without its length'}, {length}"


def unscaled(panels: Sequence[Panels], what: str = "") -> str:
    """That a picture, in `what`, has no room for a bar, or for its length; nothing where all have."""
    bare = [panel for panel in panels if not panel.placed.labelled]
    lines = [
        f"{short(panel.named.name, 40)}: {'no room for the length of its scale bar' if panel.placed.drawn else 'no room for a scale bar'}, "
        f"{panel.bar.label} are {panel.bar.pixels:.4g} pixels of the picture"
        for panel in bare
    ]
    return f"{what}{'; '.join(lines)} (as its description says)" if lines else ""
