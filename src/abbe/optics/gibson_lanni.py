"""The scalar point-spread function with the aberrations of a real mounting: cover glass, immersion and specimen of other indices.

Gibson & Lanni, J Opt Soc Am A 8:1601 (1991): Kirchhoff's integral over the pupil with the optical path difference of the layers. It is
evaluated by the method of Li, Xue & Blu, J Opt Soc Am A 34:1029 (2017): the pupil's phase factor is fitted once by Bessel functions
J0(s_m rho), whose diffraction integral is known in closed form, so that a whole stack costs one least-squares fit and one matrix product.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from abbe.optics.lens import Lens
from abbe.optics.radial import Kernel, on_pixels, stage_positions

#: samples of the pupil's radius, and Bessel functions; both grow with the number of turns of the phase
_SAMPLES_PER_TURN, _FEWEST_SAMPLES = 16, 256
_FUNCTIONS_PER_TURN, _FEWEST_FUNCTIONS = 3, 40


def gibson_lanni_psf(shape: tuple[int, int, int], pixel_size: tuple[float, float], lens: Lens, *, refocus: bool = True) -> Kernel:
    """(Z, Y, X) widefield PSF of a point at `lens.depth`, sum 1; the middle plane of z and [0, 0] of each plane are its centre.

    Args:
        shape: voxels.
        pixel_size: (z, xy) in um; z is the movement of the stage.
        refocus: the middle plane is the brightest one (what a user focuses on). False: the nominal focus of the unaberrated lens.

    Light at the edge wraps around: choose `shape` so that it is dark there.
    """
    step, pixel = pixel_size
    focus = brightest_focus(lens) if refocus else 0.0
    defocus = stage_positions(shape[0], step, focus)
    return on_pixels(lambda radii: intensity(lens, radii, defocus), shape, pixel, lens.wavelength / (2 * lens.aperture))


def intensity(lens: Lens, radii: npt.NDArray[np.float64], defocus: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(planes, radii): intensity at a distance of `radii` um from the axis; 1 in the focus of an unaberrated lens."""
    return np.asarray(4 * np.abs(amplitude(lens, radii, defocus)) ** 2)


def amplitude(lens: Lens, radii: npt.NDArray[np.float64], defocus: npt.NDArray[np.float64]) -> npt.NDArray[np.complex128]:
    """int_0^1 exp(i W(rho)) J0(k a r rho) rho d rho, (planes, radii), `a` the filled aperture."""
    from scipy.special import j0, j1

    turns = 1 + lens.turns(defocus)
    rho = np.linspace(0, 1, max(_FEWEST_SAMPLES, int(_SAMPLES_PER_TURN * turns)))
    count = max(_FEWEST_FUNCTIONS, int(_FUNCTIONS_PER_TURN * turns))
    s = 3.0 * np.arange(1, count + 1) - 2  # the spacing that Li, Xue & Blu found to fit phases best
    wave = np.exp(1j * lens.phase(rho * lens.aperture, defocus))
    c, *_ = np.linalg.lstsq(j0(rho[:, None] * s), wave.T, rcond=None)
    b = lens.wavenumber * lens.aperture * radii
    with np.errstate(divide="ignore", invalid="ignore"):
        known = (s * j1(s) * j0(b[:, None]) - b[:, None] * j0(s) * j1(b[:, None])) / (s**2 - b[:, None] ** 2)
    limit = (j0(s) ** 2 + j1(s) ** 2) / 2  # where b meets s
    known = np.where(np.abs(s - b[:, None]) < 1e-6, limit, known)
    return np.asarray((known @ c).T)


def brightest_focus(lens: Lens, reach: float = 0.0) -> float:
    """Stage position (um) at which the point is brightest on the axis: where a user would focus. Searched within `reach` um of 0.

    `reach` 0: as far as the indices can shift it.
    """
    m = lens.mounting
    reach = reach or 5 + 1.5 * lens.depth * max(1.0, m.immersion_index / m.sample_index)
    reach += abs(m.glass_thickness - m.design_glass_thickness) + m.working_distance * abs(m.immersion_index - m.design_immersion_index)
    step = 0.25 * lens.wavelength / lens.aperture**2
    centre = 0.0
    while step > 1e-3 * lens.wavelength:
        positions = centre + np.arange(-np.ceil(reach / step), np.ceil(reach / step) + 1) * step
        centre = float(positions[int(np.argmax(_on_axis(lens, positions)))])
        reach, step = 2 * step, step / 8
    return centre


def _on_axis(lens: Lens, defocus: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """|int exp(i W) rho d rho|^2 by the midpoint rule in rho^2."""
    sines = lens.aperture * np.sqrt((np.arange(400) + 0.5) / 400)
    return np.asarray(np.abs(np.exp(1j * lens.phase(sines, defocus)).mean(axis=1)) ** 2)
