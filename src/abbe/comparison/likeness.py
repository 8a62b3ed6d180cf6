"""PSNR, SSIM, MicroSSIM and NRMSE of one channel against a reference, by planes and bands, on the transformed image's pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from abbe.comparison.fidelity import mean_square, nrmse_of, psnr_of
from abbe.comparison.grid import Mask, masked, read, z_weights
from abbe.comparison.pair import Pair
from abbe.comparison.records import Beside, Number, Undefined
from abbe.comparison.resample import Plane
from abbe.comparison.squirrel import Sums, why_undefined
from abbe.comparison.ssim import BACKGROUND, RADIUS, Moments, best_factor, moments, too_small
from abbe.image import Image

#: pixels of a band
BAND = 2**21
#: MicroSSIM is evaluated at this many evenly spread positions at most: its factor couples all of them, so they are kept
KEPT = 2**20
#: values from which its background percentile is taken
PERCENTILE_SAMPLE = 2**17


@dataclass
class Likeness:
    """Running sums of one image against the reference; `size` is the number of pixels to come, `step` the spacing of those kept."""

    size: int
    step: int
    data_range: Number
    sums: Sums = field(default_factory=Sums)
    ssim_sum: float = 0.0
    ssim_count: int = 0
    kept: list[Moments] = field(default_factory=list)
    values: list[tuple[Plane, Plane]] = field(default_factory=list)
    top: float = -math.inf

    def add(self, x: Plane, y: Plane, own: slice, mask: Mask | None) -> None:
        """One band with its surroundings for SSIM's window; `own` are the rows that belong to it."""
        ok = None if mask is None else ~mask[own]
        a, b = (x[own], y[own]) if ok is None else (x[own][ok], y[own][ok])
        if b.size == 0:
            return
        self.sums = self.sums + Sums.of(a, b)
        self.top = max(self.top, float(b.max()))
        thin = max(1, self.size // PERCENTILE_SAMPLE)
        self.values.append((a.ravel()[::thin].copy(), b.ravel()[::thin].copy()))
        if isinstance(self.data_range, Undefined) or min(x.shape) < 2 * RADIUS["gaussian"] + 1:
            return
        at = float(b.mean())  # variances about a common level lose no digits to a large offset; the means get it back
        m = moments(x - at, y - at, mask=mask)
        m = Moments(m.x + at, m.y + at, m.xx, m.yy, m.xy, m.ok)
        total, count = m.mean(self.data_range)
        self.ssim_sum += total
        self.ssim_count += count
        self.kept.append(m.thinned(self.step))

    def ssim(self, small: Undefined | None) -> Number:
        if isinstance(self.data_range, Undefined):
            return self.data_range
        return self.ssim_sum / self.ssim_count if self.ssim_count else small or Undefined("every window of SSIM holds a masked pixel")

    def micro_ssim(self, small: Undefined | None) -> Number:
        if isinstance(self.data_range, Undefined):
            return self.data_range
        if not self.kept:
            return small or Undefined("no window of SSIM fits")
        low, floor = (float(np.percentile(np.concatenate([pair[i] for pair in self.values]), BACKGROUND)) for i in (0, 1))
        span = self.top - floor
        if self.sums.constant[0] or span <= 0:
            return Undefined("an image is constant above its background")
        planes = [
            Moments((m.x - low) / span, (m.y - floor) / span, m.xx / span**2, m.yy / span**2, m.xy / span**2, m.ok) for m in self.kept
        ]
        factor = best_factor(planes)
        pairs = [m.mean(1.0, factor) for m in planes]
        count = sum(n for _, n in pairs)
        return sum(total for total, _ in pairs) / count if count else Undefined("every window of SSIM holds a masked pixel")


@dataclass(frozen=True, slots=True)
class Measures:
    """Everything `measure` finds. `change` is the sums of the transformed image (x) against the plain one (y)."""

    psnr: Beside
    psnr_affine: Beside
    ssim: Beside
    microssim: Beside
    nrmse: Beside
    change: Sums


def measure(pairs: Sequence[Pair], truth: Image | None, data_range: Number) -> Measures:
    """The transformed and the plain image against the truth; without one, the transformed against the plain.

    `pairs` are one channel's frames. All their pixels are taken together, as those of planes are.
    """
    shape = pairs[0].transformed.shape
    planes = shape[2] if truth is not None else pairs[0].original.shape[2]
    size = len(pairs) * planes * shape[3] * shape[4]
    step = max(1, math.ceil(math.sqrt(size / KEPT)))
    result, plain = Likeness(size, step, data_range), Likeness(size, step, data_range)
    change = Sums()
    for x, u, y, own, mask in chain.from_iterable(_bands(pair, truth) for pair in pairs):
        result.add(x, u if y is None else y, own, mask)
        if y is not None:
            plain.add(u, y, own, mask)
            ok = slice(None) if mask is None else ~mask[own]
            change = change + Sums.of(x[own][ok], u[own][ok])
    if truth is None:
        change = result.sums
    itself = Undefined("without a truth the plainly upsampled original is the reference itself")
    small = too_small((shape[3], shape[4]))

    def beside(of: str) -> Beside:
        return Beside(_number(result, of, small), _number(plain, of, small) if truth is not None else itself)

    return Measures(beside("psnr"), beside("psnr_affine"), beside("ssim"), beside("microssim"), beside("nrmse"), change)


def _number(likeness: Likeness, of: str, small: Undefined | None) -> Number:
    sums, span = likeness.sums, likeness.data_range
    if sums.n == 0:
        return Undefined("every pixel is masked")
    match of:
        case "psnr":
            return psnr_of(mean_square(sums), span)
        case "psnr_affine":
            reason = why_undefined(sums)
            return psnr_of(sums.rest(), span) if reason is None or sums.constant[1] else reason
        case "ssim":
            return likeness.ssim(small)
        case "microssim":
            return likeness.micro_ssim(small)
        case _:
            return nrmse_of(mean_square(sums), span)


def _bands(pair: Pair, truth: Image | None) -> Iterator[tuple[Plane, Plane, Plane | None, slice, Mask | None]]:
    """(transformed, plain, truth, own rows, mask) by bands of rows with half a window of SSIM around them."""
    t, c, halo = pair.t, pair.c, RADIUS["gaussian"]
    height, width = pair.transformed.shape[3:]
    step = max(1, BAND // width)
    columns = range(width)
    depth = pair.transformed.shape[2] if truth is not None else pair.original.shape[2]
    flat = Pair(pair.original, pair.transformed, pair.grid, t, c)
    for k in range(depth):
        for start in range(0, height, step):
            stop = min(start + step, height)
            rows = range(max(start - halo, 0), min(stop + halo, height))
            own = slice(start - rows.start, stop - rows.start)
            if truth is None:
                yield (
                    flat.read_transformed(k, rows, columns),
                    flat.read_plain(k, rows, columns),
                    None,
                    own,
                    _mask(pair, None, k, rows, columns),
                )
            else:
                x, y = (read(image, t, c, k, rows, columns) for image in (pair.transformed, truth))
                yield x, _plain_at(flat, k, rows, columns), y, own, _mask(pair, truth, k, rows, columns)


def _plain_at(pair: Pair, j: int, rows: range, columns: range) -> Plane:
    """The plain image at plane j of the transformed one: between planes, cubic convolution (Keys 1981) of the enlarged planes about it."""
    place = min(j / pair.grid.scale[0], pair.depth - 1.0)
    base, f = int(place), place - int(place)
    if f < 1e-9:
        return pair.read_plain(base, rows, columns)
    weights = (-0.5 * f**3 + f**2 - 0.5 * f, 1.5 * f**3 - 2.5 * f**2 + 1, -1.5 * f**3 + 2 * f**2 + 0.5 * f, 0.5 * f**3 - 0.5 * f**2)
    total = np.zeros((len(rows), len(columns)))
    for offset, weight in zip((-1, 0, 1, 2), weights):
        total += weight * pair.read_plain(min(max(base + offset, 0), pair.depth - 1), rows, columns)
    return total


def _mask(pair: Pair, truth: Image | None, k: int, rows: range, columns: range) -> Mask | None:
    """Fine pixels that do not count, here or in the original pixel over them."""
    t, c = pair.t, pair.c
    parts = []
    if truth is not None:
        parts += [masked(truth, t, c, k, rows, columns), masked(pair.transformed, t, c, k, rows, columns)]
        origin = min(round(k / pair.grid.scale[0]), pair.depth - 1)
    else:
        origin = k
        for z, _ in z_weights(k, pair.transformed.shape[2], pair.grid.scale[0], 0.0):
            parts.append(masked(pair.transformed, t, c, z, rows, columns))
    if pair.original.mask is not None:
        coarse = [
            np.minimum(((np.asarray(p) + 0.5) / s).astype(int), n - 1) for p, s, n in zip((rows, columns), pair.grid.plane, pair.size)
        ]
        whole = masked(pair.original, t, c, origin, range(coarse[0][0], coarse[0][-1] + 1), range(coarse[1][0], coarse[1][-1] + 1))
        parts.append(None if whole is None else whole[np.ix_(coarse[0] - coarse[0][0], coarse[1] - coarse[1][0])])
    found = [part for part in parts if part is not None]
    return np.logical_or.reduce(found) if found else None
