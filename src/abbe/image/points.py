"""Points that no lens makes: hot pixels of a camera are bright alone, and light reaches the pixels beside."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from abbe.image.pixels import Array

#: share of a pixel's brightness that three of the four beside it have at least, where a lens made it: a Gaussian of 0.45 pixels, narrower
#: than a camera behind any objective records, has 0.13
SHARED = 0.1


def are_sharp(plane: Array, y: npt.NDArray[np.intp], x: npt.NDArray[np.intp], level: float) -> npt.NDArray[np.bool_]:
    """Of pixels far from `level`, the ground: does each stand out from those beside it more than light through a lens can?"""
    rows, columns = plane.shape
    own = plane[y, x].astype(np.float64) - level
    # the edge has no neighbour outside: the one opposite stands for it
    near = [(np.where(y > 0, y - 1, min(1, rows - 1)), x), (np.where(y < rows - 1, y + 1, max(0, rows - 2)), x)]
    near += [(y, np.where(x > 0, x - 1, min(1, columns - 1))), (y, np.where(x < columns - 1, x + 1, max(0, columns - 2)))]
    beside = np.stack([np.sign(own) * (plane[at].astype(np.float64) - level) for at in near])
    sharp: npt.NDArray[np.bool_] = np.sort(beside, axis=0)[1] < SHARED * abs(own)
    return sharp
