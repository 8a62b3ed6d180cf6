"""Rows and columns that a camera or scanner did not measure: dead, hot or dropped lines, from one side of the image to the other.

A network takes such a line for structure and answers to it over its whole receptive field: a column 1,000 counts too bright in an image
of 400 left ripples of 50 counts for eight pixels on both sides, two rows of zeros some of 8.

A line is told by what no lens makes: nearly all of its pixels stand out from both lines beside it, in one direction and beyond the noise,
and those have no share in what it has.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from abbe.image.pixels import Array, Pixels, Region, Shape

Bits = npt.NDArray[np.bool_]
Plane = npt.NDArray[np.float64]

#: shortest line, and fewest lines beside each other, that tell something from chance
SHORTEST, FEWEST = 32, 12
#: lines side by side, and lines of one plane (share of those in one direction): more are a pattern
WIDEST, MOST = 3, 0.02
#: share of the lines in one direction that stand out, alone or not: more are a grating, of which a few seem to be alone by chance
GRATING = 0.03
#: all but this share of a line's pixels stand out from both of its neighbours by so many standard deviations of the noise, and by so much
#: of what the middle one does
EXCEPTIONS, NOISES, SHARE = 0.02, 4.0, 0.3
#: share of it that the lines beside have, at most: a Gaussian of 0.3 pixels averaged over pixels gives each 5 %
BESIDE = 0.03
#: share of what the strongest of lines side by side has that the weakest has, at least: a fibre has a ridge
ALIKE = 0.5
#: pixels of a line in a first look
FIRST_LOOK = 128
#: measured lines on each side from which a line is filled
AROUND = 2


def stray_lines(plane: Array) -> tuple[Bits, Bits]:
    """Which rows and which columns of a (Y, X) plane hold no measurement."""
    return _rows(plane), _rows(plane.T)


def fill_lines(plane: Array, rows: Bits, columns: Bits) -> Array:
    """A (Y, X) plane with the marked rows and columns interpolated (cubic) from two lines on each side, at the rim as the nearest one.

    Of one line the noise is then nearly that of its neighbours (0.97 times).
    """
    if not rows.any() and not columns.any():
        return plane
    filled = plane.astype(np.float64)
    for lines, along in ((rows, filled), (columns, filled.T)):
        good = np.flatnonzero(~lines)
        for k in np.flatnonzero(lines) if good.size else ():
            before, after = good[good < k][-AROUND:], good[good > k][:AROUND]
            both = np.concatenate([before, after]) if before.size and after.size else (before[-1:] if before.size else after[:1])
            # not as a product of matrices, which adds in another order in parts of a plane, and on other machines
            along[k] = sum(weight * along[j] for weight, j in zip(_lagrange(both, int(k)), both))
    if plane.dtype.kind in "ui":
        kind = np.iinfo(plane.dtype)  # the ends of what is there would be others in a part of the plane
        filled = np.clip(np.rint(filled), kind.min, kind.max)
    return filled.astype(plane.dtype)


@dataclass(frozen=True, slots=True)
class LinelessPixels:
    """Pixels whose stray lines are filled in some channels; which they are is found when a plane is first read."""

    source: Pixels
    channels: frozenset[int]
    known: dict[tuple[int, int, int], tuple[Bits, Bits]] = field(default_factory=dict, compare=False)

    @property
    def shape(self) -> Shape:
        return self.source.shape

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return self.source.dtype

    def read(self, region: Region) -> Array:
        reach = WIDEST + AROUND
        down, across = (slice(max(s.start - reach, 0), min(s.stop + reach, n)) for s, n in zip(region[3:], self.shape[3:]))
        block = self.source.read((*region[:3], down, across))
        inner = tuple(slice(s.start - o.start, s.stop - o.start) for s, o in zip(region[3:], (down, across)))
        out = np.array(block[..., inner[0], inner[1]])
        for index in np.ndindex(*block.shape[:3]):
            t, c, z = (s.start + k for s, k in zip(region[:3], index))
            if c not in self.channels:
                continue
            rows, columns = self._lines(t, c, z)
            if rows[down].any() or columns[across].any():
                out[index] = fill_lines(block[index], rows[down], columns[across])[inner]
        return out

    def _lines(self, t: int, c: int, z: int) -> tuple[Bits, Bits]:
        if (t, c, z) not in self.known:
            y, x = self.shape[3:]
            plane = self.source.read((slice(t, t + 1), slice(c, c + 1), slice(z, z + 1), slice(0, y), slice(0, x)))[0, 0, 0]
            self.known[t, c, z] = stray_lines(plane)
        return self.known[t, c, z]


def _lagrange(nodes: npt.NDArray[np.intp], at: int) -> Plane:
    """Weights of samples at `nodes` in the polynomial through them."""
    x = nodes.astype(np.float64)
    return np.array([np.prod([(at - b) / (a - b) for b in x if b != a]) for a in x])


def _rows(plane: Array) -> Bits:
    height, width = plane.shape
    found = np.zeros(height, bool)
    if height < FEWEST or width < SHORTEST:
        return found
    some = plane[:, :: max(1, width // FIRST_LOOK)].astype(np.float64)
    noise = _noise(some if width <= FIRST_LOOK else plane[:: max(1, height // FIRST_LOOK)].astype(np.float64))
    standing = found.copy()
    for wide in range(1, WIDEST + 1):
        for first in np.flatnonzero(_perhaps(some, wide, noise)):
            lines = slice(int(first), int(first) + wide)
            if not found[lines].any() and (by := _stand_out(plane, lines, noise)):
                standing[lines] = True
                found[lines] = _are_alone(plane, lines, noise, by)
    few = np.count_nonzero(found) <= max(1.0, MOST * height) and np.count_nonzero(standing) <= max(WIDEST, GRATING * height)
    return found if few else np.zeros(height, bool)


def _noise(plane: Plane) -> float:
    """Standard deviation, from the differences of neighbours: their median is 0.954 times it."""
    return float(np.median(np.abs(np.diff(plane, axis=1)))) / 0.954


def _perhaps(some: Plane, wide: int, noise: float) -> Bits:
    """For each row: may `wide` rows from it on stand out, as a part of their pixels shows?"""
    height = len(some)
    count = height - wide + 1
    padded = np.concatenate([some[wide : wide + 1], some, some[height - 1 - wide : height - wide]])  # at the rims: the one neighbour twice
    one, other = padded[:count], padded[wide + 1 : wide + 1 + count]
    inner = np.stack([some[k : k + count] for k in range(wide)])
    above, below = inner.min(axis=0) - np.maximum(one, other), np.minimum(one, other) - inner.max(axis=0)
    least = NOISES * noise
    return np.asarray((np.mean(above > least, axis=1) > 1 - 3 * EXCEPTIONS) | (np.mean(below > least, axis=1) > 1 - 3 * EXCEPTIONS))


def _stand_out(plane: Array, lines: slice, noise: float) -> float:
    """By how much these rows stand out from those on both sides (on one, at the rim), in the middle; 0 where they do not all along."""
    inner, beside = plane[lines].astype(np.float64), _beside(plane, lines, 1)
    if beside.size == 0 or np.ptp(beside) == 0:
        return 0.0  # a drawing
    for out in (inner.min(axis=0) - beside.max(axis=0), beside.min(axis=0) - inner.max(axis=0)):
        middle = float(np.median(out))
        if np.quantile(out, EXCEPTIONS) > max(NOISES * noise, SHARE * middle):
            return middle
    return 0.0


def _are_alone(plane: Array, lines: slice, noise: float, by: float) -> bool:
    """Are rows that stand out by so much alike, and those beside them as those further away?"""
    far = max(2, lines.stop - lines.start)  # of an image enlarged by repetition, not the same line once more
    inner, beside = plane[lines].astype(np.float64), _beside(plane, lines, 1)
    levels = np.abs(np.median(inner - beside.mean(axis=0), axis=1))
    steps = (far,) if len(beside) == 2 else (far, far - 1)  # at the rim, one side has to tell
    further = [_beside(plane, lines, 1 + step) for step in steps]
    share = max(float(np.abs(np.median(beside - one, axis=1)).max()) for one in further)
    return bool(levels.min() >= ALIKE * levels.max() and share <= max(BESIDE * by, 3 * noise / np.sqrt(plane.shape[1])))


def _beside(plane: Array, lines: slice, by: int) -> Plane:
    """The rows so many before and after some, on the sides where there are enough to tell."""
    far = 1 + max(2, lines.stop - lines.start)
    rows = [lines.start - by] if lines.start >= far else []
    rows += [lines.stop - 1 + by] if lines.stop - 1 + far < len(plane) else []
    return plane[rows].astype(np.float64)
