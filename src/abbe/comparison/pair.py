"""`Pair`: one channel of one frame of the two images, read by tiles of the original, whatever their size."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from abbe.comparison.grid import Grid, Mask, masked, read, read_between
from abbe.comparison.resample import Plane, enlarge, fine_needed
from abbe.comparison.squirrel import INSIDE, WIDTHS, Tile
from abbe.image import Image

#: side of a tile, in original pixels: with its surroundings and the transformed pixels under it, some 50 MB at x3
SIDE = 512
#: planes with at most this many pixels are small enough to look for the width in the whole of them
WHOLE = SIDE * SIDE
#: sample tiles: the ones with the most contrast, which decide a least-squares fit
SAMPLES, SAMPLE_SIDE = 8, 96


@dataclass(frozen=True, slots=True)
class Pair:
    """Channel c of frame t. `sigma_z` is the width along z, in planes of the original, by which transformed planes make an original one."""

    original: Image
    transformed: Image
    grid: Grid
    t: int
    c: int
    sigma_z: float = 0.0

    @property
    def size(self) -> tuple[int, int]:
        return self.original.shape[3], self.original.shape[4]

    @property
    def depth(self) -> int:
        return self.original.shape[2]

    def read_original(self, k: int, rows: range, columns: range) -> Plane:
        return read(self.original, self.t, self.c, k, rows, columns)

    def read_transformed(self, k: int, rows: range, columns: range) -> Plane:
        return read_between(self.transformed, self.t, self.c, (k, self.grid.scale[0], self.sigma_z), rows, columns)

    def beyond(self, k: int) -> float:
        """The share of plane k's blur along z that falls outside the stack; none where that would leave no plane to look at."""

        def outside(plane: float) -> float:
            width = math.sqrt(2) * max(self.sigma_z, 1e-9)
            return 1 - 0.5 * (math.erf((plane + 0.5) / width) + math.erf((self.depth - 0.5 - plane) / width))

        return max(outside(k) - outside((self.depth - 1) / 2), 0.0)

    def read_plain(self, k: int, rows: range, columns: range) -> Plane:
        """The plainly enlarged original, on the transformed image's pixels."""
        if self.grid.plane == (1.0, 1.0):
            return self.read_original(k, rows, columns)
        return enlarge(lambda y, x: self.read_original(k, y, x), self.size, rows, columns, self.grid.plane)

    def tile(self, k: int, rows: range, columns: range, reach: float, shift: tuple[float, float] = (0.0, 0.0), plain: bool = False) -> Tile:
        """A tile of plane k, with the transformed (or plain) pixels that widths up to `reach` need."""
        limits = self.transformed.shape[3:]
        down, across = (fine_needed(p, n, s, reach, d) for p, n, s, d in zip((rows, columns), limits, self.grid.plane, shift))
        fine = (self.read_plain if plain else self.read_transformed)(k, down, across)
        original, bad = self.read_original(k, rows, columns), masked(self.original, self.t, self.c, k, rows, columns)
        around = math.ceil(INSIDE * reach)
        wide = tuple(range(max(p.start - around, 0), min(p.stop + around, n)) for p, n in zip((rows, columns), self.size))
        without = self.without(k, *wide)
        if without is not None:
            inner = tuple(slice(p.start - w.start, p.stop - w.start) for p, w in zip((rows, columns), wide))
            under = without[inner]
            bad = under if bad is None else bad | under
            return Tile(original, fine, (rows, down), (columns, across), self.grid.plane, ~bad, without, inner)
        return Tile(original, fine, (rows, down), (columns, across), self.grid.plane, None if bad is None else ~bad)

    def masked(self, k: int, rows: range, columns: range) -> Mask | None:
        """True at pixels of the original that have no measured value in it, or no finite one over them; None when all have."""
        found = [m for m in (masked(self.original, self.t, self.c, k, rows, columns), self.without(k, rows, columns)) if m is not None]
        return np.logical_or.reduce(found) if found else None

    def without(self, k: int, rows: range, columns: range) -> Mask | None:
        """True at pixels of the original under which any transformed pixel had no finite value; None when all had."""
        if self.transformed.mask is None:
            return None
        z = min(round(k * self.grid.scale[0]), self.transformed.shape[2] - 1)
        down, across = (fine_needed(p, n, s, 0.0) for p, n, s in zip((rows, columns), self.transformed.shape[3:], self.grid.plane))
        fine = masked(self.transformed, self.t, self.c, z, down, across)
        return None if fine is None else _any_under(fine, rows, columns, down, across, self.grid.plane)

    def tiles(self, k: int, margin: int) -> Iterator[tuple[range, range, tuple[slice, slice]]]:
        """Tiles that cover plane k, each with up to `margin` pixels around it; and the slices within that leave the margin out."""
        for y in _spans(self.size[0]):
            for x in _spans(self.size[1]):
                rows, columns = (range(max(p.start - margin, 0), min(p.stop + margin, n)) for p, n in zip((y, x), self.size))
                inner = (slice(y.start - rows.start, y.stop - rows.start), slice(x.start - columns.start, x.stop - columns.start))
                yield rows, columns, inner

    def samples(self, k: int, shift: tuple[float, float] = (0.0, 0.0), plain: bool = False) -> list[Tile]:
        """The tiles of most contrast; the whole plane where it is no larger than they are."""
        if self.size[0] * self.size[1] <= SAMPLES * SAMPLE_SIDE**2:
            return [self.whole(k, shift, plain)]
        return [self.tile(k, rows, columns, WIDTHS[-1] / 2, shift, plain) for rows, columns in self.busiest(k)]

    def whole(self, k: int, shift: tuple[float, float] = (0.0, 0.0), plain: bool = False) -> Tile:
        return self.tile(k, range(self.size[0]), range(self.size[1]), WIDTHS[-1], shift, plain)

    def busiest(self, k: int) -> list[tuple[range, range]]:
        found = []
        for y in range(0, self.size[0] - SAMPLE_SIDE // 2, SAMPLE_SIDE):
            rows = range(y, min(y + SAMPLE_SIDE, self.size[0]))
            band = self.read_original(k, rows, range(self.size[1]))
            for x in range(0, self.size[1] - SAMPLE_SIDE // 2, SAMPLE_SIDE):
                found.append((-float(np.var(band[:, x : x + SAMPLE_SIDE])), y, x))
        return [
            (range(y, min(y + SAMPLE_SIDE, self.size[0])), range(x, min(x + SAMPLE_SIDE, self.size[1])))
            for _, y, x in sorted(found)[:SAMPLES]
        ] or [(range(min(SAMPLE_SIDE, self.size[0])), range(min(SAMPLE_SIDE, self.size[1])))]


def _spans(n: int) -> Iterator[range]:
    """0 to n in even parts of at most `SIDE`."""
    count = -(-n // SIDE)
    for i in range(count):
        yield range(i * n // count, (i + 1) * n // count)


def _any_under(fine: Mask, rows: range, columns: range, down: range, across: range, scale: tuple[float, float]) -> Mask:
    """For each original pixel, whether any masked fine pixel lies within it."""
    under = np.zeros((len(rows), len(columns)), bool)
    j, i = np.nonzero(fine)
    y = ((j + down.start + 0.5) / scale[0]).astype(np.int64) - rows.start
    x = ((i + across.start + 0.5) / scale[1]).astype(np.int64) - columns.start
    inside = (y >= 0) & (y < len(rows)) & (x >= 0) & (x < len(columns))
    under[y[inside], x[inside]] = True
    return under
