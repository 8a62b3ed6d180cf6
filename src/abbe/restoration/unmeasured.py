"""What no camera measured is filled from what is around it before anything is computed.

Labels, rims and the planes that a stack lacks are put back in the result; lines and single planes, which belong to the specimen, stay as
they were filled. All are masked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from abbe.image import Image, Notice
from abbe.image.inspection import fill_from_around
from abbe.image.lines import fill_lines, stray_lines
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

BOOL = np.dtype(np.bool_)


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


#: what a pixel is in `Unmeasured.marks`
LABEL, LINE, PLANE, LACKING = 1, 2, 3, 4
#: share of the pixels in the planes beside an even one that have its value, at most: more, and it may be darkness as they have
AS_BESIDE = 0.1
#: planes side by side that may have been dropped, of a stack with more planes than it lacks: others were never taken, as of a channel in
#: one focus or a stack that was broken off, and a result that showed their neighbour in their place would invent a specimen
DROPPED = 3


@dataclass(slots=True)
class Counts:
    """What was found: pixels in labels and rims, and the planes that have them; lines; planes that were dropped; such as were not taken;
    frames of a series that were dropped."""

    pixels: int = 0
    labelled: int = 0
    lines: int = 0
    planes: int = 0
    lacking: int = 0
    frames: int = 0


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """What of pixels (T, C, Z, Y, X) was not measured: the pixels as if it had been, and where: 0 (measured) or what it is."""

    filled: FilledPixels
    marks: ArrayPixels | ScratchPixels
    counts: Counts

    @property
    def mask(self) -> Pixels:
        return MappedPixels(_any, [self.marks], BOOL)

    @property
    def labels(self) -> Pixels:
        """Where the result has what was there: labels, rims and planes that were not taken."""
        return MappedPixels(_stays, [self.marks], BOOL)

    def notices(self) -> Iterator[Notice]:
        found = self.counts
        if found.pixels:
            where = "" if found.labelled == 1 else f" in {found.labelled} planes"
            yield Notice(
                "unmeasured",
                f"{found.pixels} pixels{where} hold one value within straight, sharp edges, as a burned-in label or a registered image's "
                "rim: taken as not measured, left as they are and masked",
            )
        if found.lines:
            stand = "line of pixels from side to side stands" if found.lines == 1 else "lines of pixels from side to side stand"
            yield Notice(
                "unmeasured",
                f"{found.lines} {stand} out as no lens can make it, as dead and hot rows and columns of a camera do: taken as not "
                "measured, filled from the lines beside and masked",
            )
        for count, why, then in (
            (found.planes, "dropped ones do", "filled from the planes beside and masked"),
            (found.lacking, "those that were never taken do", "left as they are and masked"),
        ):
            if count:
                hold = "plane of a stack holds" if count == 1 else "planes of stacks hold"
                yield Notice("unmeasured", f"{count} {hold} one value alone, or no numbers, as {why}: taken as not measured, {then}")
        if found.frames:
            hold = "frame of a series holds" if found.frames == 1 else "frames of series hold"
            yield Notice(
                "unmeasured",
                f"{found.frames} {hold} one value alone, or no numbers, as dropped ones do: taken as not measured, left as they are and "
                "masked",
            )


def find_unmeasured(pixels: Pixels, report: Part, without: Pixels | None = None) -> Unmeasured | None:
    """Looks at every plane; None where there is nothing of that kind. `without` is True where there was no number."""
    t, c, z, y, x = pixels.shape
    if y * x > LIMIT:
        return None
    kept: tuple[ArrayPixels | ScratchPixels, ArrayPixels | ScratchPixels] | None = None
    planes, counts, blank = set(), Counts(), set()
    for i, j in np.ndindex(t, c):
        even = []
        for k in range(z):
            report(0.0, "looking for labels, rims and lines")
            where = (slice(i, i + 1), slice(j, j + 1), slice(k, k + 1), slice(0, y), slice(0, x))
            plane = pixels.read(where)[0, 0, 0]
            if plane[0, 0] == plane[-1, -1] and np.ptp(plane) == 0:
                even.append(k)
                continue
            filled, marks = _found_in(plane, counts)
            if marks is None:
                continue
            kept = kept or (scratch(pixels.shape, pixels.dtype), scratch(pixels.shape, np.uint8))
            put(kept[0], where, filled[None, None, None])
            put(kept[1], where, marks[None, None, None])
            planes.add((i, j, k))
        for k in even if 0 < len(even) < z else ():
            where = (slice(i, i + 1), slice(j, j + 1), slice(k, k + 1), slice(0, y), slice(0, x))
            now = pixels if kept is None else FilledPixels(pixels, kept[0], frozenset(planes))
            beside = _beside(now, where, [n for n in range(z) if n not in even])
            nameless = without is not None and bool(without.read(where).all())
            value = pixels.read(where)[0, 0, 0][0, 0]
            if not nameless and max(float(np.mean(other == value)) for _, other in beside) > AS_BESIDE:
                continue
            kept = kept or (scratch(pixels.shape, pixels.dtype), scratch(pixels.shape, np.uint8))
            put(kept[0], where, _between(k, beside)[None, None, None])
            dropped = 2 * len(even) < z and _run(even, k) <= DROPPED
            put(kept[1], where, np.full((1, 1, 1, y, x), PLANE if dropped else LACKING, np.uint8))
            planes.add((i, j, k))
            counts.planes += dropped
            counts.lacking += not dropped
        blank |= {(i, j)} if len(even) == z else set()
    for i, j in sorted(blank):
        whole_frame = (slice(i, i + 1), slice(j, j + 1), slice(0, z), slice(0, y), slice(0, x))
        others = [n for n in range(t) if (n, j) not in blank]
        if not others or not _dropped(pixels, whole_frame, others, without):
            continue
        kept = kept or (scratch(pixels.shape, pixels.dtype), scratch(pixels.shape, np.uint8))
        put(kept[0], whole_frame, pixels.read(whole_frame))
        put(kept[1], whole_frame, np.full((1, 1, z, y, x), LACKING, np.uint8))
        planes |= {(i, j, k) for k in range(z)}
        counts.frames += 1
    return None if kept is None else Unmeasured(FilledPixels(pixels, kept[0], frozenset(planes)), kept[1], counts)


def _dropped(pixels: Pixels, where: Region, others: list[int], without: Pixels | None) -> bool:
    """Is a frame of one value none that was dark? The nearest measured frames hardly have that value, or it has no numbers."""
    if without is not None and bool(without.read(where).all()):
        return True
    t, c, _, y, x = where
    first = pixels.read((t, c, slice(0, 1), slice(0, 1), slice(0, 1))).ravel()[0]
    near = [*[n for n in others if n < t.start][-1:], *[n for n in others if n > t.start][:1]]
    shares = [float(np.mean(pixels.read((slice(n, n + 1), c, where[2], y, x)) == first)) for n in near]
    return max(shares) <= AS_BESIDE


def _found_in(plane: Array, counts: Counts) -> tuple[Array, npt.NDArray[np.uint8] | None]:
    """A plane with its lines, labels and rims filled, and which is which; None where there are none."""
    bad = unmeasured(plane)
    plane = plane if bad is None else fill_from_around(plane, bad)
    rows, columns = stray_lines(plane)
    if bad is not None:  # in what was filled there are lines as around it
        rows, columns = rows & ~bad.all(axis=1), columns & ~bad.all(axis=0)
    lines = int(np.count_nonzero(rows) + np.count_nonzero(columns))
    if lines:
        plane = fill_lines(plane, rows, columns)
        if bad is None and (bad := unmeasured(plane)) is not None:  # darker than a label, a line hides it
            plane = fill_from_around(plane, bad)
    if not lines and bad is None:
        return plane, None
    marks = np.zeros(plane.shape, np.uint8)
    marks[rows] = marks[:, columns] = LINE
    counts.lines += lines
    if bad is not None:
        marks[bad] = LABEL
        counts.pixels += int(np.count_nonzero(bad))
        counts.labelled += 1
    return plane, marks


def _run(even: list[int], k: int) -> int:
    """How many even planes lie side by side where plane `k` does."""
    known, low, high = set(even), k, k
    while low - 1 in known:
        low -= 1
    while high + 1 in known:
        high += 1
    return high - low + 1


def _beside(pixels: Pixels, where: Region, measured: list[int]) -> list[tuple[int, Array]]:
    """The nearest measured planes before and after a plane."""
    k = where[2].start
    near = [*[n for n in measured if n < k][-1:], *[n for n in measured if n > k][:1]]
    return [(n, pixels.read((where[0], where[1], slice(n, n + 1), where[3], where[4]))[0, 0, 0]) for n in near]


def _between(k: int, beside: list[tuple[int, Array]]) -> Array:
    """Plane `k`, interpolated along z; beyond the outermost it is as they are."""
    if len(beside) == 1:
        return beside[0][1]
    (low, before), (high, after) = beside
    share = (k - low) / (high - low)
    mixed = (1 - share) * before.astype(np.float64) + share * after.astype(np.float64)
    return (np.rint(mixed) if before.dtype.kind in "ui" else mixed).astype(before.dtype)


def _any(marks: Array) -> Array:
    return np.asarray(marks != 0)


def _stays(marks: Array) -> Array:
    return np.asarray((marks == LABEL) | (marks == LACKING))


def nowhere_in(image: Image, chosen: Iterable[int]) -> Pixels | None:
    """True where `image` has no number in the chosen channels; None where it has numbers everywhere."""
    return None if image.mask is None else SelectedPixels(image.mask, tuple(chosen))


def lost_in(image: Image, chosen: Iterable[int], without: Unmeasured | None) -> Pixels | None:
    """True where `image` has no number, or what was found not to be measured, in the chosen channels; None where it is all measured."""
    nowhere = nowhere_in(image, chosen)
    parts: list[Pixels] = [*([] if nowhere is None else [nowhere]), *([] if without is None else [without.mask])]
    return MappedPixels(np.logical_or, parts, np.dtype(np.bool_)) if len(parts) == 2 else parts[0] if parts else None


def as_before(pixels: Pixels, without: Unmeasured, only: range, axis: int = 0) -> Pixels:
    """`pixels`, of these frames (or along another axis, these planes) alone, with labels and rims as they were."""
    sides = list(whole(without.mask.shape))
    sides[axis] = slice(only.start, only.stop)
    t, c, z, y, x = sides
    box = (t, c, z, y, x)
    return MappedPixels(old_where, [pixels, CroppedPixels(without.labels, box), CroppedPixels(without.filled.source, box)], pixels.dtype)


def old_where(estimate: Array, lost: Array, old: Array) -> Array:
    return np.where(lost, old.astype(np.float32), estimate)
