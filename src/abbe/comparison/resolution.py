"""Resolution of one channel by every method, of the transformed image beside the plain one."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from abbe.comparison.criterion import Criterion, told
from abbe.comparison.decorrelation import decorrelation
from abbe.comparison.frc import WITH_TRUTH, frc, frc_one_image
from abbe.comparison.grid import SAME_SIZE, Grid
from abbe.comparison.pair import Pair
from abbe.comparison.parts import rectangle
from abbe.comparison.recorded import untouched
from abbe.comparison.records import Beside, Number, Resolution, Undefined
from abbe.comparison.resample import Plane
from abbe.image import Image
from abbe.image.computed import is_result

#: largest side, in transformed pixels, of what is transformed; larger planes are measured in their middle
LARGEST = 3072

_COMPUTED = Undefined(
    "the noise of a computed image is not independent from pixel to pixel, so that its halves agree on noise too; "
    "give a second acquisition and its result (repeats=, --repeat)"
)
_SAME = Undefined(
    "the second acquisition is the first one again, noise and all; record the same specimen a second time (repeats=, --repeat)"
)


def resolve(
    original: Image, transformed: Image, truth: Image | None, repeats: tuple[Image, Image] | None, grid: Grid, c: int, criterion: Criterion
) -> Resolution:
    """Channel c, in the first frame, in the plane of most contrast; in um, or in pixels of the original.

    `criterion`: the threshold of ring correlation but that with the truth.
    """
    down, size = original.pixel_size[1:]
    if down and size and abs(down / size - 1) > SAME_SIZE:
        oblong = Undefined(f"the pixels are {down:g} um high and {size:g} um wide; a period that is one all round needs square ones")
        none = Beside(oblong, oblong)
        return Resolution(original.channels[c], none, none, none, none, "um", told(criterion))
    pair = Pair(original, transformed, grid, 0, c)
    k = _busiest(pair)
    per_pixel = size if size else 1.0
    fine = per_pixel / grid.scale[2]
    others = [image for image in (transformed, truth, *(repeats or ())) if image is not None]
    rows, columns = _middle(pair, _clear(pair, others, k))
    plain = pair.read_plain(k, rows, columns)
    result = pair.read_transformed(k, rows, columns)
    coarse = pair.read_original(
        k, *(range(int(p.start / s), max(int(p.stop / s), int(p.start / s) + 1)) for p, s in zip((rows, columns), grid.plane))
    )
    # of an enlarged image, decorrelation is the edge of what its spectrum can hold, whatever the image shows: so the original is measured
    plainly = _times(decorrelation(coarse).resolution, per_pixel)
    return Resolution(
        channel=original.channels[c],
        decorrelation=Beside(plainly if untouched(transformed, c) else _times(decorrelation(result).resolution, fine), plainly),
        frc_one_image=Beside(
            _COMPUTED if is_result(transformed) else _times(frc_one_image(result, criterion).resolution, fine),
            _COMPUTED if is_result(original) else _times(frc_one_image(coarse, criterion).resolution, per_pixel),
        ),
        frc_two_frames=_two_frames(pair, repeats, k, (rows, columns), (result, plain), fine, criterion),
        frc_with_truth=_with_truth(pair, truth, k, (rows, columns), (result, plain), fine),
        unit="um" if size else "px",
        threshold=told(criterion),
    )


def _times(number: Number, factor: float) -> Number:
    return number if isinstance(number, Undefined) else number * factor


def _two_frames(
    pair: Pair,
    repeats: tuple[Image, Image] | None,
    k: int,
    where: tuple[range, range],
    planes: tuple[Plane, Plane],
    fine: float,
    criterion: Criterion,
) -> Beside:
    if repeats is None:
        none = Undefined("only one acquisition was given; two frames of the same specimen are needed (repeats=, --repeat)")
        return Beside(none, none)
    again = Pair(repeats[0], repeats[1], pair.grid, 0, pair.c)
    others = again.read_transformed(k, *where), again.read_plain(k, *where)
    if any(np.array_equal(a, b) for a, b in zip(planes, others)):
        return Beside(_SAME, _SAME)
    return Beside(*(_times(frc(a, b, criterion).resolution, fine) for a, b in zip(planes, others)))


def _with_truth(pair: Pair, truth: Image | None, k: int, where: tuple[range, range], planes: tuple[Plane, Plane], fine: float) -> Beside:
    if truth is None:
        none = Undefined("no truth was given")
        return Beside(none, none)
    exact = Pair(pair.original, truth, pair.grid, 0, pair.c).read_transformed(k, *where)
    return Beside(*(_times(frc(a, exact, WITH_TRUTH).resolution, fine) for a in planes))


def _busiest(pair: Pair) -> int:
    """The plane of most contrast, from a coarse look at each."""
    if pair.depth == 1:
        return 0
    rows, columns = (range(max(n // 2 - 256, 0), min(n // 2 + 256, n)) for n in pair.size)
    return int(np.argmax([float(np.var(pair.read_original(k, rows, columns))) for k in range(pair.depth)]))


def _clear(pair: Pair, others: list[Image], k: int) -> tuple[slice, slice]:
    """The largest rectangle of plane k, in original pixels, in which all of them have measured values but for a pixel here and there."""
    rows, columns = (range(n) for n in pair.size)
    grids = [pair.grid if image.shape == pair.transformed.shape else Grid((1.0, 1.0, 1.0)) for image in others]
    found = [replace(pair, transformed=image, grid=grid).masked(k, rows, columns) for image, grid in zip(others, grids)]
    bad = [mask for mask in found if mask is not None]
    return rectangle(np.logical_or.reduce(bad) if bad else None)


def _middle(pair: Pair, clear: tuple[slice, slice]) -> tuple[range, range]:
    """The middle of that rectangle, in transformed pixels."""
    inside = []
    for part, coarse, n, scale in zip(clear, pair.size, pair.transformed.shape[3:], pair.grid.plane):
        start, stop, _ = part.indices(coarse)
        low, high = math.ceil(start * scale), n if stop == coarse else math.floor(stop * scale)
        middle = (low + high) // 2
        inside.append(range(max(middle - LARGEST // 2, low), min(middle + LARGEST // 2, high)))
    return inside[0], inside[1]
