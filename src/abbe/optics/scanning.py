"""What scanning microscopes see: a focused beam, a detector behind a pinhole, and depletion around the spot; and structured illumination.

All kernels have their peak at [0, 0] of the middle plane and sum to 1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from abbe.errors import ParameterError
from abbe.optics.psf import Kernel, frequencies, widefield_psf

Beam = npt.NDArray[np.floating]


def through_pinhole(detection: Beam, radius: float) -> npt.NDArray[np.float64]:
    """A detection PSF (Z, Y, X) averaged over a round pinhole of `radius` pixels in the plane of the specimen."""
    from scipy.special import j1

    fy, fx = frequencies(detection.shape[1:])
    f = 2 * np.pi * radius * np.hypot(fy, fx)
    with np.errstate(invalid="ignore", divide="ignore"):
        disc = np.where(f > 0, 2 * j1(f) / f, 1.0)  # Fourier transform of a disc; its limit at 0 is 1
    return np.asarray(np.fft.ifft2(np.fft.fft2(detection, axes=(1, 2)) * disc, axes=(1, 2)).real)


def pinhole_radius(pinhole: float, emission: float, numerical_aperture: float, pixel: float) -> float:
    """Radius in pixels of a pinhole of `pinhole` Airy units (diameters of Airy's disc, 1.22 wavelength / NA); lengths in um."""
    return 0.61 * emission / numerical_aperture * pinhole / pixel


def scanned_psf(illumination: Beam, detection: Beam, radius: float) -> Kernel:
    """Confocal PSF of any beam and any detection: their product, detection seen through a pinhole of `radius` pixels.

    Wilson & Sheppard, Theory and Practice of Scanning Optical Microscopy (1984).
    """
    if illumination.shape != detection.shape:
        raise ParameterError(f"wanted beam and detection on one grid, got {illumination.shape} and {detection.shape}")
    psf = np.maximum(illumination * through_pinhole(detection, radius), 0)
    return np.asarray(psf / psf.sum(), np.float32)


def confocal_psf(
    shape: tuple[int, int, int],
    pixel_size: tuple[float, float],
    excitation: float,
    emission: float,
    numerical_aperture: float,
    pinhole: float = 1.0,
    index: float = 1.515,
) -> Kernel:
    """(Z, Y, X) confocal PSF by scalar theory: excitation PSF times the emission PSF seen through a pinhole of `pinhole` Airy units.

    Wavelengths and sizes in um.
    """
    illumination = widefield_psf(shape, pixel_size, excitation, numerical_aperture, index)
    detection = widefield_psf(shape, pixel_size, emission, numerical_aperture, index)
    return scanned_psf(illumination, detection, pinhole_radius(pinhole, emission, numerical_aperture, pixel_size[1]))


def two_photon_psf(illumination: Beam) -> Kernel:
    """The square of the beam: two photons are absorbed at once, and all light is collected (Denk et al., Science 248:73, 1990)."""
    psf = np.square(illumination, dtype=np.float64)
    return np.asarray(psf / psf.sum(), np.float32)


def doughnut(shape: tuple[int, int], cutoff: float) -> npt.NDArray[np.float64]:
    """(Y, X) beam with a dark centre, as a vortex plate makes it, 1 at its crest.

    `cutoff`: NA / wavelength of the depletion beam in cycles per pixel (see `pupil_psf`).
    """
    if not 0 < cutoff < 0.5:
        raise ParameterError(f"wanted a pupil radius between 0 and 0.5 cycles per pixel, got {cutoff:g}; sample the PSF more finely")
    fy, fx = frequencies(shape)
    pupil = np.clip((cutoff - np.hypot(fy, fx)) * max(shape) + 0.5, 0, 1) * np.exp(1j * np.arctan2(fy, fx))
    pupil[0, 0] = 0  # the vortex has no phase in its middle
    beam = np.abs(np.fft.ifft2(pupil)) ** 2
    return np.asarray(beam / beam.max())


def sted_psf(confocal: Beam, depletion: npt.NDArray[np.floating], saturation: float) -> Kernel:
    """The confocal PSF (Y, X or Z, Y, X) narrowed by a depletion beam (Y, X; 1 at its crest) of `saturation` saturation intensities.

    The saturation intensity halves fluorescence: what is left is exp(-ln 2 I / Is) (Hell & Wichmann, Opt Lett 19:780, 1994; Westphal &
    Hell, Phys Rev Lett 94:143903, 2005, where the width falls as 1 / sqrt(1 + I / Is)).
    """
    if saturation < 0:
        raise ParameterError(f"wanted a depletion of 0 or more saturation intensities, got {saturation:g}")
    psf = np.asarray(confocal, np.float64) * np.exp(-np.log(2) * saturation * depletion)
    return np.asarray(psf / psf.sum(), np.float32)


def sim_transfer(shape: tuple[int, int], cutoff: float, pattern: float = 0.9) -> npt.NDArray[np.float32]:
    """Optical transfer function that a reconstruction of linear structured illumination aims at, on the grid of `rfft2`.

    Support grows from Abbe's limit 2 NA / wavelength to (1 + pattern) times that; a cone-shaped apodisation falls to 0 there, which keeps
    the image free of ringing (Gustafsson, J Microsc 198:82, 2000; Wicker, Opt Express 21:24692, 2013).

    Args:
        cutoff: NA / wavelength in cycles per pixel.
        pattern: frequency of the illumination over Abbe's limit, 0 (none: a deconvolved widefield image) to 1.
    """
    if not 0 <= pattern <= 1:
        raise ParameterError(f"wanted a pattern frequency of 0 to 1 times Abbe's limit, got {pattern:g}")
    fy, fx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None]
    end = 2 * cutoff * (1 + pattern)
    return np.asarray(np.clip(1 - np.hypot(fy, fx) / end, 0, 1), np.float32)
