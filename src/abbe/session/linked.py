"""An original that stays where it is: the session holds its digest, its place and small copies for viewing."""

from __future__ import annotations

import hashlib
import os
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from abbe.errors import AbbeError, SessionError
from abbe.formats.naming import numbered
from abbe.image import Image
from abbe.image.pixels import Array, Pixels, Region, Shape
from abbe.session.records import Link, Version


def link_to(image: Image) -> Link:
    """Where the image's file is, and its digest. Raises `SessionError` when the image comes from no file."""
    source = image.provenance.source
    file = None if source is None else numbered(Path(source))[0]
    if image.recipe is not None or source is None or file is None or not os.path.isfile(file):
        raise SessionError(f"wanted an image straight from a file to link to, got {source or 'one from memory'}; use original='copy'")
    status = os.stat(file)
    return Link(path=os.path.abspath(source), bytes=status.st_size, modified=status.st_mtime_ns, digest=_digest(file))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class LinkedPixels:
    """Full-size pixels read from the linked file, once it is known to be the same file."""

    def __init__(self, link: Link, version: Version, beside: Path) -> None:
        self._link = link
        self._version = version
        self._beside = beside

    @property
    def shape(self) -> Shape:
        return self._version.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self._version.dtype)

    def read(self, region: Region) -> Array:
        """Raises `SessionError` when the file is gone or another one."""
        return self._source.read(region)

    @cached_property
    def _source(self) -> Pixels:
        path = self._found()
        file = numbered(path)[0]
        status = file.stat()
        if status.st_size != self._link.bytes or (status.st_mtime_ns != self._link.modified and _digest(file) != self._link.digest):
            raise SessionError(f"wanted the original {self._link.path} as it was linked, got a file changed since; put the first one back")
        from abbe.formats import open as open_image

        try:
            pixels: Pixels = open_image(path).pixels
        except AbbeError as problem:
            raise SessionError(f"the original {self._link.path} can no longer be read: {problem}") from problem
        if pixels.shape != self.shape or pixels.dtype != self.dtype:
            raise SessionError(f"wanted {self.shape} pixels of {self.dtype} in {self._link.path}, got {pixels.shape} of {pixels.dtype}")
        return pixels

    def _found(self) -> Path:
        """Where it was, or beside the session under the same name."""
        place = Path(self._link.path)
        for path in (place, self._beside / place.name):
            if numbered(path)[0].is_file():
                return path
        raise SessionError(f"the original {place} is linked, and is no longer there; put it back, or put it beside the session")
