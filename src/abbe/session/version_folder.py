"""A version's folder: pixels, interval, trust and mask as OME-Zarr images, a thumbnail, and what abbe knows besides."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from abbe.errors import SessionError
from abbe.image import Image, Optics, Provenance
from abbe.image.digest import pixel_digest
from abbe.image.inspection import Inspection
from abbe.image.pixels import Pixels
from abbe.session import companions
from abbe.session.beside import with_measured_original
from abbe.session.chunks import ChunkedPixels
from abbe.session.flushing import flush
from abbe.session.multiscale import SAVING, Progress, describe, factors, write_group, write_pyramid
from abbe.session.places import Folder, Place
from abbe.session.plain import plain
from abbe.session.progress import part
from abbe.session.records import Version
from abbe.session.thumbnail import THUMBNAIL, thumbnail

_INSPECTION = TypeAdapter(Inspection)


@dataclass(frozen=True, slots=True)
class Written:
    """What came of writing a version."""

    digest: str
    bytes: int


def write(folder: Path, image: Image, record: dict[str, Any], full: bool = True, progress: Progress | None = None) -> Written:
    """Write everything of a version and flush it to the disk. Raises `OSError` when that fails; the folder is then incomplete.

    `record` is the version's record as far as it is known, for a session whose manifest is lost. `full` False: the pixels stay where they
    are (a linked original).
    """
    whole = 2 + companions.count(image)  # pixels, what goes with them, and the digest that reads them again
    size = write_pyramid(folder, image.pixels, full=full, progress=part(progress, 0.0, 1 / whole))
    stored = ChunkedPixels(Folder(folder), "0") if full else image.pixels
    saved = image.replace(pixels=stored)
    size += companions.write(folder, image.replace(pixels=stored), part(progress, 1 / whole, 1 - 1 / whole))
    found = Written(pixel_digest(stored, part(progress, 1 - 1 / whole, 1.0, SAVING)), size)
    kept = {**record, "digest": found.digest, "bytes": found.bytes}
    facts = {"format": 1, **_facts(image), "inspection": plain(saved.inspection), "version": kept}
    write_group(folder, describe(saved, record["name"], facts, full=full))
    (folder / THUMBNAIL).write_bytes(thumbnail(Folder(folder), "", saved))
    flush(folder)
    return found


def _facts(image: Image) -> dict[str, Any]:
    return {
        "bits": image.bits,
        "time_step": image.time_step,
        "optics": image.optics.to_dict(),
        "provenance": image.provenance.to_dict(),
    }


def read(
    place: Place,
    version: Version,
    original: Image | None,
    pixels: Pixels | None = None,
    step: tuple[float, float, float] | None = None,
) -> Image:
    """The version as an `Image` whose pixels are read when needed. Raises `SessionError` when its folder is damaged.

    `step`: size of its pixels in those of the original, where that is not what its provenance says.
    """
    facts = facts_of(place, version.folder)
    provenance = _provenance(facts.get("provenance") or {})
    image = Image(
        pixels=ChunkedPixels(place, f"{version.folder}/0") if pixels is None else pixels,
        pixel_size=version.pixel_size,
        channels=version.channels,
        colors=version.colors,
        bits=facts.get("bits"),
        time_step=facts.get("time_step"),
        optics=_optics(facts.get("optics") or {}),
        provenance=provenance if step is None else replace(provenance, step=step),
        notices=tuple(notice.notice() for notice in version.notices),
        original=original,
        recipe=version.recipe,
    )
    image = with_measured_original(companions.read(place, version, image))
    seen = _inspection(facts.get("inspection"))
    if seen is not None and len(seen.channels) == len(image.channels):
        vars(image)["inspection"] = seen  # what the cached property would find by reading every pixel again
    return image


def _inspection(data: Any) -> Inspection | None:
    """What was seen when the version was written; None where that is not known, or damaged: the pixels tell it again."""
    try:
        return _INSPECTION.validate_python(data)
    except ValidationError:
        return None


def facts_of(place: Place, folder: str) -> dict[str, Any]:
    """What abbe wrote beside the OME metadata of a version."""
    try:
        facts = json.loads(place.read(f"{folder}/zarr.json"))["attributes"]["abbe"]
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise SessionError(f"the version in {folder} of {place.title} is missing or damaged; revert to another version") from problem
    if not isinstance(facts, dict):
        raise SessionError(f"the version in {folder} of {place.title} is damaged; revert to another version")
    return facts


def _optics(data: dict[str, Any]) -> Optics:
    known = {field.name: data[field.name] for field in fields(Optics) if field.name in data}
    known |= {name: tuple(known[name]) for name in ("emission", "excitation") if name in known}
    return Optics(**known)


def _provenance(data: dict[str, Any]) -> Provenance:
    known = {field.name: data[field.name] for field in fields(Provenance) if field.name in data}
    return Provenance(**known | {"history": tuple(known.get("history") or ())})


def arrays(place: Place, version: Version) -> list[ChunkedPixels]:
    """Every array that the version should have, for a check of its files."""
    count = len(factors(*version.shape[3:]))
    stored = [f"{version.folder}/{index}" for index in range(count) if index or version.link is None or count == 1]
    return [ChunkedPixels(place, name) for name in stored] + companions.arrays(place, version)
