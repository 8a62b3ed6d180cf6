"""`abbe.open`: the format is found from the content, never from the name."""

from __future__ import annotations

import hashlib
import math
import os
import shutil
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from abbe.errors import AbbeError, AxesError, LimitError, NotAnImageError, StorageError
from abbe.formats import convention, remote
from abbe.formats.found import Format, Found, among, pick
from abbe.formats.jpeg import Jpeg
from abbe.formats.naming import numbered
from abbe.formats.png import Png
from abbe.formats.stamp import Stamp
from abbe.formats.tiff import Tiff
from abbe.formats.vendor import Czi, Dv, Ims, Lif, Nd2, Oif
from abbe.formats.zarr import Zarr
from abbe.image import Image, Notice, PixelSize
from abbe.image._image import _full_size
from abbe.storage import path_text

#: in the order in which they are asked
FORMATS: tuple[Format, ...] = (Tiff(), Png(), Jpeg(), Nd2(), Czi(), Lif(), Oif(), Dv(), Ims(), Zarr())

#: images that the warning of a file of several names, beside the one that was opened
NAMED = 3

#: relative difference up to which a pixel size that a user gives is the file's own: files keep four digits, and some a ratio
SAME_SIZE = 1e-3

#: what that warning begins with
SEVERAL = "the file holds"

#: bytes of a file by which formats tell whether it is theirs
HEAD = 4096

#: (position, bytes, what it is) of files that people take for images that abbe opens
OTHERS = (
    (0, b"GIF8", "a GIF picture"),
    (0, b"BM", "a BMP picture"),
    (8, b"WEBP", "a WebP picture"),
    (4, b"ftyp", "a HEIC picture or a film"),
    (0, b"8BPS", "a Photoshop file"),
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "a ZIP archive or an office document"),
    (0, b"\x89HDF\r\n", "an HDF5 file (BigDataViewer)"),
    (0, b"\x93NUMPY", "a numpy array"),
    (0, b"SIMPLE  =", "a FITS image"),
)


def open(
    path: str | os.PathLike[str],
    *,
    axes: str | None = None,
    pixel_size: Sequence[float | None] | float | None = None,
    channels: Sequence[str] | None = None,
) -> Image:
    """Open an image file. Pixels are read when they are needed.

    Args:
        path: a file, an OME-Zarr folder, or a URL that fsspec knows (with the extra `formats`). Of a file of several images
            "cells.lif#2" is the third: they count from 0, and `abbe.formats.image_names` lists them.
        axes: a letter of TCZYX for each axis of the pixels as stored, for files that do not say or say it wrongly.
        pixel_size: um, in place of the file's: (z, y, x), (y, x), or one number for y and x. What is None stays as the file has it.
        channels: names, in place of the file's.

    Raises:
        NotAnImageError: no image, or a damaged one.
        StorageError: the file is not there or may not be read.
        AxesError, LimitError: axes that do not fit; an image beyond `abbe.limits`.
        ParameterError: the file has no image of that number.
    """
    if (url := remote.as_url(path)) is not None:
        return _open_url(url, axes=axes, pixel_size=pixel_size, channels=channels)
    named = Path(path_text(path))
    source, number = numbered(named)
    found = _one(source, axes, number)
    image = _image(found, source, named, pixel_size)
    return image if channels is None else image.replace(channels=tuple(channels))


def open_labels(path: str | os.PathLike[str]) -> Image:
    """As `open`, for a file of labels: of one whose labels have colours from a palette, the labels. Raises what `open` raises."""
    named = Path(path_text(path))
    source, number = numbered(named)
    return _image(_one(source, None, number).as_labels(), source, named, None)


def sole(
    path: str | os.PathLike[str], axes: str | None = None, pixel_size: Sequence[float | None] | None = None
) -> Image | tuple[str, ...]:
    """The image of a file of one; of a file of several what they are called, though the first cannot be read. Raises what `open` raises."""
    source = Path(path_text(path))
    try:
        found = read(source, axes)
    except AbbeError as problem:
        if problem.images:
            return problem.images
        raise
    return found.images if len(found.images) > 1 else _image(found, source, source, pixel_size)


def by_number(
    path: str | os.PathLike[str], number: int, axes: str | None = None, pixel_size: Sequence[float | None] | None = None
) -> tuple[Image, str]:
    """The image `number` of a file of several, and its name, even beside a file that is called cells.lif#2. Raises what `open` raises."""
    source = Path(path_text(path))
    found = read(source, axes, number)
    name = found.images[number] if number < len(found.images) else ""
    return _image(found, source, source.with_name(f"{source.name}#{number}"), pixel_size), name


def image_names(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """What the images of a file of several are called, in their order; nothing of a file of one."""
    try:
        return read(numbered(Path(path_text(path)))[0], None).images
    except AbbeError as problem:
        if problem.images:  # the first cannot be read, and others may
            return problem.images
        raise


def _image(found: Found, source: Path, named: Path, pixel_size: Sequence[float | None] | float | None) -> Image:
    if pixel_size is not None:
        found = _with_size(found, _full_size(pixel_size))
    return convention.to_image(found, named, digester(source))


def _one(source: Path, axes: str | None, number: int | None) -> Found:
    """The image that a user named; where nobody named one, the first, with a word about the others."""
    try:
        found = read(source, axes, number or 0)
    except AbbeError as problem:
        if number is None and problem.images:
            said = f"{SEVERAL} {len(problem.images)} images, of which this is the first; open another as {source.name}#1"
            raise type(problem)(f"{problem}; {said} ({problem.images[1]})") from problem
        raise
    if number is not None:
        pick(number, max(len(found.images), 1), source.name)
    elif len(found.images) > 1:
        others = ", ".join(f"{source.name}#{k} ({name})" for k, name in enumerate(found.images[1 : NAMED + 1], 1))
        more = f" and {len(found.images) - 1 - NAMED} more, which abbe info lists" if len(found.images) > NAMED + 1 else ""
        said = f"{SEVERAL} {len(found.images)} images; the first was opened, {found.images[0]}. Open another as {others}{more}"
        found = replace(found, notices=(Notice("dropped", said), *found.notices))
    return found


def _with_size(found: Found, wanted: PixelSize) -> Found:
    """What was found, with the user's pixel size; the file's own where the user gives none. Where both differ, that is told."""
    z, y, x = (own if given is None else given for given, own in zip(wanted, found.pixel_size))
    settled = None not in wanted[1:]
    guessed = any(n.code == "pixel_size" for n in found.notices)  # which nobody contradicts
    other = [
        f"{name} {given:.6g} um (the file: {own:.6g} um)"
        for name, given, own in zip(("z-step", "pixel height", "pixel width"), wanted, found.pixel_size)
        if given is not None and own is not None and not guessed and not math.isclose(given, own, rel_tol=SAME_SIZE)
    ]
    kept = tuple(n for n in found.notices if not (settled and n.code == "pixel_size"))
    told = (Notice("told", f"told by hand: {'; '.join(other)}"),) if other else ()
    return replace(found, pixel_size=(z, y, x), notices=(*kept, *told))


def _open_url(url: str, **more: Any) -> Image:
    place, number = remote.numbered(url)
    file = remote.fetch(place)
    try:
        image = open(file if number is None else f"{file}#{number}", **more)
    except BaseException:
        shutil.rmtree(file.parent, ignore_errors=True)
        raise
    image.provenance.digest  # noqa: B018 - computed now: the file goes with the pixels
    return image.replace(pixels=remote.FetchedPixels(image.pixels, file.parent), provenance=replace(image.provenance, source=url))


def read(source: Path, axes: str | None, number: int = 0) -> Found:
    """What the first format that claims the content finds, of the image `number` of several."""
    head = _head(source)
    for form in FORMATS:
        if form.claims(head, source):
            try:
                found = form.read(source, axes, number)
                with among(found.images):
                    _check_axes(found, form, source.name, axes)
                return found
            except OSError as problem:
                raise _unreadable(source, problem) from problem
            except MemoryError as problem:
                raise LimitError(f"{source.name} needs more memory to decode than there is ({problem}); save it in tiles") from problem
    if source.is_dir():
        raise NotAnImageError(f"{source} is a folder, not an image; name a file in it")
    raise _unknown(source.name, head)


def _check_axes(found: Found, form: Format, name: str, axes: str | None) -> None:
    """A user's axes count where a file may be wrong about them; elsewhere they must not be left aside without a word."""
    if axes is None or isinstance(form, Tiff | Zarr):
        return
    own = "".join(letter for letter, n in zip("TCZYX", found.pixels.shape) if n > 1 or letter in "YX")
    wanted = axes.upper()
    if not set(own) <= set(wanted) <= set("TCZYX") or len(set(wanted)) != len(wanted):
        raise AxesError(f"wanted no axes for {name}, for {form.name} files name their own, here {own}; got axes={axes!r}: leave them out")


def _unknown(name: str, head: bytes) -> NotAnImageError:
    """What a file is that abbe does not open, as far as its first bytes tell."""
    if b"<OME" in head:
        return NotAnImageError(f"{name} holds words on images alone (OME-XML); their pixels are in TIFFs beside it: open one of these")
    for place, mark, kind in OTHERS:
        if head[place : place + len(mark)] == mark:
            return NotAnImageError(f"{name} is {kind}, which abbe does not open; save or export it as OME-TIFF, TIFF or PNG")
    return NotAnImageError(
        f"{name} is no image that abbe knows (its content counts, not its name); it opens TIFF, OME-TIFF, PNG, JPEG, OME-Zarr, "
        "and with the extra 'formats' ND2, CZI, LIF, OIB, OIF, DV, IMS"
    )


def _head(source: Path) -> bytes:
    try:
        if source.is_dir():
            return b""
        if not source.exists():
            raise StorageError(f"there is no file {source}; check the name and the folder")
        if not source.is_file():
            raise NotAnImageError(f"{source} is a device or a pipe, not an image file")
        with source.open("rb") as file:
            head = file.read(HEAD)
    except (OSError, ValueError) as problem:
        raise _unreadable(source, problem) from problem
    if not head:
        raise NotAnImageError(f"{source.name} is empty (0 bytes); copy it again from its source")
    return head


def _unreadable(source: Path, problem: Exception) -> StorageError:
    why = problem.strerror if isinstance(problem, OSError) else str(problem)
    if isinstance(problem, PermissionError):
        why = f"{why}; ask its owner for the right to read it, or for a copy, and close it in other programs"
    return StorageError(f"could not read {source}: {why}")


#: files from which size on have their digest remembered, of so many: each image of a LIF of 20 GB asks for it
LONG, REMEMBERED = 64 * 2**20, 16
#: seconds since a file's last change from which on another change gives it another date, on any disk
SETTLED = 3.0
_digests: dict[tuple[Path, tuple[int, ...]], str] = {}
_remembering = threading.Lock()


@dataclass(frozen=True, slots=True)
class Digester:
    """Computes the SHA-256 of the file's bytes; None for a folder, and for a file that changed since."""

    stamp: Stamp

    def __call__(self) -> str | None:
        if os.path.isdir(self.stamp.path):
            return None
        try:
            with os.fdopen(self.stamp.open(), "rb") as file:
                before = _state(file.fileno())
                if (known := _digests.get((self.stamp.path, before))) is not None:
                    return known
                settled = time.time() - self.stamp.modified / 1e9 > SETTLED
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                if _state(file.fileno()) != before:
                    return None
        except (AbbeError, OSError):
            return None
        if self.stamp.size >= LONG and settled:
            with _remembering:
                while len(_digests) >= REMEMBERED:
                    del _digests[next(iter(_digests))]
                _digests[self.stamp.path, before] = digest
        return digest


def _state(descriptor: int) -> tuple[int, ...]:
    """What changes with a file's bytes, even where a program gives it the date of before."""
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def digester(source: Path) -> Digester:
    """What computes the digest of a file's bytes when it is asked for."""
    return Digester(Stamp.of(source))
