"""`trust`: a map in [0, 1] of how far each pixel of a result can be believed.

    trust = 1 / (1 + (spread / reference)^2)

`spread` is the model's own estimate of its error, as a root mean square over 5 x 5 input pixels (a single pixel's is itself noisy);
`reference` is the noise of the input (its standard deviation), at least a hundredth of the channel's range of brightness: where the result
may be wrong by as much as the input was noisy, trust is 1/2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter

from abbe.image import Image
from abbe.image.pixels import Array, Pixels, Region, Shape
from abbe.restoration.noise import noise_sigma
from abbe.restoration.stage import FLOAT32, Stage

#: smallest reference, as a fraction of the scale of the normalisation: noise-free input is still not known better than this
FLOOR = 0.01
#: input pixels to each side over which spreads are averaged
REACH = 2


@dataclass(frozen=True, slots=True)
class TrustPixels:
    """Trust, computed from the spread when it is read."""

    spread: Pixels
    #: one per channel, in the image's units
    reference: npt.NDArray[np.float64]
    #: output pixels to each side over which spreads are averaged
    reach: int = 0

    @classmethod
    def of(cls, image: Image, chosen: tuple[int, ...], last: Stage) -> TrustPixels:
        """Trust in the last stage's estimate of the chosen channels of `image`."""
        assert last.spread is not None
        sigma = [noise_sigma(image, c).sigma for c in chosen]
        floor = [FLOOR * n.scale for n in last.normalisation]
        return cls(last.spread, np.maximum(sigma, floor), REACH * (last.spread.shape[3] // image.shape[3]))

    @property
    def shape(self) -> Shape:
        return self.spread.shape

    @property
    def dtype(self) -> np.dtype[np.float32]:
        return FLOAT32

    def read(self, region: Region) -> Array:
        reference = self.reference[region[1]][None, :, None, None, None]
        wide, kept = zip(*(_widened(part, self.reach, n) for part, n in zip(region[3:], self.shape[3:])))
        power = self.spread.read((*region[:3], wide[0], wide[1])).astype(np.float64) ** 2
        size = 2 * self.reach + 1
        mean = uniform_filter(power, (1, 1, 1, size, size), mode="nearest")[..., kept[0], kept[1]]
        trust: Array = (1 / (1 + np.maximum(mean, 0) / reference**2)).astype(np.float32)
        return trust


def _widened(part: slice, reach: int, length: int) -> tuple[slice, slice]:
    """(part with `reach` more pixels on each side as far as there are any, where the part lies in that)."""
    start, stop = max(0, part.start - reach), min(length, part.stop + reach)
    return slice(start, stop), slice(part.start - start, part.stop - start)
