"""The axial step on a stack with a known z-step: isotropic output, sharpened along z.

The stack is interpolated to even spacing, then every XZ slice and every YZ slice goes through the network, each with its neighbours on
both sides; the two estimates of a voxel are averaged (the idea of restoring along both orthogonal directions is that of Weigert et al.
2017, doi 10.1007/978-3-319-66185-8_15). Memory is bounded by a slab of slices.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from abbe.image.pixels import Array, ArrayPixels, Pixels, Region, ScratchPixels, put, scratch
from abbe.restoration.engine import Runner
from abbe.restoration.normalisation import Normalisation, normalisation
from abbe.restoration.progress import Part
from abbe.restoration.resampling import EvenPixels
from abbe.restoration.stage import ShiftedPixels, Stage, as_half, finish, in_units
from abbe.restoration.tiles import tiling
from abbe.zoo import Model

#: most voxels of a slab
SLAB = 2**24
#: most slices of a slab
SLICES = 64


@dataclass(frozen=True, slots=True)
class Slab:
    """Neighbouring slices of one stack: `voxels` is (slices, Z, width), with the neighbours that the outer slices need."""

    region: Region
    voxels: Array
    #: the slice axis of (Z, Y, X): 1 for XZ slices, 2 for YZ slices
    across: int


def restore_stacks(
    source: Pixels,
    ratio: float,
    name: str,
    model: Model,
    runner: Runner,
    report: Part,
    keep_spread: bool,
    normal: tuple[Normalisation, ...] | None = None,
) -> Stage:
    """Every stack of `source` made isotropic and sharpened along z.

    The mean of each stack, as interpolated, is kept by adding a constant.

    Args:
        source: (T, C, Z, Y, X) with Z > 1, any dtype.
        ratio: z-step over pixel size.
        report, keep_spread, name, normal: as in `restore_planes`.
    """
    even = EvenPixels(source, ratio, model.card.interpolation)
    t, c, z, y, x = even.shape
    normal = normal or tuple(normalisation(source, k, model.card) for k in range(c))
    estimate = scratch(even.shape, np.float32)
    spread = scratch(even.shape, np.float16) if keep_spread else None
    shift = np.zeros((t, c, 1))
    done, total = 0, t * c * (x + y)
    for i, j in np.ndindex(t, c):
        before = after = 0.0
        for across in (1, 2):
            for slab in _slabs(even, (i, j), across, model.card.observed_channels // 2):
                restored = _restore_slab(slab, normal[j], model, runner, {"anisotropy": ratio})
                values = in_units(model, normal[j], restored[0]) / 2
                halves = as_half(restored[1])
                before += _kept_sum(slab) / 2
                after += float(values.sum(dtype=np.float64))
                _add(estimate, spread, slab, values, halves)
                done += slab.region[2 + across].stop - slab.region[2 + across].start
                report(done / total, name)
        shift[i, j] = (before - after) / (z * y * x)
    return finish(name, model, normal, ShiftedPixels(estimate, shift), spread)


def _slabs(even: EvenPixels, stack: tuple[int, int], across: int, reach: int) -> Iterator[Slab]:
    """The stack (t, c) cut into slabs of XZ (across = 1) or YZ (across = 2) slices, edge slices repeated `reach` times."""
    z, y, x = even.shape[2:]
    length, width = (y, x) if across == 1 else (x, y)
    step = max(1, min(SLICES, SLAB // (z * width) - 2 * reach))
    where = [slice(stack[0], stack[0] + 1), slice(stack[1], stack[1] + 1), slice(0, z), slice(0, y), slice(0, x)]
    for start in range(0, length, step):
        stop = min(length, start + step)
        wanted = np.clip(np.arange(start - reach, stop + reach), 0, length - 1)
        where[2 + across] = slice(int(wanted[0]), int(wanted[-1]) + 1)
        voxels = np.moveaxis(even.read((where[0], where[1], where[2], where[3], where[4]))[0, 0], across, 0)
        where[2 + across] = slice(start, stop)
        yield Slab((where[0], where[1], where[2], where[3], where[4]), voxels[wanted - wanted[0]], across)


def _kept_sum(slab: Slab) -> float:
    kept = slab.region[2 + slab.across].stop - slab.region[2 + slab.across].start
    reach = (len(slab.voxels) - kept) // 2
    return float(slab.voxels[reach : reach + kept].sum(dtype=np.float64))


def _restore_slab(slab: Slab, normal: Normalisation, model: Model, runner: Runner, told: dict[str, float]) -> Array:
    """(2, slices, Z, width): estimate and spread of the slab's own slices, in units of the scale."""
    seen = normal.forward(slab.voxels)
    window = model.card.observed_channels
    _, height, width = seen.shape
    cut = tiling(height, width, model.card)
    restored = np.empty((2, len(seen) - window + 1, height, width), np.float32)
    for tile in cut:
        block = seen[:, tile.rows[:, None], tile.columns]
        for k in range(restored.shape[1]):
            out = runner.run(np.ascontiguousarray(block[None, k : k + window]), told)[0]
            restored[:, k, tile.y, tile.x] = out[:, *tile.kept(1)]
    return restored


def _add(
    estimate: ArrayPixels | ScratchPixels, spread: ArrayPixels | ScratchPixels | None, slab: Slab, values: Array, halves: Array
) -> None:
    """Put the first orientation's half of the estimate, or add the second's; spreads combine as a root mean square.

    The errors of the two estimates come from the same noise, so averaging does not make them smaller.
    """
    values, halves = (np.moveaxis(a, 0, slab.across)[None, None] for a in (values, halves))
    if slab.across == 2:
        values = values + estimate.read(slab.region)
    put(estimate, slab.region, values)
    if spread is None:
        return
    if slab.across == 2:
        other = spread.read(slab.region).astype(np.float32)
        halves = as_half(np.sqrt((other**2 + halves.astype(np.float32) ** 2) / 2))
    put(spread, slab.region, halves)
