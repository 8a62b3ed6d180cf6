"""Between camera and file: resampling, filtering, stretching, gamma, lossy compression.

What is done to the noisy image is done to the expectation too, as far as it is linear or monotonic: a restored image
is to be what the file would have been without noise. Resampling and filtering correlate the noise from pixel to pixel,
which is what most distinguishes noise in files from noise in textbooks.
"""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image as Picture
from scipy.ndimage import gaussian_filter

Plane = npt.NDArray[np.float32]
Pair = tuple[Plane, Plane]

#: what an 8-bit detector could have shown over what an image holds: of a dim one, a few grey levels alone
HEADROOM = (1.0, 1.0, 1.0, 1.0, 1.3, 1.3, 3.0, 3.0, 10.0, 30.0)

_FILTERS = (Picture.Resampling.BICUBIC, Picture.Resampling.LANCZOS, Picture.Resampling.BILINEAR)


def resize(plane: Plane, size: tuple[int, int], how: Picture.Resampling = Picture.Resampling.BICUBIC) -> Plane:
    """`plane` (Y, X) on a grid of `size` (rows, columns), pixel areas aligned, antialiased when it shrinks."""
    picture = Picture.fromarray(np.ascontiguousarray(plane, np.float32))
    return np.asarray(picture.resize((size[1], size[0]), how), np.float32)


def enlarge(rng: np.random.Generator, pair: Pair, size: int) -> Pair:
    """Both images resized to (size, size) by one random interpolation: an image that was zoomed, registered or binned."""
    how = _FILTERS[int(rng.choice(3, p=(0.5, 0.25, 0.25)))]
    noisy, clean = pair
    return resize(noisy, (size, size), how), resize(clean, (size, size), how)


def smooth(rng: np.random.Generator, pair: Pair) -> Pair:
    """Noise smoothed by a Gaussian of 0.35 to 1.1 px, the expectation untouched: interpolated scans, debayering, drift correction."""
    noisy, clean = pair
    sigma = rng.uniform(0.35, 1.1)
    axis = rng.random()
    sigmas = (sigma, sigma) if axis < 0.7 else (0.0, sigma) if axis < 0.85 else (sigma, 0.0)
    return clean + gaussian_filter(noisy - clean, sigmas), clean


def sharpen(rng: np.random.Generator, pair: Pair) -> Pair:
    """Both under an unsharp mask, as many cameras' own software applies: noise that is anticorrelated from pixel to pixel."""
    sigma, amount = rng.uniform(0.6, 1.6), rng.uniform(0.2, 1.2)
    noisy, clean = (np.maximum(a + amount * (a - gaussian_filter(a, sigma)), 0) for a in pair)
    return noisy, clean


def gamma(pair: Pair, exponent: float) -> Pair:
    """Both raised to a power after scaling to [0, 1] by the noisy image's range; values below its minimum are cut."""
    noisy = pair[0]
    low, high = float(noisy.min()), float(noisy.max())
    span = max(high - low, 1e-6)
    bent = [(np.clip((a - low) / span, 0, None) ** exponent * span + low).astype(np.float32) for a in pair]
    return bent[0], bent[1]


def eight_bit(rng: np.random.Generator, pair: Pair) -> Pair:
    """Stretched between two percentiles of the noisy image to 0..255, rounded and clipped."""
    noisy, clean = pair
    low = float(np.percentile(noisy, rng.choice((0, 0, 0.1, 0.35, 1))))
    high = float(np.percentile(noisy, rng.choice((100, 100, 99.99, 99.9)))) * rng.choice(HEADROOM)
    scale = 255 / max(high - low, 1e-6)
    return (
        np.clip(np.round((noisy - low) * scale), 0, 255).astype(np.float32),
        np.clip((clean - low) * scale, 0, 255).astype(np.float32),
    )


def jpeg(noisy: Plane, quality: int) -> Plane:
    """An 8-bit plane after one JPEG compression."""
    buffer = io.BytesIO()
    Picture.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=quality)
    return np.asarray(Picture.open(buffer), np.float32)
