"""`Seat`: where a layer lies in napari's world, and where an image that was computed from it lies then.

In napari the centre of pixel 0 lies at `translate`; in abbe a pixel covers an area, and the images' corners meet. So a pixel that is three
times finer is moved by a third of the coarse pixel. Planes of depth are points in both, and stay at 0.
"""

from __future__ import annotations

from dataclasses import dataclass

from abbe.image import Grid, Image
from abbe.image.axes import ORDER

UM, SECOND, PIXEL = "um", "s", "pixel"


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a layer lies.

    Attributes:
        axes: the letters of its axes, in its own order: "ZYX".
        scale: size of a step along each, in `units`.
        translate: where the centre of its first pixel lies.
        units: "um", "s", or "pixel" where nothing is known.
    """

    axes: str
    scale: tuple[float, ...]
    translate: tuple[float, ...]
    units: tuple[str, ...]

    @classmethod
    def of(cls, image: Image, axes: str | None = None, offset: tuple[float, float] = (0.0, 0.0)) -> Seat:
        """The seat of an image that is opened, so that it covers its original, whose first pixel's centre is the world's origin.

        `offset` is where its corner lies from the original's along (y, x): in um, or in pixels of the original where no size is known.
        """
        axes = axes or shown_axes(image)
        size, finer = dict(zip("ZYX", image.pixel_size)), dict(zip("ZYX", Grid.of(image).original))
        corner = dict(zip("YX", offset))
        scale, translate, units = [], [], []
        for letter in axes:
            step = image.time_step if letter == "T" else size.get(letter)
            units.append(PIXEL if not step else SECOND if letter == "T" else UM)
            scale.append(step or finer.get(letter, 1.0))
            coarse = scale[-1] / finer[letter] if letter in "YX" else scale[-1]
            translate.append(corner.get(letter, 0.0) + (scale[-1] - coarse) / 2)
        return cls(axes, tuple(scale), tuple(translate), tuple(units))

    def along(self, letter: str) -> tuple[float, float]:
        """(scale, translate) of an axis; (1, 0) of one that the layer does not have."""
        k = self.axes.find(letter)
        return (1.0, 0.0) if k < 0 else (self.scale[k], self.translate[k])

    def unit(self, letter: str) -> str:
        """The unit of an axis; "pixel" of one that the layer does not have."""
        k = self.axes.find(letter)
        return PIXEL if k < 0 else self.units[k]

    def corner(self, letter: str) -> float:
        """Where the image begins along y or x: half a pixel before the centre of its first."""
        scale, translate = self.along(letter)
        return translate - scale / 2

    def moved(self, source: Image, target: Image, corner: tuple[int, int] = (0, 0), plane: tuple[int, int] = (0, 0)) -> Seat:
        """The seat of an image that shows the same field as the one that sits here, on finer or coarser pixels.

        Args:
            source: the image that sits here.
            target: the other one; it may show a part of the field.
            corner: (y, x) of that part's first pixel in `source`.
            plane: (t, z) of its first frame and plane.
        """
        scale, translate = list(self.scale), list(self.translate)
        first = dict(zip("TZYX", (*plane, *corner)))
        for k, letter in enumerate(self.axes):
            if letter == "C":
                continue
            ratio = _ratio(source, target, letter)
            scale[k] = self.scale[k] * ratio
            start = first[letter] - 0.5 if letter in "YX" else first[letter]  # a plane is a point, a pixel an area
            inside = scale[k] / 2 if letter in "YX" else 0.0
            translate[k] = self.translate[k] + start * self.scale[k] + inside
        return Seat(self.axes, tuple(scale), tuple(translate), self.units)


def _ratio(source: Image, target: Image, letter: str) -> float:
    """Step of `target` over that of `source`, by their pixel sizes where both are known."""
    if letter == "T":
        return 1.0
    k = "ZYX".index(letter)
    before, after = source.pixel_size[k], target.pixel_size[k]
    if before is not None and after is not None:
        return after / before
    n, m = source.shape[2 + k], target.shape[2 + k]
    if letter == "Z":
        return (n - 1) / (m - 1) if n > 1 and m > 1 else 1.0
    return n / m


def shown_axes(image: Image) -> str:
    """The axes of a layer of one channel: those that are longer than 1, and Y and X."""
    return "".join(letter for letter, n in zip(ORDER, image.shape) if letter in "YX" or (letter != "C" and n > 1))
