"""`Lens` and `Mounting`: what a point-spread function depends on, in um and refractive indices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abbe.errors import ParameterError


@dataclass(frozen=True, slots=True)
class Mounting:
    """What lies between the lens and the specimen, and what the lens was designed for; thicknesses in um.

    The design's immersion layer is as thick as the working distance; the real one is as thick as focusing makes it.
    """

    sample_index: float = 1.33
    immersion_index: float = 1.515
    glass_index: float = 1.515
    glass_thickness: float = 170.0
    design_immersion_index: float = 1.515
    design_glass_index: float = 1.515
    design_glass_thickness: float = 170.0
    working_distance: float = 150.0

    def __post_init__(self) -> None:
        for name in ("sample_index", "immersion_index", "glass_index", "design_immersion_index", "design_glass_index"):
            if not 1 <= getattr(self, name) <= 4:
                raise ParameterError(f"wanted {name} as a refractive index from 1 to 4, got {getattr(self, name):g}")

    @classmethod
    def matched(cls, index: float) -> Mounting:
        """The lens's own design: one index from lens to specimen, no aberration."""
        return cls(index, index, index, 170.0, index, index, 170.0, 150.0)


@dataclass(frozen=True, slots=True)
class Lens:
    """An objective and the light through it."""

    numerical_aperture: float
    #: in vacuum, um
    wavelength: float
    mounting: Mounting = Mounting()
    #: of the emitter below the cover glass, um
    depth: float = 0.0

    def __post_init__(self) -> None:
        largest = min(self.mounting.immersion_index, self.mounting.design_immersion_index)
        if not 0 < self.numerical_aperture < largest:
            raise ParameterError(
                f"wanted a numerical aperture below the refractive index {largest:g} of the immersion, got {self.numerical_aperture:g}"
            )
        if not 0.1 <= self.wavelength <= 3:
            raise ParameterError(f"wanted a wavelength of 0.1 to 3 um, got {self.wavelength:g}")
        if self.depth < 0:
            raise ParameterError(f"wanted a depth below the cover glass of 0 um or more, got {self.depth:g}")

    @property
    def wavenumber(self) -> float:
        """2 pi / wavelength, radians per um."""
        return float(2 * np.pi / self.wavelength)

    @property
    def aperture(self) -> float:
        """The aperture that light fills: what the glass and the immersion pass."""
        m = self.mounting
        return min(self.numerical_aperture, m.glass_index, m.immersion_index)

    def phase(self, sines: npt.NDArray[np.float64], defocus: npt.NDArray[np.float64]) -> npt.NDArray[np.complex128]:
        """(planes, sines): with which phase light of numerical aperture `sines` arrives, the stage moved by `defocus` um; radians.

        The optical path difference of Gibson & Lanni (J Opt Soc Am A 8:1601, 1991) as Li, Xue & Blu (J Opt Soc Am A 34:1029, 2017,
        eq. 3) write it. The phase at the middle of the pupil is left out: it moves the whole field alike. Beyond the sample's index
        the phase is imaginary: that light comes from the near field of emitters at the cover glass, and fades with depth.
        """
        m = self.mounting

        def leg(index: float) -> npt.NDArray[np.complex128]:
            return np.asarray(np.sqrt(np.asarray(index**2 - sines**2, np.complex128)) - index)

        fixed = self.depth * leg(m.sample_index) + m.working_distance * (leg(m.immersion_index) - leg(m.design_immersion_index))
        fixed = fixed + m.glass_thickness * leg(m.glass_index) - m.design_glass_thickness * leg(m.design_glass_index)
        return np.asarray(self.wavenumber * (defocus[:, None] * leg(m.immersion_index) + fixed))

    def turns(self, defocus: npt.NDArray[np.float64]) -> float:
        """How often the phase turns between the middle and the edge of the pupil, at most: how finely to sample it."""
        sines = np.linspace(0, self.aperture, 64)
        return float(np.abs(np.diff(self.phase(sines, defocus).real, axis=1)).sum(axis=1).max() / (2 * np.pi))
