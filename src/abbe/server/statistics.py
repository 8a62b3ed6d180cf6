"""What the contrast controls show: range, mean, automatic contrast and histogram of each channel of one plane."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from abbe.image.pixels import Array
from abbe.image.points import are_sharp
from abbe.session import Session

#: percentiles shown as black and as full colour; as for thumbnails
LOW, HIGH = 1.0, 99.8
#: bins of a histogram
BINS = 256
#: share of the pixels (of a small plane so many, up to a thousandth) that may lie beyond the histogram where they lie far: beyond so many
#: times the range of the others. One hot pixel would leave all others a single bin, and the handles on one another
STRAY, STRAYS, FAR = 2e-5, 4, 8
#: pixels of a plane that are looked at, at most: 4096 x 4096. Larger planes are judged by a smaller copy
MOST = 2**24


def statistics(session: Session, version: str, t: int, z: int, quick: bool = False) -> list[dict[str, Any]]:
    """A dict per channel. `quick` looks at the smallest copy, which is enough to show a first picture."""
    found = session.version(version)
    levels = session.levels(version)
    fits = [level.index for level in levels if level.width * level.height <= MOST] or [levels[-1].index]
    level = levels[-1].index if quick else fits[0]
    top = _top(session, version)
    return [{**_channel(_plane(session, version, level, t, c, z), top), "approximate": level > 0} for c in range(found.shape[1])]


def _plane(session: Session, version: str, level: int, t: int, c: int, z: int) -> Array:
    size = session.levels(version)[level]
    side = 4096
    down, across = (range(math.ceil(n / side)) for n in (size.height, size.width))
    return np.block([[session.tile(version, level, (row, column), (t, c, z), size=side) for column in across] for row in down])


def _top(session: Session, version: str) -> float | None:
    dtype = np.dtype(session.version(version).dtype)
    return float(np.iinfo(dtype).max) if dtype.kind in "ui" else None


def _channel(plane: Array, top: float | None) -> dict[str, Any]:
    low, high = float(plane.min()), float(plane.max())
    counts, start, width = _without_strays(plane, low, high)
    total = np.cumsum(counts)
    black, full = (start + width * float(np.searchsorted(total, total[-1] * q / 100)) for q in (LOW, HIGH))
    if plane.dtype.kind not in "ui" or width > 1:  # a bin holds several values, up to its end
        full += width
    return {
        "minimum": low,
        "maximum": high,
        "mean": float(plane.mean(dtype=np.float64)),
        "low": black,
        "high": full if full > black else black + (width or 1.0),
        "saturated": int(np.count_nonzero(plane == plane.dtype.type(top))) if top is not None and high == top else 0,
        "histogram": _binned(counts),
        "from": start,
        "to": start + width * len(counts),
    }


def _histogram(plane: Array, low: float, high: float) -> tuple[Array, float, float]:
    """(counts, value where the first bin starts, width of a bin): a bin per value for integers, 4096 bins for floats."""
    if plane.dtype.kind in "ui" and high - low < 2**17:
        return np.bincount((plane.ravel() - plane.dtype.type(low)).astype(np.int64, copy=False)), low, 1.0
    if high <= low:
        return np.array([plane.size]), low, 1.0
    bins = 4096
    index = ((plane.ravel() - np.float32(low)) * np.float32(bins / (high - low))).astype(np.int32)
    counts = np.bincount(np.minimum(index, bins - 1), minlength=bins)
    return counts, low, (high - low) / bins


def _without_strays(plane: Array, low: float, high: float) -> tuple[Array, float, float]:
    """As `_histogram`; single pixels far above all others, as hot ones are, count in its last bin, which lies where the others end.

    Spots that a lens made lie within it, as few as they may be: what is beyond can be shown in full colour alone.
    """
    few = int(max(STRAY * plane.size, min(STRAYS, plane.size / 1000)))
    counts, start, width = _histogram(plane, low, high)
    for _ in range(3):  # floats have wide bins at first, which hold all but the strays
        total = np.cumsum(counts)
        last = int(np.searchsorted(total, plane.size - few))
        if len(counts) <= FAR * (last + 1):
            break
        beyond = plane > start + width * (last if plane.dtype.kind in "ui" else last + 1)
        y, x = np.nonzero(beyond)
        made = plane[y, x][~are_sharp(plane, y, x, start + width * float(np.searchsorted(total, plane.size / 2)))]
        end = max(float(plane.max(where=~beyond, initial=plane.min())), float(made.max()) if made.size else low)
        if end <= low or high - low <= FAR * (end - low):
            break
        high = end
        counts, start, width = _histogram(np.minimum(plane, plane.dtype.type(high)), low, high)
    return counts, start, width


def _binned(counts: Array) -> list[int]:
    """At most `BINS` bins, of equal width."""
    if len(counts) <= BINS:
        return [int(n) for n in counts]
    step = math.ceil(len(counts) / BINS)
    padded = np.pad(counts, (0, -len(counts) % step))
    return [int(n) for n in padded.reshape(-1, step).sum(axis=1)]
