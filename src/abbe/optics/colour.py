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

from abbe.optics.camera import Camera, Plane, expose

Demosaic = Literal["bilinear", "gradients"]
Colour = Literal[0, 1, 2]

#: brightness of a colour picture from its R, G, B (ITU-R BT.601)
LUMA = np.array([0.299, 0.587, 0.114])

# Kernels of eighths, by what is interpolated at which pixel. With gradients, each is exact for images of constant colour ratio.
_CROSS = np.array([[0, 0, -1, 0, 0], [0, 0, 2, 0, 0], [-1, 2, 4, 2, -1], [0, 0, 2, 0, 0], [0, 0, -1, 0, 0]]) / 8
_ALONG_ROW = np.array([[0, 0, 0.5, 0, 0], [0, -1, 0, -1, 0], [-1, 4, 5, 4, -1], [0, -1, 0, -1, 0], [0, 0, 0.5, 0, 0]]) / 8
_DIAGONAL = np.array([[0, 0, -1.5, 0, 0], [0, 2, 0, 2, 0], [-1.5, 0, 6, 0, -1.5], [0, 2, 0, 2, 0], [0, 0, -1.5, 0, 0]]) / 8
# Bilinear: means of the nearest pixels of that colour, over the colour's own pixels alone.
_GREEN = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]]) / 4
_OTHER = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 4


@dataclass(frozen=True, slots=True)
class ColourCamera:
    """A camera behind a Bayer mosaic (red at even rows and columns, blue at odd ones), and what it makes of the mosaic."""

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
        colours = mosaic(photons.shape)
        noisy, expected = expose(rng, photons * np.asarray(self.passes)[colours], self.camera)
        balance = np.asarray(self.balance)[colours]
        planes = [self._developed((a - self.camera.offset) * balance, colours) + self.camera.offset for a in (noisy, expected)]
        return np.maximum(planes[0], 0).astype(np.float32), np.maximum(planes[1], 0).astype(np.float32)

    def _developed(self, raw: npt.NDArray[np.floating], colours: npt.NDArray[np.intp]) -> npt.NDArray[np.floating]:
        red, green, blue = interpolated(raw, colours, self.demosaic)
        if self.softened:
            red, blue = (green + gaussian_filter(colour - green, self.softened, mode="nearest") for colour in (red, blue))
        picture = (red, green, blue)
        return LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue if self.shown is None else picture[self.shown]


def mosaic(shape: tuple[int, ...]) -> npt.NDArray[np.intp]:
    """(Y, X): 0, 1, 2 where the pixel sees red, green, blue."""
    y, x = np.indices(shape[-2:])
    return np.asarray((y % 2) + (x % 2), np.intp)


def interpolated(
    raw: npt.NDArray[np.floating], colours: npt.NDArray[np.intp], how: Demosaic
) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.floating], npt.NDArray[np.floating]]:
    """Red, green and blue (Y, X) of a mosaic; linear in `raw`, so that what is done to light and to noise is the same."""
    if how == "bilinear":
        planes = [convolve(np.where(colours == c, raw, 0), _GREEN if c == 1 else _OTHER, mode="mirror") for c in range(3)]
        return planes[0], planes[1], planes[2]
    along_row, along_column, diagonal = (convolve(raw, k, mode="mirror") for k in (_ALONG_ROW, _ALONG_ROW.T, _DIAGONAL))
    green = np.where(colours == 1, raw, convolve(raw, _CROSS, mode="mirror"))
    red_row = (np.arange(len(raw)) % 2 == 0)[:, None]
    beside, above = np.where(red_row, along_row, along_column), np.where(red_row, along_column, along_row)
    red = np.select([colours == 0, colours == 1], [raw, beside], diagonal)
    blue = np.select([colours == 2, colours == 1], [raw, above], diagonal)
    return red, green, blue
