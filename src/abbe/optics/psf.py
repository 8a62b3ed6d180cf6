"""Point-spread functions: how a point of light arrives at the camera.

Scalar diffraction theory: the pupil is a disc of radius NA / wavelength in spatial frequency, an aberration or a defocus
is a phase on it, and the intensity point-spread function is the squared modulus of its Fourier transform (Born & Wolf,
Principles of Optics, ch. 8; Goodman, Introduction to Fourier Optics, ch. 6). All functions return kernels that sum to 1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from abbe.errors import ParameterError

Kernel = npt.NDArray[np.float32]

#: FWHM of a Gaussian in units of its standard deviation
FWHM = 2 * np.sqrt(2 * np.log(2))


def airy_fwhm(wavelength: float, numerical_aperture: float) -> float:
    """Full width at half maximum of the in-focus widefield PSF, in the wavelength's unit: 0.51 wavelength / NA (paraxial)."""
    return 0.5145 * wavelength / numerical_aperture


def gaussian_sigma(wavelength: float, numerical_aperture: float) -> float:
    """Standard deviation of the Gaussian closest to the in-focus PSF: 0.21 wavelength / NA (Zhang et al., Appl Opt 46:1819, 2007)."""
    return 0.21 * wavelength / numerical_aperture


def frequencies(shape: tuple[int, int], step: tuple[float, float] = (1.0, 1.0)) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Spatial frequencies of `np.fft.fft2` along y and x, cycles per unit of `step`."""
    fy, fx = np.fft.fftfreq(shape[0], step[0])[:, None], np.fft.fftfreq(shape[1], step[1])[None, :]
    return np.asarray(fy, np.float64), np.asarray(fx, np.float64)


def pupil_psf(shape: tuple[int, int], cutoff: float, phase: npt.NDArray[np.float64] | float = 0.0) -> Kernel:
    """(Y, X) intensity PSF with its peak at [0, 0], for use with FFTs.

    Args:
        shape: pixels.
        cutoff: radius of the pupil, NA / wavelength, in cycles per pixel; below 0.5. The image then holds
            frequencies up to twice that (Abbe's limit); for them not to alias it must be at most 0.25.
        phase: radians on the pupil's grid (`frequencies(shape)`), zero for a perfect lens in focus.
    """
    if not 0 < cutoff < 0.5:
        raise ParameterError(f"wanted a pupil radius between 0 and 0.5 cycles per pixel, got {cutoff:g}; sample the PSF more finely")
    fy, fx = frequencies(shape)
    radius = np.hypot(fy, fx)
    # a soft edge one frequency step wide keeps the energy right on small grids
    edge = 1 / max(shape)
    pupil = np.clip((cutoff - radius) / edge + 0.5, 0, 1) * np.exp(1j * np.asarray(phase))
    psf = np.abs(np.fft.ifft2(pupil)) ** 2
    return np.asarray(psf / psf.sum(), np.float32)


def defocus_phase(
    shape: tuple[int, int], pixel: float, wavelength: float, numerical_aperture: float, depth: float, index: float = 1.515
) -> npt.NDArray[np.float64]:
    """Phase of a point `depth` um out of focus, exact for high apertures: 2 pi z (sqrt((n/w)^2 - f^2) - n/w).

    `pixel`, `wavelength` and `depth` in um; `index` of the medium (Gibson & Lanni, J Opt Soc Am A 8:1601, 1991, without
    their aberration terms).
    """
    if numerical_aperture >= index:
        raise ParameterError(f"wanted a numerical aperture below the refractive index {index:g}, got {numerical_aperture:g}")
    fy, fx = frequencies(shape, (pixel, pixel))
    k = index / wavelength
    axial = np.sqrt(np.maximum(k * k - fy * fy - fx * fx, 0))
    return np.asarray(2 * np.pi * depth * (axial - k))


def zernike_phase(shape: tuple[int, int], cutoff: float, coefficients: dict[str, float]) -> npt.NDArray[np.float64]:
    """Low aberrations on the pupil, in radians (root mean square over the disc, Noll's normalisation).

    Names: astigmatism, astigmatism45, coma_y, coma_x, trefoil, spherical.
    """
    fy, fx = frequencies(shape)
    r = np.minimum(np.hypot(fy, fx) / cutoff, 1.0)
    a = np.arctan2(fy, fx)
    terms = {
        "astigmatism": np.sqrt(6) * r**2 * np.cos(2 * a),
        "astigmatism45": np.sqrt(6) * r**2 * np.sin(2 * a),
        "coma_y": np.sqrt(8) * (3 * r**3 - 2 * r) * np.sin(a),
        "coma_x": np.sqrt(8) * (3 * r**3 - 2 * r) * np.cos(a),
        "trefoil": np.sqrt(8) * r**3 * np.cos(3 * a),
        "spherical": np.sqrt(5) * (6 * r**4 - 6 * r**2 + 1),
    }
    unknown = set(coefficients) - set(terms)
    if unknown:
        raise ParameterError(f"wanted aberrations among {', '.join(terms)}, got {', '.join(sorted(unknown))}")
    return np.asarray(sum((value * terms[name] for name, value in coefficients.items()), np.zeros(shape)))


def widefield_psf(
    shape: tuple[int, int, int],
    pixel_size: tuple[float, float],
    wavelength: float,
    numerical_aperture: float,
    index: float = 1.515,
    spherical: float = 0.0,
) -> Kernel:
    """(Z, Y, X) widefield PSF, peak at the centre voxel of z and at [0, 0] of each plane; every plane holds the same energy.

    Args:
        shape: voxels; an odd number of planes.
        pixel_size: (z, xy) in um.
        wavelength: emission, um.
        spherical: spherical aberration, radians (index mismatch).
    """
    z_step, pixel = pixel_size
    planes = shape[0]
    cutoff = numerical_aperture / wavelength * pixel
    extra = zernike_phase(shape[1:], cutoff, {"spherical": spherical})
    out = np.empty(shape, np.float32)
    for k in range(planes):
        phase = defocus_phase(shape[1:], pixel, wavelength, numerical_aperture, (k - planes // 2) * z_step, index)
        out[k] = pupil_psf(shape[1:], cutoff, phase + extra)
    return np.asarray(out / planes, np.float32)
