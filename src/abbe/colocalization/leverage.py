"""Few pixels that decide Pearson's r: hot pixels of the camera, a cosmic ray, a speck of dust that shines in both channels.

Structure may be as sparse: a hundred spots in a large field are fewer pixels than its noise spoils. What tells them is their number, and
that light through a lens reaches the pixels beside.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from abbe.colocalization.pair import Pair, Place
from abbe.colocalization.sums import Sums
from abbe.image.points import are_sharp

#: share of the pixels that are few; of a region below 10,000 pixels it is one
FEW = 1e-4
#: share of the pixels, and how many at most where that is more than few, that may be hot ones: sharper than what a lens makes
HOT, HOTS = 1e-3, 1000
#: pixels below which single ones decide anyway
LEAST = 100
#: a change of r that matters, and one that does not; abbe's choice
MATTERS, SLIGHT = 0.1, 0.05
#: specks are few: more places than these are the specimen
PLACES = 3
#: pixels of one place lie at most so many pixels, planes or frames apart
APART = 2

Values = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


class Few(NamedTuple):
    """How many pixels decide r, r over the others; in how many places light through a lens put them, 0 where most are sharper than that.

    `brightest`: (t, z, y, x) of the one farthest out.
    """

    pixels: int
    without: float
    places: int
    brightest: tuple[int, int, int, int]


def decided_by_few(pair: Pair, sums: Sums) -> Few | None:
    """The few pixels farthest from both means, where they move r by more than `MATTERS` and are no structure in many places."""
    n, r = sums.all.n, sums.all.pearson()
    aa, bb, ab = sums.all.centred()
    if isinstance(r, str) or n < LEAST or not np.isfinite([aa, bb, ab]).all():
        return None
    few = max(1, int(FEW * n))
    most = max(few, min(int(HOT * n), HOTS))
    means, squares = (sums.all.mean_a, sums.all.mean_b), (aa, bb)
    # what pixels as far out as the farthest would have of the variance: where that is little, none of them decides
    reach = [max(high - mean, mean - low) for low, high, mean in zip(sums.low, sums.high, means)]
    if all(most * far**2 <= MATTERS * square for far, square in zip(reach, squares)):
        return None
    da, db, spread, where = _farthest(pair, means, squares, most)
    labels = np.zeros(len(da), np.int64)
    labels[spread] = _labelled(where[spread])
    structure = np.append(np.flatnonzero(labels > PLACES), len(labels))[0]  # single photons of it may be as sharp; hot pixels outshine it
    kept = (labels <= PLACES) & (np.arange(len(labels)) < np.where(labels > 0, few, structure))
    da, db, labels, where = da[kept], db[kept], labels[kept], where[kept]
    if not len(da):
        return None
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
    k = int(np.argmax((np.abs(without - without[-1]) <= SLIGHT) & (np.abs(without - r) > MATTERS)))
    t, z, y, x = where[0].tolist()
    decide = labels[: k + 1]
    places = int(decide.max()) if 2 * np.count_nonzero(decide) > len(decide) else 0
    return Few(k + 1, float(np.clip(without[k], -1, 1)), places, (t, z, y, x))


def _farthest(
    pair: Pair, means: tuple[float, float], squares: tuple[float, float], most: int
) -> tuple[Values, Values, npt.NDArray[np.bool_], Integers]:
    """Deviations from the means of the `most` pixels that are farthest out, the farthest first; is light spread about them; t, z, y, x."""
    kept, found = np.zeros((3, 0)), np.zeros((0, 4), np.int64)
    spread = np.zeros(0, bool)
    for place in pair.places():
        rows, columns = pair.window(place)
        if rows.start == rows.stop:
            continue
        a, b, inside = pair.read(place)
        marked = None if inside is None else inside[rows, columns]
        one, two = (values.ravel() if marked is None else values[rows, columns][marked] for values in (a, b))
        da, db = (values.astype(np.float64) - mean for values, mean in zip((one, two), means))
        far = da**2 / squares[0] + db**2 / squares[1]
        part = np.argpartition(far, len(far) - most)[-most:] if len(far) > most else np.arange(len(far))
        at = part if marked is None else np.flatnonzero(marked)[part]
        y, x = np.divmod(at, columns.stop - columns.start)
        y, x = y + rows.start, x + columns.start
        far, da, db = far[part], da[part], db[part]
        sharp = np.where(da**2 / squares[0] > db**2 / squares[1], are_sharp(a, y, x, means[0]), are_sharp(b, y, x, means[1]))
        kept = np.concatenate([kept, [far, da, db]], axis=1)
        spread = np.concatenate([spread, ~sharp])
        found = np.concatenate([found, _places(place, y, x)])
        order = np.argsort(-kept[0], kind="stable")[:most]
        kept, spread, found = kept[:, order], spread[order], found[order]
    return kept[1], kept[2], spread, found


def _places(place: Place, y: Integers, x: Integers) -> Integers:
    return np.stack([np.full(len(y), place.t), np.full(len(y), place.z), y + place.first, x], axis=1).astype(np.int64)


def _labelled(where: Integers) -> Integers:
    """The place of each pixel, from 1 in the order in which they come."""
    if not len(where):
        return np.zeros(0, np.int64)
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    pairs = cKDTree(where).query_pairs(APART, p=np.inf, output_type="ndarray")
    linked = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(len(where), len(where)))
    labels = connected_components(linked, directed=False)[1]
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    ranks: Integers = np.argsort(np.argsort(first))[inverse] + 1
    return ranks
