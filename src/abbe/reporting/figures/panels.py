"""Images side by side: before and after, each channel in grey, all channels in colour, and a detail at full resolution."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from abbe.image import ROI, Grid, Image
from abbe.reporting.case import Named
from abbe.reporting.figures import drawing
from abbe.reporting.figures.outlines import elsewhere, projected
from abbe.reporting.figures.planes import Float, Shown, busiest, limits, shown, stretch
from abbe.reporting.figures.scalebar import IN_REPORT, Placed, ScaleBar, placed
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
    `legible`: least height of letters, in pixels, that is legible where the picture is looked at.
    """

    named: Named
    rois: tuple[ROI, ...] = ()
    side: int = SIDE
    tints: tuple[str, ...] = ()
    frame: int = 0
    between: tuple[tuple[float, float], ...] = ()
    legible: int = IN_REPORT
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

    @cached_property
    def placed(self) -> Placed:
        """The scale bar of a whole view, as far as there is room for it."""
        return placed(self.size, self.image.pixel_size[2], self.image.shape[4] / self.size[0], self.legible)

    @property
    def bar(self) -> ScaleBar:
        return self.placed.bar

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
        drawing.draw_scale_bar(drawn, self.placed)
        return drawn

    def _sized(self, drawn: Picture) -> Picture:
        from PIL import Image as Pillow

        enlarged = drawn.size[0] <= self.size[0]
        return drawn.resize(self.size, Pillow.Resampling.NEAREST if enlarged else Pillow.Resampling.BOX)


def scale_is_legible(image: Image) -> bool:
    """Does a report's whole view of an image have a scale bar with its length beside it? Very thin images have no room for one."""
    return Panels(Named("", "", image)).placed.labelled


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
    """A square part of one plane, the same on every version.

    Attributes:
        y, x, side: shares of the height, of the width, and of the width.
        depth: share of the way from the first to the last plane.
        um: the same in um from the first plane; None where no z-step is known.
    """

    y: float
    x: float
    side: float
    depth: float = 0.0
    um: float | None = None

    def plane(self, image: Image) -> int:
        """The image's plane nearest to it: plane k lies at k times the z-step, in an enlarged stack, too."""
        last, step = image.shape[2] - 1, image.pixel_size[0]
        wanted = self.depth * last if self.um is None or not step else self.um / step
        return min(max(0, round(wanted)), last)

    def box(self, image: Image) -> tuple[slice, slice]:
        """(rows, columns) of the image."""
        height, width = image.shape[3:]
        side = max(1, round(self.side * width))
        top, left = (max(0, min(round(share * n), n - side)) for share, n in ((self.y, height), (self.x, width)))
        return slice(top, min(top + side, height)), slice(left, min(left + side, width))


#: most pixels of the original along a detail's side, so that each can be seen; the image's shorter side over it, so that it magnifies
DETAIL, DETAIL_SHARE = 128, 5
#: standard deviation (pixels of a picture) of the Gaussian that keeps noise, which is more where it is bright, from counting as structure
NOISE = 2.0


def detail(panels: Panels, c: int | None = None) -> Detail | None:
    """The busiest square of the original in channel `c`, or in all together; None where the image is too small to magnify a part of it."""
    depth, height, width = panels.image.shape[2:]
    wanted = min(DETAIL, min(height, width) // DETAIL_SHARE)
    if wanted < 24:
        return None
    chosen = range(panels.image.shape[1]) if c is None else (c,)
    together: Float = np.sum([_unit(panels.shown(k).values, panels.limits(k)) for k in chosen], axis=0)
    down, across = panels.shown(chosen[0]).factor
    y, x = busiest(gaussian_filter(together, NOISE), max(1, round(wanted / down)), max(1, round(wanted / across)))
    middle, step = depth // 2, panels.image.pixel_size[0]
    return Detail(y * down / height, x * across / width, wanted / width, middle / max(depth - 1, 1), middle * step if step else None)


def details(panels: Sequence[Panels], c: int | None, where: Detail) -> Callable[[], bytes]:
    """The detail side by side, channel `c` in grey or all in colour, each pixel as it is, limits taken from the whole view."""

    def draw() -> bytes:
        drawn = [enlarged(panel, c, where, panel.side) for panel in panels]
        planes = [f", plane {where.plane(panel.image) + 1}" if panel.image.shape[2] > 1 else "" for panel in panels]
        return drawing.png(
            drawing.side_by_side(drawn, [f"{panel.label}, detail{plane}" for panel, plane in zip(panels, planes, strict=True)])
        )

    return draw


def enlarged(panel: Panels, c: int | None, where: Detail, width: int) -> Picture:
    """A detail `width` pixels wide, with its scale bar."""
    chosen = range(panel.image.shape[1]) if c is None else (c,)
    planes = [cut(panel.image, k, where, panel.frame) for k in chosen]
    between = [panel.limits(k) for k in chosen]
    shown = _bytes(planes[0], between[0]) if c is not None else blended(planes, between, panel.colors)
    drawn = magnified(drawing.picture(shown), enlarged_size(panel.image, where, width))
    drawing.draw_scale_bar(drawn, bar_of_detail(panel, where, width))
    return drawn


def enlarged_size(image: Image, where: Detail, width: int) -> tuple[int, int]:
    """(width, height) of a detail `width` pixels wide, every pixel of which is as high by its width as it is in the specimen."""
    rows, columns = where.box(image)
    return width, max(1, round(stretch(image) * width * (rows.stop - rows.start) / (columns.stop - columns.start)))


def magnified(drawn: Picture, size: tuple[int, int]) -> Picture:
    """Every pixel as a rectangle of one colour."""
    from PIL import Image as Pillow

    return drawn.resize(size, Pillow.Resampling.NEAREST)


def bar_of_detail(panel: Panels, where: Detail, width: int) -> Placed:
    """The scale bar of a detail `width` pixels wide, as far as there is room for it."""
    columns = where.box(panel.image)[1]
    size = enlarged_size(panel.image, where, width)
    return placed(size, panel.image.pixel_size[2], (columns.stop - columns.start) / width, panel.legible)


def cut(image: Image, c: int, where: Detail, t: int = 0) -> Float:
    """(Y, X): the pixels of a detail in one frame."""
    z = where.plane(image)
    values = image.read((slice(t, t + 1), slice(c, c + 1), slice(z, z + 1), *where.box(image)))[0, 0, 0]
    return np.asarray(values, np.float32)


def _unit(values: Float, between: tuple[float, float]) -> Float:
    low, high = between
    scaled: Float = np.clip((values - np.float32(low)) / np.float32(max(high - low, 1e-12)), 0, 1)
    return scaled


def _bytes(values: Float, between: tuple[float, float]) -> npt.NDArray[np.uint8]:
    shown: npt.NDArray[np.uint8] = np.rint(255 * _unit(values, between)).astype(np.uint8)
    return shown
