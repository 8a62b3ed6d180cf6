"""Steps between camera and file that mix neighbouring pixels, and so correlate their noise: colour mosaics, registration, averaging."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.ndimage import convolve, shift

from abbe.errors import ParameterError

Plane = npt.NDArray[np.float32]
Colour = Literal["red", "green", "blue"]

#: what bilinear demosaicing makes of the pixels of a colour: each missing one is the mean of its neighbours that have it
_CROSS = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]]) / 4
_SQUARE = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 4


def mosaic(shape: tuple[int, int], colour: Colour) -> npt.NDArray[np.bool_]:
    """(Y, X) True where a sensor with Bayer's pattern (US patent 3,971,065; rows RGRG, GBGB) has a filter of this colour."""
    rows, columns = np.indices(shape) % 2
    places = {"red": (rows == 0) & (columns == 0), "green": rows != columns, "blue": (rows == 1) & (columns == 1)}
    if colour not in places:
        raise ParameterError(f"wanted red, green or blue, got {colour!r}")
    return np.asarray(places[colour])


def debayered(counts: npt.NDArray[np.floating], colour: Colour) -> Plane:
    """One colour of a plane (Y, X) that was taken through a Bayer mosaic, by bilinear interpolation.

    Half (green) or a quarter of the pixels are measured, the others means of 2 or 4 of these: lag-1 correlations of 0.5 and more.
    """
    measured = np.where(mosaic((counts.shape[0], counts.shape[1]), colour), counts, 0)
    return np.asarray(convolve(measured, _CROSS if colour == "green" else _SQUARE, mode="mirror"), np.float32)


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
