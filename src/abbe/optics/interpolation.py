"""Steps between camera and file that mix neighbouring pixels, and so correlate their noise: registration and averaging."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.ndimage import shift

from abbe.errors import ParameterError

Plane = npt.NDArray[np.float32]


def registered(plane: npt.NDArray[np.floating], move: tuple[float, float], order: Literal[1, 3] = 1) -> Plane:
    """A plane (Y, X) moved by (y, x) pixels with linear or cubic interpolation, as drift correction and channel alignment do.

    White noise moved by a fraction d of a pixel by linear interpolation has variance d^2 + (1-d)^2 and lag-1 correlation
    d (1-d) / (d^2 + (1-d)^2) along that axis.
    """
    return np.asarray(shift(np.asarray(plane, np.float64), move, order=order, mode="nearest"), np.float32)


def averaged(frames: Sequence[npt.NDArray[np.floating]], moves: Sequence[tuple[float, float]] | None = None) -> Plane:
    """The mean of frames (Y, X), each first moved back by `moves` pixels where given."""
    if not len(frames) or (moves is not None and len(moves) != len(frames)):
        raise ParameterError(f"wanted at least one frame and a movement for each, got {len(frames)} and {len(moves or [])}")
    moved = frames if moves is None else [registered(frame, (-y, -x)) for frame, (y, x) in zip(frames, moves)]
    return np.asarray(np.mean(moved, axis=0), np.float32)
