"""One channel compared: every plane fitted and measured, then summed up."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter

from abbe.comparison.evidence import SMOOTH, SPOT
from abbe.comparison.grid import SAME_SIZE, Grid
from abbe.comparison.intensities import histogram, linearity
from abbe.comparison.likeness import Measures, measure
from abbe.comparison.pair import SAMPLE_SIDE, SAMPLES, WHOLE, Pair
from abbe.comparison.recorded import took_light_away
from abbe.comparison.records import Beside, ChannelComparison, Fit, Number, PlaneErrors, Registration, Undefined
from abbe.comparison.registration import displacement
from abbe.comparison.squirrel import INSIDE, Border, SquirrelFit, Sums, best_width, numbers, why_undefined
from abbe.comparison.tally import Seen, Tally
from abbe.comparison.verdict import Case, judge
from abbe.image import Image
from abbe.image.foreign import kind

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
#: of the median frame's structure (variance): frames with less are not judged each for itself
FAINT = 0.02
#: two even images are the same up to this part of their level
EVEN = 1e-4
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


def compare_channel(q: Question, c: int, progress: Callable[[float], None]) -> ChannelComparison:
    """Everything about channel c; `progress` takes the fraction done."""
    frames = q.original.shape[0]
    tally = Tally(frames=[Seen() for _ in range(frames)])
    sigma_z = width_along_z(q, c)
    pairs = [Pair(q.original, q.transformed, q.grid, t, c, sigma_z) for t in range(frames)]
    for i in _some(frames):
        for k in _some(pairs[i].depth):
            _take_noise(pairs[i], k, tally)
    noise, contrast = tally.noise.model(), tally.contrast()
    count = sum(pair.depth for pair in pairs)
    for i, (pair, k) in enumerate((p, z) for p in pairs for z in range(p.depth)):
        _take_plane(pair, k, q.border, noise, contrast, tally)
        progress(0.6 * (i + 1) / count)
    span = _range(q, c)
    measures = measure(pairs, q.truth, span)
    progress(0.95)
    return _sum_up(q, c, tally, noise, measures, span, _registered(pairs, tally), sigma_z)


def width_along_z(q: Question, c: int) -> float:
    """Of the blur between the planes of channel c, in planes of the original: one for all frames."""
    return _with_depth(_liveliest([Pair(q.original, q.transformed, q.grid, t, c) for t in _some(q.original.shape[0])])).sigma_z


def _some(depth: int) -> list[int]:
    """Up to `PLANES` planes, evenly spread."""
    return sorted({int((i + 0.5) * depth / PLANES) for i in range(PLANES)})


def _liveliest(pairs: list[Pair]) -> Pair:
    """The frame that varies most: one in which the lamp was off says nothing about a width."""
    if len(pairs) == 1 or pairs[0].depth == 1:
        return pairs[0]
    rows, columns = (range(max(n // 2 - 256, 0), min(n // 2 + 256, n)) for n in pairs[0].size)
    return max(pairs, key=lambda pair: float(np.var(pair.read_original(pair.depth // 2, rows, columns))))


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
        masked = pair.masked(k, rows, columns)
        if min(o.shape) >= 5:
            tally.noise.add(o, most, masked)
        levels = gaussian_filter(o, SPOT).ravel()[:: max(1, o.size // most)]
        tally.levels.append(levels if masked is None else levels[~masked.ravel()[:: max(1, o.size // most)]])


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
    seen_of = tally.frames[pair.t]
    seen_of.total = seen_of.total + total
    seen_of.planes.append(total)
    if total.n < 3 or total.constant[1]:
        return
    empty = total.constant[0]  # a plane that the result leaves blank: all that the original shows there is missing
    gain, offset = (0.0, total.centre[1] + total.y / total.n) if empty else total.line()
    for rows, columns, inner in pair.tiles(k, MARGIN):
        tile = pair.tile(k, rows, columns, sigma)
        o, x = tile.original, tile.modelled(sigma)
        seen_of.places.add(o, gain * x + offset, noise, contrast, inner, tile.seen(sigma))
        if empty:
            continue
        masked = None if tile.ok is None else ~tile.ok
        seen_of.spectra.add(o, x if sigma == 0 else tile.modelled(0.0), pair.grid.plane != (1.0, 1.0), masked)
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


def _registered(pairs: list[Pair], tally: Tally) -> list[Registration]:
    """The displacement of all, then of each frame of a series: the median over some planes."""
    some = _some(len(pairs))
    planes = [[(pair, k) for k in (_some(pair.depth) if pair.t in some else [pair.depth // 2])] for pair in pairs]
    found = [[_displaced(pair, k, tally) for pair, k in frame] for frame in planes]
    chosen = [place for t in some for place in planes[t]]
    whole = _register(chosen, [shift for t in some for shift in found[t]], tally)
    nothing = Undefined("it is measured of all frames together")
    return [whole, *(replace(whole, shift=_middle(shifts), rsp=nothing, rse=nothing) for shifts in found)]


def _displaced(pair: Pair, k: int, tally: Tally) -> tuple[float, float] | Undefined:
    fit = next(f for p, f, _, _ in tally.planes if (p.t, p.z) == (pair.t, k))
    width = fit.sigma if isinstance(fit.sigma, float) else 0.0
    rows, columns = (range(max(n // 2 - 512, 0), min(n // 2 + 512, n)) for n in pair.size)
    tile = pair.tile(k, rows, columns, width)
    moved, masked = tile.modelled(min(width, 1.5)), None if tile.ok is None else ~tile.ok
    shift = displacement(moved, tile.original, masked)
    if not isinstance(fit.gain, float) or fit.gain >= 0:
        return shift
    # dark on bright: moved so far that the sign says nothing, or a negative, whose bright parts lie beside the original's wherever it lies
    there = -1.0 if isinstance(shift, Undefined) else tile.sums(width, shift).correlation()
    return shift if there > abs(tile.sums(width).correlation()) else displacement(-moved, tile.original, masked)


def _middle(shifts: list[tuple[float, float] | Undefined]) -> tuple[float, float] | Undefined:
    found = [shift for shift in shifts if not isinstance(shift, Undefined)]
    if not found:
        return next((shift for shift in shifts if isinstance(shift, Undefined)), Undefined("there is no plane to register"))
    y, x = (float(v) for v in np.median(np.array(found), axis=0))
    return y, x


def _register(chosen: list[tuple[Pair, int]], shifts: list[tuple[float, float] | Undefined], tally: Tally) -> Registration:
    """The displacement of all these planes, and their RSP and RSE without it."""
    shift = _middle(shifts)
    if isinstance(shift, Undefined):
        return Registration(shift, shift, shift, shift)
    y, x = shift
    size = chosen[0][0].original.pixel_size
    in_um: tuple[float, float] | Undefined = (y * size[1], x * size[2]) if size[1] and size[2] else Undefined("the pixel size is not known")
    if math.hypot(y, x) < MOVED:
        return Registration(shift, in_um, tally.mean("rsp", "result"), tally.mean("rse", "result"))
    fits = []
    for pair, k in chosen:
        group = pair.samples(k, shift)
        sigma = best_width(group, shift)
        fits.append(numbers(sum((tile.sums(sigma, shift) for tile in group), Sums()), sigma, 1.0))
    return Registration(shift, in_um, *(_average([getattr(f, name) for f in fits]) for name in ("rsp", "rse")))


def _average(values: list[Number]) -> Number:
    defined = [v for v in values if not isinstance(v, Undefined)]
    return float(np.mean(defined)) if defined else values[0]


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
    moved: list[Registration],
    sigma_z: float,
) -> ChannelComparison:
    rsp, rse = (
        Beside(tally.mean("rsp", "result"), tally.mean("rsp", "plain")),
        Beside(tally.mean("rse", "result"), tally.mean("rse", "plain")),
    )
    fit, seen = _fit(q, tally, sigma_z), tally.all()
    straight = (
        linearity(seen.total, *(np.concatenate([p[i] for p in tally.sample]) for i in (0, 1)))
        if tally.sample
        else linearity(seen.total, np.empty(0), np.empty(0))
    )
    evidence = seen.evidence(noise, _change(measures))
    with_truth = q.truth is not None
    psnr, similar = (measures.psnr_affine, measures.ssim) if with_truth else (None, None)
    size, cleared = q.original.shape[3:], took_light_away(q.transformed)
    case = Case(rsp, rse, fit, moved[0], evidence, straight, psnr, similar, cleared, size, tally.pixels)
    t, _, z, y, x = q.original.shape
    return ChannelComparison(
        channel=q.original.channels[c],
        verdict=judge(case, _frames(case, tally, noise, moved[1:]), kind(q.original, c)),
        rsp=rsp,
        rse=rse,
        fit=fit,
        registration=moved[0],
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
    sigma = tally.median("sigma")
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
    return Fit(tally.median("gain"), tally.median("offset"), sigma, in_um, tally.median("width"), sigma_z)


def _frames(case: Case, tally: Tally, noise: tuple[float, float], moved: list[Registration]) -> list[Case | None]:
    """The frames of a series, each for itself; None where a frame shows next to nothing, and nothing of a single image."""
    if len(tally.frames) == 1:
        return []
    shown = [(seen.places.structure - seen.places.noise) / max(seen.places.pixels, 1) for seen in tally.frames]
    enough = FAINT * float(np.median(shown))
    whole = tally.all().spectra
    linear = replace(case.linearity, deviation=Undefined("it is told from all frames together"))
    return [
        replace(
            case,
            fit=replace(case.fit, gain=tally.median("gain", t), sigma=tally.median("sigma", t)),
            registration=moved[t],
            evidence=seen.evidence(noise, case.evidence.change),
            linearity=linear,
            pixels=seen.total.n,
            strength=seen.spectra.strength(whole),
        )
        if shown[t] > enough
        else None
        for t, seen in enumerate(tally.frames)
    ]


def _change(measures: Measures) -> Number:
    change = measures.change
    reason = why_undefined(change)
    if reason is None:
        return math.sqrt(max(1 - change.correlation() ** 2, 0.0)) if change.correlation() > 0 else 1.0
    (x, y), n = change.centre, max(change.n, 1)
    alike = all(change.constant) and change.n and math.isclose(x + change.x / n, y + change.y / n, rel_tol=EVEN, abs_tol=1e-30)
    return 0.0 if alike else reason
