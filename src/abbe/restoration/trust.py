"""`trust`: a map in [0, 1] of how well the data support what a result shows at each pixel.

    trust = 1 / (1 + error^2 / (structure^2 + noise^2))

all three as root mean squares around it, weighted by a Gaussian of 1.4 input pixels (those of a single pixel are themselves noisy):

- `error`, the standard deviation of the model's error: that of a normal distribution whose 90 % interval is the model's;
- `structure`, the standard deviation of the result: the contrast of what is shown there;
- `noise`, the standard deviation of the input's noise, at least a hundredth of the channel's range of brightness.

It is the share of what can be seen there that is not error. Where nothing is shown the noise of the input takes the place of the
structure: an even background is known once its error is small beside that. Bright structure is not distrusted for being bright, though its
error grows with its light.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from abbe.image import Image
from abbe.image.pixels import Array, Pixels, Region, Shape
from abbe.restoration.noise import noise_sigma
from abbe.restoration.resampling import EnlargedPixels
from abbe.restoration.stage import FLOAT32, Stage

#: smallest noise, as a fraction of the scale of the normalisation: noise-free input is still not known better than this
FLOOR = 0.01
#: standard deviation of the Gaussian that weights squares, in input pixels: that of a window of five
AROUND = 1.4
#: input pixels to each side that it sees
REACH = 5
#: half the width of a normal distribution's 90 % interval, in standard deviations
NORMAL = 1.645


@dataclass(frozen=True, slots=True)
class TrustPixels:
    """Trust on the input's pixels, computed from an estimate and the spread of its error, which may lie on finer ones, when it is read."""

    estimate: Pixels
    spread: Pixels
    #: standard deviation of the input's noise, one per channel, in the image's units
    noise: npt.NDArray[np.float64]
    #: standard deviations of the error per spread
    factor: float
    #: pixels of estimate and spread per input pixel along a side
    scale: int = 1

    @property
    def shape(self) -> Shape:
        t, c, z, y, x = self.spread.shape
        return t, c, z, y // self.scale, x // self.scale

    @property
    def dtype(self) -> np.dtype[np.float32]:
        return FLOAT32

    def read(self, region: Region) -> Array:
        wide, kept = zip(*(_widened(part, n) for part, n in zip(region[3:], self.shape[3:])))
        y, x = (slice(part.start * self.scale, part.stop * self.scale) for part in wide)
        fine: Region = (*region[:3], y, x)
        error = _around(self._binned((self.factor * self.spread.read(fine).astype(np.float64)) ** 2))[..., *kept]
        values = self.estimate.read(fine).astype(np.float64)
        values -= values.mean(axis=(-2, -1), keepdims=True)  # squares of what is far from 0 would leave nothing of the difference
        structure = (_around(self._binned(values**2)) - _around(self._binned(values)) ** 2)[..., *kept]
        noise = self.noise[region[1]][None, :, None, None, None]
        trust: Array = (1 / (1 + error / (np.maximum(structure, 0) + noise**2))).astype(np.float32)
        return trust

    def _binned(self, values: Array) -> Array:
        """Means over input pixels."""
        t, c, z, y, x = values.shape
        mean: Array = values.reshape(t, c, z, y // self.scale, self.scale, x // self.scale, self.scale).mean((4, 6))
        return mean


def trust_in(image: Image, chosen: tuple[int, ...], last: Stage) -> Pixels:
    """Trust in the last stage's estimate of the chosen channels of `image`, on the estimate's pixels."""
    assert last.spread is not None
    sigma = [noise_sigma(image, c).sigma for c in chosen]
    floor = [FLOOR * n.scale for n in last.normalisation]
    scale = last.spread.shape[3] // image.shape[3]
    trust = TrustPixels(last.estimate, last.spread, np.maximum(sigma, floor), last.model.card.interval_factor / NORMAL, scale)
    return EnlargedPixels(trust, scale) if scale > 1 else trust


def _around(values: Array) -> Array:
    """The mean around each pixel."""
    mean: Array = gaussian_filter(values, (0, 0, 0, AROUND, AROUND), mode="nearest", radius=REACH)
    return mean


def _widened(part: slice, length: int) -> tuple[slice, slice]:
    """(part with `REACH` more pixels on each side as far as there are any, where the part lies in that)."""
    start, stop = max(0, part.start - REACH), min(length, part.stop + REACH)
    return slice(start, stop), slice(part.start - start, part.stop - start)
