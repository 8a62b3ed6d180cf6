"""Noise that differs between every other pixel, as one colour of a colour camera has it.

Such a camera measures red and blue in a quarter of its pixels, green in half, and makes the others of these (`abbe.optics.colour`). What
was measured is rougher than what was made, and of red and blue one place in each 2 x 2 pixels was measured: it is noisier than each of
the other three. Photographs were first told so by Popescu & Farid (IEEE Trans Signal Process 53:3948, 2005) and Gallagher & Chen (CVPR
workshops 2008). Where lines of a scanner differ, or columns of a camera, two places are alike, and so they are in green.

Noise of red and blue is smooth over two and more pixels, as structure is. A denoiser that has to tell all kinds of noise apart leaves
much of it; one that has learnt this kind alone does not. What green has is close to other noise, and needs no weights of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from abbe.image import Notice
from abbe.image.pixels import Pixels
from abbe.restoration.engine import Engine, runner
from abbe.restoration.stage import Stage, Variant
from abbe.zoo import Model

#: side of a block whose roughness by place is compared, and of the windows that are looked at (pixels)
BLOCK, WINDOW = 16, 256
#: windows that are looked at, at most, of as many planes at most
WINDOWS, PLANES = 16, 4
#: blocks that have to be compared, at least: of a plane of 128 x 128
FEWEST = 49
#: by how much, of the mean over the four, and how surely (standard errors) the noisiest place has to be noisier than each of the others.
#: Measured: red and blue of a colour camera 0.27 and 26 at least (FMD widefield; Zhang et al., CVPR 2019); of 606 channels of other real
#: and simulated images none has both: 0.04 at 6.5 errors, 0.34 at 2.7
APART, SURE = 0.1, 10.0
#: standard deviation (pixels) of the Gaussian of which all that is finer counts as noise: structure is alike in all four
BROAD = 2.5
#: a pixel that is no measurement (1e300) overflows nothing
HIGHEST = 1e100


def weights_for_mosaics(pixels: Pixels, model: Model, on: Engine) -> dict[int, Variant]:
    """By channel of (T, C, Z, Y, X) the model's weights for such images, where it has some and the channel is one."""
    other = model.for_mosaic
    found = [c for c in range(pixels.shape[1]) if has_mosaic(pixels, c)] if other is not None else []
    return dict.fromkeys(found, Variant(other, runner(other, on))) if other is not None and found else {}


def found_mosaics(others: Mapping[int, Variant]) -> dict[str, Any]:
    """For the recipe: which channels these are, and what the weights were."""
    card = next(iter(others.values())).model.card
    return {"mosaic": sorted(others)} | ({"mosaic_digest": card.mosaic.digest} if card.mosaic else {})


def about_mosaics(first: Stage, names: Sequence[str]) -> list[Notice]:
    """What is to be known after a step that found some."""
    found = [names[c] for c in first.found.get("mosaic", ())]
    if not found:
        return []
    return [
        Notice(
            "mosaic",
            f"{', '.join(found)}: noise differs between every other pixel, as in red or blue of a colour camera, which measures these in a "
            "quarter of its pixels and makes the others of them; denoised by weights for such cameras. Detail as fine as two pixels was "
            "guessed by the camera, not measured",
        )
    ]


def has_mosaic(pixels: Pixels, channel: int) -> bool:
    """Is a channel of (T, C, Z, Y, X) red or blue of a colour camera, by its noise."""
    shares = np.concatenate([by_place(window) for window in windows(pixels, channel)])
    if len(shares) < FEWEST:
        return False
    y, x = np.unravel_index(int(shares.mean(axis=0).argmax()), (2, 2))
    others = ((y, 1 - x), (1 - y, x), (1 - y, 1 - x))
    return all(_stands_out(shares[:, y, x] - shares[:, other[0], other[1]]) for other in others)


def _stands_out(differences: npt.NDArray[np.float64]) -> bool:
    """Is the mean of so many blocks' differences as large, and as surely, as it has to be."""
    mean, error = float(differences.mean()), float(differences.std() / np.sqrt(len(differences)))
    return mean >= APART and mean >= SURE * error


def by_place(window: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(blocks, 2, 2): power of all that is not broad by place on a grid of 2 x 2 pixels, over its mean in the block."""
    values = np.clip(window, -HIGHEST, HIGHEST)
    rough = (values - gaussian_filter(values, BROAD))[2:-2, 2:-2] ** 2
    y, x = (side // BLOCK for side in rough.shape)
    blocks = rough[: y * BLOCK, : x * BLOCK].reshape(y, BLOCK // 2, 2, x, BLOCK // 2, 2).mean(axis=(1, 4)).swapaxes(1, 2).reshape(-1, 2, 2)
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
