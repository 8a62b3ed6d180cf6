"""The restoration network: a residual U-Net of dense 3x3 convolutions, positively homogeneous.

No layer has a bias and no layer normalises, so that f(a x) = a f(x) for every a > 0: a dim cell beside a bright one is
restored as if the bright one were not there, and brightness is kept over the whole range of a camera (Mohan et al.,
"Robust and interpretable blind image denoising via bias-free convolutional neural networks", ICLR 2020). What the network
is told about an image (its anisotropy, say) enters as gains on feature channels, which keeps that property.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

#: standard deviation (input pixels) of the blur below which a super-resolving network keeps light where it is, and the reach of its kernel
KEPT, REACH = 2.0, 6


@dataclass(frozen=True, slots=True)
class Architecture:
    """The shape of a `Restorer`.

    Attributes:
        widths: feature channels per level, finest first; multiples of 16 suit matrix units.
        blocks: residual blocks per level, on the way down and again on the way up; the last level has them once.
        channels: planes given as input.
        scale: output pixels per input pixel along a side.
        unshuffle: the network works on a grid this much coarser, with as many sub-pixels as features (1: on the input's own).
        told: how many numbers it is told about the image.
        context: whether what the levels and models before this one made of the image comes along.
        spread_width: feature channels of a layer that the spread of the error has to itself (0: the spread is linear in what the estimate
            is made of).
    """

    widths: tuple[int, ...]
    blocks: tuple[int, ...]
    channels: int = 1
    scale: int = 1
    unshuffle: int = 1
    told: int = 0
    context: bool = False
    #: the context is the coarser level's result of the same network: the residual is then over the observed image
    levels: bool = False
    spread_width: int = 0

    @property
    def multiple(self) -> int:
        """Input sides must be multiples of this."""
        return int(self.unshuffle * 2 ** (len(self.widths) - 1))

    @property
    def receptive_field(self) -> int:
        """Input pixels that a result depends on, to each side."""
        reach = self.unshuffle - 1
        step = step_of_spread = self.unshuffle
        reach += 2 * step  # head and tail
        for level, count in enumerate(self.blocks):
            last = level == len(self.blocks) - 1
            reach += step * 2 * count * (1 if last else 2)
            if not last:
                reach += step  # the two-pixel wide descent
                step *= 2
        return reach + (2 + REACH + 2 if self.scale > 1 else 0) + (step_of_spread if self.spread_width else 0)


class Block(nn.Module):
    """x + conv(relu(conv(x))), with channel gains from what the network is told."""

    def __init__(self, width: int, told: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.gain = _no_gain(told, width) if told else None
        nn.init.kaiming_normal_(self.first.weight)
        nn.init.normal_(self.second.weight, std=0.1 * (2 / (9 * width)) ** 0.5)

    def forward(self, x: Tensor, told: Tensor | None) -> Tensor:
        h = functional.relu(self.first(x))
        if self.gain is not None and told is not None:
            h = h * (1 + self.gain(told))[:, :, None, None]
        return x + self.second(h)


def _no_gain(told: int, width: int) -> nn.Linear:
    """What a network is told -> what is added to 1 as the gain of each channel; at first 0."""
    gain = nn.Linear(told, width)
    nn.init.zeros_(gain.weight)
    nn.init.zeros_(gain.bias)
    return gain


class LightKept(nn.Module):
    """What of a residual (N, 1, scale H, scale W) is broad, (N, 1, H, W): light may be moved by a few input pixels, not made or lost.

    At frequencies far below the lens's limit an image holds the specimen as it is: what a network changes there can only be wrong. What is
    to be taken away is the residual's mean over the input's pixels, blurred by a Gaussian of `KEPT` input pixels.
    """

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale
        at = torch.arange(-REACH, REACH + 1, dtype=torch.float32)
        line = torch.exp(-((at / KEPT) ** 2) / 2)
        self.register_buffer("line", line / line.sum(), persistent=False)

    def forward(self, residual: Tensor) -> Tensor:
        line = self.get_buffer("line").to(residual.dtype)
        broad = functional.avg_pool2d(residual, self.scale)
        broad = functional.conv2d(functional.pad(broad, (0, 0, REACH, REACH), mode="replicate"), line.view(1, 1, -1, 1))
        return functional.conv2d(functional.pad(broad, (REACH, REACH, 0, 0), mode="replicate"), line.view(1, 1, 1, -1))


class Restorer(nn.Module):
    """(N, channels, H, W) -> (N, 2, scale H, scale W): the estimate, and the spread (>= 0) of its error, both in the input's unit.

    `base` is what the residual is added to: the context of a chain, else the middle input plane, enlarged where the scale is not 1.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        a = self.architecture = architecture
        w = a.widths
        planes = (a.channels + int(a.context)) * a.unshuffle**2
        self.head = nn.Conv2d(planes, w[0], 3, padding=1, bias=False)
        self.down_blocks = nn.ModuleList(nn.ModuleList(Block(w[i], a.told) for _ in range(a.blocks[i])) for i in range(len(w) - 1))
        self.down = nn.ModuleList(nn.Conv2d(w[i], w[i + 1], 2, 2, bias=False) for i in range(len(w) - 1))
        self.middle = nn.ModuleList(Block(w[-1], a.told) for _ in range(a.blocks[-1]))
        self.up = nn.ModuleList(nn.Conv2d(w[i + 1], 4 * w[i], 1, bias=False) for i in range(len(w) - 1))
        self.up_blocks = nn.ModuleList(nn.ModuleList(Block(w[i], a.told) for _ in range(a.blocks[i])) for i in range(len(w) - 1))
        factor = a.unshuffle * a.scale
        self.fine = 16 if a.scale > 1 else 0
        if self.fine:
            self.finer = nn.Conv2d(w[0], self.fine * factor**2, 3, padding=1, bias=False)
        # how much is added at all is told directly: all of these gains alike scale the residual
        self.exit = nn.ModuleDict({"gain": _no_gain(a.told, w[0])}) if self.fine and a.told else None
        self.tail = nn.Conv2d(self.fine or w[0], 1 if self.fine else factor**2, 3, padding=1, bias=False)
        spread = nn.Conv2d(a.spread_width or self.fine or w[0], 1 if self.fine else factor**2, 3, padding=1, bias=False)
        self.kept = LightKept(a.scale) if a.scale > 1 else None
        nn.init.normal_(self.tail.weight, std=1e-3)
        nn.init.normal_(spread.weight, std=1e-2)
        own = nn.Conv2d(self.fine or w[0], a.spread_width, 3, padding=1, bias=False) if a.spread_width else None
        self.spread = spread if own is None else nn.Sequential(own, nn.ReLU(), spread)

    def base(self, observed: Tensor, context: Tensor | None = None) -> Tensor:
        return self.enlarged(self.corrected(observed, context))

    def corrected(self, observed: Tensor, context: Tensor | None = None) -> Tensor:
        """(N, 1, H, W): what the residual is added to, on the input's grid."""
        if context is not None and not self.architecture.levels:
            return context
        return observed[:, self.architecture.channels // 2 : self.architecture.channels // 2 + 1]

    def enlarged(self, image: Tensor) -> Tensor:
        if self.architecture.scale == 1:
            return image
        return functional.interpolate(image, scale_factor=float(self.architecture.scale), mode="bilinear", align_corners=False)

    def finest(self) -> list[nn.Module]:
        """The layers that make the estimate out of the features on the finest grid inside."""
        return [self.up_blocks[0], *([self.finer] if self.fine else []), self.tail]

    def outer(self) -> list[nn.Module]:
        """All layers but those on the coarsest grid, which hold half of the weights."""
        return [part for name, part in self.named_children() if name != "middle"]

    def features(self, observed: Tensor, context: Tensor | None, told: Tensor | None) -> Tensor:
        a = self.architecture
        x = observed if context is None else torch.cat([observed, context], 1)
        h = self.head(functional.pixel_unshuffle(x, a.unshuffle) if a.unshuffle > 1 else x)
        kept = []
        for blocks, down in zip(self.down_blocks, self.down):
            for block in blocks:
                h = block(h, told)
            kept.append(h)
            h = down(h)
        for block in self.middle:
            h = block(h, told)
        for i in reversed(range(len(self.up))):
            h = functional.pixel_shuffle(self.up[i](h), 2) + kept[i]
            for block in self.up_blocks[i]:
                h = block(h, told)
        if self.exit is not None and told is not None:
            h = h * (1 + self.exit["gain"](told))[:, :, None, None]
        if self.fine:
            h = functional.pixel_shuffle(functional.relu(self.finer(h)), a.unshuffle * a.scale)
        return h

    def forward(self, observed: Tensor, context: Tensor | None = None, told: Tensor | None = None) -> Tensor:
        h = self.features(observed, context, told)
        # the spread learns from the features without bending them
        residual, spread = self.tail(h), self.spread(h.detach()).abs()
        if not self.fine and self.architecture.unshuffle > 1:
            residual = functional.pixel_shuffle(residual, self.architecture.unshuffle)
            spread = functional.pixel_shuffle(spread, self.architecture.unshuffle)
        residual, below = residual.float(), self.corrected(observed, context).float()
        if self.kept is not None:
            below = below - self.kept(residual)
        return torch.cat([self.enlarged(below) + residual, spread.float()], 1)
