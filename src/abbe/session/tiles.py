"""Tiles for viewers: any level of any version, from the nearest larger stored copy."""

from __future__ import annotations

from typing import Literal

from abbe.errors import ParameterError
from abbe.image import Image
from abbe.image.pixels import Array, Pixels, Region
from abbe.session.chunks import ChunkedPixels
from abbe.session.multiscale import factors, levels, shrink
from abbe.session.places import Place
from abbe.session.records import Version

What = Literal["pixels", "trust", "lower", "upper"]


class TileReader:
    """Keeps arrays open between tiles."""

    def __init__(self) -> None:
        self._copies: dict[str, ChunkedPixels] = {}

    def tile(
        self,
        image: Image,
        place: Place,
        version: Version,
        what: What,
        level: int,
        plane: tuple[int, int, int],
        corner: tuple[int, int],
        size: int,
    ) -> Array:
        """The tile (row, column) of a plane (t, c, z) at a level, (Y, X)."""
        known = levels(*version.shape[3:])
        if not 0 <= level < len(known) or not all(0 <= k < n for k, n in zip(plane, version.shape)) or not 16 <= size <= 4096:
            raise ParameterError(f"wanted a tile of {version.shape} pixels, levels 0 to {len(known) - 1}, got level {level}, plane {plane}")
        factor = known[level].factor
        pixels, stored = self._source(image, place, version, what, factor)
        rest = factor // stored
        height, width = pixels.shape[3:]
        top, left = (k * size * rest for k in corner)
        if not (0 <= top < height and 0 <= left < width):
            raise ParameterError(f"wanted a tile of {known[level].height} x {known[level].width} pixels, got (row, column) {corner}")
        bottom, right = min(top + size * rest, height), min(left + size * rest, width)
        t, c, z = plane
        region: Region = (slice(t, t + 1), slice(c, c + 1), slice(z, z + 1), slice(top, bottom), slice(left, right))
        block = pixels.read(region)
        tile: Array = (shrink(block, rest) if rest > 1 else block)[0, 0, 0]
        return tile

    def _source(self, image: Image, place: Place, version: Version, what: What, factor: int) -> tuple[Pixels, int]:
        """The smallest stored copy that is at least as fine as `factor`, and its factor."""
        stored = [f for f in factors(*version.shape[3:]) if f <= factor]
        if what in ("lower", "upper"):
            stored = [1]
        index = len(stored) - 1
        if index == 0:
            return self._full(image, version, what), 1
        name = f"{version.folder}/{index}" if what == "pixels" else f"{version.folder}/{what}/{index}"
        return self._copies.setdefault(name, ChunkedPixels(place, name)), stored[index]

    def _full(self, image: Image, version: Version, what: What) -> Pixels:
        if what == "pixels":
            return image.pixels
        if what == "trust" and image.trust is not None:
            return image.trust.pixels
        if what in ("lower", "upper") and image.interval is not None:
            return (image.interval.lower if what == "lower" else image.interval.upper).pixels
        raise ParameterError(f"wanted a version with {what}, got {version.id} {version.name[:80]!r}, which has none")
