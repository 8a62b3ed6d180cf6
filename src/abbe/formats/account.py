"""What abbe writes into a file about how the image came to be, and reads back: one JSON object.

It holds the recipe, the warnings and the history, and goes where a format has room for free text: an annotation of OME-XML, the Info
of an ImageJ TIFF, a text chunk of a PNG, the attributes of an OME-Zarr.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from abbe._version import __version__
from abbe.image import Image, Notice
from abbe.image.notice import CODES
from abbe.limits import LIMITS

#: namespace of the annotation, and key of the text chunk
NAMESPACE = "abbe.account"
FORMAT = 1

#: warnings about a stored pixel type, which a reader finds anew
_TRANSIENT = {"converted", "clipped"}


@dataclass(frozen=True, slots=True)
class Account:
    """What was read back."""

    history: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)


def write(image: Image, notices: tuple[Notice, ...] = ()) -> str:
    """The account of `image` as JSON with sorted keys."""
    known = [n for n in (*image.notices, *notices) if n.code not in _TRANSIENT]
    data: dict[str, Any] = {
        "format": FORMAT,
        "software": f"abbe {__version__}",
        "history": list(image.provenance.history),
        "warnings": [n.to_dict() for n in dict.fromkeys(known)],
    }
    if image.provenance.source:
        data["source"] = {"name": image.provenance.source, "sha256": image.provenance.digest}
    if image.recipe is not None:
        data["recipe"] = image.recipe.to_dict()
    return json.dumps(data, sort_keys=True, ensure_ascii=True)


def parse(text: str | None) -> Account:
    """Raises nothing: an account that makes no sense is none, for the pixels do not depend on it."""
    if not text or len(text) > LIMITS.metadata:
        return Account()
    try:
        data = json.loads(text)
        if not isinstance(data, dict) or int(data.get("format", 0)) > FORMAT:
            return Account()
        notices = tuple(
            Notice(str(w["code"]), str(w["message"])[: LIMITS.name]) for w in data.get("warnings", [])[:100] if w.get("code") in CODES
        )
        history = tuple(str(line)[: LIMITS.name] for line in data.get("history", [])[:1000])
        facts = {"software": str(data.get("software", ""))[:200]}
        if isinstance(data.get("recipe"), dict):
            facts["recipe"] = json.dumps(data["recipe"], sort_keys=True, ensure_ascii=False)
        if isinstance(data.get("source"), dict):
            facts["made from"] = str(data["source"].get("name"))[: LIMITS.name]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Account()
    return Account(history, notices, facts)
