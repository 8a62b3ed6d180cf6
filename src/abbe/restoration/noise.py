"""How noisy an image is, without knowing its truth, and whether neighbouring pixels share their noise.

The flattest blocks of an image hold little but noise. In each block a quadratic surface is fitted and taken away; of the residual
variances the lower quartile is used, since structure only ever adds to a variance. Unlike the Laplacian of Immerkaer (1996), which sees the
differences between neighbours alone, this does not miss noise that was smeared by resampling, averaging or debayering.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from abbe.image import Image

#: side of a block (pixels): long against the correlation of noise, short against the shading of a background
BLOCK = 16
#: blocks that are looked at, at most
BLOCKS = 4096
#: planes that are looked at, at most
PLANES = 8
#: the quantile of the blocks' variances that is used
QUANTILE = 0.25


@dataclass(frozen=True, slots=True)
class Noise:
    """Noise of one channel in its darker, flatter parts: standard deviation in the image's units, and correlation of neighbours."""

    sigma: float
    correlation: float


def noise_sigma(image: Image, channel: int) -> Noise:
    """The noise of one channel, from blocks of a few planes spread over the image. Zero for an image of one value."""
    return noise_of(_blocks(image, channel))


def plane_noise(plane: npt.NDArray[Any]) -> Noise:
    """The noise of one plane (Y, X), from all of its blocks."""
    y, x = plane.shape
    h, w = min(BLOCK, y), min(BLOCK, x)
    blocks = plane[: y // h * h, : x // w * w].reshape(y // h, h, x // w, w).swapaxes(1, 2).reshape(-1, h, w)
    return noise_of(blocks.astype(np.float64))


def noise_of(blocks: npt.NDArray[np.float64]) -> Noise:
    """The noise that the flattest of these blocks (blocks, height, width) share; none for blocks below 16 pixels."""
    if blocks[0].size < 16:
        return Noise(0.0, 0.0)
    residual, freedom = _without_surface(blocks)
    variance = (residual**2).sum(axis=(1, 2)) / freedom
    # blocks of one exact value are clipped or padded, and tell nothing
    varied = variance > 1e-12 * max(float(variance.max()), np.finfo(np.float64).tiny)
    if not varied.any():
        return Noise(0.0, 0.0)
    residual, variance = residual[varied], variance[varied]
    flattest = residual[variance <= np.quantile(variance, QUANTILE)]
    across = [(flattest[:, :, 1:] * flattest[:, :, :-1]).mean(), (flattest[:, 1:] * flattest[:, :-1]).mean()]
    power = float((flattest**2).mean())
    correlation = float(np.clip(np.mean(across) / power, -1, 1)) if power > 0 else 0.0
    # the lower quartile of chi-squared variances lies below their mean; correlated pixels are fewer independent ones
    independent = max(freedom * (1 - max(correlation, 0.0)) ** 2 / (1 + max(correlation, 0.0)) ** 2, 4.0)
    low = float(np.quantile(variance, QUANTILE)) / (chi2.ppf(QUANTILE, independent) / independent)
    return Noise(float(np.sqrt(low)), correlation)


def _blocks(image: Image, channel: int) -> npt.NDArray[np.float64]:
    """(blocks, height, width) of pixels spread evenly over a channel."""
    t, _, z, y, x = image.shape
    h, w = min(BLOCK, y), min(BLOCK, x)
    planes = np.unique(np.linspace(0, t * z - 1, PLANES).round().astype(int))
    across = max(1, min(x // w, int(np.sqrt(BLOCKS / len(planes)))))
    down = max(1, min(y // h, BLOCKS // len(planes) // across))
    found: list[npt.NDArray[Any]] = []
    for plane in planes:
        frame, depth = divmod(int(plane), z)
        for top in np.unique(np.linspace(0, y - h, down).astype(int)):
            where = (slice(frame, frame + 1), slice(channel, channel + 1), slice(depth, depth + 1), slice(top, top + h), slice(0, x))
            band = image.pixels.read(where)[0, 0, 0]
            found += [band[:, left : left + w] for left in np.unique(np.linspace(0, x - w, across).astype(int))]
    return np.nan_to_num(np.stack(found).astype(np.float64))


def _without_surface(blocks: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], int]:
    """(residuals of a quadratic surface fitted to each block, degrees of freedom left)."""
    n, h, w = blocks.shape
    v, u = np.meshgrid(np.linspace(-1, 1, h) if h > 1 else [0.0], np.linspace(-1, 1, w) if w > 1 else [0.0], indexing="ij")
    terms = np.stack([np.ones_like(u), u, v, u * u, u * v, v * v]).reshape(6, -1).T
    basis, size, _ = np.linalg.svd(terms, full_matrices=False)
    basis = basis[:, size > 1e-9 * size[0]]
    flat = blocks.reshape(n, -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    residual = flat - (flat @ basis) @ basis.T
    return residual.reshape(n, h, w), max(h * w - basis.shape[1], 1)
