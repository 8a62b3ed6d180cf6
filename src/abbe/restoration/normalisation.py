"""The one normalisation: per channel over all frames, planes and pixels of the image; never per tile.

    x' = (x - offset) / scale,   offset = a low percentile, scale = the power of two nearest to a high percentile - offset

The networks are positively homogeneous (f(a x) = a f(x), a > 0), so the scale only keeps the numbers near one. It is a power of two, by
which division is exact: a bright object elsewhere in the image, which raises the percentile, then changes not even the rounding.
Percentiles come from every pixel of a small image and from a fixed grid of rows of a large one:
the same pixels each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from abbe.image.pixels import Array, Pixels
from abbe.zoo import Card

#: pixels per channel from which percentiles are taken; at 2**21 the 0.5th percentile of noise is off by 0.005 standard deviations
SAMPLE = 2**21
#: planes that a sample reads at most: a compressed plane is decoded whole for one row of it
PLANES = 64


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


def sample(pixels: Pixels, channel: int, size: int = SAMPLE) -> npt.NDArray[Any]:
    """Finite pixels of one channel: all of them up to `size`, else whole rows spread evenly over frames, planes and rows."""
    t, _, z, y, x = pixels.shape
    planes = np.unique(np.linspace(0, t * z - 1, min(t * z, PLANES)).round().astype(np.int64)) if t * z * y * x > size else np.arange(t * z)
    rows = max(1, min(y, size // (len(planes) * x)))
    picked = np.unique(np.linspace(0, y - 1, rows).round().astype(np.int64))
    parts = []
    for index in planes:
        frame, plane = divmod(int(index), z)
        for start, stop in _runs(picked):
            region = (slice(frame, frame + 1), slice(channel, channel + 1), slice(plane, plane + 1), slice(start, stop), slice(0, x))
            parts.append(pixels.read(region).ravel())
    values = np.concatenate(parts)
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    return values if values.size else np.zeros(1, pixels.dtype)


def _runs(rows: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """(start, stop) of the runs of neighbouring rows."""
    breaks = np.flatnonzero(np.diff(rows) > 1) + 1
    return [(int(run[0]), int(run[-1]) + 1) for run in np.split(rows, breaks)]
