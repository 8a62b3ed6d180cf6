"""A sample of a channel's pixels, the same ones each time, for percentiles."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from abbe.image.pixels import Pixels

#: pixels per channel from which percentiles are taken; at 2**21 the 0.5th percentile of noise is off by 0.005 standard deviations
SAMPLE = 2**21
#: planes that a sample reads at most: a compressed plane is decoded whole for one row of it
PLANES = 64


def sample(pixels: Pixels, channel: int, size: int = SAMPLE) -> npt.NDArray[Any]:
    """Finite pixels of one channel: all of them up to `size`, else whole rows spread evenly over frames, planes and rows.

    Planes and frames of one value alone, as dropped ones have, are left out beside others: they would move every percentile.
    """
    t, _, z, y, x = pixels.shape
    planes = np.unique(np.linspace(0, t * z - 1, min(t * z, PLANES)).round().astype(np.int64)) if t * z * y * x > size else np.arange(t * z)
    rows = max(1, min(y, size // (len(planes) * x)))
    picked = np.unique(np.linspace(0, y - 1, rows).round().astype(np.int64))
    runs = _runs(picked)
    parts: list[npt.NDArray[Any]] = []
    even: list[npt.NDArray[Any]] = []
    for index in planes:
        frame, plane = divmod(int(index), z)
        where = slice(frame, frame + 1), slice(channel, channel + 1), slice(plane, plane + 1)
        found = np.concatenate([pixels.read((*where, slice(start, stop), slice(0, x))).ravel() for start, stop in runs])
        (even if found[0] == found[-1] and np.ptp(found) == 0 else parts).append(found)
    values = np.concatenate(parts or even)
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    return values if values.size else np.zeros(1, pixels.dtype)


def _runs(rows: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """(start, stop) of the runs of neighbouring rows."""
    breaks = np.flatnonzero(np.diff(rows) > 1) + 1
    return [(int(run[0]), int(run[-1]) + 1) for run in np.split(rows, breaks)]
