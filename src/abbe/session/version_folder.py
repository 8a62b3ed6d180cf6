"""A version's folder: pixels, interval, trust and mask as OME-Zarr images, a thumbnail, and what abbe knows besides."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from abbe.errors import SessionError
from abbe.image import Image, Interval, Optics, Provenance
from abbe.image.digest import pixel_digest
from abbe.image.pixels import Array, MappedPixels, Pixels
from abbe.session.chunks import ChunkedPixels
from abbe.session.flushing import flush
from abbe.session.multiscale import Progress, describe, factors, write_pyramid
from abbe.session.places import Folder, Place
from abbe.session.records import Version
from abbe.session.thumbnail import THUMBNAIL, thumbnail

#: folder of each companion image
LOWER, UPPER, TRUST, MASK = "lower", "upper", "trust", "mask"


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
    size = write_pyramid(folder, image.pixels, full=full, progress=progress)
    stored = ChunkedPixels(Folder(folder), "0") if full else image.pixels
    saved = image.replace(pixels=stored)
    found = Written(
        pixel_digest(stored), size + sum(_write_companion(folder / name, picture, name) for name, picture in _companions(image))
    )
    facts = {"format": 1, **_facts(image), "version": {**record, "digest": found.digest, "bytes": found.bytes}}
    _write_json(folder / "zarr.json", describe(saved, record["name"], facts, full=full))
    (folder / THUMBNAIL).write_bytes(thumbnail(Folder(folder), "", saved))
    flush(folder)
    return found


def _write_json(file: Path, content: dict[str, Any]) -> None:
    file.write_text(json.dumps(content, ensure_ascii=True), encoding="ascii")


def _companions(image: Image) -> list[tuple[str, Image]]:
    found = []
    if image.interval is not None:
        found += [(LOWER, image.interval.lower), (UPPER, image.interval.upper)]
    if image.trust is not None:
        found.append((TRUST, image.trust))
    if image.mask is not None:
        found.append((MASK, image.replace(pixels=MappedPixels(_as_numbers, (image.mask,), np.dtype(np.uint8)), mask=None)))
    return found


def _write_companion(folder: Path, image: Image, name: str) -> int:
    smaller = name == TRUST
    size = write_pyramid(folder, image.pixels, smaller=smaller)
    stored = image.replace(pixels=ChunkedPixels(Folder(folder), "0"))
    described = describe(stored, name, {"format": 1, "companion": name}, smaller=smaller)
    _write_json(folder / "zarr.json", described)
    return size


def _facts(image: Image) -> dict[str, Any]:
    return {
        "bits": image.bits,
        "time_step": image.time_step,
        "optics": image.optics.to_dict(),
        "provenance": image.provenance.to_dict(),
    }


def read(place: Place, version: Version, original: Image | None, pixels: Pixels | None = None) -> Image:
    """The version as an `Image` whose pixels are read when needed. Raises `SessionError` when its folder is damaged."""
    facts = facts_of(place, version.folder)
    image = Image(
        pixels=ChunkedPixels(place, f"{version.folder}/0") if pixels is None else pixels,
        pixel_size=version.pixel_size,
        channels=version.channels,
        colors=version.colors,
        bits=facts.get("bits"),
        time_step=facts.get("time_step"),
        optics=_optics(facts.get("optics") or {}),
        provenance=_provenance(facts.get("provenance") or {}),
        notices=tuple(notice.notice() for notice in version.notices),
        original=original,
        recipe=version.recipe,
    )
    return _with_companions(place, version, image)


def _with_companions(place: Place, version: Version, image: Image) -> Image:
    def companion(name: str) -> Image:
        pixels = ChunkedPixels(place, f"{version.folder}/{name}/0")
        return Image(pixels, image.pixel_size, _names(image, pixels), recipe=version.recipe)

    return image.replace(
        interval=Interval(companion(LOWER), companion(UPPER)) if version.has_interval else None,
        trust=companion(TRUST) if version.has_trust else None,
        mask=_mask(place, version),
    )


def _mask(place: Place, version: Version) -> Pixels | None:
    if place.size(f"{version.folder}/{MASK}/zarr.json") is None:
        return None
    return MappedPixels(_as_truth, (ChunkedPixels(place, f"{version.folder}/{MASK}/0"),), np.dtype(np.bool_))


def _as_numbers(mask: Array) -> Array:
    return mask.astype(np.uint8)


def _as_truth(mask: Array) -> Array:
    return mask != 0


def _names(image: Image, pixels: Pixels) -> tuple[str, ...]:
    return image.channels if pixels.shape[1] == len(image.channels) else ()


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
    if version.has_interval:
        stored += [f"{version.folder}/{LOWER}/0", f"{version.folder}/{UPPER}/0"]
    if version.has_trust:
        stored.append(f"{version.folder}/{TRUST}/0")
    if place.size(f"{version.folder}/{MASK}/zarr.json") is not None:
        stored.append(f"{version.folder}/{MASK}/0")
    return [ChunkedPixels(place, name) for name in stored]
