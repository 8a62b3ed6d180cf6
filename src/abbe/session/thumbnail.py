"""A small picture of a version, made once when it is saved: all channels in their colours, contrast by percentiles."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt

from abbe.image import Image
from abbe.image.pixels import Array
from abbe.session.chunks import ChunkedPixels
from abbe.session.multiscale import colors, factors
from abbe.session.places import Place

THUMBNAIL = "thumbnail.png"
#: longest side in pixels
SIDE = 256
#: percentiles shown as black and as full colour: the top one keeps single hot pixels from darkening the rest
LOW, HIGH = 1.0, 99.8


def thumbnail(place: Place, folder: str, image: Image) -> bytes:
    """PNG, at most `SIDE` pixels a side: the brightest pixel through the planes of the first frame, from the smallest stored copy."""
    last = len(factors(*image.shape[3:])) - 1
    pixels = ChunkedPixels(place, f"{folder}/{last}" if folder else str(last))
    _, channels, depth, height, width = pixels.shape
    planes = []
    for c in range(min(channels, 8)):
        brightest: Array | None = None
        for z in range(depth):
            plane = pixels.read((slice(0, 1), slice(c, c + 1), slice(z, z + 1), slice(0, height), slice(0, width)))[0, 0, 0]
            brightest = plane if brightest is None else np.maximum(brightest, plane)
        assert brightest is not None  # an image has at least one plane
        planes.append(brightest)
    return png(blend(planes, colors(image)[: len(planes)]), SIDE)


def blend(planes: list[Array], tints: tuple[str, ...]) -> npt.NDArray[np.uint8]:
    """Planes (Y, X) added up in their colours, (Y, X, 3)."""
    total = np.zeros((*planes[0].shape, 3), np.float32)
    for plane, tint in zip(planes, tints):
        low, high = np.percentile(plane, (LOW, HIGH))
        scaled = np.clip((plane.astype(np.float32) - low) / max(high - low, 1e-12), 0, 1)
        total += scaled[..., None] * np.array([int(tint.lstrip("#")[k : k + 2], 16) for k in (0, 2, 4)], np.float32)
    return np.clip(np.rint(total), 0, 255).astype(np.uint8)


def png(picture: npt.NDArray[np.uint8], side: int) -> bytes:
    """PNG of (Y, X, 3), shrunk to at most `side` pixels a side."""
    from PIL import Image as Pillow

    drawn = Pillow.fromarray(picture)
    drawn.thumbnail((side, side))
    out = io.BytesIO()
    drawn.save(out, "PNG")
    return out.getvalue()
