"""Channels of a batch's images laid on one another: by beads that each process measures once, by each image itself, or as given."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from abbe.alignment import Beads, align
from abbe.alignment.given import given_shifts
from abbe.alignment.moving import check_told
from abbe.batch.settings import MEASURE, Settings
from abbe.formats import open as open_image
from abbe.formats.naming import numbered
from abbe.image import Image
from abbe.image.keys import channel_key


@dataclass(frozen=True, slots=True)
class Laying:
    """How the channels of one image are to be laid, or of what is computed from it."""

    beads: Beads | None
    shifts: dict[int | str, list[float]] | None
    reference: int | str

    @classmethod
    def of(cls, image: Image, settings: Settings) -> Laying | None:
        """Measured on the image as it was recorded, before anything is computed from it. None where nothing is to be moved.

        Raises `ParameterError` where a shift cannot be told.
        """
        if settings.workflow != "align" and (settings.align is None or image.shape[1] == 1):
            return None
        reference = channel_key(image, settings.reference)
        if settings.shifts:
            return cls(None, given_shifts(image, settings.shifts), reference)
        beads = Beads(image) if settings.align == MEASURE else _beads(str(settings.align), _changed(str(settings.align)))
        if image.shape[1] > 1:
            check_told(image, beads, reference)
        return cls(beads, None, reference)

    def lay(self, image: Image) -> Image:
        return align(image, self.shifts, reference=self.reference, beads=self.beads)


def _changed(path: str) -> int:
    """When the file was changed, in ns; 0 of one that is not there, which opening it tells in words."""
    try:
        return os.stat(numbered(Path(path))[0]).st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=1)
def _beads(path: str, changed: int) -> Beads:
    """The same for all images of a process, unless their file changes."""
    return Beads(open_image(path))
