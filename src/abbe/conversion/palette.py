"""A palette of 256 values for a kernel: the weights that 8 bits each can hold with the least squared error.

One-dimensional k-means (Lloyd, IEEE Trans Inf Theory 28:129, 1982), as in Han, Mao & Dally, "Deep compression", ICLR 2016. A uniform scale
(int8) spends most of its steps where few weights are, and shifts intensities; a palette follows the weights.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

COLOURS = 256
#: rounds of Lloyd's algorithm; the error changes by less than a thousandth after these
_ROUNDS = 30


class Palette(NamedTuple):
    """`values[indices]` is the kernel."""

    #: (256,) float16, ascending
    values: npt.NDArray[np.float16]
    #: uint8, the kernel's shape
    indices: npt.NDArray[np.uint8]

    @property
    def kernel(self) -> npt.NDArray[np.float32]:
        """The kernel, float32."""
        return np.asarray(self.values.astype(np.float32)[self.indices])


def palettise(kernel: npt.NDArray[np.floating]) -> Palette:
    """The palette of a kernel of any shape."""
    weights = np.sort(kernel.astype(np.float64).ravel())
    sums = np.concatenate([[0.0], np.cumsum(weights)])
    values = _start(weights)
    for _ in range(_ROUNDS):
        edges = np.searchsorted(weights, (values[1:] + values[:-1]) / 2)
        starts, ends = np.concatenate([[0], edges]), np.concatenate([edges, [len(weights)]])
        count = ends - starts
        values = values[count > 0]
        starts, ends, count = starts[count > 0], ends[count > 0], count[count > 0]
        values = (sums[ends] - sums[starts]) / count
    half = np.unique(values.astype(np.float16))
    at = half.astype(np.float64)
    indices = np.searchsorted((at[1:] + at[:-1]) / 2, kernel.astype(np.float64))
    filled = np.concatenate([half, np.full(COLOURS - len(half), half[-1], np.float16)])
    return Palette(filled, indices.astype(np.uint8))


def _start(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Values as dense as the cube root of the weights' density, the optimum for many values (Panter & Dite, Proc IRE 39:44, 1951).

    Started at quantiles, as dense as the weights, Lloyd's rounds end with a larger error than even steps have: the tails are left out.
    """
    different = np.unique(weights)
    if len(different) <= COLOURS:
        return different
    count, edges = np.histogram(weights, 1024)
    share = np.concatenate([[0.0], np.cumsum(np.cbrt(count))])
    return np.unique(np.interp((np.arange(COLOURS) + 0.5) / COLOURS * share[-1], share, edges))
