"""The discriminator of the adversarial training: a small PatchGAN with spectral normalisation.

It scores every neighbourhood of about forty output pixels by itself: is this candidate the specimen, given what was observed? (Isola et
al., "Image-to-image translation with conditional adversarial networks", CVPR 2017; Miyato et al., "Spectral normalization for generative
adversarial networks", ICLR 2018.) What it sees is divided by the contrast of the observed patch: like the restoring network, it does not
know how bright an image is.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

#: contrasts below this (in the unit of the signal) count as this: an empty patch is not blown up, nor what can be learnt from it
FAINTEST = 0.05
#: side of the surroundings that a candidate's fine detail stands out from (output pixels), and how much stronger it is shown
AROUND, STRONGER = 5, 4.0
SLOPE = 0.2


class Discriminator(nn.Module):
    """(N, C, H, W) observed, (N, 1, H, W) context or None, (N, 1, sH, sW) candidate -> (N, 1, sH / 2^k, sW / 2^k) scores, 1 for the truth.

    k is the number of `widths`. The last layer has no spectral normalisation: it sets the range of the scores.
    """

    def __init__(self, widths: tuple[int, ...], *, context: bool = False) -> None:
        super().__init__()
        self.context = context
        planes = (3 + int(context), *widths)  # observed, context, candidate, and the candidate's fine detail
        self.layers = nn.ModuleList(spectral_norm(nn.Conv2d(a, b, 4, 2, padding=1)) for a, b in pairwise(planes))
        self.score = nn.Conv2d(widths[-1], 1, 3, padding=1)

    def forward(self, observed: Tensor, context: Tensor | None, candidate: Tensor) -> Tensor:
        h = self.seen(observed, context, candidate).contiguous(memory_format=torch.channels_last)
        for layer in self.layers:
            h = functional.leaky_relu(layer(h), SLOPE)
        scores: Tensor = self.score(h)
        return scores

    def seen(self, observed: Tensor, context: Tensor | None, candidate: Tensor) -> Tensor:
        """All planes on the candidate's grid, with the observed patch's mean at 0 and its standard deviation at 1."""
        middle = observed[:, observed.shape[1] // 2 : observed.shape[1] // 2 + 1]
        mean, contrast = middle.mean((2, 3), keepdim=True), middle.std((2, 3), keepdim=True, correction=0).clamp_min(FAINTEST)
        given = middle if context is None or not self.context else torch.cat([middle, context], 1)
        if given.shape[2:] != candidate.shape[2:]:
            given = functional.interpolate(given, size=candidate.shape[2:], mode="bilinear", align_corners=False)
        shown = [given - mean, candidate - mean, STRONGER * fine_detail(candidate)]
        return torch.cat(shown, 1) / contrast


def fine_detail(image: Tensor) -> Tensor:
    """What of (N, 1, H, W) stands out from its surroundings."""
    return image - functional.avg_pool2d(image, AROUND, 1, AROUND // 2, count_include_pad=False)
