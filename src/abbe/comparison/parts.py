"""Parts of a plane where nothing was measured: what stands in for their pixels is neither structure nor noise, and lies where it lies.

Single masked pixels, filled from their neighbours, do no harm. Rims, holes and what lies outside a round field do: two images have their
edge in common, wherever the specimen lies in each, and their filled pixels are as alike as no noise is.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt, maximum_filter, minimum_filter

from abbe.comparison.spectrum import Float

Mask = npt.NDArray[np.bool_]

#: side (pixels) of the square that fits into a part; smaller ones are as good as filled
NARROWEST = 5
#: pixels over which a window falls to 0 beside a part
EDGE = 12
#: of a plane's sides at most, when the largest rectangle is looked for
CELLS = 256


def parts(masked: Mask | None) -> Mask | None:
    """Where `masked` is as wide as `NARROWEST`; None where it is nowhere."""
    if masked is None or not masked.any():
        return None
    eroded = minimum_filter(masked.view(np.uint8), NARROWEST, mode="nearest")
    wide: Mask = maximum_filter(eroded, NARROWEST, mode="nearest").astype(bool) & masked
    return wide if wide.any() else None


def window(masked: Mask | None) -> Float | None:
    """0 in the parts of a plane where nothing was measured, rising to 1 beside them as a raised cosine; None where there are none."""
    wide = parts(masked)
    if wide is None:
        return None
    away = np.minimum(distance_transform_edt(~wide) / EDGE, 1.0)
    soft: Float = 0.5 - 0.5 * np.cos(np.pi * away)
    return soft


def rectangle(masked: Mask | None) -> tuple[slice, slice]:
    """The largest rectangle of a plane that is clear of such parts; empty where there is none, and all of a plane without any."""
    wide = parts(masked)
    if wide is None:
        return slice(None), slice(None)
    step = max(-(-max(wide.shape) // CELLS), 1)
    rows, columns = (range(0, n, step) for n in wide.shape)
    cells = np.logical_or.reduceat(np.logical_or.reduceat(wide, rows, axis=0), columns, axis=1)
    y0, y1, x0, x1 = _largest(cells)
    return slice(y0 * step, min(y1 * step, wide.shape[0])), slice(x0 * step, min(x1 * step, wide.shape[1]))


def _largest(cells: Mask) -> tuple[int, int, int, int]:
    """(y0, y1, x0, x1) of the largest rectangle of False: under each row, the largest of a histogram, by a stack of rising heights."""
    best, found = 0, (0, 0, 0, 0)
    heights = np.zeros(cells.shape[1] + 1, np.int64)  # the last stays 0, and ends every bar
    for y, row in enumerate(cells):
        heights[:-1] = np.where(row, 0, heights[:-1] + 1)
        rising: list[tuple[int, int]] = []
        for x, height in enumerate(heights.tolist()):
            start = x
            while rising and rising[-1][1] >= height:
                start, tall = rising.pop()
                if tall * (x - start) > best:
                    best, found = tall * (x - start), (y + 1 - tall, y + 1, start, x)
            rising.append((start, height))
    return found
