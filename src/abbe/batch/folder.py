"""The folder of images as it was listed, and as it has become."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from abbe.batch.finding import Found, Source, find, grown, look, targets
from abbe.batch.settings import Settings
from abbe.errors import StorageError

#: seconds between two looks at a folder that grows, and without a change before a file in it counts as whole
LOOK, SETTLED = 5.0, 10.0

#: image -> (how large it was, where that takes a walk through a folder; since when)
_Still: TypeAlias = dict[Source, tuple[tuple[int, int, int] | None, float]]


class Folder:
    """Images below `path`, whose results lie below `out`."""

    def __init__(self, path: Path, out: Path, match: Sequence[str], settings: Settings) -> None:
        """Raises `StorageError` where the folder is not there, or may not be listed."""
        self.path, self.out, self.match, self._settings = path, out, match, settings
        #: could it be listed when it was looked at? A share may be away for a while
        self.seen = True
        self.found = Found()
        #: image's key -> path of its result
        self.targets: dict[str, str] = {}
        self._now: dict[str, Source] = {}
        self._still: _Still = {}
        self._take(find(path, out, match))

    def _take(self, found: Found) -> None:
        self.found, self._now = found, {}
        self.targets = targets(found.sources, self._settings.ending, self._settings.maps)

    def look_again(self) -> None:
        self.seen = False
        with suppress(StorageError):
            self._take(find(self.path, self.out, self.match))
            self.seen = True

    def look_at(self, listed: Source) -> Source | None:
        """The image as it is now: a long list is old when its end is reached. None where it is gone."""
        source = look(listed.within(self.path), listed.path or listed.key)
        if source is not None:
            self._now[listed.key] = source
        return source

    def as_known(self, listed: Source) -> Source:
        """The image as it was when it was last looked at."""
        return self._now.get(listed.key, listed)

    def watch(self, wanted: Callable[[Source], bool]) -> None:
        """Note since when each image that is wanted has looked as it does."""
        now, after = time.monotonic(), {}
        for source in self.found.sources:
            if wanted(source):
                place = source.within(self.path)
                size = grown(place) if place.suffix.lower() == ".zarr" else None
                known = self._still.get(source)
                after[source] = known if known is not None and known[0] == size else (size, now)
        self._still = after

    def is_whole(self, source: Source) -> bool:
        """Has it not changed for a while?"""
        return source in self._still and time.monotonic() - self._still[source][1] >= SETTLED
