"""A figure for a paper: before and after in colour, scale bar, channel names in their colours, an inset of the busiest part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from abbe.image import ROI
from abbe.reporting.case import Named
from abbe.reporting.figures import drawing
from abbe.reporting.figures.panels import Detail, Panels, detail, enlarged
from abbe.reporting.figures.planes import stretch
from abbe.reporting.figures.scalebar import IN_PAPER
from abbe.reporting.figures.tables import MAPS, table
from abbe.reporting.inert import short

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

#: pixels a side of one panel: 85 mm, a journal's column, at 300 per inch
SIDE = 1004
DPI = 300
#: the inset's side as a share of the panel's shorter one, and fewest pixels of it
INSET, SMALLEST = 0.36, 64


def publication(named: Sequence[Named], rois: tuple[ROI, ...] = (), colored: bool = True, tints: tuple[str, ...] = ()) -> Picture:
    """The images side by side, each with scale bar and inset. `colored` False: the first channel in grey. `tints`: as for `Panels`."""
    return figure([Panels(one, rois, SIDE, tints, legible=IN_PAPER) for one in named], colored)


def figure(panels: Sequence[Panels], colored: bool = True) -> Picture:
    """The same of panels, `SIDE` pixels a side, with a contrast or frame of their own."""
    where = inset(panels)
    drawn = [_panel(panel, where, colored) for panel in panels]
    return _with_legend(drawing.side_by_side(drawn, [short(panel.named.name, 40) for panel in panels], gap=24), panels[0], colored)


def inset(panels: Sequence[Panels]) -> Detail | None:
    """What the insets show; None where the images are too small to magnify a part of them, or so thin that an inset would be."""
    return detail(panels[0]) if all(inset_width(panel) >= SMALLEST for panel in panels) else None


def inset_width(panel: Panels) -> int:
    """In pixels of the figure."""
    return round(INSET * min(panel.size))


def _panel(panel: Panels, where: Detail | None, colored: bool) -> Picture:
    drawn = panel.marked(panel.merged() if colored else panel.grey(0))
    if where is None:
        return drawn
    width, height = drawn.size
    drawing.draw_box(drawn, (where.y * height, where.x * width), (where.side * width * stretch(panel.image), where.side * width))
    magnified = enlarged(panel, None if colored else 0, where, inset_width(panel))
    drawing.frame(magnified)
    drawn.paste(magnified, _corner(where, drawn.size, magnified.size, stretch(panel.image)))
    return drawn


def _corner(where: Detail, size: tuple[int, int], inset: tuple[int, int], tall: float) -> tuple[int, int]:
    """Upper left or lower left, whichever does not hide what it enlarges; the scale bar keeps the lower right."""
    width, height = size
    lower = where.x * width < inset[0] and (where.y + where.side * width * tall / height) * height > height - inset[1]
    return (0, 0) if lower else (0, height - inset[1])


def _with_legend(sheet: Picture, panel: Panels, colored: bool) -> Picture:
    """The sheet with a line of channel names below, each beside a patch of its colour; wider where the names need it."""
    from PIL import Image as Pillow
    from PIL import ImageDraw

    size = SIDE // 30
    names = panel.image.channels if colored else panel.image.channels[:1]
    texts = [drawing.lettering(short(name, 30), size, f"channel {number}") for number, name in enumerate(names, 1)]
    steps = [round(2.6 * size + face.getlength(text)) for text, face in texts]
    legend = Pillow.new("RGB", (max(sheet.size[0], sum(steps) + 2), sheet.size[1] + 2 * size), (255, 255, 255))
    legend.paste(sheet, (0, 0))
    pen = ImageDraw.Draw(legend)
    x, y = 2, sheet.size[1] + size // 2
    for (text, face), step, color in zip(texts, steps, panel.colors if colored else ("#FFFFFF",), strict=False):
        legend.paste(_patch(color, size), (x, y))
        pen.rectangle((x, y, x + size, y + size), outline=(60, 60, 60))
        pen.text((x + 1.4 * size, y + size), text, font=face, anchor="ls", fill=(30, 30, 30))
        x += step
    return legend


def _patch(tint: str, size: int) -> Picture:
    """A square of a colour; of a map all its colours, the lowest value on the left."""
    shades = table(tint) if tint in MAPS else table(tint)[-1:]
    row = shades[np.linspace(0, len(shades) - 1, size + 1).astype(int)]
    return drawing.picture(np.rint(255 * np.repeat(row[None], size + 1, axis=0)).astype(np.uint8))
