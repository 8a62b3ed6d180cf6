"""The images in a folder, and where the result of each goes."""

from __future__ import annotations

import fnmatch
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from abbe.errors import StorageError
from abbe.formats.naming import READ, stem

#: folders that hold something else than images to take: sessions, and the planes of an OIF file, which belong to it
_CLOSED = (".abbe", ".files")
#: in a folder that is one image, what changes when the image does
_HEADS = ("zarr.json", ".zattrs", ".zgroup")


@dataclass(frozen=True, slots=True)
class Source:
    """An image file: its path below the folder, with forward slashes, and how it looked when it was listed."""

    key: str
    size: int
    mtime_ns: int


@dataclass(slots=True)
class Found:
    """What is in a folder: images by name, and how many other files by ending."""

    sources: list[Source] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)


def find(folder: Path, out: Path, match: Sequence[str] = ()) -> Found:
    """Every image below `folder`, in the order in which people count; not what is hidden, in `out`, or in a session.

    Args:
        match: patterns such as `*_ch1.tif` or `plate1/*`, of a file's name, or of its path below the folder where they hold a slash.
            None: whatever ends as images do that abbe opens.

    Raises:
        StorageError: the folder is not there or may not be read.
    """
    found = Found()
    if not folder.is_dir():
        raise StorageError(f"wanted a folder of images, got {folder}, which is none; check the name")
    for place, relative in _files(folder, "", os.path.realpath(out)):
        name = relative.lower()
        if any(_matches(relative, pattern) for pattern in match) if match else name.endswith(READ):
            source = _source(place, relative)
            if source is not None:
                found.sources.append(source)
        else:
            found.ignored[PurePosixPath(name).suffix or "without ending"] += 1
    found.sources.sort(key=lambda source: _natural(source.key))
    return found


def _files(folder: Path, prefix: str, out: str) -> Iterator[tuple[Path, str]]:
    """(path, path below the first folder) of every file, and of every folder that is one image."""
    try:
        with os.scandir(folder) as listed:
            entries = sorted(listed, key=lambda entry: entry.name)
    except OSError as problem:
        raise StorageError(f"could not list the folder {folder}: {problem.strerror}; ask its owner, or choose another") from problem
    for entry in entries:
        if entry.name.startswith("."):
            continue
        place, relative, lower = Path(entry.path), prefix + entry.name, entry.name.lower()
        if not entry.is_dir(follow_symlinks=False):
            if not entry.is_dir():  # a link to a folder may lead round in a circle
                yield place, relative
        elif lower.endswith(".zarr"):
            yield place, relative
        elif not lower.endswith(_CLOSED) and os.path.realpath(place) != out:
            yield from _files(place, relative + "/", out)


def _source(place: Path, relative: str) -> Source | None:
    """None for what went away meanwhile, or is no file."""
    heads = [place / head for head in _HEADS] if place.is_dir() else [place]
    seen = []
    for head in heads:
        try:
            seen.append(head.stat())
        except OSError:
            continue
    return Source(relative, sum(s.st_size for s in seen), max(s.st_mtime_ns for s in seen)) if seen else None


def _matches(relative: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(relative if "/" in pattern else relative.rpartition("/")[2], pattern)


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Cell 2 before cell 10."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part.casefold()) for part in re.split(r"(\d+)", text)]


def targets(sources: Sequence[Source], ending: str) -> dict[str, str]:
    """Source's key -> path of its result below the folder of results, alike in both. cells.tif -> cells_abbe.ome.tif.

    Where several differ in their endings alone, each result keeps its own: cells.png_abbe.ome.tif.
    """
    short = {source.key: _renamed(source.key, stem(Path(source.key)), ending) for source in sources}
    often = Counter(name.casefold() for name in short.values())  # folders of Windows and macOS do not tell capitals apart
    return {key: name if often[name.casefold()] == 1 else _renamed(key, PurePosixPath(key).name, ending) for key, name in short.items()}


def _renamed(key: str, name: str, ending: str) -> str:
    return str(PurePosixPath(key).with_name(name + ending))
