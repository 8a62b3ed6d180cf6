"""Images of two channels, made here."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import gaussian_filter

from abbe.image import Image


def blobs(rng: np.random.Generator, size: int = 96, sigma: float = 2.0, count: int = 60) -> npt.NDArray[np.float64]:
    """Points blurred as a microscope does, brightest 1."""
    points = np.zeros((size, size))
    points[rng.integers(0, size, count), rng.integers(0, size, count)] = rng.uniform(0.3, 1, count)
    blurred = gaussian_filter(points, sigma)
    return blurred / blurred.max()


def camera(rng: np.random.Generator, clean: npt.NDArray[np.float64], photons: float = 300, offset: int = 100) -> npt.NDArray[np.uint16]:
    """Counts of a camera: shot noise and an offset."""
    counts: npt.NDArray[np.uint16] = (rng.poisson(clean * photons) + rng.normal(offset, 2, clean.shape)).clip(0).round().astype(np.uint16)
    return counts


@pytest.fixture
def partly() -> Image:
    """Two channels that share half of their structure."""
    rng = np.random.default_rng(7)
    shared, first, second = (blobs(rng) for _ in range(3))
    planes = np.stack([camera(rng, shared + first), camera(rng, 0.6 * (shared + second))])
    return Image.from_array(planes, axes="CYX", pixel_size=0.1, channels=["actin", "tubulin"])
