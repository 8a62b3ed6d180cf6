"""Resolution of one image by decorrelation analysis: Descloux, Grussmayer, Radenovic, Nature Methods 16:918-924 (2019).

The image's spectrum is correlated with its own phases inside discs of growing radius; noise has no structure to add, so the correlation has
its peak where structure ends. High-pass filters move the peak outwards; the outermost peak that still stands out is the resolution.

The authors correlate whole planes, for every filter and radius. But filters and discs depend on the radius alone, so that the sums
of |F| and |F|^2 over fine rings hold everything: one Fourier transform, and the rest costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft

from abbe.comparison.records import Number, Undefined
from abbe.comparison.spectrum import Float, frequency, twice

#: radii of the curve, and high-pass filters, of the paper
RADII, FILTERS = 50, 10
#: a peak counts when the curve falls by this much after it
DROP = 0.0005
#: a peak lower than this is not considered
LOWEST = 0.05
#: pixels over which the edges are tapered
EDGE = 20
#: rings in which the spectrum is kept; a tenth of a radius step
RINGS = 4096
#: sides below which the curve is meaningless
SMALLEST = 32


@dataclass(frozen=True, slots=True)
class Decorrelation:
    """Pixels per period at the highest peak's frequency, and that peak's height, which grows with the signal-to-noise ratio."""

    resolution: Number
    peak: Number


def decorrelation(image: npt.ArrayLike) -> Decorrelation:
    """Decorrelation analysis of one plane (Y, X), in pixels per period (2 is the finest that pixels hold)."""
    a = np.asarray(image, np.float64)
    a = a[: (a.shape[0] - 1) // 2 * 2 + 1, : (a.shape[1] - 1) // 2 * 2 + 1]  # odd sides, as the authors have it
    if min(a.shape) < SMALLEST:
        return _none(f"a plane of {a.shape[0]} x {a.shape[1]} pixels is too small; at least {SMALLEST} a side are needed")
    if np.ptp(a) == 0:
        return _none("the image is constant: it has no spectrum")
    spectrum = _Rings.of(a)
    radii = np.linspace(0, 1, RADII)
    k0, height0 = _peak(radii, spectrum.curve(radii, None))
    start = 2 / k0 if k0 > 0 else min(a.shape) / 2
    sigmas = np.concatenate([[a.shape[0] / 4], np.exp(np.linspace(np.log(start), np.log(0.15), FILTERS))])
    found = [_peak(radii, spectrum.curve(radii, s)) for s in sigmas]
    best = max(k for k, _ in found)
    last = max(i for i, (k, _) in enumerate(found) if k == best)
    low, high = (
        (a.shape[0], sigmas[0])
        if last == 0
        else (sigmas[last - 2], sigmas[last - 1])
        if last == len(sigmas) - 1
        else (sigmas[last - 1], sigmas[last])
    )
    step = radii[1] - radii[0]
    finer = np.linspace(max(best - step, 0.0), min(best + 0.4, 1.0), RADII)
    found += [_peak(finer, spectrum.curve(finer, s)) for s in np.exp(np.linspace(np.log(low), np.log(high), FILTERS))]
    found.append((k0, height0))
    k, height = max((pair for pair in found if pair[1] >= LOWEST), default=(0.0, 0.0))
    if k <= 0:
        return _none("no structure stands out of the noise")
    return Decorrelation(2 / k, height)


def _none(reason: str) -> Decorrelation:
    return Decorrelation(Undefined(reason), Undefined(reason))


@dataclass(frozen=True, slots=True)
class _Rings:
    """Over rings of the disc up to Nyquist: radius (1 is Nyquist), number of places, sums of |F| and |F|^2."""

    radius: Float
    count: Float
    amplitude: Float
    power: Float

    @staticmethod
    def of(plane: Float) -> _Rings:
        tapered = (plane - plane.mean()) * _edge(plane.shape[0])[:, None] * _edge(plane.shape[1])
        size = np.abs(fft.rfft2(tapered - tapered.mean()))
        shape = (plane.shape[0], plane.shape[1])
        radius, weight = 2 * frequency(shape), twice(shape)
        index = np.minimum((radius * RINGS).astype(np.int64), RINGS).ravel()

        def sums(values: Float) -> Float:
            total: Float = np.bincount(index, values.ravel(), RINGS + 1)[:RINGS].astype(np.float64)
            return total

        count = sums(weight)
        mean = np.divide(sums(radius * weight), count, out=(np.arange(RINGS) + 0.5) / RINGS, where=count > 0)
        return _Rings(mean, count, sums(size * weight), sums(size * size * weight))

    def curve(self, radii: Float, sigma: float | None) -> Float:
        """Correlation of the filtered spectrum with its phases within each radius; `sigma` is the high-pass filter's, None for none."""
        keep = np.ones(RINGS) if sigma is None else 1 - np.exp(-2 * sigma**2 * self.radius**2)
        total = float((keep * keep * self.power).sum())
        within = np.searchsorted(self.radius, radii, side="left")
        amplitude = np.concatenate([[0.0], np.cumsum(keep * self.amplitude)])[within]
        count = np.concatenate([[0.0], np.cumsum(self.count)])[within]
        scale = np.sqrt(total * count)
        curve = np.divide(amplitude, scale, out=np.zeros_like(scale), where=scale > 0)
        rounded: Float = np.floor(curve * 1000) / 1000  # as the authors do: of a flat top, the innermost radius counts
        return rounded


def _edge(n: int) -> Float:
    """Raised cosines over `EDGE` pixels at each end."""
    edge = min(EDGE, n // 4)
    window = np.ones(n)
    window[:edge] = 0.5 - 0.5 * np.cos(np.pi * (np.arange(edge) + 0.5) / edge)
    window[n - edge :] = window[:edge][::-1]
    return window


def _peak(radii: Float, curve: Float) -> tuple[float, float]:
    """(radius, height) of the outermost maximum after which the curve falls by `DROP`; the authors' `getDcorrLocalMax`."""
    end = len(curve)
    while end > 1:
        k = int(np.argmax(curve[:end]))
        if k == 0:
            return 0.0, float(curve[0])
        if k < end - 1 and curve[k] - curve[k:end].min() >= DROP:
            return float(radii[k]), float(curve[k])
        end -= 1
    return 0.0, float(curve[0])
