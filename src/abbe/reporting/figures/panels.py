"""Images side by side: before and after, each channel in grey, all channels in colour, and a detail at full resolution."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from abbe.image import ROI, Grid, Image
from abbe.reporting.case import Named
from abbe.reporting.figures import drawing
from abbe.reporting.figures.outlines import elsewhere, projected
from abbe.reporting.figures.planes import Float, Shown, busiest, limits, shown, stretch
from abbe.reporting.figures.scalebar import ScaleBar, scale_bar
from abbe.reporting.figures.tables import table
from abbe.reporting.inert import short

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

#: pixels a side of one panel: at half of a page's width, 180 per inch
SIDE = 620
#: colours of channels whose file gives none; magenta and green, told apart with any colour vision, first
COLORS = ("#FF00FF", "#00FF00", "#56B4E9", "#E69F00", "#F0E442", "#0072B2", "#D55E00", "#FFFFFF")


@dataclass(frozen=True)
class Panels:
    """Pictures of one version. Averages over the pixels of an image that is larger than the panel are made once.

    `tints`: a lookup table per channel, as `tables.checked` gives them; by default the file's colours, or abbe's.
    `frame`: the frame that is shown. `between`: grey values shown as black and white, per channel; by default those of `planes.limits`.
    """

    named: Named
    rois: tuple[ROI, ...] = ()
    side: int = SIDE
    tints: tuple[str, ...] = ()
    frame: int = 0
    between: tuple[tuple[float, float], ...] = ()
    _known: dict[int, Shown] = field(default_factory=dict, repr=False)
    _limits: dict[int, tuple[float, float]] = field(default_factory=dict, repr=False)

    @property
    def image(self) -> Image:
        return self.named.image

    @property
    def colors(self) -> tuple[str, ...]:
        return self.tints or colors(self.image)

    @property
    def label(self) -> str:
        return f"{self.named.key} {short(self.named.name, 40)}".strip()

    def shown(self, c: int) -> Shown:
        if c not in self._known:
            self._known[c] = shown(self.image, c, 2 * self.side, self.frame)
        return self._known[c]

    def limits(self, c: int) -> tuple[float, float]:
        if self.between:
            return self.between[c]
        if c not in self._limits:
            self._limits[c] = limits(self.shown(c).values)
        return self._limits[c]

    @cached_property
    def size(self) -> tuple[int, int]:
        """(width, height) of a panel, in its pixels."""
        height, width = self.image.shape[3] * stretch(self.image), self.image.shape[4]
        scale = self.side / max(height, width)
        return max(1, round(width * scale)), max(1, round(height * scale))

    @property
    def bar(self) -> ScaleBar:
        """The scale bar of a whole view."""
        return scale_bar(self.size[0], self.image.pixel_size[2], self.image.shape[4] / self.size[0])

    def grey(self, c: int) -> Picture:
        return self._sized(drawing.picture(_bytes(self.shown(c).values, self.limits(c))))

    def merged(self) -> Picture:
        """All channels added up in their colours."""
        planes = [self.shown(c).values for c in range(self.image.shape[1])]
        return self._sized(drawing.picture(blended(planes, [self.limits(c) for c in range(len(planes))], self.colors)))

    def marked(self, drawn: Picture) -> Picture:
        """With scale bar and ROIs."""
        width, height = drawn.size
        grid = Grid.of(self.image)
        y, x = self.image.shape[3] / height, self.image.shape[4] / width
        um = tuple(None if size is None else size * factor for size, factor in zip(grid.um, (1, y, x)))
        original = grid.original[0], grid.original[1] * y, grid.original[2] * x
        small = Grid(grid.frames, grid.planes, height, width, (um[0], um[1], um[2]), original)
        for number, roi in enumerate(self.rois, 1):
            if roi.unit == "pixel" or small.um[2] is not None:
                inside, beside = projected(roi, small, self.frame), elsewhere(roi, self.frame)
                drawing.draw_outline(drawn, inside, short(roi.name, 20) + beside, f"region {number}{beside}")
        drawing.draw_scale_bar(drawn, self.bar)
        return drawn

    def _sized(self, drawn: Picture) -> Picture:
        from PIL import Image as Pillow

        enlarged = drawn.size[0] <= self.size[0]
        return drawn.resize(self.size, Pillow.Resampling.NEAREST if enlarged else Pillow.Resampling.BOX)


def colors(image: Image) -> tuple[str, ...]:
    """ "#rrggbb" per channel: the file's own where it has one for each, else defaults that any colour vision tells apart."""
    if all(image.colors) and len(set(image.colors)) == len(image.colors):
        return tuple(color or "#FFFFFF" for color in image.colors)
    return tuple(COLORS[c % len(COLORS)] for c in range(image.shape[1])) if image.shape[1] > 1 else ("#FFFFFF",)


def blended(planes: Sequence[Float], between: Sequence[tuple[float, float]], tints: Sequence[str]) -> npt.NDArray[np.uint8]:
    """(Y, X, 3): the planes added up, each through its lookup table."""
    total = np.zeros((*planes[0].shape, 3), np.float32)
    for plane, pair, tint in zip(planes, between, tints, strict=True):
        total += table(tint)[_bytes(plane, pair)]
    shown: npt.NDArray[np.uint8] = np.clip(np.rint(255 * total), 0, 255).astype(np.uint8)
    return shown


def views(panels: Sequence[Panels], c: int | None, box: tuple[float, float, float] | None) -> Callable[[], bytes]:
    """Whole views side by side: channel `c` in grey, or all in colour. `box` (y, x, side), shares of height, width, width, is marked."""

    def draw() -> bytes:
        found = []
        for panel in panels:
            drawn = panel.marked(panel.merged() if c is None else panel.grey(c))
            if box is not None:
                width, height = drawn.size
                drawing.draw_box(drawn, (box[0] * height, box[1] * width), (box[2] * width * stretch(panel.image), box[2] * width))
            found.append(drawn)
        return drawing.png(drawing.side_by_side(found, [panel.label for panel in panels]))

    return draw


# ---------------------------------------------------------------------------------------------- a detail
@dataclass(frozen=True, slots=True)
class Detail:
    """A square part of the field, the same on every version. Shares of the height, of the width, and of the width."""

    y: float
    x: float
    side: float
    z: int = 0


#: most pixels of the original along a detail's side, so that each can be seen; the image's shorter side over it, so that it magnifies
DETAIL, DETAIL_SHARE = 128, 5


def detail(panels: Panels, c: int | None = None) -> Detail | None:
    """The busiest square of the original in channel `c`, or in all together; None where the image is too small to magnify a part of it."""
    height, width = panels.image.shape[3:]
    wanted = min(DETAIL, min(height, width) // DETAIL_SHARE)
    if wanted < 24:
        return None
    chosen = range(panels.image.shape[1]) if c is None else (c,)
    together: Float = np.sum([_unit(panels.shown(k).values, panels.limits(k)) for k in chosen], axis=0)
    factor = panels.shown(chosen[0]).factor
    y, x = busiest(together, max(1, round(wanted / factor)))
    return Detail(y * factor / height, x * factor / width, wanted / width)


def details(panels: Sequence[Panels], c: int | None, where: Detail) -> Callable[[], bytes]:
    """The detail side by side, channel `c` in grey or all in colour, each pixel as it is, limits taken from the whole view."""

    def draw() -> bytes:
        drawn = [enlarged(panel, c, where, panel.side) for panel in panels]
        return drawing.png(drawing.side_by_side(drawn, [f"{panel.label}, detail" for panel in panels]))

    return draw


def enlarged(panel: Panels, c: int | None, where: Detail, width: int) -> Picture:
    """A detail `width` pixels wide, with its scale bar."""
    chosen = range(panel.image.shape[1]) if c is None else (c,)
    parts = [cut(panel.image, k, where, panel.frame) for k in chosen]
    between = [panel.limits(k) for k in chosen]
    planes = [values for values, _ in parts]
    shown = _bytes(planes[0], between[0]) if c is not None else blended(planes, between, panel.colors)
    drawn = magnified(drawing.picture(shown), width, stretch(panel.image))
    drawing.draw_scale_bar(drawn, scale_bar(width, panel.image.pixel_size[2], parts[0][1] / width))
    return drawn


def magnified(drawn: Picture, width: int, tall: float = 1.0) -> Picture:
    """Every pixel as a rectangle `tall` times as high as wide, `width` wide in all."""
    from PIL import Image as Pillow

    return drawn.resize((width, max(1, round(tall * width * drawn.size[1] / drawn.size[0]))), Pillow.Resampling.NEAREST)


def cut(image: Image, c: int, where: Detail, t: int = 0) -> tuple[Float, int]:
    """The pixels of a detail, of the middle plane of one frame, and its width in pixels."""
    depth, height, width = image.shape[2:]
    side = max(1, round(where.side * width))
    top, left = min(round(where.y * height), height - 1), min(round(where.x * width), width - 1)
    rows, columns = slice(top, min(top + side, height)), slice(left, min(left + side, width))
    values = image.read((slice(t, t + 1), slice(c, c + 1), slice(depth // 2, depth // 2 + 1), rows, columns))[0, 0, 0]
    return values.astype(np.float32), side


def _unit(values: Float, between: tuple[float, float]) -> Float:
    low, high = between
    scaled: Float = np.clip((values - np.float32(low)) / np.float32(max(high - low, 1e-12)), 0, 1)
    return scaled


def _bytes(values: Float, between: tuple[float, float]) -> npt.NDArray[np.uint8]:
    shown: npt.NDArray[np.uint8] = np.rint(255 * _unit(values, between)).astype(np.uint8)
    return shown
