"""The picture of the demo: input, plain upsampling, result and truth side by side, whole and enlarged, to scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image as Picture
from PIL import ImageColor, ImageDraw, ImageFont

from abbe.cli.demo_figures import Score
from abbe.image import Image

#: side of a panel, margin between panels, height of a title and of the caption, in pixels
PANEL, GAP, TITLE, CAPTION = 384, 8, 52, 34
#: the brightness window of each channel, in percentiles of the image shown: the same rule for each panel
WINDOW = (1.0, 99.8)
INK, PALE, PAPER = (236, 236, 236), (158, 158, 158), (18, 18, 18)

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Panel:
    """One image with its title and a line below it."""

    image: Image
    title: str
    line: str


@dataclass(frozen=True, slots=True)
class Detail:
    """The square that is shown enlarged: corner (y, x) and side, as fractions of the field."""

    y: float
    x: float
    side: float


#: what is shown enlarged: microtubules with lysosomes on them, right of the nucleus
DETAIL = Detail(0.34, 0.62, 0.25)


def picture(
    seen: Image, plain: Image, enhanced: Image, truth: Image, plain_scores: Sequence[Score], scores: Sequence[Score]
) -> Picture.Image:
    """The demo's picture: what the microscope saw, plainly upsampled, enhanced, and the truth, with the scores of the two between."""
    panels = [
        Panel(seen, "Microscope (simulated)", f"widefield, {seen.shape[4]} x {seen.shape[3]} pixels"),
        Panel(plain, "Plain upsampling", _mean(plain_scores)),
        Panel(enhanced, "abbe", _mean(scores)),
        Panel(truth, "Truth", "what is in focus, without blur and noise"),
    ]
    names = ", ".join(seen.channels)
    rule = "Each panel runs from its 1st to its 99.8th percentile. PSNR and SSIM: against the truth, mean over channels."
    return side_by_side(panels, DETAIL, f"A simulated cell ({names}). {rule}")


def _mean(scores: Sequence[Score]) -> str:
    psnr, ssim = (sum(values) / len(scores) for values in zip(*((s.psnr, s.ssim) for s in scores)))
    return f"PSNR {psnr:.1f} dB, SSIM {ssim:.2f}"


def side_by_side(panels: Sequence[Panel], detail: Detail, caption: str) -> Picture.Image:
    """All panels in a row, the detail of each below it; scale bars where the pixel size is known."""
    width = GAP + len(panels) * (PANEL + GAP)
    sheet = Picture.new("RGB", (width, TITLE + 2 * (PANEL + GAP) + CAPTION), PAPER)
    draw = ImageDraw.Draw(sheet)
    for k, panel in enumerate(panels):
        left = GAP + k * (PANEL + GAP)
        colours = in_colour(panel.image)
        n = len(colours)
        draw.text((left, 6), panel.title, INK, font(18))
        draw.text((left, 30), panel.line, PALE, font(14))
        corner, side = (round(detail.y * n), round(detail.x * n)), round(detail.side * n)
        whole = Picture.fromarray(colours).resize((PANEL, PANEL), Picture.Resampling.BOX if n > PANEL else Picture.Resampling.NEAREST)
        part = Picture.fromarray(np.ascontiguousarray(colours[corner[0] : corner[0] + side, corner[1] : corner[1] + side]))
        sheet.paste(whole, (left, TITLE))
        sheet.paste(part.resize((PANEL, PANEL), Picture.Resampling.NEAREST), (left, TITLE + PANEL + GAP))
        frame = [left + detail.x * PANEL, TITLE + detail.y * PANEL]
        draw.rectangle([*frame, *(edge + detail.side * PANEL for edge in frame)], outline=INK)
        pixel = panel.image.pixel_size[2]
        if pixel is not None:
            _bar(draw, (left, TITLE), PANEL / (n * pixel))
            _bar(draw, (left, TITLE + PANEL + GAP), PANEL / (side * pixel))
    draw.text((GAP, sheet.height - CAPTION + 6), caption, PALE, font(14))
    return sheet


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which matplotlib brings: Pillow's own font has no µ."""
    from matplotlib import get_data_path

    return ImageFont.truetype(Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)


def in_colour(image: Image) -> Pixels:
    """(Y, X, 3) of the first plane: the channels in their colours, added."""
    light = np.zeros((*image.shape[3:], 3))
    for c, colour in enumerate(image.colors):
        plane = image.plane(c=c).astype(np.float64)
        low, high = np.percentile(plane, WINDOW)
        shown = np.clip((plane - low) / max(high - low, 1e-9), 0, 1)
        light += shown[..., None] * np.array(ImageColor.getrgb(colour or "#ffffff"))
    return np.clip(light, 0, 255).astype(np.uint8)


def _bar(draw: ImageDraw.ImageDraw, panel: tuple[int, int], per_um: float) -> None:
    """A scale bar in the lower right corner of the panel: the roundest length of about a fifth of it."""
    fitting = [length for length in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if length * per_um <= PANEL / 4]
    length = fitting[-1] if fitting else 0.1
    right, bottom = panel[0] + PANEL - 14, panel[1] + PANEL - 14
    draw.rectangle([right - length * per_um, bottom - 4, right, bottom], fill=INK)
    draw.text((right - length * per_um / 2, bottom - 8), f"{length:g} µm", INK, font(14), anchor="mb")
