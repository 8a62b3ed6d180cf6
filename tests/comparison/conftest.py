"""A specimen whose truth is known, and a microscope that looks at it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import gaussian_filter

Plane = npt.NDArray[np.float64]


def fibres(n: int, seed: int = 1, count: int = 25) -> Plane:
    """Curved fibres, brightest about 1."""
    rng = np.random.default_rng(seed)
    plane = np.zeros((n, n))
    for _ in range(count):
        place, angle = rng.uniform(0, n, 2), rng.uniform(0, 2 * np.pi)
        for _ in range(2 * n):
            angle += rng.normal(0, 0.08)
            place = place + 0.7 * np.array([np.sin(angle), np.cos(angle)])
            if (place >= 0).all() and (place < n - 1).all():
                plane[tuple(place.astype(int))] += 1
    plane = gaussian_filter(plane, 0.8)
    return plane / np.percentile(plane, 99.5)


def camera(light: Plane, photons: float, seed: int = 2) -> Plane:
    """Counts: `photons` at brightness 1, shot noise, read noise of 2 counts, offset 100."""
    rng = np.random.default_rng(seed)
    return rng.poisson(np.maximum(light, 0) * photons) / photons * 1000 + rng.normal(0, 2, light.shape) + 100


@dataclass(frozen=True)
class Scene:
    """What is there, what the microscope makes of it without noise, and what is recorded."""

    truth: Plane
    blurred: Plane
    recorded: Plane


@pytest.fixture(scope="session")
def scene() -> Scene:
    truth = fibres(160)
    blurred = gaussian_filter(truth, 1.8) + 0.05
    return Scene(truth * 1000, blurred * 1000 + 100, camera(blurred, 300))
