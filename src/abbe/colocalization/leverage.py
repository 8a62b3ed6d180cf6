"""Few pixels that decide Pearson's r: a hot pixel of the camera, a cosmic ray, a speck of dust that shines in both channels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from abbe.colocalization.pair import Pair
from abbe.colocalization.sums import Sums

#: share of the pixels that are few; of a region below 10,000 pixels it is one
FEW = 1e-4
#: pixels below which single ones decide anyway
LEAST = 100
#: a change of r that matters, and one that does not; abbe's choice
MATTERS, SLIGHT = 0.1, 0.05

Values = npt.NDArray[np.float64]


def decided_by_few(pair: Pair, sums: Sums) -> tuple[int, float] | None:
    """(how many pixels, r without them), where the few that lie farthest from both means move r by more than `MATTERS`."""
    n, r = sums.all.n, sums.all.pearson()
    aa, bb, ab = sums.all.centred()
    if isinstance(r, str) or n < LEAST or not np.isfinite([aa, bb, ab]).all():
        return None
    most = max(1, int(FEW * n))
    means, squares = (sums.all.mean_a, sums.all.mean_b), (aa, bb)
    # what pixels as far out as the farthest would have of the variance: where that is little, none of them decides
    reach = [max(high - mean, mean - low) for low, high, mean in zip(sums.low, sums.high, means)]
    if all(most * far**2 <= MATTERS * square for far, square in zip(reach, squares)):
        return None
    da, db = _farthest(pair, means, squares, most)
    left = n - np.arange(1, len(da) + 1)
    sum_a, sum_b = da.cumsum(), db.cumsum()
    without_aa = aa - (da * da).cumsum() - sum_a**2 / left
    without_bb = bb - (db * db).cumsum() - sum_b**2 / left
    without_ab = ab - (da * db).cumsum() - sum_a * sum_b / left
    varies = (without_aa > 0) & (without_bb > 0)
    if not varies.all():
        return None
    without = without_ab / np.sqrt(without_aa * without_bb)
    if abs(without[-1] - r) <= MATTERS:
        return None
    k = int(np.argmax(np.abs(without - without[-1]) <= SLIGHT))
    return k + 1, float(np.clip(without[k], -1, 1))


def _farthest(pair: Pair, means: tuple[float, float], squares: tuple[float, float], most: int) -> tuple[Values, Values]:
    """Deviations from the means of the `most` pixels that are farthest out, the farthest first."""
    kept = np.zeros((3, 0))
    for place in pair.places():
        a, b, inside = pair.read(place)
        one, two = (values.ravel() if inside is None else values[inside] for values in (a, b))
        da, db = (values.astype(np.float64) - mean for values, mean in zip((one, two), means))
        far = da**2 / squares[0] + db**2 / squares[1]
        if len(far) > most:
            part = np.argpartition(far, len(far) - most)[-most:]
            far, da, db = far[part], da[part], db[part]
        kept = np.concatenate([kept, [far, da, db]], axis=1)
        kept = kept[:, np.argsort(-kept[0], kind="stable")[:most]]
    return kept[1], kept[2]
