"""`Grid`: how the pixels of the original and of the transformed image lie over one field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from abbe.comparison.resample import Plane, to_coarse
from abbe.errors import AxesError
from abbe.image import Image, Notice
from abbe.image.pixels import Pixels

#: pixel sizes in files are rounded; two that differ by less than this are the same
SAME_SIZE = 0.02

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Grid:
    """Transformed pixels per original pixel along (z, y, x); plane k of the original lies at plane k * z of the transformed."""

    scale: tuple[float, float, float]
    notices: tuple[Notice, ...] = ()

    @property
    def same(self) -> bool:
        return self.scale == (1.0, 1.0, 1.0)

    @property
    def plane(self) -> tuple[float, float]:
        return self.scale[1:]


def align(original: Image, transformed: Image, what: str = "transformed image") -> Grid:
    """The grid of two images over one field.

    Raises `AxesError` when frames, channels or fields differ, or the second image is coarser than the first.
    """
    for name, axis in (("frames", 0), ("channels", 1)):
        if original.shape[axis] != transformed.shape[axis]:
            raise AxesError(
                f"wanted as many {name} in the {what} as in the original, got {transformed.shape[axis]} and {original.shape[axis]}; "
                "select the same ones from both"
            )
    notices: list[Notice] = []
    y, x = (_lateral(original, transformed, axis, what, notices) for axis in (3, 4))
    z = _axial(original, transformed, what, notices)
    if original.channels != transformed.channels and sorted(original.channels) == sorted(transformed.channels):
        notices.append(
            Notice(
                "channels",
                f"the original's channels are {', '.join(original.channels)}, those of the {what} {', '.join(transformed.channels)}: the "
                "same names in another order. They are compared in their order; bring one image's channels into the other's",
            )
        )
    return Grid((z, y, x), tuple(dict.fromkeys(notices)))


def _lateral(original: Image, transformed: Image, axis: int, what: str, notices: list[Notice]) -> float:
    n, m = original.shape[axis], transformed.shape[axis]
    sizes = original.pixel_size[axis - 2], transformed.pixel_size[axis - 2]
    by_size = sizes[0] / sizes[1] if sizes[0] and sizes[1] else None
    whole = m // n
    if m < n and by_size is not None and by_size < 1 - SAME_SIZE and abs(m / by_size - n) < 1:
        raise AxesError(
            f"wanted a {what} with at least as many pixels as the original, got {m} and {n} along {'YX'[axis - 3]}; swap the two?"
        )
    if m == whole * n:
        if by_size is not None and abs(by_size / whole - 1) > SAME_SIZE:
            notices.append(
                Notice(
                    "pixel_size",
                    f"the pixel sizes say x{by_size:g} between original and {what}, their shapes x{whole}; the shapes are used",
                )
            )
        return float(whole)
    scale = by_size if by_size is not None else round(m / n) or 1
    if m < n or abs(m / scale - n) >= 1:
        fewer = f"; if the first was computed from the {what}, swap the two" if m < n and by_size is None else ""
        raise AxesError(
            f"wanted two images of one field, got {n} and {m} pixels along {'YX'[axis - 3]}"
            + (f" at {sizes[0]:g} and {sizes[1]:g} um" if by_size else ", not both with a pixel size")
            + "; crop one to the other's field, or give both their pixel size"
            + fewer
        )
    return float(scale)


def _axial(original: Image, transformed: Image, what: str, notices: list[Notice]) -> float:
    n, m = original.shape[2], transformed.shape[2]
    steps = original.pixel_size[0], transformed.pixel_size[0]
    if n == m:
        if n > 1 and steps[0] and steps[1] and abs(steps[0] / steps[1] - 1) > SAME_SIZE:
            said = f"the z-steps of original and {what} are {steps[0]:g} and {steps[1]:g} um; planes are compared one by one"
            notices.append(Notice("pixel_size", said))
        return 1.0
    if n > 1 and steps[0] and steps[1]:
        scale = steps[0] / steps[1]
        if abs((n - 1) * scale + 1 - m) <= 1:
            return scale
    elif n > 1 and m > n:
        scale = (m - 1) / (n - 1)
        notices.append(Notice("pixel_size", f"no z-steps are known; first and last planes of original and {what} are taken to coincide"))
        return scale
    raise AxesError(
        f"wanted a {what} whose planes cover the original's, got {m} planes for {n}"
        + (f" with z-steps of {steps[1]:g} and {steps[0]:g} um" if steps[0] and steps[1] else "")
        + "; compare the planes that belong together, or give both images their z-step"
    )


def box(pixels: Pixels, t: int, c: int, z: int, rows: range, columns: range) -> npt.NDArray[Any]:
    """A part of one plane, as stored."""
    part: npt.NDArray[Any] = pixels.read(
        (slice(t, t + 1), slice(c, c + 1), slice(z, z + 1), slice(rows.start, rows.stop), slice(columns.start, columns.stop))
    )[0, 0, 0]
    return part


def read(image: Image, t: int, c: int, z: int, rows: range, columns: range) -> Plane:
    """A part of one plane as float64: every pixel type gives the same numbers."""
    return box(image.pixels, t, c, z, rows, columns).astype(np.float64)


def read_between(image: Image, t: int, c: int, place: tuple[int, float, float], rows: range, columns: range) -> Plane:
    """A part of the plane that belongs to plane k of the original: `place` is (k, planes per plane, sigma along z in original planes)."""
    k, scale, sigma = place
    depth = image.shape[2]
    if scale == 1 and sigma == 0:
        return read(image, t, c, k, rows, columns)
    total = np.zeros((len(rows), len(columns)))
    for z, weight in z_weights(k, depth, scale, sigma):
        total += weight * read(image, t, c, z, rows, columns)
    return total


def z_weights(k: int, depth: int, scale: float, sigma: float) -> Iterator[tuple[int, float]]:
    """Planes of the transformed image that make plane k of the original, and their weights.

    Planes are thin sections, not sums over the step, so without blur the plane is interpolated linearly at k * scale.
    """
    place = min(k * scale, depth - 1.0)
    if sigma == 0:
        low = min(int(place), max(depth - 2, 0))
        pairs = [(low, 1 - (place - low)), (min(low + 1, depth - 1), place - low)]
    else:
        row = to_coarse(range(1), range(depth), 1.0, sigma * scale, place)
        pairs = list(zip(row.indices.tolist(), row.data.tolist(), strict=True))
    for z, weight in pairs:
        if weight > 1e-9:
            yield int(z), float(weight)


def masked(image: Image, t: int, c: int, z: int, rows: range, columns: range) -> Mask | None:
    """True where a part of one plane had no finite value; None when all had."""
    if image.mask is None:
        return None
    mask: Mask = box(image.mask, t, c, z, rows, columns).astype(bool)
    return mask if mask.any() else None


def read_plane(image: Image, t: int, c: int, z: int) -> Plane:
    return read(image, t, c, z, range(image.shape[3]), range(image.shape[4]))
