"""What no camera measured is filled from what is around it before anything is computed, and put back in the result."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from abbe.image import Image, Notice
from abbe.image.inspection import fill_from_around
from abbe.image.pixels import (
    Array,
    ArrayPixels,
    CroppedPixels,
    MappedPixels,
    Pixels,
    Region,
    ScratchPixels,
    SelectedPixels,
    Shape,
    put,
    region_shape,
    scratch,
    whole,
)
from abbe.image.unmeasured import LIMIT, unmeasured
from abbe.restoration.progress import Part


@dataclass(frozen=True, slots=True)
class FilledPixels:
    """Pixels of which some planes are kept filled."""

    source: Pixels
    filled: ArrayPixels | ScratchPixels
    #: (t, c, z) of the planes that are
    planes: frozenset[tuple[int, int, int]]

    @property
    def shape(self) -> Shape:
        return self.source.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.source.dtype

    def read(self, region: Region) -> Array:
        t, c, z = (range(s.start, s.stop) for s in region[:3])
        if not any((i, j, k) in self.planes for i in t for j in c for k in z):
            return self.source.read(region)
        out = np.empty(region_shape(region), self.dtype)
        for index in np.ndindex(out.shape[:3]):
            i, j, k = t[index[0]], c[index[1]], z[index[2]]
            one = (slice(i, i + 1), slice(j, j + 1), slice(k, k + 1), region[3], region[4])
            out[index] = (self.filled if (i, j, k) in self.planes else self.source).read(one)[0, 0, 0]
        return out


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """What of pixels (T, C, Z, Y, X) was not measured: the pixels as if it had been, and where (True)."""

    filled: FilledPixels
    mask: ArrayPixels | ScratchPixels
    count: int

    def notice(self) -> Notice:
        planes = len(self.filled.planes)
        where = "" if planes == 1 else f" in {planes} planes"
        return Notice(
            "unmeasured",
            f"{self.count} pixels{where} hold one value within straight, sharp edges, as a burned-in label or a registered image's rim: "
            "taken as not measured, left as they are and masked",
        )


def find_unmeasured(pixels: Pixels, report: Part) -> Unmeasured | None:
    """Looks at every plane; None where there is nothing of that kind."""
    t, c, z, y, x = pixels.shape
    kept: tuple[ArrayPixels | ScratchPixels, ArrayPixels | ScratchPixels] | None = None
    planes, count = set(), 0
    for i, j, k in np.ndindex(t, c, z):
        report(0.0, "looking for labels and rims")
        where = (slice(i, i + 1), slice(j, j + 1), slice(k, k + 1), slice(0, y), slice(0, x))
        if y * x > LIMIT:
            continue
        plane = pixels.read(where)[0, 0, 0]
        bad = unmeasured(plane)
        if bad is None:
            continue
        kept = kept or (scratch(pixels.shape, pixels.dtype), scratch(pixels.shape, np.bool_))
        put(kept[0], where, fill_from_around(plane, bad)[None, None, None])
        put(kept[1], where, bad[None, None, None])
        planes.add((i, j, k))
        count += int(np.count_nonzero(bad))
    return None if kept is None else Unmeasured(FilledPixels(pixels, kept[0], frozenset(planes)), kept[1], count)


def lost_in(image: Image, chosen: Iterable[int], without: Unmeasured | None) -> Pixels | None:
    """True where `image` has no number, or what was found not to be measured, in the chosen channels; None where it is all measured."""
    parts: list[Pixels] = [] if image.mask is None else [SelectedPixels(image.mask, tuple(chosen))]
    parts += [] if without is None else [without.mask]
    return MappedPixels(np.logical_or, parts, np.dtype(np.bool_)) if len(parts) == 2 else parts[0] if parts else None


def as_before(pixels: Pixels, without: Unmeasured, only: range, axis: int = 0) -> Pixels:
    """`pixels`, of these frames (or along another axis, these planes) alone, with what was not measured as it was."""
    sides = list(whole(without.mask.shape))
    sides[axis] = slice(only.start, only.stop)
    t, c, z, y, x = sides
    box = (t, c, z, y, x)
    return MappedPixels(old_where, [pixels, CroppedPixels(without.mask, box), CroppedPixels(without.filled.source, box)], pixels.dtype)


def old_where(estimate: Array, lost: Array, old: Array) -> Array:
    return np.where(lost, old.astype(np.float32), estimate)
