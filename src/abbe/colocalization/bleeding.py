"""Does one channel's light bleed through into the other? Then every bright structure of it is seen there, in a fixed share.

Bright structures are compared one by one, not pixel by pixel: the mean over a structure has little noise. Of what the target has there over
its dark places, relative to the source, the lowest tenth is taken, which structures of the target's own do not raise. So that a structure
within something wide (a nucleus in stained cytoplasm) is not taken for one that bleeds, the target must be brighter on the structures than
just around them, too, in at least half of that share.

On simulated unrelated spots and filaments of 100 photons, of which 10 % and more bleed through, the share comes out right to a tenth; with
none, nothing is hinted at. A source without fine structure of its own tells nothing beside a target with much of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, label, maximum_filter, mean

#: share of a channel's brightness that is always found in the other, from which bleed-through is hinted at
BLEEDING = 0.05
#: smoothing before, in pixels
SMOOTHED = 1.0
#: part of the pixels that are bright, and that are dark
BRIGHT, DARK = 0.02, 0.5
#: fewer structures than this tell nothing: the target's own may lie on all of them
FEWEST = 12
#: the lowest share of this part of the structures counts
LOWEST = 0.1
#: of the surroundings of a structure: how far off they begin and end, in pixels
NEAR, FAR = 3, 8

Float = npt.NDArray[np.floating[Any]]


def bleeding(source: Float, target: Float, inside: npt.NDArray[np.bool_] | None = None) -> float | None:
    """Least share of the source's brightness found in the target on the source's bright structures; None where it cannot be told.

    Both (Y, X); `inside` is False at pixels that do not count.
    """
    counted = np.ones(source.shape, bool) if inside is None else inside
    one, two = (gaussian_filter(np.where(counted, channel, np.median(channel[counted])), SMOOTHED) for channel in (source, target))
    dark_to, bright_from = np.quantile(one[counted], (DARK, 1 - BRIGHT))
    structures, count = label((one >= bright_from) & (one > dark_to) & counted, np.ones((3, 3)))
    if count < FEWEST:
        return None
    numbers = np.arange(1, count + 1)
    dark = counted & (one <= dark_to)
    light, found = mean(one, structures, numbers), mean(two, structures, numbers)
    over = (found - np.quantile(two[dark], LOWEST)) / (light - np.median(one[dark]))
    share = _lowest(over)
    around = maximum_filter(structures, 2 * FAR + 1)
    around[(maximum_filter(structures, 2 * NEAR + 1) > 0) | ~counted] = 0
    there = np.flatnonzero(np.bincount(around.ravel(), minlength=count + 1)[1:])
    if len(there) < FEWEST:
        return None
    steps = [own[there] - mean(channel, around, there + 1) for channel, own in ((one, light), (two, found))]
    local = np.median(steps[1] / np.maximum(steps[0], 1e-12 * max(float(np.abs(steps[0]).max()), 1e-300)))
    return share if local > share / 2 else min(share, float(local))


def _lowest(shares: Float) -> float:
    """The share that `LOWEST` of the structures are below; of few structures, one that is lower still, as far as chance goes (95 %)."""
    n = len(shares)
    place = LOWEST * n - 1.64 * np.sqrt(LOWEST * (1 - LOWEST) * n)
    return float(np.sort(shares)[max(int(place), 0)])
