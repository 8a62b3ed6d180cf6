"""By how much one image lies off another: sub-pixel cross-correlation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import fft

from abbe.comparison.parts import Mask, window
from abbe.comparison.records import Undefined
from abbe.comparison.spectrum import Float, frequency, transform, twice

#: structure wider than this (pixels, standard deviation) is haze or illumination, and no landmark
WIDEST = 6.0
#: and finer than this is mostly noise
FINEST = 0.7
#: a peak of the correlation counts when it stands this many robust standard deviations above the rest; noise of 2^22 places reaches 5.5
STANDS_OUT = 7.0
#: of the image's side: farther shifts leave too little in common
FARTHEST = 0.25
SMALLEST = 16
#: Newton's steps to the maximum at most, and the one (pixels) after which it is reached
MOST_STEPS, SETTLED = 20, 1e-9


def displacement(moved: Float, fixed: Float, masked: Mask | None = None) -> tuple[float, float] | Undefined:
    """(y, x) by which `moved` lies down and right of `fixed`, in pixels, to a few hundredths.

    Planes of one shape. The highest place of the band-passed cross-correlation is found on whole pixels, then exactly, as the maximum of
    its Fourier series (as Guizar-Sicairos et al., Opt Lett 33:156, 2008, who sum the series on a fine grid). What two planes do not share
    after a shift of a pixel or more is cut off, and the rest measured again. `masked` is True where either plane has no measured
    value: parts of that are left out, since their edges lie still, whatever moved.
    """
    clear = window(masked)
    first = _peak(moved, fixed, clear)
    if isinstance(first, Undefined):
        return first
    whole = round(first[0]), round(first[1])
    if whole == (0, 0):
        return first
    height, width = fixed.shape
    shared = [(max(d, 0), min(n, n + d)) for d, n in zip(whole, (height, width))]
    (y0, y1), (x0, x1) = shared
    there, here = (slice(y0, y1), slice(x0, x1)), (slice(y0 - whole[0], y1 - whole[0]), slice(x0 - whole[1], x1 - whole[1]))
    again = _peak(moved[there], fixed[here], None if clear is None else clear[there] * clear[here])
    return first if isinstance(again, Undefined) else (whole[0] + again[0], whole[1] + again[1])


def _peak(moved: Float, fixed: Float, clear: Float | None = None) -> tuple[float, float] | Undefined:
    if min(fixed.shape) < SMALLEST:
        return Undefined(
            f"planes of {fixed.shape[0]} x {fixed.shape[1]} pixels are too small to register; at least {SMALLEST} a side are needed"
        )
    if clear is not None and clear.sum() < SMALLEST**2:
        return Undefined(f"too few pixels are measured to register; at least {SMALLEST} x {SMALLEST} are needed")
    if np.ptp(moved) == 0 or np.ptp(fixed) == 0:
        return Undefined("an image is constant: there is nothing to register")
    shape = (fixed.shape[0], fixed.shape[1])
    k2 = (2 * np.pi * frequency(shape)) ** 2
    band = (1 - np.exp(-0.5 * WIDEST**2 * k2)) * np.exp(-(FINEST**2) * k2)
    cross = transform(moved, clear=clear) * transform(fixed, clear=clear).conj() * band
    surface = fft.irfft2(cross, shape)
    near = np.full(shape, -np.inf)
    reach = [max(int(FARTHEST * n), 1) for n in shape]
    for rows in (slice(0, reach[0] + 1), slice(-reach[0], None)):
        for columns in (slice(0, reach[1] + 1), slice(-reach[1], None)):
            near[rows, columns] = surface[rows, columns]
    peak = np.unravel_index(int(np.argmax(near)), shape)
    middle = float(np.median(surface))
    spread = 1.4826 * float(np.median(np.abs(surface - middle)))
    if not surface[peak] - middle > STANDS_OUT * spread:
        return Undefined("the two images have no structure in common that stands out of the noise")
    start = [int(p) - (n if p > n // 2 else 0) for p, n in zip(peak, shape)]
    return _refine(cross, shape, (float(start[0]), float(start[1])))


def _refine(cross: np.ndarray, shape: tuple[int, int], start: tuple[float, float]) -> tuple[float, float]:
    """The maximum of the correlation's Fourier series near `start`: by Newton's steps, or by a search where they lead away."""
    u, v = 2 * np.pi * fft.fftfreq(shape[0]), 2 * np.pi * fft.rfftfreq(shape[1])
    weighted = cross * twice(shape)

    def derivatives(y: float, x: float, order: int) -> dict[tuple[int, int], float]:
        """How often along y and x -> that derivative of the series; without BLAS, whose threads take longer than such small sums do."""
        rows, columns = np.exp(1j * u * y), np.exp(1j * v * x)
        across = [np.einsum("rc,c->r", weighted, (1j * v) ** n * columns) for n in range(order + 1)]
        return {
            (m, n): float(np.einsum("r,r->", (1j * u) ** m * rows, across[n]).real) for n in range(order + 1) for m in range(order + 1 - n)
        }

    y, x = start
    for _ in range(MOST_STEPS):
        d = derivatives(y, x, 2)
        bend = d[2, 0] * d[0, 2] - d[1, 1] ** 2
        if not (d[2, 0] < 0 and bend > 0):
            break
        down, right = ((d[1, 1] * d[0, 1] - d[0, 2] * d[1, 0]) / bend, (d[1, 1] * d[1, 0] - d[2, 0] * d[0, 1]) / bend)
        y, x = y + down, x + right
        if not max(abs(y - start[0]), abs(x - start[1])) <= 1:
            break
        if max(abs(down), abs(right)) < SETTLED:
            return round(y, 9) + 0.0, round(x, 9) + 0.0  # no -1e-19 of an image that lies where it was
    return _search(derivatives, start, float(np.abs(weighted).sum()) or 1.0)


def _search(
    derivatives: Callable[[float, float, int], dict[tuple[int, int], float]], start: tuple[float, float], scale: float
) -> tuple[float, float]:
    from scipy.optimize import minimize  # slow to load, and hardly ever needed

    def below(place: np.ndarray) -> tuple[float, np.ndarray]:
        d = derivatives(float(place[0]), float(place[1]), 1)
        return -d[0, 0] / scale, -np.array([d[1, 0], d[0, 1]]) / scale

    bounds = [(s - 1, s + 1) for s in start]
    found = minimize(below, np.array(start), jac=True, bounds=bounds, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-10})
    return float(found.x[0]), float(found.x[1])
