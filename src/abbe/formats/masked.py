"""Which pixels of a saved image hold no measurement, as text that fits into an account (`abbe.formats.account`).

Of each block (see `blocks`) with such pixels: its bits in C order, eight to a byte, deflated, in base64.
"""

from __future__ import annotations

import base64
import binascii
import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from abbe.image.pixels import Array, Pixels, Region, Shape, blocks, region_shape
from abbe.limits import LIMITS

#: pixels of a block; part of the format
BLOCK = 2**22
#: most characters: noise that leaves room for the rest of the metadata
LONGEST = LIMITS.metadata // 4


def write(mask: Pixels) -> dict[str, str] | None:
    """Block by its number -> its bits; none where nothing is masked. None: longer than `LONGEST`."""
    found: dict[str, str] = {}
    room = LONGEST
    for k, region in enumerate(blocks(mask.shape, BLOCK)):
        bits = mask.read(region).astype(bool)
        if bits.any():
            found[str(k)] = base64.b64encode(zlib.compress(np.packbits(bits).tobytes(), 9)).decode("ascii")
            room -= len(found[str(k)])
        if room < 0:
            return None
    return found


@dataclass(frozen=True, slots=True)
class StoredMask:
    """What `write` gave, as pixels; unpacked block by block when they are read."""

    shape: Shape
    texts: Mapping[int, str]

    @classmethod
    def of(cls, data: Mapping[str, Any], shape: Shape) -> StoredMask:
        """Raises `ValueError` where the text is damaged, or is not of an image of this shape."""
        mask = cls(shape, {int(k): str(text) for k, text in data.items()})
        sizes = {k: math.prod(region_shape(region)) for k, region in enumerate(blocks(shape, BLOCK)) if k in mask.texts}
        if sizes.keys() != mask.texts.keys():
            raise ValueError("masked pixels outside the image")
        for k, size in sizes.items():
            _unpacked(mask.texts[k], size)
        return mask

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.bool_)

    def read(self, region: Region) -> Array:
        out = np.zeros(region_shape(region), bool)
        y, x = region[3:]
        for place, k, first, last in self._bands(region):
            if k in self.texts:
                rows = np.unpackbits(np.frombuffer(_unpacked(self.texts[k], (last - first) * self.shape[4]), np.uint8))
                band = rows[: (last - first) * self.shape[4]].reshape(-1, self.shape[4])
                top, bottom = max(y.start, first), min(y.stop, last)
                out[place][top - y.start : bottom - y.start] = band[top - first : bottom - first, x]
        return out

    def _bands(self, region: Region) -> Iterator[tuple[tuple[int, int, int], int, int, int]]:
        """(plane within the region, block, its first row, the row behind its last) of the blocks that the region touches."""
        _, channels, depth, height, width = self.shape
        rows = max(1, min(height, BLOCK // width))
        per_plane = math.ceil(height / rows)
        t0, c0, z0 = (s.start for s in region[:3])
        for t, c, z in np.ndindex(region_shape(region)[:3]):
            plane = ((t0 + t) * channels + c0 + c) * depth + z0 + z
            for band in range(region[3].start // rows, math.ceil(region[3].stop / rows)):
                yield (t, c, z), plane * per_plane + band, band * rows, min(height, (band + 1) * rows)


@lru_cache(maxsize=16)
def _unpacked(text: str, pixels: int) -> bytes:
    """The bytes of so many bits. Raises `ValueError` where they are none, or others."""
    size = (pixels + 7) // 8
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(base64.b64decode(text, validate=True), size + 1)
    except (zlib.error, binascii.Error) as problem:
        raise ValueError("masked pixels that do not unpack") from problem
    if len(data) != size or not unpacker.eof:
        raise ValueError("masked pixels that are cut short or too many")
    return data
