"""`Revealed`: the colocalized pixels, as a mask, as an image of them alone, and as an overlay on both channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from abbe.colocalization.pair import Pair, Place
from abbe.image import Image, Mask, Optics
from abbe.image.pixels import Array, Region, Shape, region_shape

#: colours of an overlay where the image has none: colour-blind readers tell magenta from green
COLORS = ("#ff00ff", "#00ff00")
#: share of the brightest pixels that an overlay may show at full brightness
CLIPPED = 0.002


@dataclass(frozen=True, eq=False)
class Revealed:
    """The pixels at or over both thresholds, within the region."""

    pair: Pair
    first: float
    second: float

    def mask(self, t: int | None = None) -> npt.NDArray[np.bool_]:
        """(Z, Y, X): the colocalized pixels of one frame, by default the region's first."""
        grid = self.pair.grid
        frame = self.pair.region.frames[0] if t is None else t
        mask = np.zeros((grid.planes, grid.rows, grid.columns), bool)
        for place in self.pair.places():
            if place.t == frame:
                mask[place.z, place.first : place.last] = self._rows(place)[2]
        return mask

    def roi(self, t: int | None = None, name: str = "colocalized") -> Mask:
        """The colocalized pixels of one frame as a ROI."""
        return Mask.from_pixels(self.mask(t), self.pair.image, name=name)

    @property
    def image(self) -> Image:
        """Both channels with their values where they colocalize and 0 elsewhere; read when needed."""
        return self._as_image(_RevealedPixels(self, mask_alone=False), self.pair.names, self._colors())

    @property
    def mask_image(self) -> Image:
        """1 where the channels colocalize, 0 elsewhere; uint8, one channel."""
        return self._as_image(_RevealedPixels(self, mask_alone=True), ("colocalized",), (None,))

    def overlay(self, t: int | None = None, z: int = 0) -> npt.NDArray[np.uint8]:
        """(Y, X, 3) RGB: both channels in their colours, colocalized pixels in white, for looking at. Each channel is scaled by itself."""
        grid = self.pair.grid
        place = Place(self.pair.region.frames[0] if t is None else t, z, 0, grid.rows)
        a, b, together = self._rows(place)
        picture = np.zeros((grid.rows, grid.columns, 3), np.float32)
        brightest = np.zeros((grid.rows, grid.columns), np.float32)
        for values, color in zip((a, b), self._colors()):
            low, high = np.quantile(values, (CLIPPED, 1 - CLIPPED)) if values.size else (0.0, 1.0)
            shown = np.clip((values - np.float32(low)) / np.float32(max(high - low, 1e-12)), 0, 1)
            picture += shown[..., None] * _rgb(color or COLORS[0])
            np.maximum(brightest, shown, out=brightest)
        picture[together] = np.maximum(brightest[together], 0.35)[:, None]
        return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)

    # ------------------------------------------------------------------------------------------ parts
    def _rows(self, place: Place) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
        a, b, inside = self.pair.read(place)
        together = (a >= self.first) & (b >= self.second)
        return a, b, together if inside is None else together & inside

    def _colors(self) -> tuple[str | None, ...]:
        given = tuple(self.pair.image.colors[c] for c in self.pair.channels)
        return given if all(given) and given[0] != given[1] else COLORS

    def _as_image(self, pixels: _RevealedPixels, names: tuple[str, ...], colors: tuple[str | None, ...]) -> Image:
        image = self.pair.image
        return Image(
            pixels,
            pixel_size=image.pixel_size,
            channels=names,
            colors=colors,
            time_step=image.time_step,
            optics=Optics(numerical_aperture=image.optics.numerical_aperture),
            provenance=image.provenance,
        )


@dataclass(frozen=True, slots=True)
class _RevealedPixels:
    """Pixels computed from the pair a region at a time."""

    revealed: Revealed
    mask_alone: bool

    @property
    def shape(self) -> Shape:
        t, _, z, y, x = self.revealed.pair.image.shape
        return t, 1 if self.mask_alone else 2, z, y, x

    @property
    def dtype(self) -> np.dtype[Any]:
        if self.mask_alone:
            return np.dtype(np.uint8)
        kind = self.revealed.pair.dtype
        return np.dtype(np.float32) if kind == np.float64 else kind

    def read(self, region: Region) -> Array:
        out = np.zeros(region_shape(region), self.dtype)
        frames, planes = self.revealed.pair.region.frames, self.revealed.pair.region.planes
        for i, t in enumerate(range(region[0].start, region[0].stop)):
            for k, z in enumerate(range(region[2].start, region[2].stop)):
                if not (frames[0] <= t < frames[1] and planes[0] <= z < planes[1]):
                    continue
                a, b, together = self.revealed._rows(Place(t, z, region[3].start, region[3].stop))
                columns = region[4]
                for j, c in enumerate(range(region[1].start, region[1].stop)):
                    values = together if self.mask_alone else np.where(together, (a, b)[c], 0)
                    out[i, j, k] = values[:, columns]
        return out


def _rgb(color: str) -> npt.NDArray[np.float32]:
    return np.array([int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)], np.float32)
