"""The digest of pixels: equal images have equal digests, wherever and however they are stored."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable

import numpy as np

from abbe.image.pixels import Pixels, blocks


def pixel_digest(pixels: Pixels, progress: Callable[[float, str], object] | None = None) -> str:
    """SHA-256 (hex) of the dtype, the shape and the pixels: b"<u2 1 2 1 512 512\\n", then the pixels little-endian, TCZYX, C order.

    One pass, in memory that does not grow with the image; `progress` is told the fraction done.
    """
    dtype = np.dtype(pixels.dtype).newbyteorder("<")
    digest = hashlib.sha256(f"{dtype.str} {' '.join(map(str, pixels.shape))}\n".encode())
    done, size = 0, math.prod(pixels.shape)
    for region in blocks(pixels.shape):
        block = pixels.read(region)
        digest.update(np.ascontiguousarray(block, dtype).data)
        done += block.size
        if progress is not None:
            progress(done / size, "looking at every pixel")
    return digest.hexdigest()
