"""What abbe writes into a file about how the image came to be, and reads back: one JSON object.

It holds the recipe, the warnings, the history, and what a format may have no place for: names and colours of channels, pixel size, bits.
It goes where a format has room for free text: an annotation of OME-XML, the Info of an ImageJ TIFF, a text chunk of a PNG, the comment
of a JPEG, the attributes of an OME-Zarr.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from abbe._version import __version__
from abbe.errors import ParameterError
from abbe.formats import colours
from abbe.formats.units import positive
from abbe.image import Image, Notice, PixelSize
from abbe.image.notice import CODES
from abbe.limits import LIMITS

#: namespace of the annotation, and key of the text chunk
NAMESPACE = "abbe.account"
FORMAT = 1

#: warnings about a stored pixel type, which a reader finds anew
_TRANSIENT = {"converted", "clipped"}


@dataclass(frozen=True, slots=True)
class Described:
    """What was known of the image that was saved; it holds for an image of the same shape (TCZYX) alone, not for one resized since."""

    shape: tuple[int, ...]
    channels: tuple[str, ...]
    colors: tuple[str | None, ...]
    pixel_size: PixelSize
    bits: int | None


@dataclass(frozen=True, slots=True)
class Account:
    """What was read back."""

    history: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)
    described: Described | None = None


def write(image: Image, notices: tuple[Notice, ...] = (), most: int | None = None) -> str:
    """The account of `image` as JSON with sorted keys; without recipe and history where it would be longer than `most` characters."""
    known = [n for n in (*image.notices, *notices) if n.code not in _TRANSIENT]
    data: dict[str, Any] = {
        "format": FORMAT,
        "software": f"abbe {__version__}",
        "history": list(image.provenance.history),
        "warnings": [n.to_dict() for n in dict.fromkeys(known)],
        "image": {
            "shape": image.shape,
            "channels": image.channels,
            "colors": image.colors,
            "pixel_size": image.pixel_size,
            "bits": image.bits,
        },
    }
    if image.provenance.source:
        data["source"] = {"name": image.provenance.names, "sha256": image.provenance.digest}
    if image.recipe is not None:
        data["recipe"] = image.recipe.to_dict()
    text = json.dumps(data, sort_keys=True, ensure_ascii=True)
    if most is None or len(text) <= most:
        return text
    short = {key: data[key] for key in ("format", "software", "image")}
    text = json.dumps(short, sort_keys=True, ensure_ascii=True)
    return text if len(text) <= most else ""


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
        described = _described(data.get("image"))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, ParameterError):
        return Account()
    return Account(history, notices, facts, described)


def _described(data: Any) -> Described | None:
    """Raises `TypeError`, `ValueError` or `KeyError` for what cannot be."""
    if data is None:
        return None
    z, y, x = (positive(size) for size in data["pixel_size"])
    bits = data["bits"]
    return Described(
        shape=tuple(int(n) for n in data["shape"]),
        channels=tuple(str(name)[: LIMITS.name] for name in data["channels"]),
        colors=tuple(None if color is None else colours.parse_colour(str(color)) for color in data["colors"]),
        pixel_size=(z, y, x),
        bits=bits if isinstance(bits, int) and 1 <= bits <= 32 else None,
    )
