"""What a ring correlation is compared with: one seventh, another number, or a curve that asks more of rings that hold few places."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from abbe.comparison.spectrum import Float
from abbe.errors import ParameterError

#: a number between 0 and 1, or a name of `NAMES`
Criterion: TypeAlias = float | Literal["1/7", "half-bit", "3-sigma"]

NAMES = ("1/7", "half-bit", "3-sigma")
#: the threshold in use for two images with independent noise (Rosenthal & Henderson 2003; Banterle et al. 2013)
ONE_SEVENTH = 1 / 7
#: signal-to-noise ratio of each of two frames whose sum holds half a bit of information per place: log2(1 + 2 SNR) = 1/2
HALF_BIT = (np.sqrt(2) - 1) / 2
#: standard deviations of chance
SIGMAS = 3.0


def checked(wanted: object) -> Criterion:
    """A criterion as it is written: 1/7, half-bit, 3-sigma, or a number. Raises `ParameterError`."""
    for name in NAMES:
        if wanted == name:
            return name  # type: ignore[return-value]
    try:
        number = float(wanted)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        number = 0.0
    if isinstance(wanted, bool) or not 0 < number < 1:
        raise ParameterError(f"wanted a threshold of ring correlation ({', '.join(NAMES)}, or a number between 0 and 1), got {wanted!r}")
    return number


def told(criterion: Criterion) -> str:
    """The criterion in a word: 1/7, half-bit, 3-sigma, 0.25."""
    return criterion if isinstance(criterion, str) else "1/7" if criterion == ONE_SEVENTH else f"{criterion:g}"


def threshold(criterion: Criterion, places: Float) -> float | Float:
    """The threshold of rings that hold so many places of the whole spectrum: van Heel & Schatz, J Struct Biol 151:250 (2005).

    half-bit: (SNR + (2 sqrt(SNR) + 1) / sqrt(n)) / (1 + SNR + 2 sqrt(SNR) / sqrt(n)), with SNR = (sqrt(2) - 1) / 2 in each frame.
    3-sigma: 3 / sqrt(n / 2), since half of the places are the others' mirror images.
    """
    if criterion == "half-bit":
        return _bits(HALF_BIT, places)
    if criterion == "3-sigma":
        return _chance(places)
    return ONE_SEVENTH if isinstance(criterion, str) else criterion


def threshold_of_quarters(criterion: Criterion, places: Float) -> float | Float:
    """The same for the correlation that two whole frames would have, where that of their quarters was measured, twice.

    What chance gives belongs to what was measured: quarters have a quarter of the signal-to-noise ratio, and both pairs of them twice the
    places. So the curve is that of the quarters, brought to whole frames as the correlation itself is.
    """
    if criterion == "half-bit":
        return of_whole_frames(_bits(HALF_BIT / 4, 2 * places))
    if criterion == "3-sigma":
        return of_whole_frames(_chance(2 * places))
    return threshold(criterion, places)


def of_whole_frames(quarters: Float) -> Float:
    """The correlation F of quarters of two frames' pixels as whole frames would have it: 4 F / (1 + 3 F)."""
    whole: Float = 4 * quarters / (1 + 3 * quarters)
    return whole


def _bits(snr: float, places: Float) -> Float:
    root = np.sqrt(np.maximum(places, 1))
    curve: Float = (snr + (2 * np.sqrt(snr) + 1) / root) / (1 + snr + 2 * np.sqrt(snr) / root)
    return curve


def _chance(places: Float) -> Float:
    curve: Float = SIGMAS / np.sqrt(np.maximum(places, 1) / 2)
    return curve
