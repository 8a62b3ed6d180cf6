"""Detectors whose noise is not that of a plain camera: the electron-multiplying register of an EMCCD, and sCMOS chips pixel by pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abbe.errors import ParameterError

Plane = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Emccd:
    """An EMCCD's constants. Its register doubles the variance of the light and dwarfs the read noise."""

    #: electrons out of the register per electron in
    multiplication: float = 300.0
    #: electrons after the register, root mean square
    read_noise: float = 50.0
    #: electrons per pixel that clocking sets free before the register
    clock_induced: float = 0.005
    #: electrons per count
    electrons_per_count: float = 12.0
    #: counts without light
    offset: float = 100.0
    #: largest count
    top: float = 65535.0

    def expose(self, rng: np.random.Generator, photons: npt.NDArray[np.floating]) -> Plane:
        """Counts of (Y, X) expected photo-electrons.

        Hirsch et al., PLoS ONE 8:e53671 (2013): Poisson electrons, a gamma distribution of what n of them become, Gaussian read noise.
        """
        electrons = rng.poisson(np.maximum(photons, 0) + self.clock_induced)
        multiplied = rng.gamma(np.maximum(electrons, 1e-9), self.multiplication) * (electrons > 0)
        counts = (multiplied + rng.normal(0, self.read_noise, electrons.shape)) / self.electrons_per_count + self.offset
        return np.asarray(np.clip(np.round(counts), 0, self.top), np.float32)


@dataclass(frozen=True, slots=True)
class Chip:
    """An sCMOS chip: every pixel has its own offset (counts), gain (counts per electron) and read noise (electrons), (Y, X) each.

    They stay from exposure to exposure (Huang et al., Nat Methods 10:653, 2013), which is what tells them from noise.
    """

    offset: Plane
    gain: Plane
    read_noise: Plane
    top: float = 65535.0

    @classmethod
    def make(
        cls,
        rng: np.random.Generator,
        shape: tuple[int, int],
        *,
        offset: float = 100.0,
        offset_spread: float = 2.0,
        gain: float = 2.2,
        gain_spread: float = 0.02,
        read_noise: float = 1.3,
        noisy: float = 0.01,
    ) -> Chip:
        """A chip as they come: most pixels near the data sheet's figures, a fraction `noisy` with a read noise 3 to 15 times as high."""
        if not 0 <= noisy <= 1:
            raise ParameterError(f"wanted a fraction of noisy pixels of 0 to 1, got {noisy:g}")
        read = read_noise * np.exp(rng.normal(0, 0.15, shape))
        read = np.where(rng.random(shape) < noisy, read * rng.uniform(3, 15, shape), read)
        return cls(
            np.asarray(rng.normal(offset, offset_spread, shape), np.float32),
            np.asarray(gain * (1 + rng.normal(0, gain_spread, shape)), np.float32),
            np.asarray(read, np.float32),
        )

    def expose(self, rng: np.random.Generator, photons: npt.NDArray[np.floating]) -> Plane:
        """Counts of (Y, X) expected photo-electrons on this chip."""
        if photons.shape != self.gain.shape:
            raise ParameterError(f"wanted light on the chip's {self.gain.shape} pixels, got {photons.shape}")
        electrons = rng.poisson(np.maximum(photons, 0)) + rng.normal(0, 1, photons.shape) * self.read_noise
        return np.asarray(np.clip(np.round(electrons * self.gain + self.offset), 0, self.top), np.float32)

    def corrected(self, counts: Plane) -> Plane:
        """Electrons, with the pixels' own offsets and gains taken out; their read noise stays."""
        return np.asarray((counts - self.offset) / self.gain, np.float32)
