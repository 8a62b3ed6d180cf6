"""The folder of images as it was listed, and as it has become."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath

from abbe.batch.finding import Found, Source, file_of, find, look, names_of, plain, targets, targets_within, together
from abbe.batch.record import Line, Record
from abbe.batch.settings import Settings
from abbe.errors import StorageError

#: seconds between two looks at a folder that grows, and without a change before a file in it counts as whole
LOOK, SETTLED = 5.0, 10.0


class Folder:
    """Images below `path`, whose results lie below `out`: files, and the images in those that were found to hold several."""

    def __init__(self, path: Path, out: Path, match: Sequence[str], settings: Settings) -> None:
        """Raises `StorageError` where the folder is not there, or may not be listed."""
        self.path, self.out, self.match, self._settings = path, out, match, settings
        #: could it be listed when it was looked at? A share may be away for a while
        self.seen = True
        self.found = Found()
        #: what became of images so far; none before a batch begins
        self.record: Record | None = None
        self._files: dict[str, Source] = {}
        #: file's key -> path of its result; key of a file of several -> those of its images
        self._targets: dict[str, str] = {}
        self._within: dict[str, list[str]] = {}
        self._taken: set[str] | None = None
        #: key of a file of several -> its images
        self._several: dict[str, tuple[Source, ...]] = {}
        self._now: dict[str, Source] = {}
        #: image -> since when it has looked as it does
        self._still: dict[Source, float] = {}
        self._take(find(path, out, match))

    def _take(self, found: Found) -> None:
        self.found, self._now, self._taken, self._several, self._within = found, {}, None, {}, {}
        self._targets = targets(found.sources, self._settings.ending, self._settings.maps)
        self._learn()

    def begin(self, record: Record) -> None:
        """What is there, and what became of it so far."""
        self.record = record
        self._learn()

    def _learn(self) -> None:
        """Which files hold several images, or belong together, as far as the record says."""
        self.found.sources = [self._with_parts(source) for source in self.found.sources]
        self._files = {source.key: source for source in self.found.sources}
        if self.record is not None:
            self.split(self.record.lines)

    def _with_parts(self, image: Source) -> Source:
        """An image whose other files its outcome names, with how they look now."""
        line = None if self.record is None else self.record.lines.get(image.key)
        if line is None or not line.in_parts:
            return image
        return replace(image, inside=together(image.within(self.path).parent, line.outcome().parts))

    # ------------------------------------------------------------------------------------------ images
    def images(self) -> Iterator[Source]:
        """In the order in which people count."""
        for source in self.found.sources:
            yield from self._several.get(source.key, (source,))

    @property
    def count(self) -> int:
        return len(self._files) + sum(len(images) - 1 for images in self._several.values())

    def split(self, keys: Iterable[str]) -> list[Source]:
        """The images of those of the files that are known to hold several, and were not known to until now."""
        lines, new = {} if self.record is None else self.record.lines, list[Source]()
        for key in keys:
            line, file = lines.get(key), self._files.get(key)
            if line is None or line.status != "several" or file is None or not line.of(self.as_known(file)):
                continue
            there = self._several.get(key, ())
            if len(there) != line.images or not line.of(there[0]):
                self._several[key] = tuple(self._with_parts(self.as_known(file).image(n)) for n in range(line.images or 0))
                self._within.pop(key, None)
                new += self._several[key]
        return new

    def knows(self, key: str) -> bool:
        """Is it an image of this folder?"""
        return key in self._files or key.rpartition("#")[0] in self._several

    def share(self, key: str) -> float:
        """What part of its file the image is."""
        return 1 / max(1, len(self._several.get(key.rpartition("#")[0], ())))

    def target(self, source: Source) -> str:
        """Path of its result below the folder of results, which no other image has."""
        file, ending, maps = self._targets[source.file], self._settings.ending, self._settings.maps
        if source.number is None:
            return str(PurePosixPath(file).with_name(PurePosixPath(source.key).name + ending)) if self._is_owned(file, source) else file
        if self._taken is None:
            self._taken = {name for target in self._targets.values() for name in names_of(target, maps)}
        if source.file not in self._within:
            self._within[source.file] = targets_within(self._several[source.file], file, ending, maps, self._taken, self._is_owned)
        return self._within[source.file][source.number]

    def _is_owned(self, target: str, source: Source) -> bool:
        """Is it the result of another image, or one of its maps? Of one of the same name in another folder, the image has no other name."""
        owner = None if self.record is None else self.record.belongs(target, source.key)
        return owner is not None and owner[0] != source.key

    def look_again(self) -> None:
        self.seen = False
        with suppress(StorageError):
            self._take(find(self.path, self.out, self.match))
            self.seen = True

    def is_ours(self, key: str, line: Line) -> bool:
        """Is it the outcome of an image of this folder, and not of one at the same path in another, which is still there as it was?

        A folder that was moved, or that another machine knows under another name, stays the same one.
        """
        own = self._files.get(file_of(key, line.number))
        if own is None or line.folder in (None, plain(str(self.path))):
            return True
        place = Path(str(line.folder)) / own.relative
        other = look(place, own.relative)
        if other is None or other.hidden or not line.of(other):
            return True
        with suppress(OSError):
            return place.samefile(own.within(self.path))
        return True

    def is_away(self, watch: bool) -> bool:
        """Is it gone, or an empty folder left of a share? That says nothing about an image; a folder that grows (`watch`) may come back.

        Else `StorageError` is raised, in place of a word about each image.
        """
        with suppress(OSError), os.scandir(self.path) as entries:
            if next(entries, None) is not None:
                return False
        if not watch:
            raise StorageError(
                f"{self.path} can no longer be listed, or is empty, as when a share is not connected; what is done is kept, and the batch "
                "goes on when it is started again"
            )
        return True

    def look_at(self, listed: Source) -> Source | None:
        """The image as it is now: a long list is old when its end is reached. None where it is gone."""
        source = look(listed.within(self.path), listed.relative)
        if source is not None:
            source = self._now[listed.file] = self._with_parts(source)
        if source is None or listed.number is None:
            return source
        if listed.number >= len(self._several.get(listed.file, ())):
            return None  # it holds fewer now
        self._now[listed.key] = self._with_parts(source.image(listed.number))
        return self._now[listed.key]

    def holds(self, listed: Source) -> bool:
        """Is it still one of the images of its file?"""
        return listed.number is None or listed.number < len(self._several.get(listed.file, ()))

    def anew(self, image: Source) -> list[Source]:
        """Where the file of one of several images is not as it was when they were counted: that, or its images, if another process did.

        Nothing where it is as it was.
        """
        file, line = self._now[image.file], None if self.record is None else self.record.lines.get(image.file)
        if line is not None and line.status == "several" and line.of(file):
            return self.split([file.key])
        self._several.pop(file.key, None)
        self._within.pop(file.key, None)
        return [file]

    def as_known(self, listed: Source) -> Source:
        """The image as it was when it was last looked at."""
        return self._now.get(listed.key, listed)

    def watch(self, wanted: Callable[[Source], bool]) -> None:
        """Note since when each image that is wanted has looked as it does."""
        now, after = time.monotonic(), {}
        for source in self.found.sources:
            if any(map(wanted, self._several.get(source.key, (source,)))):
                after[source] = self._still.get(source, now)
        self._still = after

    def is_whole(self, source: Source) -> bool:
        """Has it not changed for a while?"""
        file = self._files.get(source.file)
        return file in self._still and time.monotonic() - self._still[file] >= SETTLED
