"""What became of each image of a batch: a line in a journal, read again when the batch goes on.

Every process that works on a batch writes a journal of its own, so that none has to wait for another, and reads those of all. A line
that a kill or a full disk cut off does not count.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from abbe.batch.finding import Source, file_key, file_of, names_of, plain
from abbe.storage import storage_error, write_whole


class Outcome(BaseModel):
    """What became of one image."""

    model_config = ConfigDict(frozen=True)

    key: str
    size: int
    mtime_ns: int
    #: (files, bytes, last change) of what an image in several files consists of besides; of a set of files, which those are
    inside: tuple[int, int, int] | None = None
    parts: tuple[str, ...] = ()
    #: "part": of a set of files that is one image, and done with its first; "several": a file of so many images, each with an outcome
    status: Literal["done", "failed", "part", "several"]
    #: the folder of images in which it lies at that path
    folder: str | None = None
    #: how many images its file holds, where that is known; which of several this one is, and what the file calls it
    images: int | None = None
    number: int | None = None
    name: str | None = None
    #: path below the folder of results
    result: str | None = None
    #: improved, unchanged or doubtful, as `abbe.verdict` says, and why
    verdict: str | None = None
    reason: str | None = None
    #: what to know about the result
    notices: tuple[str, ...] = ()
    #: axes TCZYX
    shape: tuple[int, ...] | None = None
    #: (z, y, x) in um
    pixel_size: tuple[float | None, ...] | None = None
    error: str | None = None
    seconds: float = 0.0
    #: what computed it, as its recipe says
    engine: str | None = None
    by: str = ""
    when: str = Field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @field_validator("key", "folder", "name", "result", "reason", "error", mode="before")
    @classmethod
    def _plain(cls, text: object) -> object:
        """Errors name files, and names may be what no text can hold."""
        return plain(text) if isinstance(text, str) else text


#: as `Line.status`: what an abbe wrote that took the first image alone of a file of several, or did not look for others
FIRST = "first"
#: how such an abbe's word on the others begins
_DROPPED = ("the file holds ", "the folder holds ")


@dataclass(frozen=True, slots=True)
class Line:
    """An outcome as the journal has it; of a million of them all but this would fill the memory."""

    status: str
    size: int
    mtime_ns: int
    text: bytes
    images: int | None = None
    number: int | None = None
    #: None: an abbe wrote it that did not say
    folder: str | None = None
    inside: tuple[int, int, int] | None = None
    #: is it an image in a set of files?
    in_parts: bool = False

    @property
    def ended(self) -> bool:
        """Is there nothing left to do?"""
        return self.status in ("done", "part")

    def of(self, source: Source) -> bool:
        """Is the file still as it was?"""
        return source.is_as(self.size, self.mtime_ns, self.inside)

    def outcome(self) -> Outcome:
        return Outcome.model_validate_json(self.text)

    def as_first(self, source: Source) -> Outcome | None:
        """The outcome of `source`, the first image or the only one, where this is what an abbe wrote that took it for all; else None."""
        outcome = self.outcome()
        if self.status != FIRST or outcome.status != "done" or not self.of(source):
            return None
        kept = tuple(notice for notice in outcome.notices if not notice.startswith(_DROPPED))
        images = 1 if source.number is None else None
        return outcome.model_copy(update={"key": source.key, "number": source.number, "images": images, "notices": kept})

    def gives_way(self, other: Line) -> bool:
        """Does what another process wrote, or this one wrote later, count in its place?"""
        same = self.of(Source("", other.size, other.mtime_ns, inside=other.inside))
        if same and (self.status == "failed") != (other.status == "failed"):
            return self.status == "failed"  # one process could, another could not
        return _when(self) <= _when(other)


def _when(line: Line) -> str:
    return str(json.loads(line.text).get("when", ""))


def _line(text: bytes) -> tuple[str, Line, str | None]:
    """Key, line and result. Raises `ValueError`, `TypeError`, `KeyError` for what was cut off."""
    found = json.loads(text)
    key, status, images = found["key"], found["status"], found.get("images")
    if "images" not in found:
        key, images = file_key(key), 1 if status == "done" else None
        if status == "part" or (status == "done" and any(notice.startswith(_DROPPED) for notice in found["notices"])):
            status, images = FIRST, None
    folder, inside = found.get("folder"), found.get("inside")
    place = None if folder is None else sys.intern(folder)
    facts = (images, found.get("number"), place, None if inside is None else (inside[0], inside[1], inside[2]))
    return key, Line(sys.intern(status), found["size"], found["mtime_ns"], text, *facts, bool(found.get("parts"))), found.get("result")


class Record:
    """All outcomes in a folder of journals, the last of each image; and a journal for this process."""

    def __init__(self, folder: Path, name: str, ours: Callable[[str, Line], bool] = lambda key, line: True, maps: bool = False) -> None:
        """`ours` tells outcomes of this batch's images from those of another folder's, whose results lie here too; with `maps` or not."""
        self.folder, self.own, self._ours, self._maps = folder, folder / f"{name}.jsonl", ours, maps
        self.lines: dict[str, Line] = {}
        #: images of which this object learnt the outcome after its first look; and those of which it did since `news` was emptied
        self.late: set[str] = set()
        self.news: list[str] = []
        #: names of results and their maps, as `names_of` has them -> whose they are: an image's key
        self.names: dict[str, str] = {}
        #: the same, of the image of that key in another folder: when it was made, that folder, and the key
        self.elsewhere: dict[str, tuple[str, str, str]] = {}
        self._read: dict[str, int] = {}
        self._first = True
        self.refresh()
        self._first = False

    def belongs(self, target: str, key: str) -> tuple[str, str | None] | None:
        """The image whose result is called like that of `key` would be at `target`, or has it among its maps; and its folder, if another.

        None where the name is free, or its own.
        """
        for name in sorted(names_of(target, self._maps)):
            if self.names.get(name, key) != key:
                return self.names[name], None
            if name in self.elsewhere and name not in self.names:
                _, folder, other = self.elsewhere[name]
                return other, folder
        return None

    def refresh(self) -> None:
        """Read what all other processes wrote since the last look."""
        for path in sorted(self.folder.glob("*.jsonl")):
            if path != self.own:
                for line in self._new_lines(path):
                    self._take(line)

    def _new_lines(self, path: Path) -> Iterator[bytes]:
        """Whole lines behind those that were read."""
        start = self._read.get(path.name, 0)
        try:
            with path.open("rb") as file:
                file.seek(start)
                content = file.read()
        except OSError:
            return
        whole = content.rfind(b"\n") + 1
        self._read[path.name] = start + whole
        yield from content[:whole].splitlines()

    def _take(self, text: bytes) -> None:
        try:
            key, line, result = _line(text)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError):
            return  # cut off, and another line behind it
        names = names_of(str(result), self._maps) if result and line.status in ("done", FIRST) else ()
        if line.folder is not None and not self._ours(key, line):
            for name in names:
                self.elsewhere[name] = max(self.elsewhere.get(name, ("", "", "")), (_when(line), line.folder, key))
            return
        known = self.lines.get(key)
        if known is not None and not known.gives_way(line):
            return
        self.lines[key] = line
        for name in names:
            self.names[name] = key
        if not self._first:
            self.late.add(key)
            self.news.append(key)

    def add(self, outcome: Outcome) -> None:
        """Write an outcome, durably. Raises `StorageError`."""
        known = self.lines.get(outcome.key)
        if known is not None and (before := _when(known)) > outcome.when:  # by another machine, whose clock is ahead
            outcome = outcome.model_copy(update={"when": before})
        text = outcome.model_dump_json().encode()
        line = text + b"\n"
        try:
            with suppress(OSError):  # one that had done nothing took the empty folder away when it ended
                self.folder.mkdir()
            with self.own.open("ab") as file:
                end = file.tell()
                if end and not _ends(self.own):
                    line = b"\n" + line  # behind a line that was cut off
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as problem:
            raise storage_error(self.own, problem) from problem
        self._take(text)


def others_of(folder: Path, again: Sequence[Source], ours: Callable[[str, Line], bool]) -> list[Line]:
    """Lines of a folder of journals that are not of these images: the last of each other image, and of each in another folder.

    Raises `StorageError`.
    """
    gone, last, after = {source.key for source in again}, dict[tuple[str, str | None], Line](), dict[str, str]()
    results = dict[tuple[str, str | None], str]()
    for text in _all_lines(folder):
        try:
            key, line, result = _line(text)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError):
            continue
        place = (key, line.folder)
        if (line.folder is None or ours(key, line)) and file_of(key, line.number) in gone:
            after[str(result)] = max(after.get(str(result), ""), _when(line))
        elif place not in last or last[place].gives_way(line):
            last[place], results[place] = line, str(result)
    return [line for place, line in last.items() if line.status != "done" or after.get(results[place], "") <= _when(line)]


def _all_lines(folder: Path) -> Iterator[bytes]:
    for path in sorted(folder.glob("*.jsonl")):
        try:
            yield from path.read_bytes().splitlines()
        except OSError as problem:
            raise storage_error(path, problem) from problem


def begin_anew(folder: Path, kept: Sequence[Line]) -> None:
    """A journal with these outcomes alone. Raises `StorageError`."""
    try:
        old = list(folder.glob("*.jsonl"))
        if kept:
            with write_whole(folder / f"kept-{secrets.token_hex(4)}.jsonl") as part:
                part.write_bytes(b"".join(line.text + b"\n" for line in kept))
        for path in old:
            path.unlink()
    except OSError as problem:
        raise storage_error(folder, problem) from problem


def _ends(path: Path) -> bool:
    """Does the file's last line end?"""
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
