"""The images in a folder, and where the result of each goes."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from abbe.errors import StorageError
from abbe.formats.naming import MAPS, READ, maps_beside, stem

#: folders that hold something else than images to take: sessions
_CLOSED = ".abbe"
#: the folder of an OIF file's planes is called like it, and this
_PLANES = ".files"
#: the folder in that of the results where a batch keeps its journal
HOME = ".abbe-batch"
#: in the folder of an attempt: whether its file holds several images is known
LOOKED = "looked"
#: how names end of the images of a file of several
_NUMBERED = re.compile(r"#\d{1,6}\Z")
#: in a folder that is one image, what changes when the image does
_HEADS = ("zarr.json", ".zattrs", ".zgroup")
#: there, hidden files that belong to the pixels, and a sub-folder that does not: others add what they found in the image
_HIDDEN, _ADDED = (".zattrs", ".zgroup", ".zarray"), "labels"
#: nanoseconds to which disks, shares and archives keep a file's date
_DATED = (2 * 10**9, 10**9, 10**7, 10**6, 10**3, 10**2, 1)
#: how names end of the maps that come with a result of either workflow, as the shell names these
_MAP = tuple(f"_{result}_{kind}" for result in ("abbe", "background") for kind in MAPS)


@dataclass(frozen=True, slots=True)
class Source:
    """An image file, or an image in one of several: its path below the folder, with forward slashes, and how the file looked when it was
    listed. The key of the third image in cells.lif is cells.lif#2; of a file that is really called so, ./cells.lif#2.
    """

    key: str
    size: int
    mtime_ns: int
    #: the path itself, where it is not the key
    path: str = ""
    #: which image of a file of several
    number: int | None = None
    #: (files, bytes, last change) of all that an image in several files consists of besides this one
    inside: tuple[int, int, int] | None = None

    @property
    def relative(self) -> str:
        """The file's path below the folder."""
        return self.path or self.key

    @property
    def file(self) -> str:
        """The file's own key."""
        return file_of(self.key, self.number)

    @property
    def hidden(self) -> bool:
        """Could nothing be told of it but its name?"""
        return not (self.size or self.mtime_ns)

    def within(self, folder: Path) -> Path:
        return folder / self.relative

    def image(self, number: int) -> Source:
        """One of the images of this file of several."""
        return replace(self, key=f"{self.key}#{number}", path=self.relative, number=number)

    def is_as(self, size: int, mtime_ns: int, inside: tuple[int, int, int] | None = None) -> bool:
        """Was it so? What is `inside` of it counts where both are known."""
        if self.size != size or not _same_date(self.mtime_ns, mtime_ns):
            return False
        if self.inside is None or inside is None:
            return True
        return self.inside[:2] == inside[:2] and _same_date(self.inside[2], inside[2])


def _same_date(one: int, two: int) -> bool:
    """Exactly, but for what the one of the two is kept less exactly that says least."""
    kept = max(next(unit for unit in _DATED if date % unit == 0) for date in (one, two))
    return one == two or (kept > 1 and abs(one - two) <= kept)


def file_of(key: str, number: int | None) -> str:
    """The key of the file that holds the image."""
    return key if number is None else key.removesuffix(f"#{number}")


def file_key(relative: str) -> str:
    """The key of the file at a path: none that an image in another file may have."""
    key = plain(relative)
    return f"./{key}" if _NUMBERED.search(key) else key


@dataclass(slots=True)
class Found:
    """What is in a folder: images by name, how many other files by ending, maps of abbe's own, and sub-folders that may not be read."""

    sources: list[Source] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    maps: int = 0
    closed: list[str] = field(default_factory=list)


def find(folder: Path, out: Path, match: Sequence[str] = ()) -> Found:
    """Every image below `folder`, in the order in which people count; not what is hidden, among results, or in a session, nor maps.

    Args:
        match: patterns such as `*_ch1.tif` or `plate1/*`, of a file's name, or of its path below the folder where they hold a slash.
            None: whatever ends as images do that abbe opens.

    Raises:
        StorageError: the folder is not there or may not be read.
    """
    found = Found()
    if os.path.isfile(folder):
        raise StorageError(
            f"wanted a folder of images, got the file {folder}; give its folder, {folder.parent}, with --match '{folder.name}'"
        )
    if not os.path.isdir(folder):
        raise StorageError(f"wanted a folder of images, got {folder}, which is none; check the name")
    for place, relative in _Walk(folder, out, found.closed).files(folder, ""):
        if is_wanted(relative, match) and stem(place).endswith(_MAP):
            found.maps += 1
        elif is_wanted(relative, match):
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


class _Walk:
    """Through a folder and its sub-folders, and those outside it to which links in it lead; each once, whichever way links lead round."""

    def __init__(self, folder: Path, out: Path, closed: list[str]) -> None:
        self._root, self._out, self._closed = os.path.realpath(folder), os.path.realpath(out), closed
        #: the folder, and where links led
        self._seen = {self._root}

    def files(self, folder: Path, prefix: str) -> Iterator[tuple[Path, str]]:
        """(path, path below the first folder) of every file, and of every folder that is one image."""
        try:
            with os.scandir(folder) as listed:
                entries = sorted(listed, key=lambda entry: entry.name)
        except OSError as problem:
            if not prefix:
                raise StorageError(f"could not list the folder {folder}: {problem.strerror}; ask its owner, or choose another") from problem
            if not isinstance(problem, FileNotFoundError):  # else it went away meanwhile
                self._closed.append(plain(prefix))
            return
        if prefix and any(entry.name == HOME for entry in entries):
            return  # results of another batch
        names = {entry.name.lower() for entry in entries}
        for entry in entries:
            if entry.name.startswith("."):
                continue
            place, relative, lower = Path(entry.path), prefix + entry.name, entry.name.lower()
            if lower.endswith(".zarr") or not _is_folder(entry):
                yield place, relative
            elif not (lower.endswith(_CLOSED) or _is_of_oif(lower, names)) and self._leads_on(entry):
                yield from self.files(place, relative + "/")

    def _leads_on(self, entry: os.DirEntry[str]) -> bool:
        """Does a sub-folder, or a link to one, lead to images that are met nowhere else?"""
        real = os.path.realpath(entry.path)
        if real == self._out or real in self._seen:
            return False
        if entry.is_symlink():
            results = _holds(self._out, real) and not _holds(self._out, self._root)  # among them may lie what is to be taken
            if results or _holds(real, self._root) or self._is_met(Path(real)):
                return False
            self._seen.add(real)
        return True

    def _is_met(self, real: Path) -> bool:
        """Is it below one that is gone through, and not hidden there?"""
        seen = (place for place in real.parents if str(place) in self._seen)
        return any(not any(part.startswith(".") for part in real.relative_to(place).parts) for place in seen)


def _is_of_oif(name: str, beside: Set[str]) -> bool:
    """Does the folder `name` hold the planes of an OIF file that lies beside it?"""
    whole = name.removesuffix(_PLANES)
    return whole != name and whole.endswith(".oif") and whole in beside


def _holds(folder: str, path: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Where a link leads to what may not be looked at, opening it says so."""
    with suppress(OSError):
        return entry.is_dir()
    return False


def look(place: Path, relative: str) -> Source | None:
    """How the image looks now. None for what went away meanwhile, or is no image. What cannot be told of a file, opening it says."""
    heads, folder, hidden, inside = [place], os.path.isdir(place), False, None
    if folder:
        heads = [place / head for head in _HEADS]
    elif relative.lower().endswith(".oif"):
        heads.append(planes := Path(f"{place}{_PLANES}"))  # the folder's date is that of the last one that came
        inside = grown(planes)
    seen = []
    for head in heads:
        try:
            seen.append(head.stat())
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError:  # a folder of which names alone may be read, a share that does not answer
            hidden = True
    with suppress(OSError):
        if not seen and os.path.islink(place):
            seen.append(place.lstat())  # it leads nowhere
    key = file_key(relative)
    path = "" if key == relative else relative
    if not seen:
        return Source(key, 0, 0, path) if hidden else None
    if folder:
        inside = grown(place)
    own = seen if folder else seen[:1]
    return Source(key, sum(s.st_size for s in own), max(s.st_mtime_ns for s in seen), path, inside=inside)


def grown(place: Path) -> tuple[int, int, int]:
    """(files, bytes, last change) of an image that is a folder: its heads come first, when it is copied, and its pixels for long."""
    count = size = last = 0
    folders = [os.fspath(place)]
    while folders:
        with suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.name == _ADDED or (entry.name.startswith(".") and entry.name not in _HIDDEN):
                    continue
                with suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                        continue
                    status = entry.stat()
                    count, size, last = count + 1, size + status.st_size, max(last, status.st_mtime_ns)
    return count, size, last


def together(folder: Path, names: Sequence[str]) -> tuple[int, int, int]:
    """(files, bytes, last change) of the files of these names; of those that are there."""
    seen = []
    for name in names:
        with suppress(OSError):
            seen.append(os.stat(folder / name))
    return len(seen), sum(s.st_size for s in seen), max((s.st_mtime_ns for s in seen), default=0)


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
    often = Counter[str]()
    for name in short.values():
        often.update(names_of(name, maps))
    long = {key: _renamed(key, PurePosixPath(key).name, ending) for key, name in short.items() if often[name.casefold()] > 1}
    taken = {name.casefold() for name in long.values()}
    for key, name in short.items():
        if name.casefold() in taken and key not in long:  # cells.tif.tif beside cells.tif and cells.png
            long[key] = _renamed(key, PurePosixPath(key).name, ending)
    return short | long


def targets_within(
    images: Sequence[Source],
    file: str,
    ending: str,
    maps: bool,
    taken: Set[str],
    owned: Callable[[str, Source], bool] = lambda target, image: False,
) -> list[str]:
    """Paths of the results of all images in a file whose own would be `file`: cells.lif#2 -> cells_2_abbe.ome.tif.

    Where one of them is among the names `taken` by other files (as `names_of` has them), or `owned` by another image that is done,
    cells.lif#2_abbe.ome.tif, and so for all of the file. Images of different files have different names, since the files' own differ.
    """
    base, whole = PurePosixPath(file).name.removesuffix(ending), plain(PurePosixPath(images[0].relative).name)
    odd = hashlib.sha1(images[0].key.encode(), usedforsecurity=False).hexdigest()[:8]
    made: list[str] = []
    for begin in (f"{base}_", f"{whole}#", f"{whole}#{odd}_"):
        made = [_renamed(file, f"{begin}{image.number}", ending) for image in images]
        if not any(owned(target, image) or taken & names_of(target, maps) for target, image in zip(made, images)):
            break
    return made


def names_of(target: str, maps: bool) -> set[str]:
    """What comes with a result, as folders have it that do not tell capitals apart."""
    beside = maps_beside(Path(target)).values() if maps else ()
    return {path.casefold() for path in (target, *(path.as_posix() for path in beside))}


def _renamed(key: str, name: str, ending: str) -> str:
    return str(PurePosixPath(key).with_name(name + ending))
