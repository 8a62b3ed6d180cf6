"""The vectorial point-spread function: what polarisation does at high apertures.

Richards & Wolf, Proc R Soc A 253:358 (1959): the field in the focus is a sum of plane waves whose polarisation the lens turns; three
integrals over the aperture angle hold it. Torok & Varga, Appl Opt 36:2305 (1997), add layers: each wave is weighted with Fresnel's
transmission at every interface on its way in; by reciprocity an emitter there is seen as it would be lit. The optical path is that of
Gibson & Lanni. The emitters turn freely (fluorophores in solution or on
flexible linkers), so intensities of all orientations add up: |I0|^2 + 2 |I1|^2 + |I2|^2 (Aguet et al., Opt Express 17:6829, 2009).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from abbe.optics.gibson_lanni import brightest_focus
from abbe.optics.lens import Lens
from abbe.optics.radial import Kernel, on_pixels, stage_positions

_NODES_PER_TURN, _FEWEST_NODES = 8, 96


def vectorial_psf(shape: tuple[int, int, int], pixel_size: tuple[float, float], lens: Lens, *, refocus: bool = True) -> Kernel:
    """(Z, Y, X) PSF of freely turning emitters at `lens.depth`, sum 1; centre and arguments as `gibson_lanni_psf`.

    The same function is the light of an unpolarised beam that the lens focuses, for `optics.scanning`.
    """
    step, pixel = pixel_size
    defocus = stage_positions(shape[0], step, brightest_focus(lens) if refocus else 0.0)
    return on_pixels(lambda radii: intensity(lens, radii, defocus), shape, pixel, lens.wavelength / (2 * lens.aperture))


def intensity(lens: Lens, radii: npt.NDArray[np.float64], defocus: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(planes, radii): |I0|^2 + 2 |I1|^2 + |I2|^2 at `radii` um from the axis, in arbitrary units that all planes share."""
    i0, i1, i2 = integrals(lens, radii, defocus)
    return np.asarray(np.abs(i0) ** 2 + 2 * np.abs(i1) ** 2 + np.abs(i2) ** 2)


def integrals(
    lens: Lens, radii: npt.NDArray[np.float64], defocus: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.complex128], npt.NDArray[np.complex128], npt.NDArray[np.complex128]]:
    """I0, I1 and I2 of Richards & Wolf, (planes, radii) each, by Gauss-Legendre quadrature over the angle in the immersion."""
    from scipy.special import j0, j1, jv

    m = lens.mounting
    alpha = np.arcsin(lens.aperture / m.immersion_index)
    turns = 1 + lens.turns(defocus) + lens.aperture / lens.wavelength * radii.max()
    nodes, weights = np.polynomial.legendre.leggauss(max(_FEWEST_NODES, int(_NODES_PER_TURN * turns)))
    theta, weights = alpha / 2 * (nodes + 1), alpha / 2 * weights
    sines = m.immersion_index * np.sin(theta)
    senkrecht, parallel = transmission(sines, (m.immersion_index, m.glass_index, m.sample_index))
    cosine = _cosine(sines, m.sample_index)  # in the specimen
    common = weights * np.sqrt(np.cos(theta)) * np.sin(theta) * np.exp(1j * lens.phase(sines, defocus))
    argument = lens.wavenumber * radii[None] * sines[:, None]
    return (
        (common * (senkrecht + parallel * cosine)) @ j0(argument),
        (common * parallel * sines / m.sample_index) @ j1(argument),
        (common * (senkrecht - parallel * cosine)) @ jv(2, argument),
    )


def transmission(
    sines: npt.NDArray[np.float64], indices: tuple[float, ...]
) -> tuple[npt.NDArray[np.complex128], npt.NDArray[np.complex128]]:
    """Fresnel's amplitude transmission through flat layers of these indices, in turn: (s, p) for waves of numerical aperture `sines`."""
    s, p = (np.ones(sines.shape, np.complex128) for _ in range(2))
    for one, two in pairwise(indices):
        cos1, cos2 = _cosine(sines, one), _cosine(sines, two)
        s = s * 2 * one * cos1 / (one * cos1 + two * cos2)
        p = p * 2 * one * cos1 / (two * cos1 + one * cos2)
    return s, p


def _cosine(sines: npt.NDArray[np.float64], index: float) -> npt.NDArray[np.complex128]:
    """Of the angle in a medium; imaginary where the wave is evanescent there."""
    return np.asarray(np.sqrt(np.asarray(1 - (sines / index) ** 2, np.complex128)))
