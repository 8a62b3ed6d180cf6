"""Drawing on pictures with Pillow: labels, scale bars, boxes, ROI outlines."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from abbe.reporting.figures.fonts import file_for, font
from abbe.reporting.figures.scalebar import Placed, edge

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

RGB = npt.NDArray[np.uint8]

#: Okabe & Ito's yellow: legible on grey, magenta and green, with any colour vision
MARK = (240, 228, 66)
#: and their sky blue, for regions of interest
REGION = (86, 180, 233)
#: width that a label over a narrow panel may take, in heights of its letters
LABEL = 14


def lettering(text: str, size: int, instead: str) -> tuple[str, Any]:
    """A text and the font to draw it with; `instead` where no font of this computer has all of its characters."""
    file = file_for(text)
    return (instead, font(size)) if file is None else (text, font(size, file))


def picture(values: npt.NDArray[np.uint8]) -> Picture:
    """A Pillow picture of (Y, X) or (Y, X, 3)."""
    from PIL import Image as Pillow

    return Pillow.fromarray(values if values.ndim == 3 else np.repeat(values[..., None], 3, axis=2))


def png(drawn: Picture) -> bytes:
    out = io.BytesIO()
    drawn.save(out, "PNG", compress_level=2)
    return out.getvalue()


def draw_scale_bar(drawn: Picture, place: Placed) -> None:
    """White on a dark edge, lower right, with its length above it, as far as there is room for them.

    The bar's last column is as bright as the share of it that the bar covers, so that small pictures have bars of the right length, too.
    """
    from PIL import ImageDraw

    if not place.drawn:
        return
    pen = ImageDraw.Draw(drawn)
    width, height = drawn.size
    right, bottom = width - place.margin, height - place.margin  # the first column and row beyond the bar
    top, left = bottom - place.thick, right - math.floor(place.bar.pixels)
    share = place.bar.pixels - math.floor(place.bar.pixels)
    pen.rectangle((left - 2, top - 1, right, bottom), fill=(0, 0, 0))
    pen.rectangle((left - 1, top, left - 1, bottom - 1), fill=(round(255 * share),) * 3)
    pen.rectangle((left, top, right - 1, bottom - 1), fill=(255, 255, 255))
    if place.labelled:
        ink: dict[str, Any] = {"fill": (255, 255, 255), "stroke_width": edge(place.letters), "stroke_fill": (0, 0, 0)}
        pen.text(place.baseline(drawn.size), place.bar.label, font=font(place.letters), anchor="ls", **ink)


def draw_box(drawn: Picture, corner: tuple[float, float], size: tuple[float, float]) -> None:
    """A box at (y, x) of (height, width)."""
    from PIL import ImageDraw

    (y, x), (height, width) = corner, size
    ImageDraw.Draw(drawn).rectangle((x, y, x + width, y + height), outline=MARK, width=max(2, drawn.size[0] // 250))


def frame(drawn: Picture) -> None:
    """A line around the picture, in the colour of the box that it enlarges."""
    from PIL import ImageDraw

    width, height = drawn.size
    ImageDraw.Draw(drawn).rectangle((0, 0, width - 1, height - 1), outline=MARK, width=max(2, width // 150))


def draw_outline(drawn: Picture, inside: npt.NDArray[np.bool_], label: str, instead: str = "region") -> None:
    """The border of a mask of the picture's size, with a label at its top; `instead` where no font has its characters."""
    from PIL import Image as Pillow
    from PIL import ImageDraw

    if not inside.any():
        return
    core = inside.copy()
    for shift in (1, 2):
        core[shift:] &= inside[:-shift]
        core[:-shift] &= inside[shift:]
        core[:, shift:] &= inside[:, :-shift]
        core[:, :-shift] &= inside[:, shift:]
    edge = Pillow.fromarray((inside & ~core).astype(np.uint8) * 255)
    drawn.paste(Pillow.new("RGB", drawn.size, REGION), mask=edge)
    rows, columns = np.nonzero(inside)
    place = (int(columns.mean()), int(rows.min()) + 3)
    pen = ImageDraw.Draw(drawn)
    label, face = lettering(label, max(11, drawn.size[0] // 32), instead)
    pen.text(place, label, font=face, anchor="ma", fill=REGION, stroke_width=2, stroke_fill=(0, 0, 0))


def side_by_side(panels: list[Picture], labels: list[str], gap: int = 12) -> Picture:
    """Panels of one height in a row on white, each under its label; narrow ones stand apart as far as their labels need it."""
    from PIL import Image as Pillow
    from PIL import ImageDraw

    size = max(14, panels[0].size[0] // 30)
    head = round(size * 1.7)
    texts = [lettering(label, size, f"image {number}") for number, label in enumerate(labels, 1)]
    columns = [
        max(panel.size[0], min(LABEL * size, 2 + math.ceil(face.getlength(text))))
        for panel, (text, face) in zip(panels, texts, strict=True)
    ]
    sheet = Pillow.new("RGB", (sum(columns) + gap * (len(panels) - 1), max(panel.size[1] for panel in panels) + head), (255, 255, 255))
    pen = ImageDraw.Draw(sheet)
    x = 0
    for panel, column, (text, face) in zip(panels, columns, texts, strict=True):
        pen.text((x + 1, head - size * 0.5), _fitting(text, face, column), font=face, anchor="ls", fill=(30, 30, 30))
        sheet.paste(panel, (x, head))
        x += column + gap
    return sheet


def _fitting(text: str, face: Any, width: int) -> str:
    if face.getlength(text) <= width:
        return text
    while text and face.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"
