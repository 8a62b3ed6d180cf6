"""Light from specimen to file: point-spread functions, blur, camera noise, and what is done to images before they are saved."""

from abbe.optics.camera import Camera, expose
from abbe.optics.psf import airy_fwhm, confocal_psf, gaussian_sigma, pupil_psf, widefield_psf

__all__ = ["Camera", "airy_fwhm", "confocal_psf", "expose", "gaussian_sigma", "pupil_psf", "widefield_psf"]
