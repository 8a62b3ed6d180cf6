"""Costes' randomisation: is the correlation more than chance gives to two images with this blur? (Costes et al. 2004)

One channel is cut into blocks of the size of the blur, the blocks change places, and Pearson's r is measured again, many times. Blocks
reach through all planes and frames of the region, so that what belongs together in depth stays together. Blocks that do not lie wholly
within the region are left out, of the measured r too.

Where structure is wider than the blocks, neighbouring blocks are alike, and changing their places makes images that vary more evenly than
real ones: chance then spreads r wider than they say. By how much follows from the variance of r between unrelated images, which is the sum
of the product of both autocorrelations over all pairs of pixels (Clifford, Richardson & Hemon, Biometrics 45:123, 1989).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from abbe.colocalization.correlation import correlate
from abbe.colocalization.pair import Array, Pair, Place
from abbe.colocalization.sums import measure
from abbe.colocalization.unrelated import variance
from abbe.limits import LIMITS

#: fewer blocks than this have too few arrangements for chance to speak
FEW = 20
#: from which P Costes calls colocalization significant
SIGNIFICANT = 0.95
#: chance spreads r this many times wider than the blocks say: P is too sure, on whichever side of significance it lies
WIDER = 2.0
#: full width at half maximum of a diffraction-limited spot in wavelengths by numerical aperture (Pawley, Handbook, 3rd ed., ch. 1)
FWHM = 0.51

HEAD = (
    "r over whole blocks", "P", "mean of random r", "standard deviation", "randomisations", "block (px)", "block from", "blocks",
    "chance is wider by", "P allowing for that",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Randomisation:
    """Outcome of the randomisation.

    Attributes:
        r: measured, over the whole blocks. p: share of the randomised r below it (Costes calls more than 0.95 significant); None where
            undefined, with the reason.
        mean, deviation: of the randomised r. values: each of them.
        block: side of a block in pixels. origin: where that comes from. blocks: how many there are.
        seed: of the random numbers.
        part: which rows alone were randomised, of a region too large for memory; None: all.
        wider: how many times wider chance spreads r than the randomised images, because structure reaches beyond the blocks; None where
            that is not known.
    """

    r: float | None
    p: float | None
    reason: str | None
    values: npt.NDArray[np.float64]
    block: int
    origin: str
    blocks: int
    seed: int
    part: str | None = None
    wider: float | None = None

    @property
    def p_allowing(self) -> float | None:
        """P by a normal distribution about the randomised mean whose standard deviation is theirs times `wider`."""
        if self.r is None or self.p is None or self.wider is None or not self.deviation:
            return None
        return float(ndtr((self.r - float(self.values.mean())) / (self.deviation * self.wider)))

    @property
    def too_sure(self) -> str | None:
        """Why P is not to be taken as it is; None where allowing for that changes little that would be said of it."""
        allowing = self.p_allowing
        if allowing is None or self.wider is None or self.p is None:
            return None
        same_side = (self.p > SIGNIFICANT) == (allowing > SIGNIFICANT)
        if same_side and (self.wider < WIDER or f"{self.p:.2g}" == f"{allowing:.2g}"):
            return None
        return (
            f"randomisation: structure reaches beyond the blocks of {self.block} pixels, so chance spreads r {self.wider:.2g} times wider "
            f"than randomised images do; with that, P is {allowing:.3g}, not {self.p:.3g}. Quote that, or choose larger blocks"
        )

    @property
    def mean(self) -> float | None:
        return float(self.values.mean()) if len(self.values) else None

    @property
    def deviation(self) -> float | None:
        return float(self.values.std(ddof=1)) if len(self.values) > 1 else None

    def cells(self) -> tuple[Any, ...]:
        found = (
            self.r,
            self.p,
            self.mean,
            self.deviation,
            len(self.values),
            self.block,
            self.origin,
            self.blocks,
            self.wider,
            self.p_allowing,
        )
        return tuple("undefined" if value is None else value for value in found)

    def to_dict(self) -> dict[str, Any]:
        return {
            "r": self.r,
            "p": self.p,
            "undefined": self.reason,
            "mean": self.mean,
            "standard_deviation": self.deviation,
            "values": self.values.tolist(),
            "block": self.block,
            "block_from": self.origin,
            "blocks": self.blocks,
            "seed": self.seed,
            "part": self.part,
            "wider": self.wider,
            "p_allowing": self.p_allowing,
        }


def randomise(pair: Pair, count: int, block: float | None, seed: int, report: Callable[[float, str], None]) -> Randomisation:
    """Costes' randomisation of the second channel against the first."""
    from abbe.colocalization.compiled import together

    side, origin = (max(1, round(block)), "given") if block is not None else block_of(pair)
    a, b, part = _blocks(pair, side)
    nothing = np.empty(0)
    if len(a) < FEW:
        reason = f"{len(a)} blocks of {side} pixels lie within the region; chance needs at least {FEW}"
        return Randomisation(None, None, reason, nothing, side, origin, len(a), seed, part)
    norm = math.sqrt(float(np.vdot(a, a)) * float(np.vdot(b, b)))
    if norm == 0:
        return Randomisation(None, None, "a channel is constant", nothing, side, origin, len(a), seed, part)
    r = float(np.vdot(a, b)) / norm
    seeds = np.random.SeedSequence(seed).spawn(count)

    def one(k: int) -> float:
        order = np.random.default_rng(seeds[k]).permutation(len(b))
        return float(np.vdot(a, b[order])) / norm

    values: list[float] = []
    for start in range(0, count, 16):
        report(0.5 + 0.3 * start / count, "randomisation")
        values += together(one, range(start, min(start + 16, count)))
    found = np.array(values)
    return Randomisation(r, float(np.mean(found < r)), None, found, side, origin, len(a), seed, part, _wider(pair, a.size, found))


def _wider(pair: Pair, used: int, values: npt.NDArray[np.float64]) -> float | None:
    """How many times wider chance spreads r over `used` pixels than images whose blocks changed places, whose r are `values`."""
    sums = measure(pair)
    # what planes or frames differ by as a whole is the same in every block, and stays in the mean of the randomised r
    chance = variance(pair, sums, apart=True)
    if chance is None or len(values) < 2 or not (drawn := float(values.var(ddof=1))) > 0:
        return None
    return math.sqrt(max(chance * sums.all.n / used / drawn, 1.0))


def block_of(pair: Pair) -> tuple[int, str]:
    """Side of a block in pixels, the width of the blur: from the optics, or from how far the channels correlate with themselves."""
    optics, (_, y, x) = pair.image.optics, pair.grid.um
    waves = [optics.emission[c] for c in pair.channels] if len(optics.emission) == pair.image.shape[1] else []
    known = [wave for wave in waves if wave]
    if optics.numerical_aperture and known and y and x:
        width = FWHM * max(known) / 1000 / optics.numerical_aperture
        return max(1, math.ceil(width / math.sqrt(y * x))), f"optics: spots {width:.3g} um wide"
    widths = []
    for k in (0, 1):
        auto = correlate(pair, (k, k))
        if auto is not None:
            widths.append(_width(auto.profile((0.0, 0.0))[1]))
    # two spots of one width have a correlation that is wider by the square root of 2
    width = max(widths, default=1.0) / math.sqrt(2)
    return max(1, math.ceil(width)), "autocorrelation: the optics are unknown"


def _width(profile: npt.NDArray[np.float64]) -> float:
    """Full width at half height of an autocorrelation; its value at 0, which noise raises, is replaced by its neighbours' trend."""
    if len(profile) < 4:
        return 1.0
    top = min(profile[0], profile[1] + (profile[1] - profile[2]) / 2)
    half = (top + profile.min()) / 2
    below = np.flatnonzero(profile[1:] <= half)
    return 2.0 * float(below[0] + 1) if len(below) else 2.0 * len(profile)


def _blocks(pair: Pair, side: int) -> tuple[Array, Array, str | None]:
    """Both channels, (blocks, pixels of a block) float32 less their means: the blocks that lie wholly within the region; and which rows."""
    rows, columns = pair.grid.rows // side, pair.grid.columns // side
    (t0, t1), (z0, z1) = pair.region.frames, pair.region.planes
    depth = (t1 - t0) * (z1 - z0)
    if rows * columns == 0:
        return np.empty((0, 1), np.float32), np.empty((0, 1), np.float32), None
    # what does not fit in memory is measured in its middle rows
    rows_kept = max(1, min(rows, LIMITS.in_memory // (8 * depth * columns * side * side)))
    first = (rows - rows_kept) // 2 * side
    inside = np.ones(rows_kept * columns, bool)
    channels = [np.empty((rows_kept * columns, depth, side * side), np.float32) for _ in (0, 1)]
    places = ((t, z) for t in range(t0, t1) for z in range(z0, z1))
    about: list[float] = []
    for k, (t, z) in enumerate(places):
        a, b, mask = pair.read(Place(t, z, first, first + rows_kept * side))
        about = about or [float(a.mean(dtype=np.float64)), float(b.mean(dtype=np.float64))]  # an offset must not cost float32's digits
        for channel, values, pivot in zip(channels, (a, b), about):
            channel[:, k] = _cut(values.astype(np.float64) - pivot, side, rows_kept, columns)
        if mask is not None:
            inside &= _cut(mask, side, rows_kept, columns).all(axis=1)
    first_kept, second_kept = (_deviations(channel[inside].reshape(int(inside.sum()), depth * side * side)) for channel in channels)
    part = None if rows_kept == rows else f"from the middle {rows_kept * side} of {pair.grid.rows} rows"
    return first_kept, second_kept, part


def _deviations(blocks: Array) -> Array:
    """Less their mean, in units of the largest: what is measured here knows no scale, and squares of very large values no float32."""
    if not blocks.size:
        return blocks
    less = blocks - np.float32(blocks.mean(dtype=np.float64))
    largest = np.abs(less).max()
    return less / largest if largest > 0 else less


def _cut(plane: Array, side: int, rows: int, columns: int) -> Array:
    part = plane[: rows * side, : columns * side].reshape(rows, side, columns, side)
    return part.swapaxes(1, 2).reshape(rows * columns, side * side)
