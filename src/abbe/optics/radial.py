"""From a profile along the radius to a kernel on pixels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from abbe.errors import ParameterError

Kernel = npt.NDArray[np.float32]
#: radii (um) -> intensity, (planes, radii)
Profile = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]

#: sub-pixels a side over which a pixel collects light
_PARTS = 3
#: radii per shortest period of the profile
_FINENESS = 24


def on_pixels(profile: Profile, shape: tuple[int, int, int], pixel: float, finest: float) -> Kernel:
    """(Z, Y, X) of a profile around [0, 0] of each plane (wrapped, for use with FFTs); every pixel collects over its area; the sum is 1.

    Args:
        pixel: um.
        finest: the finest detail of the profile (half a wavelength over the aperture), um.
    """
    planes, rows, columns = shape
    if planes < 1 or min(rows, columns) < 2:
        raise ParameterError(f"wanted at least 1 x 2 x 2 voxels, got {planes} x {rows} x {columns}")
    y, x = (_distances(n, pixel) for n in (rows, columns))
    squared = y[:, None] ** 2 + x[None] ** 2
    radii = np.arange(0, np.sqrt(squared.max()) + 2 * finest / _FINENESS, finest / _FINENESS)
    values = profile(radii)
    r = np.sqrt(squared)
    out = np.empty(shape)
    for k in range(planes):
        fine = np.interp(r, radii, values[k])
        out[k] = fine.reshape(rows, _PARTS, columns, _PARTS).mean(axis=(1, 3))
    return np.asarray(out / out.sum(), np.float32)


def _distances(n: int, pixel: float) -> npt.NDArray[np.float64]:
    """Distance of each sub-pixel from the centre of pixel 0, um, the far half wrapped to negative."""
    centres = np.fft.fftfreq(n, 1 / n)[:, None]
    offsets = (np.arange(_PARTS) + 0.5) / _PARTS - 0.5
    return np.asarray((centres + offsets).ravel() * pixel)


def stage_positions(planes: int, step: float, focus: float) -> npt.NDArray[np.float64]:
    """Thickness of immersion (um) over that of the nominal focus, of each of `planes` planes about `focus`: the next plane is deeper."""
    return np.asarray(focus - (np.arange(planes) - planes // 2) * step, np.float64)
