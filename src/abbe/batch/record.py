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

from abbe.batch.finding import Source, file_key, file_of, plain
from abbe.storage import storage_error, write_whole


class Outcome(BaseModel):
    """What became of one image."""

    model_config = ConfigDict(frozen=True)

    key: str
    size: int
    mtime_ns: int
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

    @property
    def ended(self) -> bool:
        """Is there nothing left to do?"""
        return self.status in ("done", "part")

    def of(self, source: Source) -> bool:
        """Is the file still as it was?"""
        return source.is_as(self.size, self.mtime_ns)

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
        same = self.of(Source("", other.size, other.mtime_ns))
        if same and (self.status == "failed") != (other.status == "failed"):
            return self.status == "failed"  # one process could, another could not
        return _when(self) <= _when(other)


def _when(line: Line) -> str:
    return str(json.loads(line.text).get("when", ""))


def _line(text: bytes) -> tuple[str, Line]:
    """Key and line. Raises `ValueError`, `TypeError`, `KeyError` for what was cut off."""
    found = json.loads(text)
    key, status, images = found["key"], found["status"], found.get("images")
    if "images" not in found:
        key, images = file_key(key), 1 if status == "done" else None
        if status == "part" or (status == "done" and any(notice.startswith(_DROPPED) for notice in found["notices"])):
            status, images = FIRST, None
    folder = found.get("folder")
    place = None if folder is None else sys.intern(folder)
    return key, Line(sys.intern(status), found["size"], found["mtime_ns"], text, images, found.get("number"), place)


class Record:
    """All outcomes in a folder of journals, the last of each image; and a journal for this process."""

    def __init__(self, folder: Path, name: str, ours: Callable[[str, Line], bool] = lambda key, line: True) -> None:
        """`ours` tells outcomes of this batch's images from those of another folder's, whose results lie here too."""
        self.folder, self.own, self._ours = folder, folder / f"{name}.jsonl", ours
        self.lines: dict[str, Line] = {}
        #: key of an image -> the other folder in which one of that key is, whose result is here
        self.elsewhere: dict[str, str] = {}
        #: images of which this object learnt the outcome after its first look; and those of which it did since `news` was emptied
        self.late: set[str] = set()
        self.news: list[str] = []
        #: names of the results of images in files of several -> image's key
        self.names: dict[str, str] = {}
        self._read: dict[str, int] = {}
        self._first = True
        self.refresh()
        self._first = False

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
            key, line = _line(text)
        except (ValueError, TypeError, KeyError, AttributeError):
            return  # cut off, and another line behind it
        if line.folder is not None and not self._ours(key, line):
            if line.status == "done":  # what was refused there made nothing
                self.elsewhere[key] = line.folder
            return
        known = self.lines.get(key)
        if known is not None and not known.gives_way(line):
            return
        self.lines[key] = line
        if line.number is not None and (result := json.loads(text).get("result")):
            self.names[str(result).casefold()] = key
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


def begin_anew(folder: Path, again: Sequence[Source] | None) -> None:
    """A journal without outcomes; with `again`, without those of these images alone. Raises `StorageError`."""
    try:
        old = list(folder.glob("*.jsonl"))
        if again is not None and old:
            gone = {source.key for source in again}
            lines = [line.text for key, line in Record(folder, "kept").lines.items() if file_of(key, line.number) not in gone]
            with write_whole(folder / f"kept-{secrets.token_hex(4)}.jsonl") as part:
                part.write_bytes(b"".join(line + b"\n" for line in lines))
        for path in old:
            path.unlink()
    except OSError as problem:
        raise storage_error(folder, problem) from problem


def _ends(path: Path) -> bool:
    """Does the file's last line end?"""
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
