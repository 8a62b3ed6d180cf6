"""By how many planes one channel of a stack lies behind another: lenses focus colours at different depths."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from abbe.image import Image
from abbe.image.pixels import Array

#: planes that are looked at, and by how many the channels may differ, at most; planes that a stack has at least
PLANES, FARTHEST, FEWEST = 33, 6, 7
#: parts along y and x that must agree, and their side in pixels, at most and at least
PARTS, SIDE, SMALLEST = 2, 256, 24
#: widths (pixels) between which structure is compared: finer is noise, wider is haze of other planes
FINE, WIDE = 1.0, 4.0
#: a correlation of this at least; parts whose number of planes differs by less agree, and how many of them have to
LEAST, AGREE, ENOUGH = 0.1, 1.0, 3


def planes_behind(image: Image, reference: int, channel: int, shift: tuple[int, int]) -> float | None:
    """How many planes `channel` lies behind `reference`, from which it is known to lie `shift` (y, x) whole pixels below and right.

    In each quarter of the middle of the field the planes of one channel are compared with those before and behind of the other; the
    highest correlation tells. None where a stack has too few planes, or quarters tell different things.
    """
    frames, _, depth, height, width = image.shape
    if depth < FEWEST:
        return None
    count = min(depth, PLANES)
    first, reach = (depth - count) // 2, min(FARTHEST, count // 3)
    found = []
    for rows, columns in product(_parts(height, shift[0]), _parts(width, shift[1])):
        there = (slice(rows.start + shift[0], rows.stop + shift[0]), slice(columns.start + shift[1], columns.stop + shift[1]))
        span = slice(frames // 2, frames // 2 + 1), slice(first, first + count)
        a = _structure(image.pixels.read((span[0], slice(reference, reference + 1), span[1], rows, columns))[0, 0])
        b = _structure(image.pixels.read((span[0], slice(channel, channel + 1), span[1], *there))[0, 0])
        best = _best(a, b, reach)
        if best is not None:
            found.append(best)
    close = [one for one in found if abs(one - float(np.median(found))) < AGREE]
    return float(np.median(close)) if len(close) >= ENOUGH else None


def _parts(length: int, shift: int) -> list[slice]:
    """Two stretches side by side in the middle of an axis, which stay within it when they are shifted."""
    low, high = max(0, -shift), min(length, length - shift)
    side = min(SIDE, (high - low) // PARTS)
    if side < SMALLEST:
        return []
    start = low + (high - low - PARTS * side) // 2
    return [slice(start + k * side, start + (k + 1) * side) for k in range(PARTS)]


def _structure(planes: Array) -> npt.NDArray[np.float32]:
    """(Z, Y, X), each plane without noise and haze, with a mean of 0, in units of the brightest, whose squares are within a float32."""
    out = np.empty(planes.shape, np.float32)
    values = planes.astype(np.float64)
    for k, plane in enumerate((values / (float(np.abs(values).max()) or 1.0)).astype(np.float32)):
        part = gaussian_filter(plane, FINE) - gaussian_filter(plane, WIDE)
        out[k] = part - part.mean()
    return out


def _best(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32], reach: int) -> float | None:
    """By how many planes b lies behind a: the top of their correlation over shifts of whole planes, by a parabola."""
    n, curve = len(a), []
    for d in range(-reach, reach + 1):
        one, two = a[max(0, -d) : n - max(0, d)], b[max(0, d) : n - max(0, -d)]
        energy = float(np.sqrt(np.vdot(one, one) * np.vdot(two, two)))
        curve.append(float(np.vdot(one, two)) / energy if energy > 0 else 0.0)
    top = int(np.argmax(curve))
    if curve[top] < LEAST or top in (0, 2 * reach):
        return None
    before, here, after = curve[top - 1 : top + 2]
    bend = before - 2 * here + after
    return top - reach + (0.5 * (before - after) / bend if bend < 0 else 0.0)
