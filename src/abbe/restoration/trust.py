"""`trust`: a map in [0, 1] of how far each pixel of a result can be believed.

    trust = 1 / (1 + (spread / reference)^2)

`spread` is the model's own estimate of its error, `reference` the noise of the input (its standard deviation), at least a hundredth of the
channel's range of brightness: where the result may be wrong by as much as the input was noisy, trust is 1/2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abbe.image import Image
from abbe.image.pixels import Array, Pixels, Region, Shape
from abbe.restoration.noise import noise_sigma
from abbe.restoration.stage import FLOAT32, Stage

#: smallest reference, as a fraction of the scale of the normalisation: noise-free input is still not known better than this
FLOOR = 0.01


@dataclass(frozen=True, slots=True)
class TrustPixels:
    """Trust, computed from the spread when it is read."""

    spread: Pixels
    #: one per channel, in the image's units
    reference: npt.NDArray[np.float64]

    @classmethod
    def of(cls, image: Image, chosen: tuple[int, ...], last: Stage) -> TrustPixels:
        """Trust in the last stage's estimate of the chosen channels of `image`."""
        assert last.spread is not None
        sigma = [noise_sigma(image, c).sigma for c in chosen]
        floor = [FLOOR * n.scale for n in last.normalisation]
        return cls(last.spread, np.maximum(sigma, floor))

    @property
    def shape(self) -> Shape:
        return self.spread.shape

    @property
    def dtype(self) -> np.dtype[np.float32]:
        return FLOAT32

    def read(self, region: Region) -> Array:
        reference = self.reference[region[1]][None, :, None, None, None].astype(np.float32)
        with np.errstate(over="ignore"):
            trust: Array = 1 / (1 + (self.spread.read(region) / reference) ** 2)
        return trust
