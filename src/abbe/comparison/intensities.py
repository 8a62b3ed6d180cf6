"""How brightness was distributed before and after, and whether the two are proportional."""

from __future__ import annotations

import numpy as np

from abbe.comparison.records import Histogram, Linearity, Number, Undefined
from abbe.comparison.resample import Plane
from abbe.comparison.squirrel import Sums, why_undefined
from abbe.image import Image
from abbe.image.pixels import blocks

#: bins of a histogram, and the finer ones that its median is read from
BINS, FINE = 256, 65536
#: brightness classes of the linearity curve, and pixels below which a class says nothing
CLASSES, FEWEST = 16, 20


def histogram(image: Image, channel: int) -> Histogram:
    """All unmasked pixels of one channel, over frames and planes, in 256 bins from the smallest to the largest value."""
    seen = image.inspection.channels[channel]
    low, high = seen.minimum, seen.maximum
    span = high - low or 1.0
    fine = np.zeros(FINE, np.int64)
    total, number = 0.0, 0
    for region in blocks(image.shape):
        if region[1].start != channel:
            continue
        values = image.read(region).ravel().astype(np.float64)
        if image.mask is not None:
            values = values[~image.mask.read(region).ravel().astype(bool)]
        total += float(values.sum())
        number += values.size
        fine += np.bincount(np.minimum(((values - low) * (FINE / span)).astype(np.int64), FINE - 1), minlength=FINE)
    middle = int(np.searchsorted(np.cumsum(fine), (number + 1) // 2)) if number else 0
    edges = np.linspace(low, low + span, BINS + 1)
    return Histogram(
        tuple(edges.tolist()),
        tuple(fine.reshape(BINS, -1).sum(axis=1).tolist()),
        low,
        high,
        total / number if number else low,
        low + middle * span / FINE,
        number,
    )


def linearity(total: Sums, result: Plane, original: Plane) -> Linearity:
    """Straightness of the transformed intensities.

    Args:
        total: sums of the transformed image at the original's resolution (x) and the original (y), over all pixels.
        result, original: a sample of such pairs. Classes are of the transformed brightness, in which the original's noise averages out.
    """
    reason = why_undefined(total)
    if reason is not None:
        return Linearity(reason, reason, reason, reason, ())
    gain, offset = total.line()
    if gain == 0:
        none = Undefined("the transformed brightness does not follow the original's at all")
        return Linearity(none, none, 0.0, none, ())
    deviation: Number = Undefined(f"fewer than 3 brightness classes hold {FEWEST} pixels")
    if not result.size:  # of the pixels that would be looked at none was measured
        return Linearity(1 / gain, -offset / gain, total.correlation() ** 2, deviation, ())
    low, high = (float(v) for v in np.percentile(result, (0.1, 99.9)))
    index = np.clip(((result - low) * (CLASSES / (high - low or 1.0))).astype(np.int64), 0, CLASSES - 1)
    count = np.bincount(index, minlength=CLASSES)
    x, y = (np.bincount(index, v, CLASSES) / np.maximum(count, 1) for v in (result, original))
    enough = count >= FEWEST
    curve = tuple((float(b), float(a)) for a, b in zip(x[enough], y[enough]))
    if enough.sum() >= 3:
        bent = np.abs(y[enough] - gain * x[enough] - offset).max() / abs(gain * np.ptp(x[enough]))
        deviation = float(bent)
    return Linearity(1 / gain, -offset / gain, total.correlation() ** 2, deviation, curve)
