"""Channels of a batch's images laid on one another: by beads that each process measures once, by each image itself, or as given."""

from __future__ import annotations

from dataclasses import dataclass

from abbe.alignment import Beads, align
from abbe.alignment.given import given_shifts
from abbe.alignment.moving import check_told
from abbe.batch.beads import beads_of
from abbe.batch.settings import MEASURE, Settings
from abbe.image import Image, PixelSize
from abbe.image.keys import channel_key


@dataclass(frozen=True, slots=True)
class Laying:
    """How the channels of one image are to be laid, or of what is computed from it."""

    beads: Beads | None
    shifts: dict[int | str, list[float]] | None
    reference: int | str

    @classmethod
    def of(cls, image: Image, settings: Settings, stated: PixelSize | None = None, digest: str | None = None) -> Laying | None:
        """Measured on the image as it was recorded, before anything is computed from it. None where nothing is to be moved.

        `stated` and `digest` as for `beads_of`. Raises `ParameterError` where a shift cannot be told, and what `beads_of` raises.
        """
        if settings.workflow != "align" and (settings.align is None or image.shape[1] == 1):
            return None
        reference = channel_key(image, settings.reference)
        if settings.shifts:
            return cls(None, given_shifts(image, settings.shifts), reference)
        beads = Beads(image) if settings.align == MEASURE else beads_of(settings, stated, digest)
        if image.shape[1] > 1:
            check_told(image, beads, reference)
        return cls(beads, None, reference)

    def lay(self, image: Image) -> Image:
        return align(image, self.shifts, reference=self.reference, beads=self.beads)
