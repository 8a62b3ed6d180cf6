"""`Mask`: a ROI of any shape, as pixels: from a threshold, a label image, or a segmentation made elsewhere."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import zlib
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from abbe.errors import LimitError, ParameterError
from abbe.image.grid import Grid
from abbe.image.roi import ROI, Bits, Box
from abbe.limits import LIMITS

if TYPE_CHECKING:
    from abbe.image._image import Image


#: parts of a pixel that a mask is cut at, at most, and how near to one (pixels) a cut is that rounding put beside it
FINEST, EDGE = 32, 1e-4


@dataclass(frozen=True, kw_only=True, eq=False)
class Mask(ROI):
    """Pixels on a grid of their own, with sizes in the ROI's unit, laid over any version of the image by position.

    Attributes:
        planes: (Z, Y, X) boolean; one plane alone holds for every plane of the image.
        size: (z, y, x) size of its pixels in the ROI's unit.
        only: for a label image, "label N"; information alone.
    """

    planes: Bits
    size: tuple[float, float, float] = (1.0, 1.0, 1.0)
    only: str = ""
    kind: ClassVar[str] = "mask"

    def __post_init__(self) -> None:
        super().__post_init__()
        given: Any = self.planes
        planes = _unpack(given) if isinstance(given, dict) else np.asarray(given)
        if planes.ndim == 2:
            planes = planes[None]
        if planes.ndim != 3 or 0 in planes.shape:
            raise ParameterError(f"wanted a mask with axes YX or ZYX, got shape {planes.shape}")
        object.__setattr__(self, "planes", planes.astype(bool))
        size = tuple(float(s) for s in self.size)
        if len(size) != 3 or not all(0 < s < float("inf") for s in size):
            raise ParameterError(f"wanted the mask's pixel size as (z, y, x) above 0, got {self.size!r}")
        object.__setattr__(self, "size", size)

    # ------------------------------------------------------------------------------------------ making one
    @classmethod
    def from_pixels(cls, planes: npt.ArrayLike, image: Image, name: str = "", only: str = "") -> Mask:
        """A mask drawn on the pixels of `image`, (Y, X) or (Z, Y, X)."""
        mask = np.asarray(planes).astype(bool)
        grid = Grid.of(image)
        if mask.shape[-2:] != (grid.rows, grid.columns) or (mask.ndim == 3 and mask.shape[0] not in (1, grid.planes)):
            wanted = f"({grid.planes}, {grid.rows}, {grid.columns})"
            raise ParameterError(f"wanted a mask with the image's pixels {wanted} or one plane of them, got {mask.shape}")
        unit = "um" if None not in image.pixel_size[1:] else "pixel"
        return cls(planes=mask, size=grid.step(unit), unit=unit, name=name, only=only)  # type: ignore[arg-type]

    @classmethod
    def from_threshold(cls, image: Image, channel: int | str, low: float, high: float = float("inf"), t: int = 0, name: str = "") -> Mask:
        """The pixels of one channel of frame t with low <= value <= high, in the image's units.

        The mask is made once, here, so that every version of the image is measured in the same place.
        """
        stack = image.stack(t, image.channel(channel))
        return cls.from_pixels((stack >= low) & (stack <= high), image, name=name or f"{image.channels[image.channel(channel)]} >= {low:g}")

    @classmethod
    def from_labels(cls, labels: npt.ArrayLike, image: Image) -> list[Mask]:
        """A mask for each value above 0 of a label image (Y, X) or (Z, Y, X) on the pixels of `image`."""
        a = np.asarray(labels)
        if a.dtype.kind not in "biu":
            raise ParameterError(f"wanted a label image of integers, got {a.dtype}")
        values = np.unique(a)
        values = values[values > 0]
        if len(values) * a.size > 64 * LIMITS.in_memory:
            raise LimitError(f"wanted a label image with fewer objects for its size, got {len(values)} labels; crop it or split it")
        return [cls.from_pixels(a == value, image, name=f"label {value}", only=f"label {value}") for value in values]

    def beyond(self, y: float, x: float) -> Mask:
        """What of it lies below and right of a corner (in its unit), counted from there.

        A corner within a pixel divides pixels. Raises `ParameterError` where that would take more of them than there is memory for.
        """
        planes, sizes = self.planes, list(self.size)
        for axis, corner in ((1, y), (2, x)):
            wanted = corner / sizes[axis]
            part = Fraction(wanted).limit_denominator(FINEST)
            if abs(float(part) - wanted) > EDGE or planes.size * part.denominator > LIMITS.in_memory:
                raise ParameterError(
                    "wanted a mask whose pixels fit those of the image, to cut it where a version was cropped, got pixels of "
                    f"{sizes[axis]:g} {self.unit} that the cut at {corner:g} divides; measure it on a version that is not cropped, or "
                    "draw it as a polygon"
                )
            planes = np.repeat(planes, part.denominator, axis)
            sizes[axis] /= part.denominator
            first = min(part.numerator, planes.shape[axis])
            planes = planes[:, first:] if axis == 1 else planes[:, :, first:]
            if not planes.size:  # all of it lies before the corner
                planes = np.zeros((1, 1, 1), bool)
        return dataclasses.replace(self, planes=planes, size=(sizes[0], sizes[1], sizes[2]))

    # ------------------------------------------------------------------------------------------ as a ROI
    def box(self) -> Box:
        y, x = np.flatnonzero(self.planes.any(axis=(0, 2))), np.flatnonzero(self.planes.any(axis=(0, 1)))
        if not len(y):
            return 0.0, 0.0, 0.0, 0.0
        _, dy, dx = self.size
        return float(y[0] * dy), float(x[0] * dx), float((y[-1] + 1) * dy), float((x[-1] + 1) * dx)

    def fill(self, grid: Grid, z: int, t: int, first: int, last: int) -> Bits:
        step = grid.step(self.unit)
        depth, rows, columns = self.planes.shape
        k = 0 if depth == 1 else min(round(z * step[0] / self.size[0]), depth - 1)
        y, out_y = _nearest(np.arange(first, last), step[1] / self.size[1], rows)
        x, out_x = _nearest(np.arange(grid.columns), step[2] / self.size[2], columns)
        filled: Bits = self.planes[k][np.ix_(y, x)] & ~out_y[:, None] & ~out_x[None]
        return filled

    def fields(self) -> dict[str, Any]:
        packed = zlib.compress(np.packbits(self.planes).tobytes(), 6)
        planes = {"shape": list(self.planes.shape), "bits": base64.b64encode(packed).decode("ascii")}
        return {"planes": planes, "size": list(self.size), "only": self.only}


def _nearest(index: npt.NDArray[np.int64], ratio: float, count: int) -> tuple[npt.NDArray[np.int64], Bits]:
    """The mask pixel in which the centre of each image pixel lies, and where there is none."""
    # the nudge keeps a centre that falls on an edge by rounding alone on the side where it belongs
    found = np.floor((index + 0.5) * ratio + 1e-9).astype(np.int64)
    outside = (found < 0) | (found >= count)
    return np.clip(found, 0, count - 1), outside


def _unpack(data: dict[str, Any]) -> Bits:
    try:
        shape = tuple(int(n) for n in data["shape"])
        packed = base64.b64decode(data["bits"], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error) as problem:
        raise ParameterError("wanted a mask as shape and packed bits, got something else") from problem
    count = int(np.prod(shape, dtype=object)) if len(shape) in (2, 3) and min(shape) > 0 else 0
    if not 0 < count <= 8 * LIMITS.in_memory:
        raise ParameterError(f"wanted a mask of 1 to {8 * LIMITS.in_memory} pixels, got shape {shape}")
    unpacker = zlib.decompressobj()
    try:
        raw = unpacker.decompress(packed, (count + 7) // 8)
    except zlib.error as problem:
        raise ParameterError("wanted a mask as packed bits, got bits that do not unpack") from problem
    if len(raw) != (count + 7) // 8:
        raise ParameterError(f"wanted {count} mask pixels, got {8 * len(raw)}")
    return np.unpackbits(np.frombuffer(raw, np.uint8), count=count).astype(bool).reshape(shape)
