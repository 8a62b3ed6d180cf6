"""One channel compared: every plane fitted and measured, then summed up."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from scipy.ndimage import gaussian_filter

from abbe.comparison.evidence import SMOOTH, SPOT, Noise, Places, Spectra, possible_rsp
from abbe.comparison.grid import SAME_SIZE, Grid
from abbe.comparison.intensities import histogram, linearity
from abbe.comparison.likeness import Measures, measure
from abbe.comparison.pair import SAMPLE_SIDE, SAMPLES, WHOLE, Pair
from abbe.comparison.recorded import took_light_away
from abbe.comparison.records import Beside, ChannelComparison, Evidence, Fit, Number, PlaneErrors, Registration, Undefined
from abbe.comparison.registration import displacement
from abbe.comparison.squirrel import INSIDE, Border, SquirrelFit, Sums, best_width, numbers, why_undefined
from abbe.comparison.verdict import Case, judge
from abbe.image import Image

#: original pixels around a tile, so that smoothing over `SMOOTH` does not see its edge
MARGIN = int(3 * SMOOTH)
#: planes that noise, width along z and displacement are taken from
PLANES = 3
#: widths along z that are tried, in planes of the original
Z_WIDTHS = (0.0, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
#: share of a plane's light that came from beyond the stack, above which it says nothing about the result
BEYOND = 0.1
#: gain in correlation below which a width along z is not worth it
WORTH = 1e-4
#: displacements above this (original pixels) are worth measuring again without
MOVED = 0.05
#: pixels of a channel, evenly spread, that brightness classes and percentiles are taken from
SAMPLE = 2**19


@dataclass(frozen=True, slots=True)
class Question:
    """What is compared, and how."""

    original: Image
    transformed: Image
    truth: Image | None
    grid: Grid
    border: Border
    data_range: float | None


@dataclass
class Tally:
    """Running sums over the planes of one channel."""

    planes: list[tuple[PlaneErrors, SquirrelFit, SquirrelFit, float]] = field(default_factory=list)
    noise: Noise = field(default_factory=Noise)
    spectra: Spectra = field(default_factory=Spectra)
    places: Places = field(default_factory=Places)
    total: Sums = field(default_factory=Sums)
    pixels: int = 0
    sample: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    levels: list[np.ndarray] = field(default_factory=list)


def compare_channel(q: Question, c: int, progress: Callable[[float], None]) -> ChannelComparison:
    """Everything about channel c; `progress` takes the fraction done."""
    tally = Tally()
    frames = q.original.shape[0]
    sigma_z = _with_depth(Pair(q.original, q.transformed, q.grid, frames // 2, c)).sigma_z
    pairs = [Pair(q.original, q.transformed, q.grid, t, c, sigma_z) for t in range(frames)]
    for i in _some(frames):
        for k in _some(pairs[i].depth):
            _take_noise(pairs[i], k, tally)
    noise, contrast = tally.noise.model(), _contrast(tally.levels)
    count = sum(pair.depth for pair in pairs)
    for i, (pair, k) in enumerate((p, z) for p in pairs for z in range(p.depth)):
        _take_plane(pair, k, q.border, noise, contrast, tally)
        progress(0.6 * (i + 1) / count)
    span = _range(q, c)
    measures = measure(pairs, q.truth, span)
    progress(0.95)
    return _sum_up(q, c, tally, noise, measures, span, _register(pairs, tally), sigma_z)


def _some(depth: int) -> list[int]:
    """Up to `PLANES` planes, evenly spread."""
    return sorted({int((i + 0.5) * depth / PLANES) for i in range(PLANES)})


def _with_depth(pair: Pair) -> Pair:
    """The pair with the width along z for which its planes fit best."""
    if pair.depth == 1 or pair.transformed.shape[2] == 1:
        return pair
    scores = []
    for width in Z_WIDTHS:
        blurred = replace(pair, sigma_z=width)
        found = [sum((tile.sums(best_width([tile])) for tile in blurred.samples(k)[:2]), Sums()) for k in _some(pair.depth)]
        scores.append(sum(s.correlation() * s.moments[1] for s in found) / max(sum(s.moments[1] for s in found), 1e-300))
    best = int(np.argmax(scores))
    return replace(pair, sigma_z=Z_WIDTHS[best]) if scores[best] > scores[0] + WORTH else pair


def _take_noise(pair: Pair, k: int, tally: Tally) -> None:
    share = SAMPLE / PLANES**2 / (pair.size[0] * pair.size[1])
    for rows, columns, _ in pair.tiles(k, 0):
        o = pair.read_original(k, rows, columns)
        most = max(int(o.size * share), 1)
        if min(o.shape) >= 5:
            tally.noise.add(o, most)
        tally.levels.append(gaussian_filter(o, SPOT).ravel()[:: max(1, o.size // most)])


def _contrast(levels: list[np.ndarray]) -> float:
    low, high = np.percentile(np.concatenate(levels), (5, 99.9))
    return float(high - low)


def fit_plane(pair: Pair, k: int, border: Border, plain: bool = False) -> tuple[SquirrelFit, Sums, float]:
    """The fit of plane k: its width from sample tiles, then from the whole plane where that is small; the rest from all pixels."""
    sigma = best_width(pair.samples(k, plain=plain), around=0.2 if plain else None)
    if not plain and SAMPLES * SAMPLE_SIDE**2 < pair.size[0] * pair.size[1] <= WHOLE:
        sigma = best_width([pair.whole(k)], around=sigma)
    margin = math.ceil(INSIDE * sigma) if border == "inside" else 0
    total = Sums()
    for rows, columns, _ in pair.tiles(k, 0):
        total = total + pair.tile(k, rows, columns, sigma, plain=plain).sums(sigma, margin=margin, size=pair.size)
    return numbers(total, sigma, pair.grid.plane[0]), total, sigma


def _take_plane(pair: Pair, k: int, border: Border, noise: tuple[float, float], contrast: float, tally: Tally) -> None:
    """Fit and measure one plane."""
    fit, total, sigma = fit_plane(pair, k, border)
    plain = _plain_fit(pair, k, border, total)
    tally.planes.append((PlaneErrors(pair.t, k, fit.rsp, fit.rse, fit.gain, fit.offset, fit.sigma), fit, plain, total.moments[1]))
    tally.pixels += total.n
    if pair.beyond(k) > BEYOND:
        return
    tally.total = tally.total + total
    if why_undefined(total) is not None:
        return
    gain, offset = total.line()
    for rows, columns, inner in pair.tiles(k, MARGIN):
        tile = pair.tile(k, rows, columns, sigma)
        o, x = tile.original, tile.modelled(sigma)
        tally.places.add(o, gain * x + offset, noise, contrast, inner, tile.seen(sigma))
        tally.spectra.add(o, x if sigma == 0 else tile.modelled(0.0), pair.grid.plane != (1.0, 1.0))
        step = max(1, pair.original.size // pair.original.shape[1] // SAMPLE)
        seen = tile.seen(sigma)
        use = np.ones(o.shape, bool) if seen is None else seen
        tally.sample.append((x[use][::step], o[use][::step]))


def _plain_fit(pair: Pair, k: int, border: Border, total: Sums) -> SquirrelFit:
    """RSP and RSE of doing nothing. On the original's own grid that is the original itself."""
    if pair.grid.plane == (1.0, 1.0):
        reason = why_undefined(total)
        flat = total.constant[1] or total.n < 3
        none = reason if flat and reason is not None else None
        return SquirrelFit(none or 1.0, 0.0 if total.n else none or 0.0, 1.0, 0.0, 0.0, 0.0, total.n)
    return fit_plane(pair, k, border, plain=True)[0]


def _register(pairs: list[Pair], tally: Tally) -> Registration:
    """The displacement: median over some planes, and RSP and RSE of those planes without it."""
    found: list[tuple[float, float]] = []
    reason: Undefined | None = None
    chosen = [(pair, k) for pair in pairs[:PLANES] for k in _some(pair.depth)]
    for pair, k in chosen:
        fit = next(f for p, f, _, _ in tally.planes if (p.t, p.z) == (pair.t, k))
        width = fit.sigma if isinstance(fit.sigma, float) else 0.0
        rows, columns = (range(max(n // 2 - 512, 0), min(n // 2 + 512, n)) for n in pair.size)
        tile = pair.tile(k, rows, columns, width)
        shift = displacement(tile.modelled(min(width, 1.5)), tile.original)
        if isinstance(shift, Undefined):
            reason = reason or shift
        else:
            found.append(shift)
    if not found:
        none = reason or Undefined("there is no plane to register")
        return Registration(none, none, none, none)
    y, x = (float(v) for v in np.median(np.array(found), axis=0))
    size = pairs[0].original.pixel_size
    in_um: tuple[float, float] | Undefined = (y * size[1], x * size[2]) if size[1] and size[2] else Undefined("the pixel size is not known")
    if math.hypot(y, x) < MOVED:
        rsp, rse = _mean(tally, "rsp", "result"), _mean(tally, "rse", "result")
        return Registration((y, x), in_um, rsp, rse)
    tiles = [pair.samples(k, (y, x)) for pair, k in chosen]
    fits = []
    for group in tiles:
        sigma = best_width(group, (y, x))
        fits.append(numbers(sum((tile.sums(sigma, (y, x)) for tile in group), Sums()), sigma, 1.0))
    return Registration((y, x), in_um, *(_average([getattr(f, name) for f in fits]) for name in ("rsp", "rse")))


def _average(values: list[Number]) -> Number:
    defined = [v for v in values if not isinstance(v, Undefined)]
    return float(np.mean(defined)) if defined else values[0]


def _mean(tally: Tally, name: Literal["rsp", "rse"], which: Literal["result", "plain"]) -> Number:
    """Over planes: RSP weighted by the original's variance, so that empty planes do not count; RSE as root mean square over pixels."""
    fits = [(row[1] if which == "result" else row[2], row[3]) for row in tally.planes]
    rows: list[tuple[Number, float, int]] = [(fit.rsp if name == "rsp" else fit.rse, weight, fit.pixels) for fit, weight in fits]
    defined = [(v, w, n) for v, w, n in rows if not isinstance(v, Undefined)]
    if not defined:
        return rows[0][0]
    if name == "rse":
        return math.sqrt(sum(v * v * n for v, _, n in defined) / max(sum(n for _, _, n in defined), 1))
    weight = sum(w for _, w, _ in defined)
    return sum(v * w for v, w, _ in defined) / weight if weight > 0 else float(np.mean([v for v, _, _ in defined]))


def _median(tally: Tally, name: str) -> Number:
    values = [getattr(row[1], name) for row in tally.planes]
    defined = [v for v in values if not isinstance(v, Undefined)]
    return float(np.median(defined)) if defined else values[0]


def _range(q: Question, c: int) -> Number:
    if q.data_range is not None:
        return q.data_range
    seen = (q.truth or q.original).inspection.channels[c]
    span = seen.maximum - seen.minimum
    return span if span > 0 else Undefined(f"the {'truth' if q.truth is not None else 'original'} is constant: it has no range")


def _sum_up(
    q: Question,
    c: int,
    tally: Tally,
    noise: tuple[float, float],
    measures: Measures,
    span: Number,
    moved: Registration,
    sigma_z: float,
) -> ChannelComparison:
    rsp = Beside(_mean(tally, "rsp", "result"), _mean(tally, "rsp", "plain"))
    rse = Beside(_mean(tally, "rse", "result"), _mean(tally, "rse", "plain"))
    fit = _fit(q, tally, sigma_z)
    straight = (
        linearity(tally.total, *(np.concatenate([p[i] for p in tally.sample]) for i in (0, 1)))
        if tally.sample
        else linearity(tally.total, np.empty(0), np.empty(0))
    )
    evidence = _evidence(tally, noise, measures)
    with_truth = q.truth is not None
    psnr, similar = (measures.psnr_affine, measures.ssim) if with_truth else (None, None)
    case = Case(rsp, rse, fit, moved, evidence, straight, psnr, similar, took_light_away(q.transformed))
    t, _, z, y, x = q.original.shape
    return ChannelComparison(
        channel=q.original.channels[c],
        verdict=judge(case),
        rsp=rsp,
        rse=rse,
        fit=fit,
        registration=moved,
        reference="truth" if with_truth else "original",
        data_range=span,
        psnr=measures.psnr,
        psnr_affine=measures.psnr_affine,
        ssim=measures.ssim,
        microssim=measures.microssim,
        nrmse=measures.nrmse,
        linearity=straight,
        histogram_before=histogram(q.original, c),
        histogram_after=histogram(q.transformed, c),
        evidence=evidence,
        planes=tuple(row[0] for row in tally.planes),
        pixels=tally.pixels,
        masked=t * z * y * x - tally.pixels,
    )


def _fit(q: Question, tally: Tally, sigma_z: float) -> Fit:
    sigma = _median(tally, "sigma")
    down, size = q.original.pixel_size[1:]
    in_um: Number
    if isinstance(sigma, Undefined):
        in_um = sigma
    elif not size:
        in_um = Undefined("the pixel size is not known")
    elif down and abs(down / size - 1) > SAME_SIZE:
        in_um = Undefined(f"the pixels are {down:g} um high and {size:g} um wide: it is not one width")
    else:
        in_um = sigma * size
    return Fit(_median(tally, "gain"), _median(tally, "offset"), sigma, in_um, _median(tally, "width"), sigma_z)


def _evidence(tally: Tally, noise: tuple[float, float], measures: Measures) -> Evidence:
    change = measures.change
    reason = why_undefined(change)
    changed: Number
    if reason is None:
        changed = math.sqrt(max(1 - change.correlation() ** 2, 0.0)) if change.correlation() > 0 else 1.0
    else:
        changed = 0.0 if all(change.constant) and change.n else reason
    carried, added = tally.spectra.noise()
    return Evidence(
        change=changed,
        rsp_possible=possible_rsp(tally.total, noise),
        unexplained=tally.places.unexplained(),
        unsupported=tally.places.unsupported(),
        places=tally.places.number,
        lost_detail=tally.spectra.lost_detail(),
        noise_carried=carried,
        noise_added=added,
        background_removed=tally.places.background_removed(),
    )
