"""The one normalisation: per channel over all frames, planes and pixels of the image; never per tile.

    x' = (x - offset) / scale,   offset = a low percentile, scale = the power of two nearest to a high percentile - offset

The networks are positively homogeneous (f(a x) = a f(x), a > 0), so the scale only keeps the numbers near one. It is a power of two, by
which division is exact: a bright object elsewhere in the image, which raises the percentile, then changes not even the rounding.
Percentiles come from every pixel of a small image and from a fixed grid of rows of a large one:
the same pixels each time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abbe.image.pixels import Array, Pixels
from abbe.image.sample import sample
from abbe.zoo import Card


@dataclass(frozen=True, slots=True)
class Normalisation:
    """Offset and scale of one channel, in the image's units."""

    offset: float
    scale: float

    def forward(self, x: Array) -> npt.NDArray[np.float32]:
        """Pixels as the network sees them; a value that is no number becomes the offset."""
        shifted = np.subtract(x, self.offset, dtype=np.float64)
        shifted /= self.scale
        return np.nan_to_num(shifted, copy=False, nan=0.0, posinf=1.0, neginf=0.0).astype(np.float32)

    def to_dict(self) -> dict[str, float]:
        return {"offset": self.offset, "scale": self.scale}


def normalisation(pixels: Pixels, channel: int, card: Card) -> Normalisation:
    """The normalisation that `card` asks for, of one channel of `pixels`."""
    values = sample(pixels, channel)
    low, high = np.percentile(values, [card.normalisation.low_percentile, card.normalisation.high_percentile])
    if high <= low:  # nearly all pixels are alike: take what there is above them, then any positive number
        high = float(values.max())
    scale = float(high - low)
    smallest = float(np.finfo(np.float32).tiny)
    scale = scale if np.isfinite(scale) and scale > smallest else max(abs(float(low)), 1.0)
    return Normalisation(float(low), float(np.exp2(np.round(np.log2(scale)))))
