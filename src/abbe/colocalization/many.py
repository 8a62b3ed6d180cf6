"""`colocalize_all`: every pair of channels, every ROI, and each frame or plane by itself, as one table."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias

import numpy.typing as npt

from abbe.colocalization.analysis import Progress, colocalize
from abbe.colocalization.once import Once
from abbe.colocalization.result import Colocalization
from abbe.errors import LimitError, ParameterError
from abbe.image import ROI, Image, Notice, as_image
from abbe.image.notice import join

Each: TypeAlias = Literal["image", "frame", "plane"]

#: most measurements of one table
MOST = 100_000


@dataclass(frozen=True, eq=False)
class ColocalizationTable:
    """Many measurements with the same settings."""

    results: tuple[Colocalization, ...]

    def __len__(self) -> int:
        return len(self.results)

    def __iter__(self) -> Iterator[Colocalization]:
        return iter(self.results)

    def __getitem__(self, index: int) -> Colocalization:
        return self.results[index]

    @property
    def notices(self) -> tuple[Notice, ...]:
        """Every warning once."""
        return join(*(result.notices for result in self.results))

    def to_dict(self) -> dict[str, Any]:
        return {"results": [result.to_dict() for result in self.results]}


def colocalize_all(
    image: Image | npt.ArrayLike,
    pairs: Collection[Sequence[int | str]] | None = None,
    rois: Sequence[ROI] = (),
    each: Each = "image",
    whole: bool | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> ColocalizationTable:
    """Colocalization of every pair of channels in every ROI.

    Args:
        image: two channels or more.
        pairs: pairs of channels; None: all.
        rois: where to measure. whole: the whole image too; None: where no ROI is given.
        each: "image" pools all frames and planes, "frame" measures each frame, "plane" each plane of each frame.
        progress: called with the fraction done and a word.
        settings: as for `colocalize`, the same for all.

    Raises:
        ParameterError, LimitError: as `colocalize`; more than 100,000 measurements.
    """
    source = as_image(image)
    if source.shape[1] < 2:
        raise ParameterError("wanted an image with two channels, got one; merge images of one channel each: abbe.merge([...])")
    if each not in ("image", "frame", "plane"):
        raise ParameterError(f"wanted each image, frame or plane measured, got each={each!r}")
    wanted = list(itertools.combinations(range(source.shape[1]), 2)) if pairs is None else [tuple(pair) for pair in pairs]
    places: list[ROI | None] = list(rois)
    if whole or (whole is None and not places):
        places.insert(0, None)
    spans = list(_spans(source, each, settings))
    jobs = list(itertools.product(wanted, places, spans))
    if len(jobs) > MOST:
        raise LimitError(f"wanted at most {MOST} measurements, got {len(jobs)}; measure fewer pairs, ROIs, frames or planes")
    rest = {key: value for key, value in settings.items() if key not in ("frames", "planes")}
    report = progress or (lambda fraction, word: None)
    results = []
    once = Once()
    held = once.chain(source)
    try:
        for k, (channels, roi, (frames, planes)) in enumerate(jobs):
            word = f"{k + 1} of {len(jobs)}"
            report(k / len(jobs), word)
            within = partial(_within, report, k, len(jobs), word)
            found = colocalize(held, channels, roi, frames=frames, planes=planes, progress=within, **rest)
            for one in (found, found.original):
                if one is not None:
                    one.pair.forget()  # or hundreds of regions would hold as many copies
            results.append(found)
    finally:
        once.forget()
    report(1.0, "done")
    return ColocalizationTable(tuple(results))


def _within(report: Progress, k: int, count: int, word: str, fraction: float, said: str) -> None:
    """How far all are, where one of them is `fraction` done."""
    report((k + fraction) / count, word)


Span: TypeAlias = tuple[int, int] | None


def _spans(image: Image, each: Each, settings: dict[str, Any]) -> Iterator[tuple[Span, Span]]:
    """(frames, planes) of each measurement, within those asked for."""
    frames, planes = settings.get("frames"), settings.get("planes")
    if each == "image":
        yield frames, planes
        return
    for t in range(*(frames or (0, image.shape[0]))):
        if each == "frame":
            yield (t, t + 1), planes
            continue
        for z in range(*(planes or (0, image.shape[2]))):
            yield (t, t + 1), (z, z + 1)
