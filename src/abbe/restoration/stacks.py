"""The axial step on a stack with a known z-step: isotropic output, sharpened along z.

The stack is interpolated to even spacing and, beside that, deblurred by Richardson-Lucy with a width told from its own spectrum
(`abbe.optics.stack_blur`). Then every XZ slice and every YZ slice goes through the network, each with its neighbours on both sides and the
deblurred slice, which it corrects; the two estimates of a voxel are averaged (the idea of restoring along both orthogonal directions is
that of Weigert et al. 2017, doi 10.1007/978-3-319-66185-8_15). Memory is bounded by a slab of slices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from abbe.image import Notice
from abbe.image.pixels import Array, ArrayPixels, Pixels, Region, ScratchPixels, put, scratch
from abbe.image.sample import sample
from abbe.optics.stack_blur import COARSEST_STEP, FINEST_STEP, FLOOR, StackBlur, axial_excess, sharpen_stack
from abbe.restoration.normalisation import Normalisation
from abbe.restoration.planes import darkest_of
from abbe.restoration.progress import Part
from abbe.restoration.resampling import EvenPixels
from abbe.restoration.stage import ShiftedPixels, Stage, Work, as_half, finish, in_units
from abbe.restoration.tiles import tiling

#: most voxels of a slab
SLAB = 2**24
#: most slices of a slab
SLICES = 64
#: most voxels of a block that is deblurred at once, and the pixels around it that serve to deblur its edge: ten widths of a wide PSF
BLOCK, AROUND = 2**23, 20
#: planes, rows and columns of the middle of a stack from which its blur is told
TOLD_FROM = (64, 256, 256)
_AS_IT_IS, _MIRRORED = slice(None), slice(None, None, -1)
#: how a slice's two axes are shown to the network, by turns for XZ and YZ slices: what the network draws by itself then differs between the
#: estimates that are averaged. Measured: YZ slices mirrored instead of as they are, 0.05 to 0.1 dB for no time; two passes, no more
MIRRORS = ((_AS_IT_IS, _AS_IT_IS), (_MIRRORED, _MIRRORED), (_MIRRORED, _AS_IT_IS), (_AS_IT_IS, _MIRRORED))
#: share of the work that deblurring is
FIRST = 0.1


@dataclass(frozen=True, slots=True)
class Lens:
    """What the stacks of one channel are deblurred with.

    Attributes:
        blur: None where it cannot be told.
        floor: background of the camera.
        unit: what is bright in it.
    """

    blur: StackBlur | None
    floor: float
    unit: float


@dataclass(frozen=True, slots=True)
class Slab:
    """Neighbouring slices of one stack: `voxels` is (slices, Z, width), with the neighbours that the outer slices need.

    `sharp` are the slices alone, (slices, Z, width), of the deblurred stack.
    """

    region: Region
    voxels: Array
    sharp: Array | None
    #: the slice axis of (Z, Y, X): 1 for XZ slices, 2 for YZ slices
    across: int


def restore_stacks(source: Pixels, ratio: float, work: Work, raw: Pixels | None = None) -> Stage:
    """Every stack of `source` made isotropic and sharpened along z.

    Beside what is very bright a sharpened stack swings below what any light can be: nothing gets darker than the stack's darkest voxel. The
    mean of each stack, as interpolated, is kept by adding a constant.

    Args:
        source: (T, C, Z, Y, X) with Z > 1, any dtype.
        ratio: z-step over pixel size.
        raw: the image before all steps, from whose spectrum the blur is told (a denoised one's is bent); None: `source`.
    """
    model, normal = work.model, work.normal
    even = EvenPixels(source, ratio, model.card.interpolation)
    told = {"anisotropy": float(np.clip(ratio, FINEST_STEP, COARSEST_STEP))}
    t, c, z, y, x = even.shape
    estimate = scratch(even.shape, np.float32)
    spread = scratch(even.shape, np.float16) if work.last else None
    shift = np.zeros((t, c, 1))
    sharp = scratch((1, 1, z, y, x), np.float32) if model.card.context else None
    lenses = [lens_of(source, source if raw is None else raw, k, ratio, normal[k].scale) for k in range(c)] if sharp is not None else []
    for number, (i, j) in enumerate(np.ndindex(t, c)):
        before = after = 0.0
        darkest = darkest_of(source, i, j)
        part, done = work.report.part(number / (t * c), (number + 1) / (t * c)), 0
        if sharp is not None:
            first, part = part.part(0, FIRST), part.part(FIRST, 1)
            sharpen(source, (i, j), ratio, lenses[j], sharp, first, work.name)
        for across in (1, 2):
            for slab in _slabs(even, (i, j), across, model.card.observed_channels // 2, sharp):
                restored = _restore_slab(slab, normal[j], work, told)
                values = np.maximum(in_units(model, normal[j], restored[0]), darkest) / 2
                halves = as_half(restored[1])
                before += _kept_sum(slab) / 2
                after += float(values.sum(dtype=np.float64))
                _add(estimate, spread, slab, values, halves)
                done += slab.region[2 + across].stop - slab.region[2 + across].start
                part(done / (x + y), work.name)
        shift[i, j] = (before - after) / (z * y * x)
    blurs = [lens.blur for lens in lenses]
    found = {"blur": [None if blur is None else {"lateral": blur.lateral, "axial": blur.axial} for blur in blurs]} if blurs else {}
    return finish(work, ShiftedPixels(estimate, shift), spread, found, (*_about(blurs), *_about_step(ratio)))


def _about(blurs: Sequence[StackBlur | None]) -> tuple[Notice, ...]:
    unknown = [str(k) for k, blur in enumerate(blurs) if blur is None]
    if not unknown:
        return ()
    which = "the stack" if len(unknown) == len(blurs) else f"channel {', '.join(unknown)} of those enhanced"
    text = f"how much {which} is blurred along z could not be told from it (too few planes, too little light): it was sharpened less"
    return (Notice("blur", text),)


def _about_step(ratio: float) -> tuple[Notice, ...]:
    if ratio <= COARSEST_STEP:
        return ()
    text = (
        f"the z-step is {ratio:.3g} pixels, the axial model was made for {COARSEST_STEP:g} at most and was told that: "
        "planes so far apart share little, and what lies between them is mostly interpolated"
    )
    return (Notice("z-step", text),)


def lens_of(source: Pixels, raw: Pixels, channel: int, ratio: float, unit: float) -> Lens:
    """Of one channel, the same in all frames: the blur is the median of what the first, the middle and the last frame tell."""
    t, _, z, y, x = raw.shape
    parts = [slice((n - min(n, most)) // 2, (n - min(n, most)) // 2 + min(n, most)) for n, most in zip((z, y, x), TOLD_FROM)]
    told = []
    for frame in sorted({0, t // 2, t - 1}):
        seen = raw.read((slice(frame, frame + 1), slice(channel, channel + 1), parts[0], parts[1], parts[2]))[0, 0].astype(np.float64)
        finite = np.isfinite(seen)
        if finite.any():
            seen[~finite] = np.median(seen[finite])
            told.append(axial_excess(seen, ratio))
    known = [excess for excess in told if excess is not None]
    floor = float(np.percentile(sample(source, channel), FLOOR))
    return Lens(StackBlur.of_excess(float(np.median(known))) if known else None, floor, unit)


def sharpen(
    source: Pixels,
    stack: tuple[int, int],
    ratio: float,
    lens: Lens,
    into: ArrayPixels | ScratchPixels,
    report: Part,
    name: str,
) -> None:
    """The stack (t, c) of `source`, isotropic and deblurred, put `into` pixels of shape (1, 1, Z, Y, X), block by block.

    Where its blur is not known, it is interpolated.
    """
    z, y, x = source.shape[2:]
    depth = into.shape[2]
    even, one = EvenPixels(source, ratio), (slice(stack[0], stack[0] + 1), slice(stack[1], stack[1] + 1))
    size = max(32, int(np.sqrt(BLOCK / depth)) - 2 * AROUND)
    blocks = [(top, left) for top in range(0, y, size) for left in range(0, x, size)]
    for number, (top, left) in enumerate(blocks):
        own = slice(top, min(top + size, y)), slice(left, min(left + size, x))
        outer = tuple(slice(max(s.start - AROUND, 0), min(s.stop + AROUND, n)) for s, n in zip(own, (y, x)))
        if lens.blur is None:
            block = even.read((*one, slice(0, depth), outer[0], outer[1]))[0, 0]
        else:
            measured = source.read((*one, slice(0, z), outer[0], outer[1]))[0, 0].astype(np.float32)
            measured[~np.isfinite(measured)] = lens.floor  # what was not measured has no light to spread to its neighbours
            block = sharpen_stack(measured, ratio, lens.blur, lens.floor, lens.unit)
        rows, columns = (slice(s.start - o.start, s.stop - o.start) for s, o in zip(own, outer))
        put(into, (slice(0, 1), slice(0, 1), slice(0, depth), *own), block[None, None, :, rows, columns])
        report((number + 1) / len(blocks), name)


def _slabs(even: EvenPixels, stack: tuple[int, int], across: int, reach: int, sharp: ArrayPixels | ScratchPixels | None) -> Iterator[Slab]:
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
        deblurred = None
        if sharp is not None:
            block = sharp.read((slice(0, 1), slice(0, 1), where[2], where[3], where[4]))[0, 0]
            deblurred = np.moveaxis(block, across, 0)
        yield Slab((where[0], where[1], where[2], where[3], where[4]), voxels[wanted - wanted[0]], deblurred, across)


def _kept_sum(slab: Slab) -> float:
    kept = slab.region[2 + slab.across].stop - slab.region[2 + slab.across].start
    reach = (len(slab.voxels) - kept) // 2
    return float(slab.voxels[reach : reach + kept].sum(dtype=np.float64))


def _restore_slab(slab: Slab, normal: Normalisation, work: Work, told: dict[str, float]) -> Array:
    """(2, slices, Z, width): estimate and spread of the slab's own slices, in units of the scale."""
    seen = normal.forward(slab.voxels)
    sharp = normal.forward(slab.sharp) if slab.sharp is not None else None
    window = work.model.card.observed_channels
    _, height, width = seen.shape
    cut = tiling(height, width, work.model.card)
    restored = np.zeros((2, len(seen) - window + 1, height, width), np.float32)
    mirrors = MIRRORS[slab.across - 1 :: 2][: work.passes]
    for tile in cut:
        block = seen[:, tile.rows[:, None], tile.columns]
        for k in range(restored.shape[1]):
            context = None if sharp is None else sharp[k][tile.rows[:, None], tile.columns][None, None]
            for mirror in mirrors:
                shown = (np.ascontiguousarray(a[(..., *mirror)]) for a in (block[None, k : k + window], context) if a is not None)
                out = work.runner.run(next(shown), told, next(shown, None))[0][(..., *mirror)]
                restored[:, k, tile.y, tile.x] += out[:, *tile.kept(1)]
    restored /= len(mirrors)
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
