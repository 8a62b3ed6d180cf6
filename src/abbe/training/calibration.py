"""How many spreads make a 90 % interval: measured on held-out samples, as a conformal predictor does.

Shafer & Vovk, "A tutorial on conformal prediction", J Mach Learn Res 9:371 (2008): the score of a pixel is |error| / spread, and the
interval's half width is the 90 % quantile of the scores times the spread.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from abbe.restoration.request import LAST_PASSES, PASSES
from abbe.training.loop import Training
from abbe.training.pace import told as paced
from abbe.training.samples import Samples

#: what the interval covers
COVERAGE = 0.9
#: pixels whose spread is below this share of the sample's signal (1) are exact for all purposes, and say nothing about the factor
SMALLEST = 1e-4
#: parts of a sample, by the rank of their spreads, in which errors are compared, and pixels of each whose scatter is kept
PARTS, KEPT = 10, 64
#: standard deviation (pixels) of what is broad beside noise that is smooth from pixel to pixel
BROAD = 8.0
#: times that errors on exposures may be larger or smaller than their spreads in root mean square, at most
MOST_OFF = 5.0


def interval_factor(training: Training, count: int = 240) -> float:
    """The factor for the averaged weights of `training`, from `count` held-out samples that count alike.

    Where the plan has real pairs, these alone count: a microscope does more to an image than any simulation of it, and a factor of
    simulated images was 7 % too small for them.
    """
    told = f"{training.plan.name} interval, held-out samples"
    if training.plan.pairs is not None and training.plan.pairs.repeated and training.validation.pairs is not None:
        return _of_exposures(training, count, told)
    factors = []
    for restored, truth, _, _ in _restored(training, training.validation.of_pairs(1.0), count, told):
        spread = restored[:, 1:].clamp_min(SMALLEST)
        scores = ((restored[:, :1] - truth).abs() / spread).numpy().ravel()
        factors.append(np.quantile(scores, np.linspace(0.5, 0.995, 100)))
    # the coverage of a common factor, averaged over samples, is 90 %
    pooled = np.sort(np.concatenate(factors))
    weights = np.array(
        [np.mean([np.interp(f, q, np.linspace(0.5, 0.995, 100), left=0.5, right=1.0) for q in factors]) for f in pooled[::20]]
    )
    return float(np.interp(COVERAGE, weights, pooled[::20]))


def _of_exposures(training: Training, count: int, told: str) -> float:
    """Against another exposure no error shows pixel by pixel, but its mean square does, once the noise of that exposure is taken out.

    So how errors scatter is taken from simulated samples, where spreads are of that rank in their sample, and how large they are there in
    root mean square from exposures.
    """
    _, scatter = _by_spread(training, training.validation.of_pairs(0.0), count, told)
    squares, _ = _by_spread(training, training.validation.of_pairs(1.0), count, told)
    return float(np.quantile(scatter * np.sqrt(np.clip(squares, MOST_OFF**-2, MOST_OFF**2))[:, None], COVERAGE))


def _by_spread(training: Training, samples: Samples, count: int, told: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(PARTS,) mean square of errors over that of spreads in the median sample; (PARTS, pixels) |errors| / spreads over their own roots.

    The latter only where truths are clean.
    """
    squares, scatter = [], []
    for restored, truth, seen, exposures in _restored(training, samples, count, told):
        spread = restored[:, 1:].clamp_min(SMALLEST).numpy().ravel().astype(np.float64)
        error = (restored[:, :1] - truth).numpy().ravel().astype(np.float64)
        square = error**2
        if exposures:
            square -= _noise_of(truth[0, 0].numpy().astype(np.float64), seen[0, 0].numpy().astype(np.float64), exposures).ravel()
        ranked = np.array_split(np.argsort(spread, kind="stable"), PARTS)
        shares = [float(square[part].mean() / (spread[part] ** 2).mean()) for part in ranked]
        squares.append(shares)
        few = [part[np.linspace(0, len(part) - 1, KEPT).astype(int)] for part in ranked]
        scatter.append([np.abs(error[p]) / (spread[p] * np.sqrt(max(share, SMALLEST**2))) for p, share in zip(few, shares)])
    return np.asarray(np.median(squares, axis=0)), np.concatenate(scatter, axis=1)


def _noise_of(others: npt.NDArray[np.float64], seen: npt.NDArray[np.float64], exposures: float) -> npt.NDArray[np.float64]:
    """(Y, X) variance of the noise in `others`, the mean of all exposures but the one `seen`: a line through their brightness.

    The square of the difference of both cannot stand for it pixel by pixel: where what was seen happens to be near the specimen, restored
    and spread are other ones than where it is far. What is broad is hardly touched by noise, and so tells how it grows with brightness.
    """
    squares, broad = (seen - others) ** 2 / exposures, gaussian_filter(others + seen, BROAD)
    broad -= broad.mean()
    along = float((broad * others).mean())
    slope = float((broad * squares).mean()) / along if along > 0 else 0.0
    line: npt.NDArray[np.float64] = squares.mean() + max(slope, 0.0) * (others - others.mean())
    return line


def _restored(training: Training, samples: Samples, count: int, told: str) -> Iterator[tuple[Tensor, Tensor, Tensor, float]]:
    """What the averaged weights make of held-out samples, the truths, what they saw, and how many exposures that and the truth are."""
    for index in paced(range(count), count, told, training.report):
        observed, truth, told_of, level, exposures = (torch.from_numpy(np.asarray(a))[None] for a in samples[index])
        seen, context, truth, told_of = training.prepared(training.average, observed, truth, told_of, level, index)
        yield _as_used(training, seen, context, told_of), truth, seen, float(exposures)


def _as_used(training: Training, seen: Tensor, context: Tensor | None, told: Tensor) -> Tensor:
    """The mean over turns of what the averaged weights make of a square sample, as many as the engine's passes where the step is the last,
    whose interval it is: its error is smaller than that of one."""
    task = training.plan.task
    count = min(LAST_PASSES.get(task, PASSES.get(task, 1)), 4)
    made = []
    for turn in range(count):
        one, other = (None if part is None else torch.rot90(part, turn, (2, 3)) for part in (seen, context))
        assert one is not None
        with torch.no_grad():
            made.append(torch.rot90(training.average(one, other, told if told.numel() else None), -turn, (2, 3)))
    return torch.stack(made).mean(0)
