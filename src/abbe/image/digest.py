"""The digest of pixels: equal images have equal digests, wherever and however they are stored."""

from __future__ import annotations

import hashlib

import numpy as np

from abbe.image.pixels import Pixels, blocks


def pixel_digest(pixels: Pixels) -> str:
    """SHA-256 (hex) of the dtype, the shape and the pixels: b"<u2 1 2 1 512 512\\n", then the pixels little-endian, TCZYX, C order.

    One pass, in memory that does not grow with the image.
    """
    dtype = np.dtype(pixels.dtype).newbyteorder("<")
    digest = hashlib.sha256(f"{dtype.str} {' '.join(map(str, pixels.shape))}\n".encode())
    for region in blocks(pixels.shape):
        digest.update(np.ascontiguousarray(pixels.read(region), dtype).data)
    return digest.hexdigest()
