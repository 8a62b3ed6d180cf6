"""Training conditions of a network that restores an image on ever finer grids, the result of each the context of the next.

After the multi-scale GAN of Uzunova, Ehrhardt & Handels (Comput Med Imaging Graph 86:101801, 2020): all levels share one network, which
is told the level. In half of the conditions the coarser result is the network's own, blurred and made noisy, so that it learns to live
with its mistakes; in the other half it is the truth on the coarser grid.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from abbe.networks import Restorer
from abbe.restoration.levels import DEEPEST

#: share of batches without a coarser result, as the coarsest level and small images have it, and of those one level up
ALONE, ABOVE = 0.15, 0.25
#: what is done to the network's own result: blur (pixels of its grid) and noise (share of its contrast), at most
BLUR, NOISE = 1.0, 0.1


class Conditions(NamedTuple):
    """(N, 1, n, n) observed, context and truth, and (N, 2) told."""

    observed: Tensor
    context: Tensor
    truth: Tensor
    told: Tensor


def conditions(network: Restorer, observed: Tensor, truth: Tensor, rng: np.random.Generator) -> Conditions:
    """From (N, 1, 2n, 2n) patches: their middle with the coarser result of all of them, or the level above with that of the next one."""
    n = observed.shape[-1] // 2
    coarse, coarse_truth = halved(observed), halved(truth)
    middle = (..., slice(n // 2, n // 2 + n), slice(n // 2, n // 2 + n))
    kind = rng.random()
    if kind < ALONE:
        level = int(rng.integers(2))
        seen, wanted = ((observed[middle], truth[middle]), (coarse, coarse_truth))[level]
        return Conditions(seen, torch.zeros_like(seen), wanted, told(len(seen), level, False))
    further, own = halved(coarse), len(observed) // 2 + len(observed) % 2
    nothing = torch.zeros_like(further)
    if kind < ALONE + ABOVE:
        result = _restored(network, further[:own], nothing[:own], told(own, 2, False))
        context = torch.cat([disturbed(result, rng), halved(coarse_truth)[own:]])
        return Conditions(coarse, doubled(context), coarse_truth, told(len(coarse), 1, True))
    furthest = doubled(_restored(network, further[:own], nothing[:own], told(own, 2, False)))
    result = _restored(network, coarse[:own], furthest, told(own, 1, True))
    context = torch.cat([disturbed(result, rng), coarse_truth[own:]])
    return Conditions(observed[middle], doubled(context)[middle], truth[middle], told(len(observed), 0, True))


def told(count: int, level: int, coarser: bool) -> Tensor:
    """(count, 2): what the network is told, see `plan.LEVELS_TOLD`."""
    return torch.tensor([[float(min(level, DEEPEST)), float(coarser)]]).repeat(count, 1)


def halved(image: Tensor) -> Tensor:
    return functional.avg_pool2d(image, 2)


def doubled(image: Tensor) -> Tensor:
    return functional.interpolate(image, scale_factor=2.0, mode="bilinear", align_corners=False)


def disturbed(result: Tensor, rng: np.random.Generator) -> Tensor:
    """A coarser result, blurred and made noisy by a random amount."""
    at = torch.arange(-3, 4, dtype=torch.float32)
    line = torch.exp(-0.5 * (at / rng.uniform(0.05, BLUR)) ** 2)
    line = line / line.sum()
    wide = functional.pad(result, (3, 3, 3, 3), mode="replicate")
    blurred = functional.conv2d(functional.conv2d(wide, line.view(1, 1, -1, 1)), line.view(1, 1, 1, -1))
    noise = torch.from_numpy(rng.standard_normal(tuple(result.shape)).astype(np.float32))
    return blurred + noise * result.std((2, 3), keepdim=True, correction=0) * float(rng.uniform(0, NOISE))


def _restored(network: Restorer, observed: Tensor, context: Tensor, told: Tensor) -> Tensor:
    with torch.no_grad():
        return network(observed.contiguous(memory_format=torch.channels_last), context, told)[:, :1].float()
