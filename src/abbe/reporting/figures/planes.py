"""What a figure shows of an image: one plane per channel, at the size of the figure, and the grey values shown as black and white."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abbe.image import Image

Float = npt.NDArray[np.float32]

#: percentiles shown as black and white, the protocol's "auto": below are shot noise's lowest pixels, above are hot pixels
LOW, HIGH = 0.5, 99.8
#: most planes that a projection looks at; of deeper stacks evenly spread ones are taken, and the caption says so
MOST_PLANES = 48
#: pixels that averaging leaves of an axis that has as many: it drops a rest, which would be a large part of a few lines
LEAST = 64


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture of one channel: (Y, X) values, how many pixels of the image one of its pixels stands for in y and x, and what was done to
    get it.
    """

    values: Float
    factor: tuple[int, int]
    what: str


#: pixels whose sides differ by less than this are square
SQUARE = 0.005


def stretch(image: Image) -> float:
    """Height of a pixel by its width: oblong pixels are drawn as the specimen is, so that a scale bar holds in all directions."""
    _, y, x = image.pixel_size
    ratio = y / x if y and x else 1.0
    return ratio if abs(ratio - 1) > SQUARE else 1.0


def shown(image: Image, c: int, side: int, t: int = 0) -> Shown:
    """One frame, brightest value along z, averaged down to at most about `side` pixels a side; of very thin images along the long one."""
    depth, height, width = image.shape[2:]
    largest = max(1, -(-max(height, width) // side))
    factor = min(largest, max(1, height // LEAST)), min(largest, max(1, width // LEAST))
    planes = sorted(set(np.linspace(0, depth - 1, min(depth, MOST_PLANES)).round().astype(int).tolist()))
    brightest: Float | None = None
    for z in planes:
        plane = shrink(image.plane(t, c, z), *factor)
        brightest = plane if brightest is None else np.maximum(brightest, plane)
    assert brightest is not None  # every image has a plane
    return Shown(brightest, factor, _what(image, len(planes), t))


def _what(image: Image, planes: int, t: int) -> str:
    parts = []
    if image.shape[2] > 1:
        parts.append(f"maximum projection of {planes} of {image.shape[2]} planes" if planes < image.shape[2] else "maximum projection")
    if image.shape[0] > 1:
        parts.append(f"frame {t + 1} of {image.shape[0]}")
    return ", ".join(parts)


def shrink(plane: npt.NDArray[np.generic], down: int, across: int | None = None) -> Float:
    """Means over down x across (by default as many) pixels, float32; a rest at the right and lower border is left out.

    Of an axis shorter than that its mean is left, one pixel.
    """
    down, across = min(down, plane.shape[0]), min(down if across is None else across, plane.shape[1])
    if down == across == 1:
        return plane.astype(np.float32)
    height, width = plane.shape[0] // down * down, plane.shape[1] // across * across
    rows = _sum([plane[k:height:down, :width] for k in range(down)])
    total: Float = _sum([rows[:, k::across] for k in range(across)])
    total /= np.float32(down * across)
    return total


def _sum(parts: Sequence[npt.NDArray[np.generic]]) -> Float:
    """One after the other, six times as fast as `np.add.reduceat`."""
    total = parts[0].astype(np.float32)
    for part in parts[1:]:
        total += part.astype(np.float32, copy=False)
    return total


def limits(values: Float) -> tuple[float, float]:
    """Values shown as black and as white."""
    low, high = (float(v) for v in np.percentile(values, (LOW, HIGH)))
    return (low, high) if high > low else (float(values.min()), float(values.max()) or 1.0)


def busiest(values: Float, rows: int, columns: int) -> tuple[int, int]:
    """Corner (y, x) of the box with the most structure: the largest sum of differences between neighbours."""
    height, width = values.shape
    rows, columns = min(rows, height), min(columns, width)
    change = np.zeros((height + 1, width + 1))
    change[1:height, 1:] += np.abs(np.diff(values, axis=0))
    change[1:, 1:width] += np.abs(np.diff(values, axis=1))
    total = change.cumsum(axis=0).cumsum(axis=1)
    boxes = total[rows:, columns:] - total[:-rows, columns:] - total[rows:, :-columns] + total[:-rows, :-columns]
    y, x = np.unravel_index(int(boxes.argmax()), boxes.shape)
    return int(y), int(x)
