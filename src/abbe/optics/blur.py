"""Blur by a point-spread function, through the Fourier domain; edges wrap, so cut a margin where that matters."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import fft

from abbe.optics.psf import pupil_psf, zernike_phase

Plane = npt.NDArray[np.float32]
Transfer = npt.NDArray[np.complexfloating] | npt.NDArray[np.floating]


def gaussian_transfer(shape: tuple[int, int], sigma: float) -> npt.NDArray[np.float32]:
    """Optical transfer function of a Gaussian of `sigma` pixels, on the grid of `rfft2`."""
    fy, fx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None, :]
    return np.exp(-2 * (np.pi * sigma) ** 2 * (fy * fy + fx * fx)).astype(np.float32)


def transfer(kernel: npt.NDArray[np.floating]) -> npt.NDArray[np.complexfloating]:
    """Optical transfer function of a kernel whose peak is at [0, 0], on the grid of `rfft2`."""
    return np.asarray(fft.rfft2(kernel))


def convolve(plane: npt.NDArray[np.floating], otf: Transfer) -> Plane:
    """`plane` (Y, X) seen through an optical transfer function on its `rfft2` grid."""
    return np.asarray(fft.irfft2(fft.rfft2(plane) * otf, plane.shape), np.float32)


def random_transfer(rng: np.random.Generator, shape: tuple[int, int], sigma: float) -> Transfer:
    """A plausible microscope whose PSF is about as wide as a Gaussian of `sigma` pixels.

    A third are Gaussian; a third have a narrow core and a wide foot (scattered light, out-of-focus glow); a third come
    from a pupil with random low aberrations of up to 0.6 rad each, where the sampling allows it.
    """
    kind = rng.random()
    if kind < 0.33 or (kind > 0.66 and sigma < 0.9):
        return gaussian_transfer(shape, sigma)
    if kind < 0.66:
        foot, skirt = rng.uniform(0.05, 0.3), rng.uniform(0.0, 0.12)
        core = gaussian_transfer(shape, sigma * rng.uniform(0.8, 1.0))
        wide = gaussian_transfer(shape, sigma * rng.uniform(1.5, 2.5))
        far = gaussian_transfer(shape, sigma * rng.uniform(3.0, 6.0))
        mixed: Transfer = (1 - foot - skirt) * core + foot * wide + skirt * far
        return mixed
    cutoff = min(0.21 / sigma, 0.249)  # pupil radius NA / wavelength of the Gaussian's equivalent lens: sigma = 0.21 wavelength / NA
    names = ("astigmatism", "astigmatism45", "coma_y", "coma_x", "trefoil", "spherical")
    strength = rng.uniform(0, 0.6)
    phase = zernike_phase(shape, cutoff, {name: float(rng.normal(0, strength / 2)) for name in names})
    return transfer(pupil_psf(shape, cutoff, phase))
