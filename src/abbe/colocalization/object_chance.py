"""What chance gives: objects of one channel after the other channel's were moved together by a random shift.

A shift keeps the objects' shapes, their number, and their distances from one another, which scattering them one by one would not. It wraps
round at the edges of the box around the region, so that as many objects lie in the region as before. Where the region is no box, an object
counts whose centre's counterpart before the shift lies in the region, too; elsewhere there was nothing that could be met.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from abbe.colocalization.compiled import kernel, together

Labels = npt.NDArray[np.int32]
Inside = npt.NDArray[np.bool_]
Float = npt.NDArray[np.float64]

#: most centres whose distances are measured after each shift; of more, evenly spread ones
CENTRES = 10_000


@dataclass(frozen=True, eq=False)
class Chance:
    """For each shift, one entry each.

    Attributes:
        met: objects of either channel that share a pixel with the other channel's, (2, shifts). counted: of how many.
        distance: sum over the first channel's objects of the distance to the nearest centre of the second's. measured: over how many.
    """

    met: npt.NDArray[np.int64]
    counted: npt.NDArray[np.int64]
    distance: Float
    measured: npt.NDArray[np.int64]

    @staticmethod
    def joined(frames: list[Chance]) -> Chance:
        return Chance(*(np.sum([getattr(f, name) for f in frames], axis=0) for name in ("met", "counted", "distance", "measured")))

    @property
    def shares(self) -> tuple[Float, Float]:
        """Share of either channel's objects that overlap, for each shift; not a number where none could."""
        with np.errstate(invalid="ignore"):
            first, second = self.met / np.where(self.counted > 0, self.counted, np.nan)
        return first, second

    @property
    def distances(self) -> Float:
        """Mean distance to the nearest centre, for each shift."""
        found: Float = self.distance / np.where(self.measured > 0, self.measured, np.nan)
        return found


def by_chance(
    labels: list[Labels], centres: list[Float], inside: Inside, step: tuple[float, float, float], count: int, seed: int
) -> Chance:
    """`count` random shifts of one frame; `labels` (Z, Y, X), `centres` (objects, 3) in pixels, `step` the size of a pixel."""
    rows, columns = (np.flatnonzero(inside.any(axis=axis)) for axis in ((0, 2), (0, 1)))
    if not len(rows) or not any(len(c) for c in centres):
        nothing = np.zeros((2, count), np.int64)
        return Chance(nothing, nothing, np.zeros(count), nothing[0])
    corner, size = np.array([rows[0], columns[0]]), np.array([rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1])
    shifts = np.random.default_rng(seed).integers(0, size, (count, 2))
    sides = [_Side(labels[k], centres[k], labels[1 - k], inside, corner, size) for k in (0, 1)]
    thin = max(1, len(centres[0]) // CENTRES)
    tree = cKDTree(centres[1] * step) if len(centres[1]) else None

    def one(k: int) -> tuple[tuple[int, int], tuple[int, int], float, int]:
        # moving the second channel by s is moving the first by -s
        (met1, valid1), (met2, valid2) = sides[0].meeting(-shifts[k]), sides[1].meeting(shifts[k])
        distance, measured = 0.0, 0
        if tree is not None:
            own = np.flatnonzero(valid1)[::thin]
            moved = sides[0].moved(-shifts[k])[own]
            distance, measured = float(tree.query(moved * step)[0].sum()), len(own)
        return (met1, met2), (int(valid1.sum()), int(valid2.sum())), distance, measured

    found = together(one, range(count))
    met, counted = (np.array([f[j] for f in found], np.int64).T for j in (0, 1))
    return Chance(met, counted, np.array([f[2] for f in found]), np.array([f[3] for f in found], np.int64))


class _Side:
    """The objects of one channel, to be laid shifted over those of the other."""

    def __init__(
        self, own: Labels, centres: Float, other: Labels, inside: Inside, corner: npt.NDArray[np.int64], size: npt.NDArray[np.int64]
    ) -> None:
        self.corner, self.size, self.centres, self.inside = corner, size, centres, inside
        where = np.flatnonzero(own)
        z, y, x = np.unravel_index(where, own.shape)
        self.zyx = np.stack([z, (y - corner[0]) % size[0], (x - corner[1]) % size[1]]).astype(np.int32)
        self.numbers, self.other = own.ravel()[where], other > 0

    def meeting(self, shift: npt.NDArray[np.int64]) -> tuple[int, npt.NDArray[np.bool_]]:
        """(objects that meet the other channel's, which objects count) after a shift by (y, x)."""
        touched = np.zeros(len(self.centres) + 1, bool)
        down, across = (int(n) for n in shift % self.size)
        _touch(self.zyx, self.numbers, self.other, down, across, self.corner, self.size, touched)
        z, y, x = np.round(self.moved(shift)).astype(np.int64).T
        y, x = (np.minimum(v, c + n - 1) for v, c, n in zip((y, x), self.corner, self.size))
        valid = self.inside[z, y, x]
        return int((touched[1:] & valid).sum()), valid

    def moved(self, shift: npt.NDArray[np.int64]) -> Float:
        """The centres after the shift."""
        found = self.centres.copy()
        found[:, 1:] = (found[:, 1:] - self.corner + shift) % self.size + self.corner
        return found


@kernel
def _touch(
    zyx: npt.NDArray[np.int32],
    numbers: Labels,
    other: Inside,
    down: int,
    across: int,
    corner: npt.NDArray[np.int64],
    size: npt.NDArray[np.int64],
    touched: npt.NDArray[np.bool_],
) -> None:
    """Mark the objects of which a pixel (z, y, x within the box), moved down and across, and round its edges, lies on `other`."""
    for i in range(numbers.size):
        if touched[numbers[i]]:
            continue
        y, x = zyx[1, i] + down, zyx[2, i] + across
        if y >= size[0]:
            y -= size[0]
        if x >= size[1]:
            x -= size[1]
        if other[zyx[0, i], y + corner[0], x + corner[1]]:
            touched[numbers[i]] = True
