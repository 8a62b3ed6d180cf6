"""The image of beads by which a batch's images are aligned: read as these are, and the same from the first to the last."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from abbe.alignment import Beads
from abbe.alignment.beads import open_beads
from abbe.batch.settings import MEASURE, Settings
from abbe.errors import ParameterError
from abbe.formats.naming import numbered
from abbe.formats.opening import by_number, sole
from abbe.image import PixelSize


class BeadsChangedError(ParameterError):
    """The beads are not those that a batch began with: no image can be aligned as those before."""


def beads_of(settings: Settings, stated: PixelSize | None, digest: str | None) -> Beads:
    """The beads of a batch, measured once by each process.

    Args:
        stated: the pixel size that the image's own file says, where the settings have another for it.
        digest: of the beads that the batch began with; None: whatever is there.

    Raises what opening them raises; `BeadsChangedError`.
    """
    path = str(settings.align)
    beads = _beads(path, settings.axes, _state(path))
    if digest and beads.image.provenance.digest != digest:
        raise BeadsChangedError(
            f"the image of beads, {path}, is not the one that the batch began with; what is done is kept. Put that back, and the same line "
            "goes on, or do all again with --overwrite"
        )
    return beads if stated is None or settings.pixel_size is None else beads.sized(stated, _whole(settings.pixel_size))


def stated_size(source: Path, number: int | None, settings: Settings) -> PixelSize | None:
    """What the file says of its image's pixel size, where the settings say something else and beads are to be measured; else None."""
    if settings.pixel_size is None or settings.align in (None, MEASURE):
        return None
    image = sole(source, settings.axes) if number is None else by_number(source, number, settings.axes)[0]
    return None if isinstance(image, tuple) else image.pixel_size


def _whole(size: tuple[float | None, ...]) -> PixelSize:
    z, y, x = size
    return z, y, x


def _state(path: str) -> tuple[int, int]:
    """Date and size of the file; (0, 0) of one that is not there, which opening it tells in words."""
    try:
        seen = os.stat(numbered(Path(path))[0])
    except OSError:
        return 0, 0
    return seen.st_mtime_ns, seen.st_size


@lru_cache(maxsize=1)
def _beads(path: str, axes: str | None, state: tuple[int, int]) -> Beads:
    """The same for all images of a process, unless their file changes."""
    return Beads(open_beads(path, axes))
