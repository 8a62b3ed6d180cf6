"""Images of two channels that lie off one another by as much as is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, shift

from abbe.image import Image

Plane = npt.NDArray[np.float64]


def spots(rng: np.random.Generator, size: int, count: int) -> Plane:
    points = np.zeros((size, size))
    points[rng.integers(0, size, count), rng.integers(0, size, count)] = rng.uniform(0.3, 1, count)
    return gaussian_filter(points, 1.3)


def counts(rng: np.random.Generator, clean: Plane, photons: float) -> npt.NDArray[np.uint16]:
    return rng.poisson(np.clip(clean, 0, None) / clean.max() * photons + 5).astype(np.uint16)


def apart(by: tuple[float, float], common: float = 0.6, size: int = 384, photons: float = 60, seed: int = 0, pixel: float = 0.1) -> Image:
    """Actin and tubulin, which lies `by` (y, x) pixels below and right of it; `common`: the share of spots in both."""
    rng = np.random.default_rng(seed)
    count = size * size // 300
    both = spots(rng, size, max(1, int(count * common)))
    one, two = (spots(rng, size, max(1, int(count * (1 - common)))) for _ in range(2))
    planes = [counts(rng, both + one, photons), counts(rng, shift(both + two, by, order=3), photons)]
    return Image.from_array(np.stack(planes), axes="CYX", channels=["actin", "tubulin"], pixel_size=pixel)
