"""How many spreads make a 90 % interval: measured on held-out samples, as a conformal predictor does.

Shafer & Vovk, "A tutorial on conformal prediction", J Mach Learn Res 9:371 (2008): the score of a pixel is |error| / spread, and the
interval's half width is the 90 % quantile of the scores times the spread.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from abbe.restoration.request import LAST_PASSES, PASSES
from abbe.training.loop import Training
from abbe.training.pace import told as paced

#: what the interval covers
COVERAGE = 0.9
#: pixels whose spread is below this share of the sample's signal (1) are exact for all purposes, and say nothing about the factor
SMALLEST = 1e-4


def interval_factor(training: Training, count: int = 240) -> float:
    """The factor for the averaged weights of `training`, from `count` held-out samples that count alike.

    Where the plan has real pairs, these alone count: a microscope does more to an image than any simulation of it, and a factor of
    simulated images was 7 % too small for them.
    """
    factors, samples = [], training.validation.real_alone()
    for index in paced(range(count), count, f"{training.plan.name} interval, held-out samples", training.report):
        observed, truth, told, level = (torch.from_numpy(np.asarray(a))[None] for a in samples[index])
        seen, context, truth, told = training.prepared(training.average, observed, truth, told, level, index)
        restored = _as_used(training, seen, context, told)
        spread = restored[:, 1:].clamp_min(SMALLEST)
        scores = ((restored[:, :1] - truth).abs() / spread).numpy().ravel()
        factors.append(np.quantile(scores, np.linspace(0.5, 0.995, 100)))
    # the coverage of a common factor, averaged over samples, is 90 %
    pooled = np.sort(np.concatenate(factors))
    weights = np.array(
        [np.mean([np.interp(f, q, np.linspace(0.5, 0.995, 100), left=0.5, right=1.0) for q in factors]) for f in pooled[::20]]
    )
    return float(np.interp(COVERAGE, weights, pooled[::20]))


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
