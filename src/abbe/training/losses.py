"""What a training minimises."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

#: input errors below this share of the signal count as this: an almost perfect input is no reason for a huge gradient
FLOOR = 0.005
#: where a sample's input is better than its mean by more than this, that place has a unit of its own, at most `DEEPEST` times smaller:
#: beside something a thousand times brighter all that is dim would weigh nothing, and ripples on it would cost nothing
NEAR, DEEPEST = 4.0, 25.0
#: how far "place" reaches, in pixels of the result
PLACE = 8


def restoration_loss(
    restored: Tensor,
    truth: Tensor,
    base: Tensor,
    spread_weight: float,
    fourier_weight: float,
    knee: float,
    noisy: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """(loss, mean Charbonnier error relative to the input's) of (N, 2, H, W) `restored` against (N, 1, H, W) `truth`.

    Errors are divided by the root-mean-square error of `base`, the unrestored input, sample by sample: a PSNR gain counts the
    same at every noise level. What is dim beside something bright has a unit of its own (`unit_by_place`). Below `knee` of that
    unit an error costs its square, above it in proportion: what minimises squares is the mean of what a pixel may have been,
    what minimises absolute errors their median. The spread's term is the negative log-likelihood of a Laplace distribution,
    whose estimate is held fixed.

    `noisy`, (N,) True: that sample's truth is another exposure. Only squares, in one unit for the whole sample, lead to what the noise of
    such truths scatters about; and the spread, which would learn that noise as well, learns nothing from them.
    """
    unit = unit_by_place(base, truth)
    if noisy is not None:
        noisy = noisy.view(-1, 1, 1, 1)
        unit = torch.where(noisy, error_unit(base, truth), unit)
    error = (restored[:, :1] - truth) / unit
    cost = ((error / knee).square() + 1).sqrt().sub(1).mul(2 * knee**2)
    spread = restored[:, 1:] / unit + 1e-3
    likelihood = spread.log() + error.detach().abs() / spread
    if noisy is not None:
        cost, likelihood = torch.where(noisy, error.square(), cost), torch.where(noisy, torch.zeros_like(likelihood), likelihood)
    fidelity = cost.mean()
    loss = fidelity + spread_weight * likelihood.mean()
    if fourier_weight:
        amplitude = (torch.fft.rfft2(error, norm="ortho")).abs().mean()
        loss = loss + fourier_weight * amplitude
    return loss, fidelity.detach()


def error_unit(base: Tensor, truth: Tensor) -> Tensor:
    """(N, 1, 1, 1): the unit of a sample's errors, the root-mean-square error of its input."""
    return FLOOR + (base - truth).square().mean((1, 2, 3), keepdim=True).sqrt()


def unit_by_place(base: Tensor, truth: Tensor) -> Tensor:
    """(N, 1, H, W): the unit of errors pixel by pixel: `error_unit`, and less where the input's error is less than its `NEAR`th part."""
    whole = error_unit(base, truth)
    squares = functional.avg_pool2d((base - truth).square(), PLACE, ceil_mode=True, count_include_pad=False)
    around = functional.avg_pool2d(squares, 3, stride=1, padding=1, count_include_pad=False).sqrt()
    here = functional.interpolate(around, size=truth.shape[-2:], mode="bilinear")
    return torch.minimum(whole, NEAR * here + whole / DEEPEST)
