"""`Moments`: number, sums and sums of products of two channels over some pixels; Pearson's r follows from them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

#: exact for integer images
Number: TypeAlias = int | float

#: relative rounding of a sum in double precision, with room for the number of its terms; a variance below it is none
ROUNDING = 1e-12
#: why there is no number where double precision ends
OUT_OF_RANGE = "the values are too large or too small to compute it"


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over some pixels of a, b, a^2, b^2, ab, about a pivot (p, q): of a - p and b - q.

    Integers about (0, 0) are exact; floats are summed about a pivot near their mean, so that a large offset costs no digits.
    """

    n: int = 0
    a: Number = 0
    b: Number = 0
    aa: Number = 0
    bb: Number = 0
    ab: Number = 0
    p: Number = 0
    q: Number = 0

    def __sub__(self, other: Moments) -> Moments:
        """The pixels that are not among `other`."""
        return Moments(
            self.n - other.n,
            self.a - other.a,
            self.b - other.b,
            self.aa - other.aa,
            self.bb - other.bb,
            self.ab - other.ab,
            self.p,
            self.q,
        )

    def sums(self) -> tuple[Number, ...]:
        """n, a, b, aa, bb, ab, about the pivot."""
        return self.n, self.a, self.b, self.aa, self.bb, self.ab

    # ------------------------------------------------------------------------------------------ plain sums
    @property
    def sum_a(self) -> Number:
        return self.a + self.n * self.p

    @property
    def sum_b(self) -> Number:
        return self.b + self.n * self.q

    @property
    def sum_aa(self) -> Number:
        return self.aa + 2 * self.p * self.a + self.n * self.p * self.p

    @property
    def sum_bb(self) -> Number:
        return self.bb + 2 * self.q * self.b + self.n * self.q * self.q

    @property
    def sum_ab(self) -> Number:
        return self.ab + self.p * self.b + self.q * self.a + self.n * self.p * self.q

    @property
    def mean_a(self) -> float:
        return float(Fraction(self.a) / self.n + Fraction(self.p)) if self.n else math.nan

    @property
    def mean_b(self) -> float:
        return float(Fraction(self.b) / self.n + Fraction(self.q)) if self.n else math.nan

    # ------------------------------------------------------------------------------------------ about the mean
    def centred(self) -> tuple[float, float, float]:
        """(sum (a-A)^2, sum (b-B)^2, sum (a-A)(b-B)); a square that is no more than rounding is 0."""
        if self.n == 0:
            return 0.0, 0.0, 0.0
        if all(isinstance(s, int) for s in (self.a, self.b, self.aa, self.bb, self.ab)):
            n, a, b = self.n, int(self.a), int(self.b)
            return (n * int(self.aa) - a * a) / n, (n * int(self.bb) - b * b) / n, (n * int(self.ab) - a * b) / n
        if not all(map(math.isfinite, (self.a, self.b, self.aa, self.bb, self.ab))):
            return math.nan, math.nan, math.nan
        # counts that come as floats have exact sums, so what follows from them is exact too: no covariance is 0, not nearly 0
        x, y = Fraction(self.a), Fraction(self.b)
        aa, bb, ab = (float(Fraction(s) - u * v / self.n) for s, u, v in ((self.aa, x, x), (self.bb, y, y), (self.ab, x, y)))
        aa, bb = (aa if aa > ROUNDING * self.aa else 0.0), (bb if bb > ROUNDING * self.bb else 0.0)
        return aa, bb, ab if aa and bb else 0.0  # with what does not vary nothing varies

    def pearson(self, means: tuple[float, float] | None = None) -> float | str:
        """Pearson's r, or why there is none. With `means`, deviations are taken from those instead of the pixels' own means."""
        if self.n < 2:
            return f"{self.n} pixels; a correlation needs at least 2"
        if means is None:
            aa, bb, ab = self.centred()
        else:
            if not all(map(math.isfinite, (*self.sums(), *means))):
                return OUT_OF_RANGE
            # exactly: where these pixels vary little, the squares nearly cancel
            da, db = Fraction(means[0]) - Fraction(self.p), Fraction(means[1]) - Fraction(self.q)
            a, b = Fraction(self.a), Fraction(self.b)
            aa = float(Fraction(self.aa) - 2 * da * a + self.n * da * da)
            bb = float(Fraction(self.bb) - 2 * db * b + self.n * db * db)
            ab = float(Fraction(self.ab) - da * b - db * a + self.n * da * db)
        if not math.isfinite(aa * bb) or not math.isfinite(ab):
            return OUT_OF_RANGE
        if aa <= 0 or bb <= 0:
            which = "both channels are" if aa <= 0 and bb <= 0 else f"the {'first' if aa <= 0 else 'second'} channel is"
            return f"{which} constant over these {self.n} pixels"
        return min(1.0, max(-1.0, ab / math.sqrt(aa * bb)))

    def line(self) -> tuple[float, float] | str:
        """Slope and intercept of the orthogonal regression (Costes et al. 2004), or why there is none."""
        aa, bb, ab = self.centred()
        if not all(map(math.isfinite, (aa, bb, ab))):
            return OUT_OF_RANGE
        if self.n < 2 or ab == 0:
            return "the channels do not vary together at all, so no line fits them" if self.n > 1 else f"{self.n} pixels"
        difference = bb - aa
        root = math.hypot(difference, 2 * ab)
        # of the two equal forms, the one that does not subtract nearly equal numbers
        slope = (difference + root) / (2 * ab) if difference >= 0 else 2 * ab / (root - difference)
        return slope, self.mean_b - slope * self.mean_a
