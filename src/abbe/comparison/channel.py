"""One channel compared: every plane fitted and measured, then summed up."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from scipy.ndimage import gaussian_filter

from abbe.comparison.evidence import SMOOTH, SPOT, Noise, Places, Spectra, possible_rsp
from abbe.comparison.grid import Grid
from abbe.comparison.intensities import histogram, linearity
from abbe.comparison.likeness import Measures, measure
from abbe.comparison.pair import SAMPLE_SIDE, SAMPLES, WHOLE, Pair
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
    for i in _some(len(pairs)):
        for k in _some(pairs[i].depth):
            _take_noise(pairs[i], k, tally)
    noise, contrast = tally.noise.model(), _contrast(tally.levels)
    count = sum(pair.depth for pair in pairs)
    for i, (pair, k) in enumerate((p, z) for p in pairs for z in range(p.depth)):
        _take_plane(pair, k, q.border, noise, contrast, tally)
        progress(0.6 * (i + 1) / count)
    span = _range(q, c)
    measures = [measure(pair, q.truth, span) for pair in pairs]
    progress(0.95)
    return _sum_up(q, c, tally, noise, measures, span, _register(pairs, tally), sigma_z)
    evidence = _evidence(tally, noise, measures)
    m = {
        name: Beside(*(_average([getattr(getattr(part, name), side) for part in measures]) for side in ("transformed", "upsampled")))
        for name in ("psnr", "psnr_affine", "ssim", "microssim", "nrmse")
    }
    with_truth = q.truth is not None
    case = Case(rsp, rse, fit, moved, evidence, straight, m["psnr_affine"] if with_truth else None, m["ssim"] if with_truth else None)
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
        psnr=m["psnr"],
        psnr_affine=m["psnr_affine"],
        ssim=m["ssim"],
        microssim=m["microssim"],
        nrmse=m["nrmse"],
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
    size = q.original.pixel_size[2]
    in_um: Number = sigma if isinstance(sigma, Undefined) else sigma * size if size else Undefined("the pixel size is not known")
    return Fit(_median(tally, "gain"), _median(tally, "offset"), sigma, in_um, _median(tally, "width"), sigma_z)


def _evidence(tally: Tally, noise: tuple[float, float], measures: list[Measures]) -> Evidence:
    change = sum((m.change for m in measures), Sums())
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
