"""Drawing on pictures with Pillow: labels, scale bars, boxes, ROI outlines."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from abbe.reporting.figures.fonts import file_for, font_file
from abbe.reporting.figures.scalebar import ScaleBar

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

RGB = npt.NDArray[np.uint8]

#: Okabe & Ito's yellow: legible on grey, magenta and green, with any colour vision
MARK = (240, 228, 66)
#: and their sky blue, for regions of interest
REGION = (86, 180, 233)


@lru_cache(maxsize=16)
def font(size: int, file: str | None = None) -> Any:
    from PIL import ImageFont

    return ImageFont.truetype(file or font_file(), size)


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


def draw_scale_bar(drawn: Picture, bar: ScaleBar) -> None:
    """White on a dark edge, lower right, with its length above it."""
    from PIL import ImageDraw

    pen = ImageDraw.Draw(drawn)
    width, height = drawn.size
    size = max(16, width // 30)
    thick, margin = max(3, width // 120), width // 30
    right, bottom = width - margin, height - margin
    left = right - round(bar.pixels)
    pen.rectangle((left - 1, bottom - thick - 1, right + 1, bottom + 1), fill=(0, 0, 0))
    pen.rectangle((left, bottom - thick, right, bottom), fill=(255, 255, 255))
    middle = min((left + right) / 2, width - 4 - font(size).getlength(bar.label) / 2)  # a long label over a short bar stays inside
    pen.text(
        (middle, bottom - thick - 4), bar.label, font=font(size), anchor="ms", fill=(255, 255, 255), stroke_width=2, stroke_fill=(0, 0, 0)
    )


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
    """Panels of one height in a row on white, each under its label."""
    from PIL import Image as Pillow
    from PIL import ImageDraw

    size = max(14, panels[0].size[0] // 30)
    head = round(size * 1.7)
    width = sum(panel.size[0] for panel in panels) + gap * (len(panels) - 1)
    sheet = Pillow.new("RGB", (width, panels[0].size[1] + head), (255, 255, 255))
    pen = ImageDraw.Draw(sheet)
    x = 0
    for number, (panel, label) in enumerate(zip(panels, labels, strict=True), 1):
        text, face = lettering(label, size, f"image {number}")
        pen.text((x + 1, head - size * 0.5), _fitting(text, face, panel.size[0]), font=face, anchor="ls", fill=(30, 30, 30))
        sheet.paste(panel, (x, head))
        x += panel.size[0] + gap
    return sheet


def _fitting(text: str, face: Any, width: int) -> str:
    if face.getlength(text) <= width:
        return text
    while text and face.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"
