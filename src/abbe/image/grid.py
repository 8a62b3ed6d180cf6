"""`Grid`: where the pixels of an image lie, so that one ROI fits every version of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from abbe.errors import ParameterError

if TYPE_CHECKING:
    from abbe.image._image import Image

#: what the coordinates of a ROI are: micrometres, or pixels of the original image
Unit: TypeAlias = Literal["um", "pixel"]
UNITS: tuple[Unit, ...] = ("um", "pixel")


@dataclass(frozen=True, slots=True)
class Grid:
    """The pixel grid of one image.

    A pixel covers an area: column k reaches from k to k+1 times the pixel size, and its centre decides whether it lies in a ROI.
    A plane is a point in depth: plane k lies at k times the z-step. Both hold for every version of an image, enlarged or not.

    Attributes:
        frames, planes, rows, columns: length of the axes T, Z, Y, X.
        um: (z, y, x) size of a pixel in micrometres; y and x None where unknown, z None where unknown.
        original: (z, y, x) size of a pixel in pixels of the original image: (1, 1, 1) for an original, 1/3 after enlarging three times.
    """

    frames: int
    planes: int
    rows: int
    columns: int
    um: tuple[float | None, float | None, float | None]
    original: tuple[float, float, float]

    @classmethod
    def of(cls, image: Image) -> Grid:
        t, _, z, y, x = image.shape
        first = root(image)
        z0, y0, x0 = first.shape[2:]
        depth = (z0 - 1) / (z - 1) if z > 1 and z0 > 1 else 1.0
        dz, dy, dx = first.provenance.step or (1.0, 1.0, 1.0)
        return cls(t, z, y, x, image.pixel_size, (dz * depth, dy * y0 / y, dx * x0 / x))

    def step(self, unit: Unit) -> tuple[float, float, float]:
        """(z, y, x) size of a pixel in `unit`; where the z-step is unknown, z counts planes of the original.

        Raises `ParameterError` when micrometres are asked for and the pixel size is unknown.
        """
        if unit == "pixel":
            return self.original
        z, y, x = self.um
        if y is None or x is None:
            raise ParameterError(
                "wanted the pixel size of the image, because the ROI is in um, got none; open the image with its pixel size, "
                "or draw the ROI in pixels (unit='pixel')"
            )
        return (z if z is not None else self.original[0]), y, x


def root(image: Image) -> Image:
    """The image that everything was computed from."""
    while image.original is not None:
        image = image.original
    return image
