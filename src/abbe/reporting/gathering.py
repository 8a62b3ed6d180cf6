"""From results that are no session to the case of a report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from abbe.colocalization import Colocalization
from abbe.comparison import Comparison
from abbe.comparison.recorded import recorded
from abbe.errors import ParameterError
from abbe.image import Image
from abbe.image.computed import is_result
from abbe.reporting.case import Case, Measured, Named
from abbe.reporting.kinship import akin, tied
from abbe.reporting.measuring import comparison, every_pair

ALONE = "This is a result of abbe whose original was not at hand: nothing is compared with it."


def case_of(subject: Any) -> Case:
    """The case of results that are no session; of images alone, what a report measures unasked is measured.

    Raises `ParameterError` when there is no image among them.
    """
    results = [subject] if isinstance(subject, (Image, Colocalization, Comparison)) or not isinstance(subject, Iterable) else list(subject)
    images: list[Image] = []
    colocalizations, comparisons = [], []
    for result in results:
        if isinstance(result, Image):
            images.append(result)
        elif isinstance(result, Colocalization):
            images.append(result.pair.image)
            colocalizations.append((result.to_dict(), result.pair.image, result.asked))
        elif isinstance(result, Comparison):
            made = result.transformed
            transformed = made.replace(original=result.original, recipe=made.recipe or recorded(made))
            images.append(transformed)
            comparisons.append((result.to_dict(), transformed, result.asked))
        else:
            raise ParameterError(f"wanted a session, images, colocalizations or comparisons to report, got {type(result).__name__}")
    if not images:
        raise ParameterError("wanted at least one image or result to report, got none")
    final = max((tied(image, images) for image in images), key=_depth)
    stranger = next((image for image in images if not akin(image, final)), None)
    if stranger is not None:
        raise ParameterError(
            f"wanted results that belong to one image, got some of {_source(final)} and some of {_source(stranger)}, "
            "which share no original; report each image by itself, "
            "or tie a result to what it was made from: abbe.compare(original=..., transformed=...)"
        )
    before, named = final.original, Named("", _name(final), final)
    unasked = not colocalizations and not comparisons
    return Case(
        title=_source(final, "image"),
        before=named if before is None else Named("", _name(before), before),
        after=None if before is None else named,
        colocalizations=tuple(every_pair(named) if unasked else _measured("c", colocalizations)),
        comparisons=tuple(comparison(named) if unasked else _measured("q", comparisons)),
        source=final.provenance.source,
        problems=(ALONE,) if before is None and is_result(final) else (),
    )


def _measured(letter: str, found: Sequence[tuple[dict[str, Any], Image, Mapping[str, Any]]]) -> list[Measured]:
    return [Measured(f"{letter}{number}", data, image, _name(image), asked) for number, (data, image, asked) in enumerate(found)]


def _depth(image: Image) -> int:
    return 0 if image.original is None else 1 + _depth(image.original)


def _source(image: Image, unknown: str = "one from memory") -> str:
    return Path(image.provenance.source).name if image.provenance.source else unknown


def _name(image: Image) -> str:
    if image.original is None and not is_result(image):
        return "original"
    return str(getattr(image.recipe or recorded(image), "operation", "") or "transformed")
