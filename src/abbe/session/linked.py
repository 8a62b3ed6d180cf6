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
from abbe.image.pixels import Array, Pixels, Region, Shape, blocks
from abbe.session.records import Link, Version


def link_to(image: Image) -> Link:
    """Where the image's file is, and its digest. Raises `SessionError` when the image comes from no file, or is a part of it or changed."""
    source = image.provenance.source
    file = None if source is None else numbered(Path(source))[0]
    if image.recipe is not None or source is None or file is None or not os.path.isfile(file):
        raise SessionError(f"wanted an image straight from a file to link to, got {source or 'one from memory'}; use original='copy'")
    status = os.stat(file)
    if not _same(image, source):
        raise SessionError(
            f"wanted an image as its file has it to link to, got one whose pixels, axes or channels are others than those of "
            f"{file.name}; use original='copy'"
        )
    return Link(path=os.path.abspath(source), bytes=status.st_size, modified=status.st_mtime_ns, digest=_digest(file))


def _same(image: Image, source: str) -> bool:
    """Has the file, opened as a session opens it, these pixels?"""
    from abbe.formats import open as open_image

    there = open_image(source)
    if (there.shape, there.dtype) != (image.shape, image.dtype):
        return False
    return all(
        np.array_equal(there.pixels.read(plane), image.pixels.read(plane), equal_nan=image.dtype.kind == "f")
        for plane in blocks(image.shape)
    )


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

    def verify(self) -> None:
        """Read the whole file. Raises `SessionError` when it is gone, another one, or cannot be read."""
        self._check(thorough=True)
        _ = self._source

    def _check(self, thorough: bool = False) -> Path:
        path = self._found()
        file = numbered(path)[0]
        status = file.stat()
        looked_into = thorough or status.st_mtime_ns != self._link.modified
        if status.st_size != self._link.bytes or (looked_into and _digest(file) != self._link.digest):
            raise SessionError(f"wanted the original {self._link.path} as it was linked, got a file changed since; put the first one back")
        return path

    @cached_property
    def _source(self) -> Pixels:
        path = self._check()
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
