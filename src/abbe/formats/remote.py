"""Files behind a URL that fsspec knows (https, s3, gs, ...): fetched whole into a scratch folder that lives as long as the image."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import weakref
from pathlib import Path, PurePath, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from abbe.errors import LimitError, MissingExtraError, StorageError
from abbe.image.pixels import Array, Pixels, Region, Shape

#: a scheme of two letters or more: "C:\cells.tif" is a path
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")
_ONE_SLASH = re.compile(r"^([a-zA-Z][a-zA-Z0-9+.-]+:)/(?!/)")
#: bytes fetched at a time
PIECE = 2**22


def as_url(path: str | os.PathLike[str]) -> str | None:
    """The URL that `path` is; None for a path. A `Path` has made one slash of two, as on the command line, whose arguments are paths.

    Of `file:///data/a.tif` it has made one of three. A folder may be called `plate1:`, and then a `Path` into it is one.
    """
    if isinstance(path, PurePath):
        if os.path.isdir(path.parts[0] if path.parts else path):
            return None
        path = _ONE_SLASH.sub(lambda found: found[1] + ("///" if found[1].lower() == "file:" else "//"), path.as_posix())
    return path if isinstance(path, str) and _URL.match(path) else None


def numbered(url: str) -> tuple[str, int | None]:
    """Address and number of the image in the file that "https://.../cells.lif#2" names: of the web alone, whose addresses end at #."""
    place, mark, number = url.rpartition("#")
    if mark and number.isdecimal() and len(number) < 7 and urlsplit(url).scheme.lower() in ("http", "https"):
        return place, int(number)
    return url, None


def fetch(url: str) -> Path:
    """The file behind `url`, alone in a new folder that the caller removes.

    Raises `MissingExtraError` when fsspec or what it needs for this kind of URL is not installed, `StorageError` when the file cannot
    be had, `LimitError` when the disk has no room for it.
    """
    try:
        import fsspec
    except ImportError as problem:
        raise MissingExtraError("opening a URL", "formats") from problem
    folder = tempfile.mkdtemp(prefix="abbe-")
    target = Path(folder) / (PurePosixPath(urlsplit(url).path).name or "image")
    try:
        with fsspec.open(url, "rb") as source, target.open("wb") as file:
            while piece := source.read(PIECE):
                file.write(piece)
                if shutil.disk_usage(folder).free < 2 * PIECE:
                    raise LimitError(f"wanted room on the disk for {url}; free some, or point TMPDIR at a disk with room")
    except ImportError as problem:
        shutil.rmtree(folder, ignore_errors=True)
        raise StorageError(f"opening {url} needs another package: {problem}") from problem
    except BaseException as problem:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(problem, Exception) and not isinstance(problem, LimitError):
            why = str(problem).partition("\n")[0][:200] or type(problem).__name__
            raise StorageError(f"could not fetch {url}: {why}; check the address and the connection") from problem
        raise
    return target


class FetchedPixels:
    """Pixels of a fetched file; the folder that holds it goes when they go."""

    def __init__(self, source: Pixels, folder: Path) -> None:
        self._source = source
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)

    @property
    def shape(self) -> Shape:
        return self._source.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._source.dtype

    def read(self, region: Region) -> Array:
        return self._source.read(region)
