"""Parts of an image that no camera measured: a label burned in, the rim of a registered, rotated or stitched image.

Their one value stands beside the specimen with an edge that no lens makes. Whoever takes them for darkness takes the light around them for
structure: background correction then leaves the background standing near them, and percentiles count them among the darkest pixels.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation, binary_fill_holes, binary_propagation, find_objects, label, maximum_filter, minimum_filter
from scipy.spatial import ConvexHull

from abbe.image.pixels import Array

Bits = npt.NDArray[np.bool_]

#: narrowest and smallest part (pixels), and most parts of one plane: beyond these it is specimen that happens to be all dark
NARROWEST, SMALLEST, MOST = 6, 200, 20
#: share of a plane beyond which little is left to say what was measured
LARGEST = 0.9
#: planes of more pixels than this are taken as they are
LIMIT = 2**26
#: values along an edge stand off from the part's own by this many standard deviations of the noise, and this share of their median; all but
#: this share of them do
NOISES, SHARE, EXCEPTIONS = 4.0, 0.3, 0.02
#: pixels by which interpolation, as of a rotated image, softens an edge
SOFT = 1
#: beside an edge that is cut the light is there at once: its median has this share of that so many pixels further away. A lens's edge rises
AT_ONCE, FURTHER = 0.85, 3
#: share of the pixels there that have the part's own value, at most: 0 to 0.05 beyond the edges of labels and rims; 0.16 and more where
#: photons are counted so sparsely that darkness itself is mostly 0
SAME = 0.1
#: borders are straight where the convex hull has at most this share, and this many pixels per pixel of its box's sides, more than the part
HULL_SHARE, HULL_SIDES = 0.02, 0.75
EIGHT = np.ones((3, 3), bool)


def unmeasured(plane: Array) -> Bits | None:
    """Which pixels of a (Y, X) plane hold no measurement; None where all may hold one.

    A part is told by its one value, the plane's lowest (or highest: then exact rectangles alone count, for saturation makes other shapes),
    by straight borders, and by an edge that jumps to values that vary.
    """
    if plane.size > LIMIT or min(plane.shape) < 2 * NARROWEST:
        return None
    found = np.zeros(plane.shape, bool)
    for value, rectangles in ((plane.min(), False), (plane.max(), True)):
        flat = plane == value
        if not SMALLEST <= np.count_nonzero(flat) < plane.size:
            continue
        cores, count = label(_opened(flat), EIGHT)
        for k in range(1, count + 1) if count <= MOST else ():
            part = _filled(binary_propagation(cores == k, EIGHT, mask=flat))
            if np.count_nonzero(part) >= SMALLEST and _straight(part, rectangles):
                grown = _with_edge(plane, part, float(value))
                found |= False if grown is None else grown
    return found if 0 < np.count_nonzero(found) <= LARGEST * plane.size else None


def _opened(flat: Bits) -> Bits:
    """What of `flat` a square of `NARROWEST` pixels fits into."""
    eroded = minimum_filter(flat.view(np.uint8), NARROWEST, mode="nearest")
    return np.asarray(maximum_filter(eroded, NARROWEST, mode="nearest", origin=-1).astype(bool) & flat, bool)


def _filled(part: Bits) -> Bits:
    """A part with what is written in it; the rim around an image stays a rim."""
    filled: Bits = binary_fill_holes(part)
    return filled if np.count_nonzero(filled) < 2 * np.count_nonzero(part) else part


def _straight(part: Bits, rectangles: bool) -> bool:
    (box,) = find_objects(part.astype(np.uint8))
    if part[box].all():
        return bool(part[box].shape != part.shape)
    at_border = part[0].any() or part[-1].any() or part[:, 0].any() or part[:, -1].any()
    return not rectangles and bool(at_border) and (_convex(part) or _convex(~part))


def _convex(part: Bits) -> bool:
    rows = np.flatnonzero(part.any(axis=1))
    left, right = part[rows].argmax(axis=1), part.shape[1] - part[rows, ::-1].argmax(axis=1)
    corners = np.array([(y + dy, x) for y, a, b in zip(rows, left, right) for dy in (0, 1) for x in (a, b)])
    sides = np.ptp(corners, axis=0).sum()
    more = float(ConvexHull(corners).volume) - np.count_nonzero(part)
    return bool(more <= HULL_SHARE * np.count_nonzero(part) + HULL_SIDES * float(sides))


def _with_edge(plane: Array, part: Bits, value: float) -> Bits | None:
    """`part`, and up to `SOFT` pixels around it where interpolation softened its edge; None where it has no edge but fades."""
    beside = np.abs(np.diff(plane.astype(np.float64), axis=1))[~(part[:, 1:] | part[:, :-1])]
    noise = float(np.median(beside)) / 0.954 if beside.size else 0.0  # the median of the difference of two normal values
    for _ in range(SOFT + 1):
        grown: Bits = binary_dilation(part, EIGHT)
        off = np.abs(plane[grown & ~part].astype(np.float64) - value)
        if off.size == 0:
            return None
        outer = binary_dilation(grown, EIGHT, iterations=FURTHER)
        away = np.abs(plane[outer & ~binary_dilation(grown, EIGHT, iterations=FURTHER - 1)].astype(np.float64) - value)
        at_once = away.size > 0 and np.median(off) >= AT_ONCE * np.median(away) and np.count_nonzero(away == 0) <= SAME * away.size
        if at_once and np.ptp(off) > 0 and np.quantile(off, EXCEPTIONS) >= max(NOISES * noise, SHARE * float(np.median(off))):
            return part
        part = grown
    return None
