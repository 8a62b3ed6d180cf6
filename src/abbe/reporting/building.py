"""From a case to a report: which sections, in which order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from abbe._version import __version__
from abbe.image.digest import pixel_digest
from abbe.reporting.case import Case, Measured
from abbe.reporting.inert import short
from abbe.reporting.model import Report
from abbe.reporting.sections.checklist import checklist
from abbe.reporting.sections.colocalization import colocalization
from abbe.reporting.sections.methods import chain, methods, recipe_of
from abbe.reporting.sections.pictures import pictures
from abbe.reporting.sections.quality import quality
from abbe.reporting.sections.remarks import record, remarks
from abbe.reporting.sections.summary import summary

#: raised when the data for repeating a run change their meaning
REPEAT_FORMAT = 1


def build(case: Case) -> Report:
    """The report of a case. Pictures are drawn when a renderer asks for them."""
    sections = [
        summary(case),
        remarks(case),
        pictures(case),
        quality(case),
        colocalization(case),
        methods(case),
        checklist(case),
        record(case),
    ]
    done = case.after.name if case.after else "original"
    return Report(
        title=short(case.title, 120),
        subtitle=f"{short(done, 80)}: images, measurements and methods",
        created=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        software=f"abbe {__version__}",
        sections=tuple(section for section in sections if section is not None),
        repeat=_repeat(case),
    )


def _repeat(case: Case) -> dict[str, Any]:
    """What is needed to do everything again, and every digit of what came out."""
    images = chain((case.after or case.before).image)
    digests = case.digests if len(case.digests) == len(images) else tuple(pixel_digest(image.pixels) for image in images)
    steps = []
    for image, digest in zip(images[1:], digests[1:], strict=True):
        recipe = recipe_of(image)
        steps.append({"recipe": recipe.to_dict() if recipe else None, "digest": digest})
    original = images[0]
    return {
        "format": REPEAT_FORMAT,
        "software": f"abbe {__version__}",
        "source": case.source,
        "kept": case.kept,
        "original": {"digest": digests[0], "source": original.provenance.source, "shape": list(original.shape)},
        "steps": steps,
        "colocalizations": [_measured(measured) for measured in case.colocalizations],
        "comparisons": [_measured(measured) for measured in case.comparisons],
    }


def _measured(measured: Measured) -> dict[str, Any]:
    depth = len(chain(measured.image)) - 1
    return {"step": depth, "parameters": dict(measured.parameters), "results": _data(measured.data)}


def _data(value: Any) -> Any:
    """Plain containers of what `to_dict` gave."""
    if isinstance(value, Mapping):
        return {str(key): _data(item) for key, item in value.items()}
    return [_data(item) for item in value] if isinstance(value, (list, tuple)) else value
