"""PSNR and NRMSE against a reference, raw and after the best gain and offset."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from abbe.comparison.records import Number, Undefined
from abbe.comparison.squirrel import Sums, why_undefined
from abbe.errors import ParameterError

IDENTICAL = Undefined("the two images are identical: the error is 0, and the ratio has no upper end")


def mean_square(sums: Sums) -> float:
    """Mean of (x - y)^2; `sums` are about fixed centres."""
    n = max(sums.n, 1)
    d = sums.centre[0] - sums.centre[1]
    total = sums.xx + sums.yy - 2 * sums.xy + 2 * d * (sums.x - sums.y) + sums.n * d * d
    return max(total, 0.0) / n


def psnr_of(error: float, data_range: Number) -> Number:
    """10 log10(range^2 / mean square error), dB."""
    if isinstance(data_range, Undefined):
        return data_range
    return IDENTICAL if error <= (1e-12 * data_range) ** 2 else 10 * math.log10(data_range**2 / error)


def psnr(image: npt.ArrayLike, reference: npt.ArrayLike, data_range: float | None = None, *, affine: bool = False) -> Number:
    """Peak signal-to-noise ratio in dB.

    Args:
        image, reference: arrays of one shape.
        data_range: the peak; None: largest minus smallest value of the reference.
        affine: first give the image the gain and offset that bring it closest to the reference (range-invariant PSNR,
            Weigert et al., Nature Methods 15:1090, 2018).
    """
    a, b = _pair(image, reference)
    error = Sums.of(a, b).rest() if affine else _error(a, b)
    return psnr_of(error, data_range if data_range is not None else range_of(b))


def nrmse(image: npt.ArrayLike, reference: npt.ArrayLike, data_range: float | None = None) -> Number:
    """Root mean square error over the reference's range (largest minus smallest value, unless `data_range` says otherwise)."""
    a, b = _pair(image, reference)
    return nrmse_of(_error(a, b), data_range if data_range is not None else range_of(b))


def nrmse_of(error: float, data_range: Number) -> Number:
    return data_range if isinstance(data_range, Undefined) else math.sqrt(error) / data_range


def affine_gain(sums: Sums) -> tuple[float, float] | Undefined:
    """(gain, offset) that bring x closest to y."""
    return why_undefined(sums) or sums.line()


def range_of(reference: npt.NDArray[np.float64]) -> Number:
    span = float(reference.max() - reference.min())
    return span if span > 0 else Undefined("the reference is constant: it has no range")


def _error(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    difference = (a - b).ravel()
    return float(np.einsum("i,i->", difference, difference)) / max(a.size, 1)


def _pair(image: npt.ArrayLike, reference: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    a, b = np.asarray(image, np.float64), np.asarray(reference, np.float64)
    if a.shape != b.shape:
        raise ParameterError(f"wanted two arrays of one shape, got {a.shape} and {b.shape}; enlarge one to the other's grid first")
    return a, b
