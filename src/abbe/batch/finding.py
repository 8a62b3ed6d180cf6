"""The images in a folder, and where the result of each goes."""

from __future__ import annotations

import fnmatch
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from abbe.errors import StorageError
from abbe.formats.naming import READ, maps_beside, stem

#: folders that hold something else than images to take: sessions, and the planes of an OIF file, which belong to it
_CLOSED = (".abbe", ".files")
#: the folder in that of the results where a batch keeps its journal
HOME = ".abbe-batch"
#: in a folder that is one image, what changes when the image does
_HEADS = ("zarr.json", ".zattrs", ".zgroup")
#: nanoseconds by which a file's date may differ and be the same: disks and shares keep it to 100 ns, 10 ms or 2 s
_DATED = 2 * 10**9


@dataclass(frozen=True, slots=True)
class Source:
    """An image file: its path below the folder, with forward slashes, and how it looked when it was listed."""

    key: str
    size: int
    mtime_ns: int
    #: the path itself, where no text can hold it: names that are not UTF-8
    path: str = ""

    def within(self, folder: Path) -> Path:
        return folder / (self.path or self.key)

    def is_as(self, size: int, mtime_ns: int) -> bool:
        return self.size == size and abs(self.mtime_ns - mtime_ns) <= _DATED


@dataclass(slots=True)
class Found:
    """What is in a folder: images by name, how many other files by ending, and sub-folders that may not be read."""

    sources: list[Source] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    closed: list[str] = field(default_factory=list)


def find(folder: Path, out: Path, match: Sequence[str] = ()) -> Found:
    """Every image below `folder`, in the order in which people count; not what is hidden, among results, or in a session.

    Args:
        match: patterns such as `*_ch1.tif` or `plate1/*`, of a file's name, or of its path below the folder where they hold a slash.
            None: whatever ends as images do that abbe opens.

    Raises:
        StorageError: the folder is not there or may not be read.
    """
    found = Found()
    if not folder.is_dir():
        raise StorageError(f"wanted a folder of images, got {folder}, which is none; check the name")
    for place, relative in _files(folder, "", os.path.realpath(out), found.closed):
        if is_wanted(relative, match):
            source = look(place, relative)
            if source is not None:
                found.sources.append(source)
        else:
            found.ignored[PurePosixPath(relative.lower()).suffix or "without ending"] += 1
    found.sources.sort(key=lambda source: _natural(source.key))
    return found


def is_wanted(relative: str, match: Sequence[str]) -> bool:
    """Is a file of this path below the folder to be taken?"""
    return any(_matches(relative, pattern) for pattern in match) if match else relative.lower().endswith(READ)


def _files(folder: Path, prefix: str, out: str, closed: list[str]) -> Iterator[tuple[Path, str]]:
    """(path, path below the first folder) of every file, and of every folder that is one image."""
    try:
        with os.scandir(folder) as listed:
            entries = sorted(listed, key=lambda entry: entry.name)
    except OSError as problem:
        if not prefix:
            raise StorageError(f"could not list the folder {folder}: {problem.strerror}; ask its owner, or choose another") from problem
        if not isinstance(problem, FileNotFoundError):  # else it went away meanwhile
            closed.append(plain(prefix))
        return
    if prefix and any(entry.name == HOME for entry in entries):
        return  # results of another batch
    for entry in entries:
        if entry.name.startswith("."):
            continue
        place, relative, lower = Path(entry.path), prefix + entry.name, entry.name.lower()
        if lower.endswith(".zarr") or not entry.is_dir():
            yield place, relative
        elif entry.is_dir(follow_symlinks=False) and not lower.endswith(_CLOSED) and os.path.realpath(place) != out:
            yield from _files(place, relative + "/", out, closed)  # a link to a folder may lead round in a circle


def look(place: Path, relative: str) -> Source | None:
    """How the image looks now. None for what went away meanwhile, or is no image."""
    heads = [place]
    if place.is_dir():
        heads = [place / head for head in _HEADS]
    elif relative.lower().endswith(".oif"):
        heads.append(Path(f"{place}.files"))  # its planes; the folder's date is that of the last one that came
    seen = []
    for head in heads:
        with suppress(OSError):
            seen.append(head.stat())
    if not seen and place.is_symlink():
        seen.append(place.lstat())  # it leads nowhere, which opening it says
    if not seen:
        return None
    key = plain(relative)
    own = seen if place.is_dir() else seen[:1]
    return Source(key, sum(s.st_size for s in own), max(s.st_mtime_ns for s in seen), "" if key == relative else relative)


def grown(place: Path) -> tuple[int, int, int]:
    """(files, bytes, last change) of an image that is a folder: its heads come first, when it is copied, and its pixels for long."""
    count = size = last = 0
    for folder, _, names in os.walk(place):
        for name in names:
            with suppress(OSError):
                status = os.stat(os.path.join(folder, name))
                count, size, last = count + 1, size + status.st_size, max(last, status.st_mtime_ns)
    return count, size, last


def plain(text: str) -> str:
    """Text that can be stored: bytes of a name that are not UTF-8 as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _matches(relative: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(relative if "/" in pattern else relative.rpartition("/")[2], pattern)


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Cell 2 before cell 10."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part.casefold()) for part in re.split(r"(\d+)", text)]


def targets(sources: Sequence[Source], ending: str, maps: bool = False) -> dict[str, str]:
    """Source's key -> path of its result below the folder of results, alike in both. cells.tif -> cells_abbe.ome.tif.

    Where several differ in their endings alone, each result keeps its own: cells.png_abbe.ome.tif. So it does where it would have the name
    of another's map.
    """
    short = {source.key: _renamed(source.key, stem(Path(source.key)), ending) for source in sources}
    often = Counter(name.casefold() for name in short.values())  # folders of Windows and macOS do not tell capitals apart
    if maps:
        for name in short.values():
            often.update(path.as_posix().casefold() for path in maps_beside(Path(name)).values())
    long = {key: _renamed(key, PurePosixPath(key).name, ending) for key, name in short.items() if often[name.casefold()] > 1}
    taken = {name.casefold() for name in long.values()}
    for key, name in short.items():
        if name.casefold() in taken and key not in long:  # cells.tif.tif beside cells.tif and cells.png
            long[key] = _renamed(key, PurePosixPath(key).name, ending)
    return short | long


def _renamed(key: str, name: str, ending: str) -> str:
    return str(PurePosixPath(key).with_name(name + ending))
