"""Light that is not the focal plane's: haze of what lies above and below, autofluorescence, uneven illumination. Lengths in um."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import fft

from abbe.errors import ParameterError

Plane = npt.NDArray[np.float32]


def defocus_transfer(shape: tuple[int, int], pixel: float, depth: float, numerical_aperture: float, index: float = 1.515) -> Plane:
    """Optical transfer function of a plane far out of focus, on the grid of `rfft2`: its light arrives as a disc, the section of the cone.

    Geometrical optics, right where `depth` is well beyond the depth of focus (Stokseth, J Opt Soc Am 59:1314, 1969): radius
    depth * tan(angle of aperture).
    """
    from scipy.special import j1

    if not 0 < numerical_aperture < index:
        raise ParameterError(f"wanted a numerical aperture below the refractive index {index:g}, got {numerical_aperture:g}")
    sine = numerical_aperture / index
    radius = abs(depth) * sine / np.sqrt(1 - sine**2) / pixel
    fy, fx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None]
    a = 2 * np.pi * radius * np.hypot(fy, fx)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(a > 1e-6, 2 * j1(a) / a, 1.0), np.float32)


def haze(
    rng: np.random.Generator,
    plane: npt.NDArray[np.floating],
    pixel: float,
    thickness: float,
    numerical_aperture: float,
    index: float = 1.515,
    slices: int = 6,
) -> Plane:
    """Light of a specimen `thickness` um thick above and below a focal plane (Y, X) that is typical of it.

    Every slice has the focal plane's structures at other places (shifted, mirrored), out of focus by its own distance. The mean is that of
    the plane: one slice's light, shared by all. Multiply by how much haze there is.
    """
    if thickness <= 0 or slices < 1:
        raise ParameterError(f"wanted a thickness above 0 um and at least one slice, got {thickness:g} um and {slices}")
    total = np.zeros(plane.shape)
    for depth in rng.uniform(0.1, 0.5, slices) * thickness:
        other = np.roll(plane, (int(rng.integers(plane.shape[0])), int(rng.integers(plane.shape[1]))), (0, 1))
        other = other[::-1] if rng.random() < 0.5 else other
        spectrum = fft.rfft2(np.asarray(other, np.float64))
        total += fft.irfft2(spectrum * defocus_transfer(plane.shape, pixel, depth, numerical_aperture, index), plane.shape)
    return np.asarray(np.maximum(total / slices, 0), np.float32)


def autofluorescence(rng: np.random.Generator, shape: tuple[int, int], pixel: float, length: float, contrast: float = 0.3) -> Plane:
    """(Y, X) smooth, uneven glow of the specimen itself, mean 1, everywhere positive.

    Args:
        length: over which it varies (standard deviation of the smoothing Gaussian), um.
        contrast: standard deviation over mean.
    """
    if length <= 0 or contrast < 0:
        raise ParameterError(f"wanted a length above 0 um and a contrast of 0 or more, got {length:g} and {contrast:g}")
    fy, fx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None]
    smooth = np.exp(-2 * (np.pi * length / pixel) ** 2 * (fy * fy + fx * fx))
    field = fft.irfft2(fft.rfft2(rng.normal(size=shape)) * smooth, shape)
    field = (field - field.mean()) / max(float(field.std()), 1e-12)
    spread = np.sqrt(np.log1p(contrast**2))  # of the log-normal that has this contrast
    glow = np.exp(spread * field)
    return np.asarray(glow / glow.mean(), np.float32)


def shading(shape: tuple[int, int], falloff: float, centre: tuple[float, float] = (0.0, 0.0)) -> Plane:
    """(Y, X) illumination that falls quadratically from 1 at `centre` to 1 - `falloff` in a corner of a field centred on it.

    `centre`: (y, x) from the middle of the field, -1 and 1 being its edges.
    """
    if not 0 <= falloff < 1:
        raise ParameterError(f"wanted a falloff of 0 up to less than 1, got {falloff:g}")
    y, x = (np.linspace(-1, 1, n) - c for n, c in zip(shape, centre))
    return np.asarray(np.maximum(1 - falloff * (y[:, None] ** 2 + x[None] ** 2) / 2, 0), np.float32)
