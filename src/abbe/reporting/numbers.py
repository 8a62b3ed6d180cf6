"""One way to write a number, so that every output of a report shows the same digits."""

from __future__ import annotations

import math

#: significant digits: more than any of the measures is reproducible between programs, and few enough to read
DIGITS = 6
#: integers up to this are exact in every program, a spreadsheet's cells included
EXACT = 10**15


def rounded(value: float) -> float | int:
    """The number as every output shows it. Counts stay whole."""
    if isinstance(value, int) and abs(value) <= EXACT:
        return value
    near = float(f"{value:.{DIGITS}g}")
    return int(near) if near.is_integer() and abs(near) <= EXACT else near


def digits(value: float) -> str:
    """The number as text: plain decimals where they are short, else with an exponent; `float(digits(v)) == rounded(v)`."""
    if not math.isfinite(value):
        raise ValueError("a number that is not finite is undefined, and its reason is to be shown instead")
    number = rounded(value)
    if isinstance(number, int) or number == 0:
        return str(int(number))
    return repr(number) if 1e-4 <= abs(number) <= EXACT else f"{number:.{DIGITS - 1}e}"
