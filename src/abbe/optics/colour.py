"""A colour camera on a microscope: every pixel sees through one filter of a Bayer mosaic, and the file's colours are interpolated.

What comes out is grey or one colour of three, and its noise is neither white nor the same in every pixel: it is stronger where the
filter had the colour, smooth in between, and smoother still where the camera softens colours. Many teaching and routine microscopes
have such cameras. Interpolation: bilinear, or with gradients of the other colours (Malvar, He, Cutler, ICASSP 2004, eq. 2 to 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.ndimage import convolve, gaussian_filter

from abbe.errors import ParameterError
from abbe.optics.camera import Camera, expose

Plane = npt.NDArray[np.float32]
Colour = Literal["red", "green", "blue"]
Demosaic = Literal["bilinear", "gradients"]

COLOURS: tuple[Colour, Colour, Colour] = ("red", "green", "blue")
#: brightness of a colour picture from its red, green and blue (ITU-R BT.601)
LUMA = (0.299, 0.587, 0.114)

# Bilinear: each missing pixel is the mean of its neighbours that have the colour.
_NEAREST = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]]) / 4
_AROUND = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 4
# With gradients, from the whole mosaic: green at red and blue; a colour at green in its own row; red at blue and blue at red.
_CROSS = np.array([[0, 0, -1, 0, 0], [0, 0, 2, 0, 0], [-1, 2, 4, 2, -1], [0, 0, 2, 0, 0], [0, 0, -1, 0, 0]]) / 8
_ALONG_ROW = np.array([[0, 0, 0.5, 0, 0], [0, -1, 0, -1, 0], [-1, 4, 5, 4, -1], [0, -1, 0, -1, 0], [0, 0, 0.5, 0, 0]]) / 8
_DIAGONAL = np.array([[0, 0, -1.5, 0, 0], [0, 2, 0, 2, 0], [-1.5, 0, 6, 0, -1.5], [0, 2, 0, 2, 0], [0, 0, -1.5, 0, 0]]) / 8


@dataclass(frozen=True, slots=True)
class ColourCamera:
    """A camera behind a Bayer mosaic, and what it makes of the mosaic."""

    camera: Camera
    #: what of the dye's light passes the red, green and blue filters
    passes: tuple[float, float, float] = (0.1, 1.0, 0.3)
    #: factors of red, green and blue in the file
    balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    demosaic: Demosaic = "bilinear"
    #: standard deviation (pixels) by which colour differences are softened
    softened: float = 0.0
    #: what the file's plane is: one colour, or None: the brightness of all
    shown: Colour | None = None

    def expose(self, rng: np.random.Generator, photons: npt.NDArray[np.floating]) -> tuple[Plane, Plane]:
        """One exposure of (Y, X) expected photo-electrons of an unfiltered pixel: (counts, expected counts), clipped at 0."""
        shape = (photons.shape[0], photons.shape[1])
        passes, balance = (sum(mosaic(shape, c) * v for c, v in zip(COLOURS, values)) for values in (self.passes, self.balance))
        noisy, expected = expose(rng, photons * passes, self.camera)
        planes = [self._developed((a - self.camera.offset) * balance) + self.camera.offset for a in (noisy, expected)]
        return np.maximum(planes[0], 0).astype(np.float32), np.maximum(planes[1], 0).astype(np.float32)

    def _developed(self, counts: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        picture = {c: debayered(counts, c, self.demosaic) for c in COLOURS}
        if self.softened:
            for c in ("red", "blue"):
                picture[c] = picture["green"] + gaussian_filter(picture[c] - picture["green"], self.softened, mode="nearest")
        if self.shown is not None:
            return picture[self.shown]
        return np.asarray(sum(weight * picture[c] for c, weight in zip(COLOURS, LUMA)))


def mosaic(shape: tuple[int, int], colour: Colour) -> npt.NDArray[np.bool_]:
    """(Y, X) True where a sensor with Bayer's pattern (US patent 3,971,065; rows RGRG, GBGB) has a filter of this colour."""
    rows, columns = np.indices(shape) % 2
    places = {"red": (rows == 0) & (columns == 0), "green": rows != columns, "blue": (rows == 1) & (columns == 1)}
    if colour not in places:
        raise ParameterError(f"wanted red, green or blue, got {colour!r}")
    return np.asarray(places[colour])


def debayered(counts: npt.NDArray[np.floating], colour: Colour, how: Demosaic = "bilinear") -> Plane:
    """One colour of a plane (Y, X) that was taken through a Bayer mosaic; linear in the counts, so the same for light and for noise.

    Half (green) or a quarter of the pixels are measured. Bilinear: the others are means of 2 or 4 of these, with lag-1 correlations of 0.5
    and more. With gradients: corrected by what the pixel's own colour says about brightness there (Malvar, He & Cutler).
    """
    has = mosaic((counts.shape[0], counts.shape[1]), colour)
    if how == "bilinear":
        return np.asarray(convolve(np.where(has, counts, 0), _NEAREST if colour == "green" else _AROUND, mode="mirror"), np.float32)
    if colour == "green":
        return np.asarray(np.where(has, counts, convolve(counts, _CROSS, mode="mirror")), np.float32)
    own_row = np.asarray(has.any(axis=1))[:, None]
    green = mosaic((counts.shape[0], counts.shape[1]), "green")
    beside, above, across = (convolve(counts, kernel, mode="mirror") for kernel in (_ALONG_ROW, _ALONG_ROW.T, _DIAGONAL))
    return np.asarray(np.select([has, green & own_row, green], [counts, beside, above], across), np.float32)
