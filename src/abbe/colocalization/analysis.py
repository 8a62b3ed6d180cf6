"""`colocalize`: the colocalization of two channels; on a processed image beside the same on its original."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from abbe.colocalization.changes import changed, changes
from abbe.colocalization.counts import information
from abbe.colocalization.guards import notices
from abbe.colocalization.measurement import measured
from abbe.colocalization.modes import modes
from abbe.colocalization.pair import Pair, select
from abbe.colocalization.result import Background, Coefficient, Colocalization, Region
from abbe.colocalization.sums import measure
from abbe.colocalization.thresholds import check
from abbe.errors import ParameterError
from abbe.image import ROI, Grid, Image, Notice, as_image
from abbe.image.notice import join

if TYPE_CHECKING:
    from typing import TypeAlias

Extra: TypeAlias = Literal["shift", "randomisation", "objects"]
EXTRAS: tuple[Extra, ...] = ("shift", "randomisation", "objects")
Progress: TypeAlias = Callable[[float, str], None]
#: randomisations where nobody says how many, as Costes et al. (Biophys J 86:3993, 2004) did
RANDOMISATIONS = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for, checked."""

    channels: tuple[int, int]
    roi: ROI | None
    threshold: str | tuple[float, float]
    background: str | tuple[float, float] | ROI
    frames: tuple[int, int] | None
    planes: tuple[int, int] | None
    extras: tuple[Extra, ...]
    ranked: bool
    randomisations: int
    block: float | None
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """Plain data: a ROI as `ROI.to_dict` gives it, pairs as lists."""
        return {entry.name: _plain(getattr(self, entry.name)) for entry in fields(self)}


def colocalize(
    image: Image | npt.ArrayLike,
    channels: Sequence[int | str] = (0, 1),
    roi: ROI | None = None,
    threshold: str | Sequence[float] | None = "costes",
    *,
    background: str | Sequence[float] | ROI = "none",
    frames: tuple[int, int] | None = None,
    planes: tuple[int, int] | None = None,
    extras: Collection[Extra] = (),
    ranked: bool = True,
    randomisations: int = RANDOMISATIONS,
    block: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Colocalization:
    """Colocalization of two channels.

    Args:
        image: two channels or more. Planes and frames are pooled, unless `planes` or `frames` restrict them; `colocalize_all` keeps
            them apart.
        channels: two channels, by index or name.
        roi: where to measure; None: everywhere.
        threshold: "costes", "costes-walk" or "costes-bisection" (as Coloc 2), their "-classic" variants, "otsu", "maximum15", "mean",
            "none", or two numbers in the channels' units after the background was subtracted. A pixel is above at or over both.
        background: subtracted before measuring, values below it count as 0: "none"; two numbers; "mode", the most frequent value of
            either channel (where the values of floats lie densest); or a ROI whose mean is taken.
        frames, planes: (first, behind the last).
        extras: further analyses: "shift" (van Steensel's and 2-D cross-correlation, protein proximity index), "randomisation" (Costes'
            P value), "objects".
        ranked: Spearman, Kendall and rank-weighted coefficients too; they take most of the time.
        randomisations, block, seed: of Costes' randomisation: how many, side of a block in pixels (None: from the blur), random seed.
        progress: called with the fraction done and a word.

    Returns:
        `Colocalization`; on a processed image its `original` is the same measurement on what the image was computed from.

    Raises:
        ParameterError: a channel, threshold, background or region that is none.
    """
    source = as_image(image)
    plan = _plan(source, channels, roi, threshold, background, frames, planes, extras, ranked, randomisations, block, seed)
    report = progress or (lambda fraction, word: None)
    before = None
    if source.original is not None:
        before = _original(source, plan, report)
    result = _one(source, plan, before, report)
    report(1.0, "done")
    return result


def _plan(
    image: Image,
    channels: Sequence[int | str],
    roi: ROI | None,
    threshold: str | Sequence[float] | None,
    background: str | Sequence[float] | ROI,
    frames: tuple[int, int] | None,
    planes: tuple[int, int] | None,
    extras: Collection[Extra],
    ranked: bool,
    randomisations: int,
    block: float | None,
    seed: int,
) -> Plan:
    if isinstance(channels, str) or not isinstance(channels, Collection) or len(channels) != 2:
        raise ParameterError(f"wanted two channels to compare, got {channels!r}")
    if image.shape[1] < 2:
        raise ParameterError("wanted an image with two channels, got one; merge images of one channel each: abbe.merge([...])")
    first, second = (image.channel(c) for c in channels)
    if first == second:
        raise ParameterError(f"wanted two different channels, got {image.channels[first]} twice")
    if roi is not None and not isinstance(roi, ROI):
        raise ParameterError(f"wanted a ROI, such as abbe.ROI.rectangle(...), or None, got {type(roi).__name__}")
    unknown = [extra for extra in extras if extra not in EXTRAS]
    if unknown:
        raise ParameterError(f"wanted extras from {', '.join(EXTRAS)}, got {unknown[0]!r}")
    if not isinstance(randomisations, int | Integral) or not 1 <= randomisations <= 100_000:
        raise ParameterError(f"wanted 1 to 100000 randomisations, got {randomisations!r}")
    if block is not None and not (isinstance(block, int | float | Real) and block >= 1):
        raise ParameterError(f"wanted a block of 1 pixel or more, got {block!r}")
    return Plan(
        (first, second),
        roi,
        check(threshold),
        _background(background),
        frames,
        planes,
        tuple(extra for extra in EXTRAS if extra in extras),
        ranked,
        randomisations,
        block,
        seed,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, ROI):
        return value.to_dict()
    if isinstance(value, (tuple, list)):
        return [_plain(part) for part in value]
    return value.item() if isinstance(value, np.generic) else value


def _background(background: object) -> str | tuple[float, float] | ROI:
    if isinstance(background, ROI) or background in ("none", "mode"):
        return background
    try:
        first, second = (float(b) for b in background)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        first = second = float("nan")
    if isinstance(background, str) or not (np.isfinite(first) and np.isfinite(second)):
        raise ParameterError(f"wanted a background as none, mode, two numbers or a ROI, got {background!r}")
    return first, second


def _span(asked: tuple[int, int] | None, count: int, what: str) -> tuple[int, int]:
    if asked is None:
        return 0, count
    try:
        first, last = (int(k) for k in asked)
    except (TypeError, ValueError):
        first, last = 0, 0
    if not 0 <= first < last <= count:
        raise ParameterError(f"wanted {what} within 0 to {count} as (first, behind the last), got {asked!r}")
    return first, last


# ---------------------------------------------------------------------------------------------- one image
def _one(image: Image, plan: Plan, before: Colocalization | None, report: Progress) -> Colocalization:
    region = Region(plan.roi, _span(plan.frames, image.shape[0], "frames"), _span(plan.planes, image.shape[2], "planes"))
    pair = select(image, plan.channels, region, _level(image, plan, region))
    report(0.1, "coefficients")
    m = measured(pair, plan.threshold, plan.ranked)
    warned = tuple(notices(m))
    beside = {} if before is None else changes(m, before)
    if before is not None:
        warned += tuple(changed(beside, image.interval is not None))
    coefficients = dict(m.coefficients)
    shift = randomisation = objects = None
    if "shift" in plan.extras:
        report(0.4, "cross-correlation")
        from abbe.colocalization.shift import measure_shift, no_more_than_chance

        shift = measure_shift(pair)
        warned += tuple(filter(None, [no_more_than_chance(shift, m.by_chance)]))
        coefficients.update({c.key: c for c in shift.proximity})
    if "randomisation" in plan.extras:
        from abbe.colocalization.randomisation import randomise

        randomisation = randomise(pair, plan.randomisations, plan.block, plan.seed, report)
        coefficients["costes_p"] = Coefficient("costes_p", randomisation.p, randomisation.reason)
        if (why := randomisation.too_sure) is not None:
            warned += (Notice("too_sure", why),)
    if "objects" in plan.extras:
        report(0.8, "objects")
        from abbe.colocalization.objects import measure_objects, too_large

        objects = measure_objects(pair, m.thresholds, plan.randomisations, plan.seed)
        warned += tuple(too_large(objects, pair.names))
    parts = (("cross-correlation", shift), ("randomisation", randomisation))
    warned += tuple(Notice("dropped", f"the {what} is {found.part}") for what, found in parts if found is not None and found.part)
    return Colocalization(
        channels=plan.channels,
        names=pair.names,
        region=region,
        coefficients=coefficients,
        thresholds=m.thresholds,
        background=pair.background,
        pixels=information(m) if before is None else information(m, before.pixels, _grown(pair, before.pair)),
        notices=join(warned),
        pair=pair,
        shift=shift,
        randomisation=randomisation,
        objects=objects,
        original=before,
        changes=beside,
        asked=plan.to_dict(),
        by_chance=m.by_chance,
        doubtful=m.doubtful,
    )


def _grown(pair: Pair, before: Pair) -> tuple[float, float, float]:
    """How many times the planes, rows and columns of the original were measured."""
    z, y, x = (now / then for now, then in zip(pair.shape[2:], before.shape[2:]))
    return z, y, x


def _original(image: Image, plan: Plan, report: Progress) -> Colocalization | None:
    """The same measurement on the image's original; None where it lacks the channels."""
    original = image.original
    assert original is not None
    names = [image.channels[c] for c in plan.channels]
    if original.shape[1] == image.shape[1]:
        channels = plan.channels
    elif all(name in original.channels for name in names):
        channels = original.channels.index(names[0]), original.channels.index(names[1])
    else:
        return None
    planes = plan.planes
    if planes is not None and original.shape[2] != image.shape[2]:
        depth = Grid.of(image).original[0] / Grid.of(original).original[0]
        first = min(round(planes[0] * depth), original.shape[2] - 1)
        planes = first, max(first + 1, min(original.shape[2], round((planes[1] - 1) * depth) + 1))
    earlier = Plan(
        channels,
        plan.roi,
        plan.threshold,
        plan.background,
        plan.frames,
        planes,
        plan.extras,
        plan.ranked,
        plan.randomisations,
        None if plan.block is None else max(1.0, plan.block * original.shape[4] / image.shape[4]),
        plan.seed,
    )
    return _one(original, earlier, None, lambda fraction, word: report(0.4 * fraction, f"original: {word}"))


# ---------------------------------------------------------------------------------------------- background
def _level(image: Image, plan: Plan, region: Region) -> Background:
    """The background of either channel."""
    asked = plan.background
    none = Background("none")
    if isinstance(asked, tuple):
        return Background("given", *asked) if asked != (0.0, 0.0) else none
    if isinstance(asked, ROI):
        sums = measure(select(image, plan.channels, Region(asked, region.frames, region.planes), none))
        if sums.all.n == 0:
            raise ParameterError("wanted a background ROI with pixels in the image, got one without")
        return Background("roi", sums.all.mean_a, sums.all.mean_b)
    if asked == "mode":
        return Background("mode", *modes(select(image, plan.channels, region, none)))
    return none
