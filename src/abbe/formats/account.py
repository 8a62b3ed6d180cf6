"""What abbe writes into a file about how the image came to be, and reads back: one JSON object.

It holds the recipe, the warnings, the history, and what a format may have no place for: names and colours of channels, pixel size, bits,
which pixels are masked, and how large they are in pixels of the original.
It goes where a format has room for free text: an annotation of OME-XML, the Info of an ImageJ TIFF, a text chunk of a PNG, the comment
of a JPEG, the attributes of an OME-Zarr.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from abbe._version import __version__
from abbe.errors import ParameterError
from abbe.formats import colours, masked
from abbe.formats.units import positive
from abbe.image import Grid, Image, Notice, Optics, PixelSize
from abbe.image.notice import CODES
from abbe.limits import LIMITS

#: namespace of the annotation, and key of the text chunk
NAMESPACE = "abbe.account"
FORMAT = 1

MASK_LOST = "which pixels are masked did not fit into the file, where they count as measured; save as .ome.tif, or keep a session (.abbe)"

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
    #: (z, y, x) size of a pixel in pixels of the original
    step: tuple[float, float, float] | None
    acquired: str | None
    optics: Optics
    #: see `abbe.formats.masked`
    mask: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Account:
    """What was read back."""

    history: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)
    described: Described | None = None


def write(image: Image, most: int | None = None) -> tuple[str, tuple[Notice, ...]]:
    """The account of `image` as JSON with sorted keys, and the word about its masked pixels where they are not in there.

    Where it would be longer than `most` characters, recipe and history are left out, then which pixels are masked, then everything.
    """
    mask = {} if image.mask is None else masked.write(image.mask)
    lost = (Notice("dropped", MASK_LOST),) if mask != {} else ()
    for bits, without in ((mask, ()), ({}, lost)):
        full = _data(image, bits or {}, without)
        for data in (full, {key: full[key] for key in ("format", "software", "image")}) if bits is not None else ():
            text = json.dumps(data, sort_keys=True, ensure_ascii=True)
            if most is None or len(text) <= most:
                return text, without
    return "", lost


def _data(image: Image, mask: dict[str, str], more: tuple[Notice, ...]) -> dict[str, Any]:
    known = [n for n in (*image.notices, *more) if n.code not in _TRANSIENT]
    step = Grid.of(image).original
    described: dict[str, Any] = {
        "shape": image.shape,
        "channels": image.channels,
        "colors": image.colors,
        "pixel_size": image.pixel_size,
        "bits": image.bits,
    }
    if image.optics != Optics():
        described["optics"] = image.optics.to_dict()
    if image.provenance.acquired:
        described["acquired"] = image.provenance.acquired
    if step != (1, 1, 1):
        described["step"] = step
    if mask:
        described["mask"] = mask
    data: dict[str, Any] = {
        "format": FORMAT,
        "software": f"abbe {__version__}",
        "history": list(image.provenance.history),
        "warnings": [n.to_dict() for n in dict.fromkeys(known)],
        "image": described,
    }
    if image.provenance.source:
        data["source"] = {"name": image.provenance.names, "sha256": image.provenance.digest}
    if image.recipe is not None:
        data["recipe"] = image.recipe.to_dict()
    return data


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
    bits, step, mask = data["bits"], data.get("step"), data.get("mask")
    return Described(
        shape=tuple(int(n) for n in data["shape"]),
        channels=tuple(str(name)[: LIMITS.name] for name in data["channels"]),
        colors=tuple(None if color is None else colours.parse_colour(str(color)) for color in data["colors"]),
        pixel_size=(z, y, x),
        bits=bits if isinstance(bits, int) and 1 <= bits <= 32 else None,
        step=None if step is None else _step(step),
        acquired=str(data["acquired"])[:200] if data.get("acquired") else None,
        optics=_optics(data.get("optics") or {}),
        mask=mask if isinstance(mask, dict) else {},
    )


def _optics(data: Any) -> Optics:
    return Optics(
        numerical_aperture=positive(data.get("numerical_aperture")),
        magnification=positive(data.get("magnification")),
        refractive_index=positive(data.get("refractive_index")),
        modality=str(data["modality"])[:100] if data.get("modality") else None,
        emission=_waves(data.get("emission")),
        excitation=_waves(data.get("excitation")),
        pinhole=positive(data.get("pinhole")),
    )


def _waves(data: Any) -> tuple[float | None, ...]:
    waves = tuple(positive(wave) for wave in data or ())
    return waves if any(waves) else ()


def _step(data: Any) -> tuple[float, float, float] | None:
    z, y, x = (positive(size) for size in data)
    return None if z is None or y is None or x is None else (z, y, x)
