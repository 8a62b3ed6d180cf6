"""Small images for batches, and the quickest thing that is done to them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from abbe.batch import Settings

#: the quickest that abbe does to an image
QUICK = Settings(steps=("denoise",), passes=1, engine="cpu")


def field(seed: int, side: int = 48) -> npt.NDArray[np.uint16]:
    """Spots under photon noise (side, side); each seed another."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    light = np.full((side, side), 20.0)
    for _ in range(6):
        cy, cx = rng.uniform(0, side, 2)
        light += 200 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 8)
    return rng.poisson(light).astype(np.uint16)
