"""Object-based colocalization: connected objects of either channel, how many overlap, how far apart their centres lie, against chance.

After Lachmanovich et al., J Microsc 212:122 (2003), and Bolte & Cordelieres, J Microsc 224:213 (2006). An object is a set of pixels at or
over the channel's threshold that touch, corners included. What chance gives is in `object_chance`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from abbe.colocalization.object_chance import Chance, by_chance
from abbe.colocalization.pair import Pair, Place
from abbe.colocalization.result import Thresholds
from abbe.image import Notice
from abbe.limits import LIMITS

#: smaller objects, in pixels, are noise more often than not
SMALLEST = 4
#: an object of more than this part of the region is the specimen or its background, and overlaps with everything; abbe's choice
LARGE = 0.1
#: most objects of a channel; more are noise over a threshold that is too low
MOST = 500_000

HEAD = (
    "objects 1", "objects 2", "overlapping 1", "overlapping 2", "share overlapping 1", "share overlapping 2", "chance share 1",
    "chance share 2", "P of share 1", "P of share 2", "centres inside 1", "centres inside 2", "median distance 1 to 2",
    "median distance 2 to 1", "mean distance 1 to 2", "chance distance 1 to 2", "P of distance", "distance unit", "undefined",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Objects:
    """Objects of both channels.

    Attributes:
        count: objects of at least `SMALLEST` pixels. overlapping: those that share a pixel with an object of the other channel.
        centres_inside: those whose centre of brightness lies in an object of the other channel.
        distances: from each object's centre to the nearest centre of the other channel, in `unit`.
        largest: share of the region's pixels that the largest object of either channel has.
        chance: what random shifts of the second channel give; None where nothing was measured.
        reason: why nothing was measured.
    """

    count: tuple[int, int] = (0, 0)
    overlapping: tuple[int, int] = (0, 0)
    centres_inside: tuple[int, int] = (0, 0)
    distances: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] = field(default_factory=lambda: (np.empty(0), np.empty(0)))
    unit: str = "pixel"
    largest: tuple[float, float] = (0.0, 0.0)
    chance: Chance | None = None
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

    @property
    def mean_distance(self) -> float | None:
        """From the first channel's objects to the nearest of the second's."""
        return float(self.distances[0].mean()) if len(self.distances[0]) else None

    # ------------------------------------------------------------------------------------------ against chance
    @property
    def chance_shares(self) -> tuple[float | None, float | None]:
        """Mean share that overlaps after a random shift."""
        first, second = (None, None) if self.chance is None else (_mean(share) for share in self.chance.shares)
        return first, second

    @property
    def p(self) -> tuple[float | None, float | None]:
        """Share of the random shifts after which fewer objects of either channel overlap; above 0.95: more than chance gives.

        Near 0 it says nothing of avoidance: of few objects, most shifts overlap as little as these do.
        """
        if self.chance is None:
            return None, None
        first, second = (_below(shares, own) for shares, own in zip(self.chance.shares, self.shares))
        return first, second

    @property
    def chance_distance(self) -> float | None:
        return None if self.chance is None else _mean(self.chance.distances)

    @property
    def p_distance(self) -> float | None:
        """Share of the random shifts after which the nearest centres lie farther away; above 0.95: nearer than chance has it."""
        if self.chance is None or self.mean_distance is None:
            return None
        return _below(-self.chance.distances, -self.mean_distance)

    def cells(self) -> tuple[Any, ...]:
        found = (
            *(*self.count, *self.overlapping, *self.shares, *self.chance_shares, *self.p, *self.centres_inside),
            *(*self.medians, self.mean_distance, self.chance_distance, self.p_distance, self.unit),
        )
        return (*("undefined" if value is None else value for value in found), self.reason or "")

    def to_dict(self) -> dict[str, Any]:
        return {
            "count": list(self.count),
            "overlapping": list(self.overlapping),
            "share_overlapping": list(self.shares),
            "chance_share": list(self.chance_shares),
            "p": list(self.p),
            "centres_inside": list(self.centres_inside),
            "median_distance": list(self.medians),
            "mean_distance": self.mean_distance,
            "chance_distance": self.chance_distance,
            "p_distance": self.p_distance,
            "distance_unit": self.unit,
            "largest_share_of_roi": list(self.largest),
            "shifts": 0 if self.chance is None else len(self.chance.distance),
            "seed": self.seed,
            "undefined": self.reason,
            "smallest_object": SMALLEST,
        }


def too_large(objects: Objects, names: tuple[str, str]) -> Iterator[Notice]:
    """Objects that are none."""
    for share, name in zip(objects.largest, names):
        if share > LARGE:
            yield Notice(
                "threshold",
                f"objects: the largest one of {name} has {100 * share:.3g} % of the region's pixels: the threshold is too low to tell "
                "objects apart, and their overlap means little",
            )


def _mean(values: npt.NDArray[np.float64]) -> float | None:
    defined = values[np.isfinite(values)]
    return float(defined.mean()) if len(defined) else None


def _below(values: npt.NDArray[np.float64], own: float | None) -> float | None:
    """Share of the values that are below the measured one."""
    defined = values[np.isfinite(values)]
    return float(np.mean(defined < own)) if len(defined) and own is not None else None


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
    largest: tuple[float, float]
    chance: Chance


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
        (_largest(labels[0], inside), _largest(labels[1], inside)),
        by_chance(labels, centres, inside, step, count, seed + t),
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


def _largest(labels: npt.NDArray[np.int32], inside: npt.NDArray[np.bool_]) -> float:
    sizes = np.bincount(labels.ravel())[1:]
    return float(sizes.max() / inside.sum()) if len(sizes) else 0.0


def _overlapping(own: npt.NDArray[np.int32], other: npt.NDArray[np.int32], count: int) -> int:
    touched = np.zeros(count + 1, bool)
    touched[own[other > 0]] = True
    return int(touched[1:].sum())


def _nearest(centres: npt.NDArray[np.float64], others: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    if not len(centres) or not len(others):
        return np.empty(0)
    return np.asarray(cKDTree(others).query(centres)[0], np.float64)


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

    distances = tuple(np.concatenate([frame.distances[k] for frame in frames]) for k in (0, 1))
    chance = Chance.joined([frame.chance for frame in frames])
    first, second = (max(frame.largest[k] for frame in frames) for k in (0, 1))
    counts = both("count"), both("overlapping"), both("centres_inside")
    return Objects(*counts, (distances[0], distances[1]), unit, (first, second), chance, seed)
