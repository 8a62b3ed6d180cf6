"""Pairs to learn from of colour cameras alone, whose noise is that of a colour measured in a quarter of the pixels: red, blue, and
brightness where one of these decides its noise. The files' pixels are those that the camera made: nothing was resampled since, so that
noise differs between every other pixel (`abbe.restoration.mosaic`)."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.ndimage import gaussian_filter

from abbe.optics import ColourCamera
from abbe.optics import file as processing
from abbe.simulation.pairs import Generator, Pair, Source, random_colour_camera, under_lens

#: share of cameras that filter their images after the mosaic, and the standard deviation (pixels) of that: FMD's widefield camera (Nikon
#: DS-Fi1) leaves neighbours correlated by 0.54 to 0.72, interpolation alone by 0.4 to 0.6
FILTERED, FILTER = 0.5, (0.3, 0.8)
#: shares of files that were sharpened, bent by a gamma, brought to 8 bits, and compressed with loss of these
SHARPENED, BENT, EIGHT_BIT, COMPRESSED = 0.06, 0.15, 0.6, 0.08
#: share of cameras with hot pixels, which interpolation makes crosses of
HOT = 0.3
#: difference between the noisiest place of a 2 x 2 and the one diagonally opposite, of the mean power of noise, from which on a colour was
#: measured in a quarter of the pixels
QUARTER = 0.1
#: side of the even field that tells (pixels)
FLAT = 128


def mosaic_pair(rng: Generator, source: Source, n: int) -> Pair:
    """A noisy image of a colour camera and its expectation, both (n, n)."""
    photons = 10 ** rng.uniform(-0.2, 4.0) * under_lens(rng, source, n)
    camera, sigma = _camera(rng, max(float(photons.mean()), 0.3))
    noisy, expected = camera.expose(rng, photons)
    if sigma:
        noisy, expected = gaussian_filter(noisy, sigma), gaussian_filter(expected, sigma)
    y, x = (int(i) for i in rng.integers(1, 3, 2))  # a patch may begin anywhere in the mosaic
    cut = (slice(y, y + n), slice(x, x + n))
    pair = noisy[cut], expected[cut]
    if rng.random() < SHARPENED:
        pair = processing.sharpen(rng, pair)
    if rng.random() < BENT:
        pair = processing.gamma(pair, rng.uniform(0.6, 1.5))
    if rng.random() < EIGHT_BIT:
        pair = processing.eight_bit(rng, pair)
        if rng.random() < COMPRESSED:
            pair = processing.jpeg(pair[0], int(rng.integers(60, 98))), pair[1]
    return Pair(*pair)


def _camera(rng: Generator, photons: float) -> tuple[ColourCamera, float]:
    """A colour camera of whose pixels a quarter was measured, by its noise, and the filter after its mosaic."""
    while True:
        camera = random_colour_camera(rng)
        sigma = float(rng.uniform(*FILTER)) if rng.random() < FILTERED else 0.0
        if measures_a_quarter(camera, sigma, photons):
            break
    if rng.random() < HOT:
        hot = float(10 ** rng.uniform(-4.5, -3))
        camera = dataclasses.replace(camera, camera=dataclasses.replace(camera.camera, hot=hot))
    return camera, sigma


def measures_a_quarter(camera: ColourCamera, sigma: float, photons: float) -> bool:
    """Does one place of the 2 x 2 stand out in the noise of an even field of so many photons a pixel."""
    noisy, expected = camera.expose(np.random.default_rng(0), np.full((FLAT, FLAT), photons, np.float32))
    noise = gaussian_filter(noisy - expected, sigma) if sigma else noisy - expected
    power = (noise**2).reshape(FLAT // 2, 2, FLAT // 2, 2).mean(axis=(0, 2))
    y, x = np.unravel_index(int(power.argmax()), (2, 2))
    return bool(power[y, x] - power[1 - y, 1 - x] >= QUARTER * power.mean())
