"""How noisy an image is, without knowing its truth, and whether neighbouring pixels share their noise.

The flattest blocks of an image hold little but noise. In each block a quadratic surface is fitted and taken away; of the residual
variances a low quantile is used, since structure only ever adds to a variance. Unlike the Laplacian of Immerkaer (1996), which sees the
differences between neighbours alone, this does not miss noise that was smeared by resampling, averaging or debayering.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv

from abbe.image import Image

#: side of a block (pixels): long against the correlation of noise, short enough to lie between structures
BLOCK = 8
#: blocks that are looked at, at most
BLOCKS = 8192
#: planes that are looked at, at most
PLANES = 8
#: the quantile of the blocks' variances that is used
QUANTILE = 0.15
#: a lower quantile, and how many times larger than it the other may be where blocks hold noise alone: 1.1 to 2.0 for white noise and for
#: noise blurred by up to 1.4 pixels, 3 to 120 in fields crowded with spots
FLATTEST, UNEVEN = 0.03, 2.5
#: by how much more neighbours are alike where that is structure
ALIKE = 0.15
#: the flattest blocks that the correlation of neighbours is taken from, at least, and by how much less they correlate than others of the
#: same noise, because they are the flattest (measured: 0.01 to 0.04)
FEWEST, SELECTED = 16, 0.05


@dataclass(frozen=True, slots=True)
class Noise:
    """Noise of one channel in its darker, flatter parts: standard deviation in the image's units, and correlation of neighbours."""

    sigma: float
    correlation: float


def noise_sigma(image: Image, channel: int) -> Noise:
    """The noise of one channel, from blocks of a few planes spread over the image. Zero for an image of one value."""
    return noise_of(_blocks(image, channel))


def noise_of(blocks: npt.NDArray[np.float64]) -> Noise:
    """The noise that the flattest of these blocks (blocks, height, width) share; none for blocks below 16 pixels."""
    if blocks[0].size < 16:
        return Noise(0.0, 0.0)
    residual, freedom = without_surface(blocks)
    variance = (residual**2).sum(axis=(1, 2)) / freedom
    # blocks of one exact value are clipped or padded, and tell nothing
    varied = np.sqrt(variance) > np.maximum(1e-12 * np.abs(blocks).max(axis=(1, 2)), np.finfo(np.float64).tiny)
    if not varied.any():
        return Noise(0.0, 0.0)
    residual, variance = residual[varied], variance[varied]
    # where more than half of an image is crowded, the flatter half still holds structure, which neighbours share; the flattest hold less
    flattest = np.sort(variance)[: max(FEWEST, int(QUANTILE * len(variance)))][-1]
    seen = min(_correlation(residual[variance <= np.median(variance)]), _correlation(residual[variance <= flattest]) + SELECTED)
    # blocks of noise alone scatter little; where even the flattest differ by more, and the very flattest have less that neighbours share,
    # the others hold structure. (Where a part is darker its noise is less, and shared as everywhere.)
    table, quantile = _smeared(*blocks.shape[1:]), QUANTILE
    if np.quantile(variance, QUANTILE) > UNEVEN * np.quantile(variance, FLATTEST):
        least = _correlation(residual[variance <= np.sort(variance)[: max(FEWEST, int(FLATTEST * len(variance)))][-1]])
        if least + ALIKE < seen:
            seen, quantile = least, FLATTEST
    correlation, share, independent = (float(np.interp(seen, table[0], row)) for row in table[1:])
    # the low quantile of chi-squared variances lies below their mean
    low = float(np.quantile(variance, quantile)) / (2 * gammaincinv(independent / 2, quantile) / independent)
    return Noise(float(np.sqrt(low / share)), correlation)


def _correlation(residual: npt.NDArray[np.float64]) -> float:
    """Mean correlation of pixels that are neighbours along y or x, of blocks (blocks, height, width)."""
    power = float((residual**2).mean())
    pairs = [residual[:, :, 1:] * residual[:, :, :-1], residual[:, 1:] * residual[:, :-1]]
    found = [float(pair.mean()) / power for pair in pairs if pair.size and power > 0]
    return float(np.clip(np.mean(found), -1, 1)) if found else 0.0


@cache
def _smeared(h: int, w: int) -> npt.NDArray[np.float64]:
    """What the fitted surface leaves of noise smeared by Gaussians of growing width, for blocks of h x w pixels.

    Four rows: correlation of neighbours in the residual (ascending), in the noise itself, variance of the residual over that of the noise
    (per degree of freedom), and number of independent pixels that would scatter as much. Smeared noise is half taken for a surface, so
    that neither figure can be read from the residual as it is.
    """
    y, x = (a.ravel().astype(np.float64) for a in np.indices((h, w)))
    basis = _surface(h, w)
    rest = np.eye(h * w) - basis @ basis.T
    freedom = max(h * w - basis.shape[1], 1)
    rows = []
    for width in np.linspace(0, 1.6, 33):
        distance = (y[:, None] - y) ** 2 + (x[:, None] - x) ** 2
        covariance = np.exp(-distance / (4 * max(width, 1e-3) ** 2))  # of white noise blurred by this width
        left = rest @ covariance @ rest
        pairs = [left[d == 1].mean() for d in (distance * (y[:, None] == y), distance * (x[:, None] == x)) if (d == 1).any()]
        power = np.trace(left) / (h * w)
        seen = np.mean(pairs) / power if pairs and power > 1e-12 else 0.0
        rows.append((seen, np.exp(-1 / (4 * max(width, 1e-3) ** 2)), np.trace(left) / freedom, np.trace(left) ** 2 / (left**2).sum()))
    table = np.array(rows).T
    table[0] = np.maximum.accumulate(table[0]) + 1e-12 * np.arange(table.shape[1])
    least = np.array([[-np.inf], [0.0], [1e-3], [1.0]])
    kept: npt.NDArray[np.float64] = np.maximum(table, least)
    return kept


def cut(plane: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """All blocks of a plane (Y, X) that fit: (blocks, height, width)."""
    y, x = plane.shape
    h, w = min(BLOCK, y), min(BLOCK, x)
    blocks = plane[: y // h * h, : x // w * w].reshape(y // h, h, x // w, w).swapaxes(1, 2)
    return blocks.reshape(-1, h, w).astype(np.float64)


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


def without_surface(blocks: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], int]:
    """(residuals of a quadratic surface fitted to each block, degrees of freedom left)."""
    n, h, w = blocks.shape
    basis = _surface(h, w)
    flat = blocks.reshape(n, -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    residual = flat - (flat @ basis) @ basis.T
    return residual.reshape(n, h, w), max(h * w - basis.shape[1], 1)


def _surface(h: int, w: int) -> npt.NDArray[np.float64]:
    """Orthonormal columns that span the quadratic surfaces over h x w pixels."""
    v, u = np.meshgrid(np.linspace(-1, 1, h) if h > 1 else [0.0], np.linspace(-1, 1, w) if w > 1 else [0.0], indexing="ij")
    terms = np.stack([np.ones_like(u), u, v, u * u, u * v, v * v]).reshape(6, -1).T
    basis, size, _ = np.linalg.svd(terms, full_matrices=False)
    spanned: npt.NDArray[np.float64] = basis[:, size > 1e-9 * size[0]]
    return spanned
