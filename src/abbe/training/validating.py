"""How near a held-out sample comes to what it should be."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

#: pixels that share their noise where the span of a truth that has some is measured
COARSE = 4
#: noise that is left after its own variance is taken from an error's square, as a share of it, at least
LEAST = 1e-3


def errors_of(base: Tensor, restored: Tensor, truth: Tensor, exposures: float) -> tuple[float, float]:
    """PSNR (dB) of `base`, the unrestored input, and of `restored`, (1, 1, H, W) all, between the truth's smallest and largest pixel.

    `exposures` above 0: the truth is the mean of all exposures but the input's. The mean square of their difference is the noise of one
    and of that mean, of which the mean has 1 / exposures. So much of any square error against it is no error of what was restored.
    """
    if not exposures:
        span, noise = float(truth.max() - truth.min()) + 1e-3, 0.0
    else:
        smooth = functional.avg_pool2d(truth, COARSE)
        span, noise = float(smooth.max() - smooth.min()) + 1e-3, float((base - truth).square().mean() / exposures)
    return _psnr(base, truth, span, noise), _psnr(restored, truth, span, noise)


def _psnr(a: Tensor, b: Tensor, span: float, noise: float) -> float:
    return float(10 * torch.log10(span**2 / ((a - b).square().mean() - noise).clamp_min(max(LEAST * noise, 1e-12))))
