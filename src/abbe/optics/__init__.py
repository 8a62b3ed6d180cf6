"""Light from specimen to file: point-spread functions, blur, camera noise, and what is done to images before they are saved.

Scalar and aberration-free: `pupil_psf`, `widefield_psf`, `confocal_psf`. With the layers of a real mounting: `gibson_lanni_psf`, and with
polarisation too: `vectorial_psf`. Any of them as beam and detection of a scanning microscope: `scanned_psf`, `two_photon_psf`, `sted_psf`.
Lengths are um, angles radians, light photo-electrons, unless a name or a docstring says pixels.
"""

from abbe.optics.camera import Camera, expose
from abbe.optics.colour import ColourCamera
from abbe.optics.detectors import Chip, Emccd
from abbe.optics.gibson_lanni import gibson_lanni_psf
from abbe.optics.lens import Lens, Mounting
from abbe.optics.psf import airy_fwhm, gaussian_sigma, pupil_psf, widefield_psf
from abbe.optics.scanning import confocal_psf, doughnut, scanned_psf, sim_transfer, sted_psf, two_photon_psf
from abbe.optics.surroundings import autofluorescence, defocus_transfer, haze, shading
from abbe.optics.vectorial import vectorial_psf

__all__ = [
    "Camera",
    "Chip",
    "ColourCamera",
    "Emccd",
    "Lens",
    "Mounting",
    "airy_fwhm",
    "autofluorescence",
    "confocal_psf",
    "defocus_transfer",
    "doughnut",
    "expose",
    "gaussian_sigma",
    "gibson_lanni_psf",
    "haze",
    "pupil_psf",
    "scanned_psf",
    "shading",
    "sim_transfer",
    "sted_psf",
    "two_photon_psf",
    "vectorial_psf",
    "widefield_psf",
]
