"""Fourier spectra of planes, summed over rings of equal frequency."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import fft

Float = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]


def taper(n: int, fraction: float) -> Float:
    """A Tukey window of n points: raised cosines over `fraction` of it, half at each end. It keeps a plane's opposite edges, which a
    Fourier transform takes for neighbours, from appearing as a sharp line."""
    edge = max(int(fraction * n / 2), 1)
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(edge) + 0.5) / edge)
    window = np.ones(n)
    window[:edge] = ramp
    window[n - edge :] = ramp[::-1]
    return window


def transform(plane: Float, edge: float = 0.25, clear: Float | None = None) -> Complex:
    """rfft2 of a plane without its mean, tapered at the edges, and where `clear`, from 0 to 1, says."""
    window = taper(plane.shape[0], edge)[:, None] * taper(plane.shape[1], edge)
    if clear is not None:
        window = window * clear
    mean = float((plane * window).sum() / max(float(window.sum()), 1e-300))
    result: Complex = fft.rfft2((plane - mean) * window)
    return result


@lru_cache(maxsize=8)
def frequency(shape: tuple[int, int]) -> Float:
    """Cycles per pixel at each place of `transform`'s result."""
    radius: Float = np.hypot(fft.fftfreq(shape[0])[:, None], fft.rfftfreq(shape[1])[None])
    radius.flags.writeable = False
    return radius


@lru_cache(maxsize=8)
def ring_of(shape: tuple[int, int], rings: int, highest: float = 0.5) -> npt.NDArray[np.int64]:
    """The ring that each place belongs to, of `rings` of equal width up to `highest`; `rings` itself for what lies beyond."""
    index: npt.NDArray[np.int64] = np.minimum((frequency(shape) * (rings / highest)).astype(np.int64), rings)
    index.flags.writeable = False
    return index


@lru_cache(maxsize=8)
def twice(shape: tuple[int, int]) -> Float:
    """How often each place of a half spectrum stands in the whole one: twice but for the columns that are their own mirror."""
    weight = np.full((shape[0], shape[1] // 2 + 1), 2.0)
    weight[:, 0] = 1
    if shape[1] % 2 == 0:
        weight[:, -1] = 1
    weight.flags.writeable = False
    return weight


def ring_sums(values: Float, shape: tuple[int, int], rings: int, highest: float = 0.5) -> Float:
    """Sums over the whole spectrum's rings."""
    index = ring_of(shape, rings, highest)
    total: Float = np.bincount(index.ravel(), (values * twice(shape)).ravel(), rings + 1)[:rings].astype(np.float64)
    return total
