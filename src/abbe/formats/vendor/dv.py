"""DeltaVision DV (and other MRC image files), by the library mrc.

Rows are stored from the bottom of the picture up, as softWoRx and Fiji (Bio-Formats) show them.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from abbe.errors import NotAnImageError
from abbe.formats.damage import decoding
from abbe.formats.found import Found
from abbe.formats.stamp import Stamp
from abbe.formats.tiff.layout import Where
from abbe.formats.tiff.planes import RawPlanes, TiffPixels
from abbe.formats.units import positive
from abbe.formats.vendor.frames import library
from abbe.image import Optics
from abbe.image.axes import check_size
from abbe.image.pixels import Array, Pixels, Region, Shape

#: length of the header (bytes), before the extended one
HEADER = 1024
#: what bytes 96 and 97 hold in every DV file, in its byte order
MARK = -16224
#: a lens in DeltaVision's list, "Olympus 100X/1.35, U Plan Apo, IX70"
_LENS = re.compile(r"(?P<magnification>\d+(?:\.\d+)?)X/(?P<aperture>[01]\.\d+)")


@dataclass(frozen=True, slots=True)
class Dv:
    """The format, for `abbe.formats.opening`."""

    name: str = "DV"

    def claims(self, head: bytes, path: Path) -> bool:
        mark = head[96:98]
        return len(head) >= HEADER and MARK in (int.from_bytes(mark, "little", signed=True), int.from_bytes(mark, "big", signed=True))

    def read(self, path: Path, axes: str | None, number: int) -> Found:
        mrc = library("mrc", "DV files")
        with decoding(path.name), mrc.DVFile(path) as file:
            sizes = dict(file.sizes)
            shape: Shape = (sizes.get("T", 1), sizes.get("C", 1), sizes.get("Z", 1), sizes["Y"], sizes["X"])
            check_size(shape)
            dtype = np.dtype(file.dtype)
            if dtype.kind not in "uif":
                raise NotAnImageError(f"{path.name} holds {dtype.name} values, not intensities")
            order = [a for a in sizes if a not in "YX"]
            strides = {a: math.prod(sizes[b] for b in order[i + 1 :]) for i, a in enumerate(order)}
            first = HEADER + int(file.hdr.ext_hdr_len)
            plane = shape[3] * shape[4] * dtype.itemsize
            count = math.prod(shape[:3])
            stamp = Stamp.of(path)
            if first + count * plane > stamp.size:
                raise NotAnImageError(f"{path.name} is cut short: pixels lie beyond its end; copy it again from its source")
            planes = RawPlanes(range(first, first + count * plane, plane), dtype, shape[3], shape[4], 1, True)
            where = Where(strides.get("T", 0), strides.get("C", 0), strides.get("Z", 0))
            voxel = file.voxel_size
            return Found(
                BottomUp(TiffPixels(shape, dtype.newbyteorder("="), [stamp], planes, where)),
                format="DV",
                pixel_size=(positive(voxel.z) if shape[2] > 1 else None, positive(voxel.y), positive(voxel.x)),
                optics=_optics(file, shape[1]),
            )


@dataclass(frozen=True, slots=True)
class BottomUp:
    """Pixels whose source has the lowest row first."""

    source: Pixels

    @property
    def shape(self) -> Shape:
        return self.source.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.source.dtype

    def read(self, region: Region) -> Array:
        t, c, z, y, x = region
        height = self.shape[3]
        block = self.source.read((t, c, z, slice(height - y.stop, height - y.start), x))
        return np.ascontiguousarray(block[..., ::-1, :])


def _optics(file: Any, count: int) -> Optics:
    waves = tuple(positive(getattr(file.hdr, f"wave{k + 1}", None)) for k in range(min(count, 5)))
    lens = _LENS.search(str(file.lens or ""))
    return Optics(
        numerical_aperture=positive(lens["aperture"]) if lens else None,
        magnification=positive(lens["magnification"]) if lens else None,
        modality="widefield",
        emission=waves if len(waves) == count and any(waves) else (),
    )
