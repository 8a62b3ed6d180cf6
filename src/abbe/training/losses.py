"""What a training minimises."""

from __future__ import annotations

import torch
from torch import Tensor

#: input errors below this share of the signal count as this: an almost perfect input is no reason for a huge gradient
FLOOR = 0.005


def restoration_loss(
    restored: Tensor, truth: Tensor, base: Tensor, spread_weight: float, fourier_weight: float, knee: float
) -> tuple[Tensor, Tensor]:
    """(loss, mean Charbonnier error relative to the input's) of (N, 2, H, W) `restored` against (N, 1, H, W) `truth`.

    Errors are divided by the root-mean-square error of `base`, the unrestored input, sample by sample: a PSNR gain counts the
    same at every noise level. Below `knee` of that unit an error costs its square, above it in proportion: what minimises
    squares is the mean of what a pixel may have been, what minimises absolute errors their median. The spread's term is the
    negative log-likelihood of a Laplace distribution, whose estimate is held fixed.
    """
    unit = error_unit(base, truth)
    error = (restored[:, :1] - truth) / unit
    fidelity = ((error / knee).square() + 1).sqrt().sub(1).mul(2 * knee**2).mean()
    spread = restored[:, 1:] / unit + 1e-3
    likelihood = (spread.log() + error.detach().abs() / spread).mean()
    loss = fidelity + spread_weight * likelihood
    if fourier_weight:
        amplitude = (torch.fft.rfft2(error, norm="ortho")).abs().mean()
        loss = loss + fourier_weight * amplitude
    return loss, fidelity.detach()


def error_unit(base: Tensor, truth: Tensor) -> Tensor:
    """(N, 1, 1, 1): the unit of a sample's errors, the root-mean-square error of its input."""
    return FLOOR + (base - truth).square().mean((1, 2, 3), keepdim=True).sqrt()
