"""A network over every plane of an image, tile by tile: denoising, background, single-plane axial, super-resolution."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from scipy.ndimage import gaussian_filter, uniform_filter

from abbe.image.pixels import Array, ArrayPixels, Pixels, put, scratch
from abbe.image.pixels import whole as whole_of
from abbe.optics.width import told_of_psf
from abbe.restoration.agreement import Agreement
from abbe.restoration.engine import Region
from abbe.restoration.level import CELL, LevelGrid, LevelledPixels
from abbe.restoration.normalisation import Normalisation
from abbe.restoration.resampling import EnlargedPixels
from abbe.restoration.stage import Stage, Work, as_half, finish, in_units, removes_light
from abbe.restoration.tiles import Tile, Tiling, tiling

#: standard deviation (pixels) of the Gaussian that parts the light that the single-plane axial model would take away into haze, which is
#: broad, and what it moves between neighbours to sharpen the plane; and how far that Gaussian reaches
FINE, REACH = 3.0, 12
#: how much of that haze is taken at least. From one plane alone, light from above and below cannot be told for sure from what is smooth in
#: focus: of an object 300 times dimmer than its neighbours, taking all of it takes two fifths, this share an eighth
CAUTION = 0.35
#: shares of a pixel's light that the model calls haze up to which `CAUTION` holds, and from which on all of it is taken: where most of the
#: light comes from elsewhere that is no guess any more. Measured: a plane of a thick specimen gains 2 dB
UNSURE, SURE = 0.1, 0.5
#: the share that is taken everywhere where super-resolution follows, which was taught with constant shares: behind the other way its
#: results at 30 photons are 0.2 to 1.2 dB worse. A fifth instead costs soft specimens without haze 0.1 dB, and gains a hazy cell 0.05
BEFORE_OTHERS = 0.1
#: by how much, (y, x), a tile is moved on the grid inside a network, and how it is turned, each time that the network sees it: a multiple
#: of a quarter turn, and mirrored first from 4 on. The results are averaged: what a network makes of noise depends on both, what it
#: makes of structure does not. The grid inside is eight pixels wide at its coarsest, and shows as a mesh where a network is not sure:
#: in four passes, and in eight, every pixel comes to each place of a 2 x 2 grid equally often, and to other places of a wider one each time
PLACES = ((0, 0, 0), (2, 3, 6), (3, 3, 1), (7, 7, 3), (6, 1, 4), (0, 2, 2), (1, 6, 5), (5, 6, 7))
#: pixels around what is kept of a tile that are computed too: agreement softens a result before it compares it with the image
AROUND = 4
#: rows that are looked through at once
BAND = 1024
#: detail that a network adds is doubtful up to about this share of the power of the image's noise. Measured at 0.1 of its standard
#: deviation: a mesh of 0.003 of it in low light became 0.00003, figures of super-resolution move by -0.01 to +0.02 dB. Were coarser
#: structure weakened too, spots in pure noise would stand out more than they do
DOUBTFUL = 0.1**2
#: standard deviations (pixels) of the Gaussians over which what is added, and the noise, are taken
NEAR, STEADY = 0.8, 4.0
#: light (normalised) below which there is none to speak of
SMALLEST = 1e-6
#: pixels, and how each channel is normalised
Normalised = tuple[Pixels, tuple[Normalisation, ...]]


def restore_planes(source: Pixels, work: Work, raw: Normalised | None = None) -> Stage:
    """Every plane of `source`, (T, C, Z, Y, X) of any dtype, through the network.

    The mean of each plane is kept, region by region (`abbe.restoration.level`), except by models that remove light. What is added varies
    too slowly to change contrasts or ratios of brightness above background, as a gain would. Before that, nothing is left darker than the
    darkest pixel of the plane's image: beside what is very bright a network swings below what any light can be. A finer result is made to
    agree with the image at each spatial frequency (`abbe.restoration.agreement`).

    Args:
        raw: the image before all steps and its normalisation, for a model with context: it sees both where they are on one grid. None:
            `source` serves as both.

    Returns:
        The stage; its planes are `scale` times as high and wide.
    """
    t, c, z, y, x = source.shape
    card, scale, normal = work.model.card, work.model.card.scale, work.normal
    behind = raw if (card.context or scale > 1) and raw is not None and raw[0].shape == source.shape and raw[0] is not source else None
    # a step before may have taken the background away
    images = (source,) if behind is None else (source, behind[0])
    cut = tiling(y, x, card, reach=reach(work))
    shape = (t, c, z, y * scale, x * scale)
    estimate = scratch(shape, np.float32)
    spread = scratch(shape, np.float16) if work.last else None
    surfaces = np.zeros((t, c, z, *LevelGrid(y, x, scale).shape))
    # what is noise is told from the raw image beside what a step before left of it
    agreement = Agreement(source.shape, scale) if scale > 1 and behind is not None else None
    done, total = 0, t * c * z * cut.count
    for i, j, k in np.ndindex(t, c, z):
        level, own = LevelGrid(y, x, scale), work.of(j)
        darkest = -np.inf if removes_light(work.model) else min(darkest_of(image, i, j, k) for image in images)
        for tile, seen, observed in _inputs((source, normal), behind, (i, j, k), cut):
            told = told_of_psf(work.psf[j]) if work.psf else {}
            whole = passed(own, observed if card.context else seen, seen, told, done, total, around(tile, seen))
            if agreement is not None:
                whole[0] = supported(whole[0], seen, observed)
            values = np.maximum(in_units(work.model, normal[j], taken(work, seen, whole[0])[tile.kept(scale)]), np.float32(darkest))
            region = (slice(i, i + 1), slice(j, j + 1), slice(k, k + 1), *tile.place(scale))
            put(estimate, region, values[None, None, None])
            if spread is not None:
                put(spread, region, as_half(whole[1][tile.kept(scale)] * work.per_spread(j))[None, None, None])
            given = seen[tile.kept(1)].astype(np.float64) * normal[j].scale + normal[j].offset
            level.add(given, values, tile.y.start, tile.x.start)
            if agreement is not None:
                agreement.add((i, j, k), tile, whole[0], seen, observed)
            done += 1
            work.report(done / total, work.name)
        surfaces[i, j, k] = level.surface()
        if agreement is not None:
            agreement.end((i, j, k))
    found = {} if agreement is None else agreement.reach(estimate, work.psf, [n.scale for n in normal], lambda: work.report(1.0, work.name))
    kept = estimate if removes_light(work.model) else LevelledPixels(estimate, surfaces, CELL * scale)
    return finish(work, kept, spread, found)


def darkest_of(source: Pixels, t: int, c: int, k: int | None = None) -> float:
    """The least finite value of one plane (None: of one stack), 0 where there is none."""
    z, y, x = source.shape[2:]
    least = np.inf
    for depth in range(z) if k is None else (k,):
        for top in range(0, y, BAND):
            rows = slice(top, min(top + BAND, y))
            part = source.read((slice(t, t + 1), slice(c, c + 1), slice(depth, depth + 1), rows, slice(0, x)))
            least = min(least, float(np.min(part.astype(np.float64), where=np.isfinite(part), initial=np.inf)))
    return least if np.isfinite(least) else 0.0


def _inputs(source: Normalised, raw: Normalised | None, plane: tuple[int, int, int], cut: Tiling) -> Iterator[tuple[Tile, Array, Array]]:
    """Each tile of the plane (t, c, z) with its normalised pixels in `source`, and in `raw`, or those of `source` again."""
    channel = plane[1]
    before = read_tiles(raw[0], plane, cut) if raw is not None else None
    for tile, block in read_tiles(source[0], plane, cut):
        seen = source[1][channel].forward(block)
        yield tile, seen, seen if raw is None or before is None else raw[1][channel].forward(next(before)[1])


def around(tile: Tile, seen: Array) -> Region:
    """What is kept of a tile, and a little more, which agreement looks at."""
    y, x = (slice(max(part.start - AROUND, 0), min(part.stop + AROUND, side)) for part, side in zip(tile.kept(1), seen.shape))
    return y, x


def passed(
    work: Work, observed: Array, context: Array, told: Mapping[str, float], done: int, total: int, kept: Region | None = None
) -> Array:
    """(2, scale H, scale W): mean estimate and spread of a tile, (H, W), that the network sees `work.passes` times.

    Beyond the pixels `kept` (default: all) the result may be anything. `done` of `total` tiles were done before: passes are reported too,
    so that a run stops soon when it is to.
    """
    card = work.model.card
    if work.passes == 1:
        once: Array = work.runner.run(observed[None, None], told, context[None, None], kept)[0]
        return once
    summed: Array | None = None
    room = -(-8 // card.multiple) * card.multiple
    height, width = (n * card.scale for n in observed.shape)
    for number, (dy, dx, turns) in enumerate(PLACES[: work.passes]):
        if number:
            work.report((done + number / work.passes) / total, work.name)
        edges = ((dy, room - dy), (dx, room - dx))
        seen = (np.ascontiguousarray(turned(np.pad(part, edges, mode="edge"), turns))[None, None] for part in (observed, context))
        region = None if kept is None else _where(kept, dy, dx, (height // card.scale + room, width // card.scale + room), turns)
        whole = turned_back(work.runner.run(next(seen), told, next(seen), region)[0], turns)
        here = whole[:, dy * card.scale : dy * card.scale + height, dx * card.scale : dx * card.scale + width]
        if summed is None:
            summed = np.array(here, np.float32)
        else:
            summed += here
        del here, whole  # a third of what the passes take
    assert summed is not None
    summed /= np.float32(work.passes)
    return summed


def _where(kept: Region, dy: int, dx: int, shape: tuple[int, int], turns: int) -> Region:
    """The pixels `kept` of a tile, moved by (dy, dx) within `shape`, after `turned`."""
    marks = np.zeros(shape, bool)
    marks[kept[0].start + dy : kept[0].stop + dy, kept[1].start + dx : kept[1].stop + dx] = True
    marks = turned(marks, turns)
    rows, columns = (np.flatnonzero(marks.any(axis)) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def turned(a: Array, turns: int) -> Array:
    """A view of the last two axes: mirrored where `turns` is 4 or more, then by `turns` quarter turns."""
    return np.rot90(a[..., ::-1] if turns >= 4 else a, turns % 4, (-2, -1))


def turned_back(a: Array, turns: int) -> Array:
    """The inverse of `turned`."""
    back = np.rot90(a, -(turns % 4), (-2, -1))
    return back[..., ::-1] if turns >= 4 else back


def taken(work: Work, seen: Array, estimate: Array) -> Array:
    """What is taken of a network's estimate of a tile; both normalised, background at 0: all of it, but of the single-plane axial step's.

    Of the haze that this would take away a share is taken, which rises smoothly from `CAUTION` to 1 with the share that it is of the light
    around a pixel. Where another step follows, it is `BEFORE_OTHERS` everywhere, and the sharpening is left to that step.
    """
    if work.model.card.task != "axial_plane":
        return estimate
    haze = smooth(seen - estimate)
    if not work.last:
        return np.asarray(seen - np.float32(BEFORE_OTHERS) * haze, np.float32)
    part = np.clip((haze / np.maximum(smooth(seen), SMALLEST) - UNSURE) / (SURE - UNSURE), 0, 1)
    share = CAUTION + (1 - CAUTION) * part * part * (3 - 2 * part)
    return np.asarray(estimate + (1 - share) * haze, np.float32)


def supported(made: Array, seen: Array, observed: Array) -> Array:
    """A finer result (scale H, scale W) without the detail finer than the pixels that its network adds where an image cannot tell of it.

    What differs from its mean over a pixel of the image, beyond what interpolation does, is weakened by its power (a mean over a pixel and
    its neighbours) over that plus `DOUBTFUL` of the noise's: where there is no structure a network gives a weak mesh as fine as the pixels,
    which shows where an image is nearly black.
    """
    scale = made.shape[0] // seen.shape[0]
    added = made - enlarged(seen, scale)
    added = added - uniform_filter(added, scale, mode="nearest")
    height, width = seen.shape
    power = squared(added).reshape(height, scale, width, scale).mean(axis=(1, 3))
    power = gaussian_filter(power, NEAR, mode="nearest", radius=3)
    noise = gaussian_filter(squared(observed - seen), STEADY, mode="nearest", radius=REACH)
    left = DOUBTFUL * noise / np.maximum(power + DOUBTFUL * noise, np.finfo(np.float32).tiny)
    return np.asarray(made - enlarged(left.astype(np.float32), scale) * added, np.float32)


def squared(tile: Array) -> Array:
    """A pixel that is no measurement (1e30) overflows nothing."""
    return np.asarray(np.minimum(np.abs(tile), np.float32(1e15)) ** 2, np.float32)


def enlarged(plane: Array, scale: int) -> Array:
    """(H, W) on a finer grid, by linear interpolation."""
    fine = EnlargedPixels(ArrayPixels(plane[None, None, None]), scale)
    out: Array = fine.read(whole_of(fine.shape))[0, 0, 0]
    return out


def smooth(tile: Array) -> Array:
    return np.asarray(gaussian_filter(tile, FINE, mode="nearest", radius=REACH), np.float32)


def reach(work: Work) -> int:
    """How much further than its network a step sees, in pixels."""
    return REACH if work.model.card.task == "axial_plane" or work.model.card.scale > 1 else 0


def read_tiles(source: Pixels, plane: tuple[int, int, int], cut: Tiling) -> Iterator[tuple[Tile, Array]]:
    """Each tile of the plane (t, c, z) with its pixels. Bands of whole rows are read, once each: files are stored by rows."""
    t, c, z = plane
    band: Array | None = None
    top = -1
    for tile in cut:
        rows = slice(int(tile.rows.min()), int(tile.rows.max()) + 1)
        if band is None or rows.start != top:
            top = rows.start
            full = slice(0, source.shape[4])
            band = source.read((slice(t, t + 1), slice(c, c + 1), slice(z, z + 1), rows, full))[0, 0, 0]
        yield tile, band[np.ix_(tile.rows - rows.start, tile.columns)]
