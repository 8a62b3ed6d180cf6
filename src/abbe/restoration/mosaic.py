"""Noise that differs between every other pixel, as one colour of a colour camera has it.

Such a camera measures red and blue in a quarter of its pixels, green in half, and makes the others of these (`abbe.optics.colour`). What
was measured is rougher than what was made, and of red and blue one place in each 2 x 2 pixels was measured: it is noisier than each of
the other three. Photographs were first told so by Popescu & Farid (IEEE Trans Signal Process 53:3948, 2005) and Gallagher & Chen (CVPR
workshops 2008). Where lines of a scanner differ, or columns of a camera, two places are alike, and so they are in green.

Noise of red and blue is smooth over two and more pixels, as structure is, most of all where a camera softens its colours. A denoiser that
has to tell all kinds of noise apart leaves much of it; one that has learnt this kind alone does not. What green has, and what interpolation
alone leaves, is close to other noise, and needs no weights of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from abbe.image import Image, Notice
from abbe.image.pixels import Pixels
from abbe.restoration.engine import Engine, runner
from abbe.restoration.request import MosaicChoice, choose_mosaic
from abbe.restoration.sampling import made_here
from abbe.restoration.stage import Variant
from abbe.zoo import Model

#: side of a block whose roughness by place is compared, and of the windows that are looked at (pixels)
BLOCK, WINDOW = 16, 256
#: windows that are looked at, at most, of as many planes at most
WINDOWS, PLANES = 16, 4
#: blocks that have to be compared, at least: of a plane of 128 x 128. The one real colour camera measured is told from 190 x 190 on
FEWEST = 49
#: by how much, of the mean over the four, and how surely (standard errors) the noisiest place has to be noisier than each of the others.
#: Measured: red and blue of a colour camera 0.27 and 26 at least (FMD widefield; Zhang et al., CVPR 2019); of 606 channels of other real
#: and simulated images none has both: 0.04 at 6.5 errors, 0.34 at 2.7
APART, SURE = 0.1, 7.0
#: how noisy the place across is, of the mean of the two beside, at least. Linear interpolation leaves 0.36 to 0.59 there (simulated), and
#: the denoiser's own weights are as good; gradients of other colours and softened ones 0.56 to 1.35, FMD's camera 1.28
SOFTENED = 0.62
#: standard deviation (pixels) of the Gaussian of which all that is finer counts as noise: structure is alike in all four
BROAD = 2.5
#: a pixel that is no measurement (1e300) overflows nothing
HIGHEST = 1e100


@dataclass(frozen=True, slots=True)
class Mosaics:
    """What a run is to take for red or blue of a colour camera.

    `names`: of the chosen channels; `wanted`: one per channel, or None: their noise tells.
    """

    names: tuple[str, ...] = ()
    wanted: tuple[bool, ...] | None = None

    @classmethod
    def of(cls, image: Image, chosen: Sequence[int], wanted: MosaicChoice, steps: Iterable[str]) -> Mosaics:
        """As `enhance` was asked. Networks leave patterns of their own, so nothing is told from the noise of a result. Raises
        `ParameterError`."""
        which = choose_mosaic(wanted, tuple(steps), len(chosen))
        return cls(tuple(image.channels[c] for c in chosen), (False,) * len(chosen) if which is None and made_here(image) else which)

    def found(self, pixels: Pixels, model: Model) -> Found:
        """In (T, C, Z, Y, X), before anything is done to it; nothing is looked for where a denoiser has no weights for it."""
        if self.wanted is None and model.card.mosaic is None:
            return Found()
        which = tuple(has_mosaic(pixels, c) for c in range(pixels.shape[1])) if self.wanted is None else self.wanted
        return Found(which, model.for_mosaic, [name for name, one in zip(self.names, which) if one])


#: where nothing is denoised
NOWHERE = Mosaics()


@dataclass(frozen=True, slots=True)
class Found:
    """Which channels of an image those are, by number and by name, and the weights for them; None: there are none."""

    which: tuple[bool, ...] = ()
    model: Model | None = None
    names: Sequence[str] = ()

    def others(self, on: Engine) -> dict[int, Variant]:
        """Their weights, by channel."""
        if self.model is None or not any(self.which):
            return {}
        return dict.fromkeys((c for c, one in enumerate(self.which) if one), Variant(self.model, runner(self.model, on)))

    def account(self) -> dict[str, Any]:
        """For the recipe: `mosaic`, one per channel of the step, and what the weights were."""
        used = self.model is not None and self.model.card.mosaic is not None and any(self.which)
        return {"mosaic": list(self.which), "mosaic_digest": self.model.card.mosaic.digest} if used else {}  # type: ignore[union-attr]

    def notices(self) -> list[Notice]:
        if not self.names:
            return []
        named = ", ".join(self.names)
        if self.model is None:
            return [Notice("mosaic", f"{named}: weights for colour cameras were not used: the denoiser has none, or none for that realism")]
        return [
            Notice(
                "mosaic",
                f"{named}: denoised by weights for red and blue of colour cameras. One pixel in four is noisier than the others, as where "
                "a camera measures these in a quarter of its pixels and makes the others of them: detail as fine as two pixels was guessed "
                "by it, not measured",
            )
        ]


def mosaics_in(image: Image) -> tuple[bool, ...]:
    """Of each channel, is it red or blue of a colour camera, by its noise; none of a result is."""
    count = image.shape[1]
    return (False,) * count if made_here(image) else tuple(has_mosaic(image.pixels, c) for c in range(count))


def has_mosaic(pixels: Pixels, channel: int) -> bool:
    """Is a channel of (T, C, Z, Y, X) red or blue of a colour camera, by its noise."""
    shares = np.concatenate([by_place(window) for window in windows(pixels, channel)])
    if len(shares) < FEWEST:
        return False
    mean = shares.mean(axis=0)
    y, x = np.unravel_index(int(mean.argmax()), (2, 2))
    beside, across = ((y, 1 - x), (1 - y, x)), (1 - y, 1 - x)
    if mean[across] < SOFTENED * (mean[beside[0]] + mean[beside[1]]) / 2:
        return False
    return all(_stands_out(shares[:, y, x] - shares[:, other[0], other[1]]) for other in (*beside, across))


def _stands_out(differences: npt.NDArray[np.float64]) -> bool:
    """Is the mean of so many blocks' differences as large, and as surely, as it has to be."""
    mean, error = float(differences.mean()), float(differences.std() / np.sqrt(len(differences)))
    return mean >= APART and mean >= SURE * error


def by_place(window: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(blocks, 2, 2): variance of all that is not broad by place on a grid of 2 x 2 pixels, over its mean in the block."""
    values = np.clip(window, -HIGHEST, HIGHEST)
    rough = (values - gaussian_filter(values, BROAD))[2:-2, 2:-2]
    y, x = (side // BLOCK for side in rough.shape)
    blocks = rough[: y * BLOCK, : x * BLOCK].reshape(y, BLOCK // 2, 2, x, BLOCK // 2, 2).var(axis=(1, 4)).swapaxes(1, 2).reshape(-1, 2, 2)
    mean = blocks.mean(axis=(1, 2))
    return np.asarray(blocks[mean > 0] / mean[mean > 0, None, None])


def windows(pixels: Pixels, channel: int) -> list[npt.NDArray[np.float64]]:
    """Some windows of a channel, spread evenly, that begin at even pixels: (Y, X) float64."""
    t, _, z, y, x = pixels.shape
    planes = np.unique(np.linspace(0, t * z - 1, PLANES).round().astype(int))
    each = WINDOWS // len(planes)
    down = max(1, min(y // WINDOW, int(np.sqrt(each))))
    across = max(1, min(x // WINDOW, each // down))
    found = []
    for plane in planes:
        frame, depth = divmod(int(plane), z)
        for top in np.unique(np.linspace(0, max(0, y - WINDOW), down).astype(int) // 2 * 2):
            for left in np.unique(np.linspace(0, max(0, x - WINDOW), across).astype(int) // 2 * 2):
                rows, columns = slice(int(top), min(int(top) + WINDOW, y)), slice(int(left), min(int(left) + WINDOW, x))
                where = (slice(frame, frame + 1), slice(channel, channel + 1), slice(depth, depth + 1), rows, columns)
                found.append(np.nan_to_num(pixels.read(where)[0, 0, 0].astype(np.float64), posinf=0.0, neginf=0.0))
    return found
