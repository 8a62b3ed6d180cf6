"""A network over every plane of an image, level by level: first the whole on a coarse grid, then ever finer, tile by tile.

The plane is halved until its longer side is at most `COARSEST` pixels. That is restored as a whole; every finer level sees its own pixels
and, as context, the coarser level's result over the same field. So what is restored anywhere can depend on all of the plane, in the time of
four thirds of one pass. All levels but the finest lie in scratch room: a third of a plane each for what is seen and what comes out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abbe.image.pixels import Array, ArrayPixels, Pixels, ScratchPixels, put, scratch
from abbe.restoration.level import CELL, LevelGrid, LevelledPixels
from abbe.restoration.normalisation import Normalisation
from abbe.restoration.planes import passed, reach, read_tiles, taken
from abbe.restoration.stage import Stage, Work, as_half, finish, in_units, removes_light
from abbe.restoration.tiles import Tile, Tiling, tiling
from abbe.zoo import Model

#: longer side of the coarsest level, in its pixels
COARSEST = 256
#: a level beyond this is told as this: no training goes deeper
DEEPEST = 2
#: rows of a level that are halved at once
BAND = 512
WHOLE = slice(0, 1)


@dataclass(frozen=True, slots=True)
class Level:
    """One grid of one plane: (1, 1, 1, Y, X), normalised where it is not the finest."""

    pixels: Pixels
    place: tuple[int, int, int]
    normal: Normalisation
    cut: Tiling
    #: how often the plane was halved
    depth: int

    def tiles(self) -> Iterator[tuple[Tile, Array]]:
        """Each tile with its normalised pixels."""
        return ((tile, self.normal.forward(block)) for tile, block in read_tiles(self.pixels, self.place, self.cut))


def restore_levels(source: Pixels, work: Work) -> Stage:
    """As `restore_planes`, for a model whose card says `levels`."""
    t, c, z, y, x = source.shape
    model, normal = work.model, work.normal
    estimate = scratch(source.shape, np.float32)
    spread = scratch(source.shape, np.float16) if work.last else None
    surfaces = np.zeros((t, c, z, *LevelGrid(y, x, 1).shape))
    further = reach(work)
    done, total = 0, t * c * z * sum(tiling(*size, model.card, reach=further).count for size in sizes(y, x))
    for i, j, k in np.ndindex(t, c, z):
        grid = LevelGrid(y, x, 1)
        coarser: Pixels | None = None
        for level in reversed(pyramid(source, (i, j, k), normal[j], model, further)):
            made = scratch((1, 1, 1, *level.pixels.shape[3:]), np.float32) if level.depth else None
            for tile, seen in level.tiles():
                context = np.zeros_like(seen) if coarser is None else enlarged(coarser, tile)
                told = {"level": float(min(level.depth, DEEPEST)), "coarser": float(coarser is not None)}
                whole = passed(work, seen, context, told, done, total)
                restored = whole[:, *tile.kept(1)]
                place = tile.place(1)
                if made is not None:
                    put(made, (WHOLE, WHOLE, WHOLE, *place), restored[:1][None, None])
                else:
                    kept = seen[tile.kept(1)]
                    values = in_units(model, normal[j], taken(work, seen, whole[0])[tile.kept(1)])
                    region = (slice(i, i + 1), slice(j, j + 1), slice(k, k + 1), *place)
                    put(estimate, region, values[None, None, None])
                    if spread is not None:
                        put(spread, region, as_half(restored[1])[None, None, None])
                    grid.add(kept.astype(np.float64) * normal[j].scale + normal[j].offset, values, tile.y.start, tile.x.start)
                done += 1
                work.report(done / total, work.name)
            coarser = made
        surfaces[i, j, k] = grid.surface()
    return finish(work, estimate if removes_light(model) else LevelledPixels(estimate, surfaces, CELL), spread)


def sizes(height: int, width: int) -> list[tuple[int, int]]:
    """(height, width) of every level, the finest first."""
    found = [(height, width)]
    while max(found[-1]) > COARSEST:
        found.append((math.ceil(found[-1][0] / 2), math.ceil(found[-1][1] / 2)))
    return found


def pyramid(source: Pixels, place: tuple[int, int, int], normal: Normalisation, model: Model, further: int = 0) -> list[Level]:
    """The plane (t, c, z) of `source` on every level, the finest first; `further`: see `reach`."""
    own = Normalisation(0.0, 1.0)
    levels = [Level(source, place, normal, tiling(*source.shape[3:], model.card, reach=further), 0)]
    for size in sizes(*source.shape[3:])[1:]:
        finer = levels[-1]
        levels.append(Level(halved(finer, size), (0, 0, 0), own, tiling(*size, model.card, reach=further), finer.depth + 1))
    return levels


def halved(level: Level, size: tuple[int, int]) -> ArrayPixels | ScratchPixels:
    """Means of 2 x 2 normalised pixels; a last row or column that is alone counts twice."""
    t, c, z = level.place
    height, width = level.pixels.shape[3:]
    out = scratch((1, 1, 1, *size), np.float32)
    for top in range(0, height, BAND):
        rows = slice(top, min(top + BAND, height))
        block = level.pixels.read((slice(t, t + 1), slice(c, c + 1), slice(z, z + 1), rows, slice(0, width)))[0, 0, 0]
        even = np.pad(level.normal.forward(block), ((0, block.shape[0] % 2), (0, width % 2)), mode="edge")
        means = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2).mean(axis=(1, 3), dtype=np.float64).astype(np.float32)
        put(out, (WHOLE, WHOLE, WHOLE, slice(top // 2, top // 2 + len(means)), slice(0, size[1])), means[None, None, None])
    return out


def enlarged(coarser: Pixels, tile: Tile) -> Array:
    """The coarser level's result on the pixels of a tile, by linear interpolation between its pixels' centres."""
    (low_y, high_y, share_y), (low_x, high_x, share_x) = (_between(at, n) for at, n in zip((tile.rows, tile.columns), coarser.shape[3:]))
    top, left = int(low_y.min()), int(low_x.min())
    region = (slice(top, int(high_y.max()) + 1), slice(left, int(high_x.max()) + 1))
    block = coarser.read((WHOLE, WHOLE, WHOLE, *region))[0, 0, 0]
    rows = block[low_y - top] * (1 - share_y)[:, None] + block[high_y - top] * share_y[:, None]
    return np.ascontiguousarray(rows[:, low_x - left] * (1 - share_x) + rows[:, high_x - left] * share_x)


def _between(at: npt.NDArray[np.int64], length: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """(coarser pixel before, the one after, share of the one after) of finer pixels, held constant beyond the outermost centres."""
    position = np.clip((at + 0.5) / 2 - 0.5, 0, length - 1)
    low = np.minimum(position.astype(np.int64), max(length - 2, 0))
    return low, np.minimum(low + 1, length - 1), (position - low).astype(np.float32)
