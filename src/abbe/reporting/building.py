"""From a case to a report: which sections, in which order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from abbe._version import __version__
from abbe.reporting.case import Case, Measured, chain
from abbe.reporting.inert import short
from abbe.reporting.model import Report
from abbe.reporting.sections.checklist import checklist
from abbe.reporting.sections.colocalization import colocalization
from abbe.reporting.sections.methods import methods
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
    done = (case.after or case.before).name
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
    original, *made = case.ancestors
    source = original.image.provenance.source
    recorded = {} if case.recorded is None else {"recipe": case.recorded.to_dict()}
    return {
        "format": REPEAT_FORMAT,
        "software": f"abbe {__version__}",
        "source": case.source,
        "kept": case.kept,
        "original": {
            "digest": original.digest,
            "source": source,
            "shape": list(original.image.shape),
            "pixel_size": list(original.image.pixel_size),
            "channels": list(original.image.channels),
        }
        | recorded,
        "steps": [{"recipe": step.recipe.to_dict() if step.recipe else None, "digest": step.digest} for step in made],
        "colocalizations": [_measured(case, measured) for measured in case.colocalizations],
        "comparisons": [_measured(case, measured) for measured in case.comparisons],
    }


def _measured(case: Case, measured: Measured) -> dict[str, Any]:
    """`step`: which of the ancestors was measured; 0 is the original."""
    found = [k for k, ancestor in enumerate(case.ancestors) if ancestor.image.pixels is measured.image.pixels]
    step = found[-1] if found else len(chain(measured.image)) - 1
    return {"step": step, "parameters": dict(measured.parameters), "results": _data(measured.data)}


def _data(value: Any) -> Any:
    """Plain containers of what `to_dict` gave."""
    if isinstance(value, Mapping):
        return {str(key): _data(item) for key, item in value.items()}
    return [_data(item) for item in value] if isinstance(value, (list, tuple)) else value
