"""Object-based colocalization: connected objects of either channel, how many overlap, how far apart their centres lie, against chance.

After Lachmanovich et al., J Microsc 212:122 (2003), and Bolte & Cordelieres, J Microsc 224:213 (2006). An object is a set of pixels at or
over the channel's threshold that touch, corners included. Chance: the second channel's objects are moved together by a random shift,
wrapping round at the image's edge, which keeps their shapes and their distances from one another.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from abbe.colocalization.pair import Pair, Place
from abbe.colocalization.result import Thresholds
from abbe.limits import LIMITS

#: smaller objects, in pixels, are noise more often than not
SMALLEST = 4
#: most objects of a channel; more are noise over a threshold that is too low
MOST = 500_000

HEAD = (
    "objects 1", "objects 2", "overlapping 1", "overlapping 2", "share overlapping 1", "share overlapping 2", "centres inside 1",
    "centres inside 2", "P of share 1", "chance share 1", "median distance 1 to 2", "median distance 2 to 1", "distance unit", "undefined",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Objects:
    """Objects of both channels.

    Attributes:
        count: objects of at least `SMALLEST` pixels. overlapping: those that share a pixel with an object of the other channel.
        centres_inside: those whose centre of brightness lies in an object of the other channel.
        distances: from each object's centre to the nearest centre of the other channel, in `unit`.
        chance: share of the first channel's objects that overlap, for each random shift. p: share of the shifts that overlap less.
        reason: why nothing was measured.
    """

    count: tuple[int, int] = (0, 0)
    overlapping: tuple[int, int] = (0, 0)
    centres_inside: tuple[int, int] = (0, 0)
    distances: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] = field(default_factory=lambda: (np.empty(0), np.empty(0)))
    unit: str = "pixel"
    chance: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    p: float | None = None
    seed: int = 0
    reason: str | None = None

    @property
    def shares(self) -> tuple[float | None, float | None]:
        """Overlapping objects by all objects of either channel."""
        first, second = (over / n if n else None for over, n in zip(self.overlapping, self.count))
        return first, second

    @property
    def medians(self) -> tuple[float | None, float | None]:
        first, second = (float(np.median(d)) if len(d) else None for d in self.distances)
        return first, second

    def cells(self) -> tuple[Any, ...]:
        chance = float(self.chance.mean()) if len(self.chance) else None
        found = (*self.count, *self.overlapping, *self.shares, *self.centres_inside, self.p, chance, *self.medians, self.unit)
        return (*("undefined" if value is None else value for value in found), self.reason or "")

    def to_dict(self) -> dict[str, Any]:
        return {
            "count": list(self.count),
            "overlapping": list(self.overlapping),
            "share_overlapping": list(self.shares),
            "centres_inside": list(self.centres_inside),
            "median_distance": list(self.medians),
            "distance_unit": self.unit,
            "p": self.p,
            "chance": self.chance.tolist(),
            "seed": self.seed,
            "undefined": self.reason,
            "smallest_object": SMALLEST,
        }


def measure_objects(pair: Pair, thresholds: Thresholds, count: int, seed: int) -> Objects:
    """Objects over the thresholds, in every frame of the region; `count` random shifts."""
    if thresholds.first is None or thresholds.second is None:
        return Objects(reason=thresholds.reason or "there are no thresholds")
    frames = range(*pair.region.frames)
    planes = pair.region.planes[1] - pair.region.planes[0]
    if planes * pair.grid.rows * pair.grid.columns > LIMITS.in_memory // 16:
        return Objects(reason="the region is too large for objects to be found in memory; measure a part of it, or plane by plane")
    step, unit = _step(pair)
    found = [_frame(pair, t, (thresholds.first, thresholds.second), step, count, seed) for t in frames]
    problem = next((f for f in found if isinstance(f, str)), None)
    if problem is not None:
        return Objects(reason=problem)
    return _joined([f for f in found if not isinstance(f, str)], unit, seed)


@dataclass(frozen=True, eq=False)
class _Frame:
    count: tuple[int, int]
    overlapping: tuple[int, int]
    centres_inside: tuple[int, int]
    distances: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
    chance: npt.NDArray[np.int64]


def _frame(pair: Pair, t: int, limits: tuple[float, float], step: tuple[float, float, float], count: int, seed: int) -> _Frame | str:
    values, labels, numbers = [], [], []
    stacks = _stacks(pair, t)
    inside = stacks[2]
    for stack, limit in zip(stacks[:2], limits):
        found = _label((stack >= limit) & inside & (stack > 0))
        if isinstance(found, str):
            return found
        values.append(stack)
        labels.append(found[0])
        numbers.append(found[1])
    centres = [_centres(v, objects, n) for v, objects, n in zip(values, labels, numbers)]
    over = tuple(_overlapping(labels[k], labels[1 - k], numbers[k]) for k in (0, 1))
    within = tuple(int((labels[1 - k][tuple(np.round(centres[k]).astype(int).T)] > 0).sum()) if numbers[k] else 0 for k in (0, 1))
    distances = tuple(_nearest(centres[k] * step, centres[1 - k] * step) for k in (0, 1))
    return _Frame(
        (numbers[0], numbers[1]),
        (over[0], over[1]),
        (within[0], within[1]),
        (distances[0], distances[1]),
        _by_chance(labels, numbers[0], inside, count, seed + t),
    )


def _stacks(pair: Pair, t: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[np.bool_]]:
    planes = [pair.read(Place(t, z, 0, pair.grid.rows)) for z in range(*pair.region.planes)]
    everything = np.ones(planes[0][0].shape, bool)
    inside = [everything if plane[2] is None else plane[2] for plane in planes]
    return np.stack([plane[0] for plane in planes]), np.stack([plane[1] for plane in planes]), np.stack(inside)


def _label(bright: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int32], int] | str:
    """(objects by number, how many), the small ones left out."""
    labels, count = ndimage.label(bright, np.ones((3, 3, 3)), output=np.int32)
    if count > MOST:
        return f"{count} objects over the threshold: it is too low, and what is over it is noise"
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    keep = sizes >= SMALLEST
    keep[0] = False
    renumbered = np.where(keep, np.cumsum(keep), 0).astype(np.int32)
    return renumbered[labels], int(keep.sum())


def _centres(values: npt.NDArray[Any], labels: npt.NDArray[np.int32], count: int) -> npt.NDArray[np.float64]:
    """(objects, 3): centre of brightness of each object, (z, y, x) in pixels."""
    if count == 0:
        return np.empty((0, 3))
    return np.array(ndimage.center_of_mass(values, labels, np.arange(1, count + 1)), np.float64).reshape(count, 3)


def _overlapping(own: npt.NDArray[np.int32], other: npt.NDArray[np.int32], count: int) -> int:
    touched = np.zeros(count + 1, bool)
    touched[own[other > 0]] = True
    return int(touched[1:].sum())


def _nearest(centres: npt.NDArray[np.float64], others: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    if not len(centres) or not len(others):
        return np.empty(0)
    return np.asarray(cKDTree(others).query(centres)[0], np.float64)


def _by_chance(
    labels: list[npt.NDArray[np.int32]], number: int, inside: npt.NDArray[np.bool_], count: int, seed: int
) -> npt.NDArray[np.int64]:
    """How many of the first channel's objects overlap after each random shift of the second's."""
    from abbe.colocalization.compiled import together

    own, shape = labels[0], labels[0].shape
    where = np.flatnonzero(own)
    z, y, x = np.unravel_index(where, shape)
    numbers, other = own.ravel()[where], (labels[1] > 0) & inside
    shifts = np.random.default_rng(seed).integers(0, shape[1:], (count, 2))

    def one(k: int) -> int:
        touched = np.zeros(number + 1, bool)
        touched[numbers[other[z, (y - shifts[k, 0]) % shape[1], (x - shifts[k, 1]) % shape[2]]]] = True
        return int(touched[1:].sum())

    return np.array(together(one, range(count)), np.int64)


def _step(pair: Pair) -> tuple[tuple[float, float, float], str]:
    z, y, x = pair.grid.um
    one_plane = pair.region.planes[1] - pair.region.planes[0] == 1
    if y is None or x is None or (z is None and not one_plane):
        return (1.0, 1.0, 1.0), "pixel"
    return (z or 1.0, y, x), "um"


def _joined(frames: list[_Frame], unit: str, seed: int) -> Objects:
    def both(name: str) -> tuple[int, int]:
        pairs = [getattr(frame, name) for frame in frames]
        return sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)

    count, overlapping = both("count"), both("overlapping")
    chance = np.sum([frame.chance for frame in frames], axis=0)
    share, p = np.empty(0), None
    if count[0]:
        share, p = chance / count[0], float(np.mean(chance < overlapping[0]))
    distances = tuple(np.concatenate([frame.distances[k] for frame in frames]) for k in (0, 1))
    return Objects(count, overlapping, both("centres_inside"), (distances[0], distances[1]), unit, share, p, seed)
