"""`Correlation`: how two channels correlate when one is shifted, in two dimensions, by Fourier transforms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft

from abbe.colocalization.pair import Array, Pair, Place

#: largest shift looked at, in pixels
REACH = 32
#: pixels of a plane that is transformed; of a larger one its middle
MOST = 2**24
#: part of the region that must overlap for r at a shift: a few pixels correlate by 1 with whatever they are laid upon
OVERLAP = 0.5


@dataclass(frozen=True, eq=False)
class Correlation:
    """Covariance of a at (y, x) with b at (y + dy, x + dx), over the pixels where both are inside, for shifts up to `reach`.

    Attributes:
        covariance: (2 reach + 1, 2 reach + 1), in units of a times b, shift 0 in the middle; deviations are from the mean of each channel
            over the region.
        coefficient: the same shape, Pearson's r of the pixels where both are inside, about their own means, as van Steensel's curve is
            of rows alone; NaN where they are fewer than `OVERLAP` of the region. (Padfield, IEEE Trans Image Process 21:2706, 2012)
        scale: standard deviation of a times that of b. means: of a and b.
    """

    covariance: npt.NDArray[np.float64]
    coefficient: npt.NDArray[np.float64]
    reach: int
    scale: float
    means: tuple[float, float]

    def peak(self) -> tuple[tuple[float, float] | None, float | None]:
        """((y, x) of the highest r in pixels, r there); None where it lies on the edge, so that there is no peak."""
        r = self.coefficient
        if not np.isfinite(r).any():
            return None, None
        j, k = np.unravel_index(int(np.nanargmax(r)), r.shape)
        if not (0 < j < 2 * self.reach and 0 < k < 2 * self.reach):
            return None, None
        across, along = r[j - 1 : j + 2, k], r[j, k - 1 : k + 2]
        if not np.isfinite([across, along]).all():
            return None, None
        return (float(j + _vertex(across) - self.reach), float(k + _vertex(along) - self.reach)), float(r[j, k])

    def spread(self, peak: tuple[float, float]) -> float | None:
        """Full width at half height of the peak over the lowest value, as the diameter of a disc of the area above half."""
        from scipy.ndimage import label

        low, high = float(self.covariance.min()), float(self.covariance.max())
        objects, _ = label(self.covariance > (low + high) / 2)
        own = objects == objects[round(peak[0]) + self.reach, round(peak[1]) + self.reach]
        if own[0].any() or own[-1].any() or own[:, 0].any() or own[:, -1].any():
            return None
        return float(2 * np.sqrt(own.sum() / np.pi))

    def profile(self, centre: tuple[float, float]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """(distance, mean covariance) around a centre, in rings of one pixel."""
        y, x = np.indices(self.covariance.shape) - self.reach
        distance = np.hypot(y - centre[0], x - centre[1]).ravel()
        ring = np.round(distance).astype(int)
        inner = ring <= self.reach - max(abs(round(c)) for c in centre)
        count = np.bincount(ring[inner])
        found = count > 0  # around a centre between pixels the innermost ring may have none
        return (
            np.bincount(ring[inner], distance[inner])[found] / count[found],
            np.bincount(ring[inner], self.covariance.ravel()[inner])[found] / count[found],
        )


def correlate(pair: Pair, which: tuple[int, int]) -> Correlation | None:
    """Correlation of two channels of the pair (0, 1: cross-; 0, 0: auto-), over all planes; None where the region is too small."""
    from abbe.colocalization.sums import measure

    sums = measure(pair)
    rows, columns = middle(pair)
    reach = min(REACH, (rows.stop - rows.start) // 4, (columns.stop - columns.start) // 4)
    if sums.all.n < 16 or reach < 2:
        return None
    means = (sums.all.mean_a, sums.all.mean_b)
    aa, bb, _ = sums.all.centred()
    deviations = [float(np.sqrt(v / sums.all.n)) for v in (aa, bb)]  # in their units no square is too large or too small for float32
    summed = np.zeros((6, 2 * reach + 1, 2 * reach + 1))
    for t in range(*pair.region.frames):
        for z in range(*pair.region.planes):
            channels, inside = _plane(pair, Place(t, z, rows.start, rows.stop), columns, means, deviations)
            summed += _shifted(channels[which[0]], channels[which[1]], inside, reach)
    total, weight = summed[0], summed[1]
    scale = deviations[which[0]] * deviations[which[1]]
    covariance = np.where(weight > 0.5, total / np.maximum(weight, 1), 0.0) * scale
    return Correlation(covariance, _coefficient(summed), reach, scale, (means[which[0]], means[which[1]]))


def _coefficient(summed: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Pearson's r at each shift from what `_shifted` gives."""
    ab, n, a, b, aa, bb = summed
    enough = n > max(OVERLAP * float(n.max()), 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = (aa - a * a / n) * (bb - b * b / n)
        # what transforms in single precision leave of a channel that is even there is no structure
        r = np.where(spread > (1e-4 * n) ** 2, (ab - a * b / n) / np.sqrt(np.maximum(spread, 1e-30)), 0.0)
    return np.where(enough, np.clip(r, -1.0, 1.0), np.nan)


def middle(pair: Pair) -> tuple[slice, slice]:
    """The rows and columns of a plane that are looked at: all of them, but of a large one."""
    rows, columns = pair.grid.rows, pair.grid.columns
    height = min(rows, max(256, MOST // columns))
    first = (rows - height) // 2
    return slice(first, first + height), slice(0, columns)


def part_of(pair: Pair) -> str | None:
    """Which rows alone were looked at; None where all were."""
    rows, _ = middle(pair)
    kept = rows.stop - rows.start
    return None if kept == pair.grid.rows else f"from the middle {kept} of {pair.grid.rows} rows"


def _plane(pair: Pair, place: Place, columns: slice, means: tuple[float, float], deviations: list[float]) -> tuple[list[Array], Array]:
    """Both channels less their means, in standard deviations, 0 outside the region; and 1 inside it."""
    a, b, inside = pair.read(place)
    mask = np.ones(a.shape, np.float32) if inside is None else inside.astype(np.float32)
    units = [deviation or 1.0 for deviation in deviations]
    return [((c.astype(np.float64) - mean) / unit).astype(np.float32) * mask for c, mean, unit in zip((a, b), means, units)], mask


def _shifted(a: Array, b: Array, inside: Array, reach: int) -> npt.NDArray[np.float64]:
    """(6, 2 reach + 1, 2 reach + 1): sums of a b, 1, a, b, a a and b b, over the pixels where a at (y, x) and b at (y + dy, x + dx)
    are both inside.

    Padded, so that nothing wraps round; a and b are 0 outside.
    """
    shape = [fft.next_fast_len(n + reach, real=True) for n in a.shape]
    at = np.arange(-reach, reach + 1)

    def spectrum(values: Array) -> npt.NDArray[np.complexfloating]:
        return np.asarray(fft.rfft2(values, shape))

    def over(one: npt.NDArray[np.complexfloating], two: npt.NDArray[np.complexfloating]) -> npt.NDArray[np.float64]:
        full = fft.irfft2(np.conj(one) * two, shape)
        return np.asarray(full[np.ix_(at % shape[0], at % shape[1])], np.float64)

    of_a, ones = spectrum(a), spectrum(inside)
    of_b = of_a if b is a else spectrum(b)
    products = [over(of_a, of_b), over(ones, ones), over(of_a, ones), over(ones, of_b)]
    return np.stack([*products, over(spectrum(a * a), ones), over(ones, spectrum(b * b))])


def _vertex(three: npt.NDArray[np.float64]) -> float:
    """Where the parabola through three neighbouring values is highest, from the middle one."""
    bend = three[0] - 2 * three[1] + three[2]
    return 0.0 if bend >= 0 else float(np.clip((three[0] - three[2]) / (2 * bend), -0.5, 0.5))
