"""`Session`: work on one image, kept as it is done."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abbe.errors import ParameterError
from abbe.image import ROI, Image
from abbe.image.digest import pixel_digest
from abbe.reporting.case import Case
from abbe.session.archive import Archive
from abbe.session.crop import crop, moved, offset_of
from abbe.session.multiscale import Progress
from abbe.session.packing import pack
from abbe.session.progress import part
from abbe.session.records import Analysis, Version
from abbe.session.summary import case_of

if TYPE_CHECKING:
    from abbe.alignment import Beads
    from abbe.alignment.moving import Given
    from abbe.session.export import Exported


class Session(Archive):
    """One image through all its states: enhance, measure, comment, go back, export, report.

    Whatever is made is saved as soon as it exists. What a session holds, and how to go back and forth in it, is in `Archive`.
    """

    # ------------------------------------------------------------------------------------------ new versions
    def enhance(
        self,
        key: str | int | None = None,
        *,
        name: str | None = None,
        author: str | None = None,
        progress: Progress | None = None,
        **options: Any,
    ) -> Version:
        """`abbe.enhance` on a version (the current one), kept as a new one. `options`: as for `abbe.enhance`."""
        from abbe.restoration import enhance

        return self._made(enhance, key, name, author, progress, options)

    def correct_background(
        self,
        key: str | int | None = None,
        *,
        name: str | None = None,
        author: str | None = None,
        progress: Progress | None = None,
        **options: Any,
    ) -> Version:
        """`abbe.correct_background` on a version (the current one), kept as a new one."""
        from abbe.restoration import correct_background

        return self._made(correct_background, key, name, author, progress, options)

    def _made(
        self,
        how: Callable[..., Any],
        key: str | int | None,
        name: str | None,
        author: str | None,
        progress: Progress | None,
        options: Mapping[str, Any],
    ) -> Version:
        source = self.version(key)
        image = how(self.image(source.id), **options, progress=part(progress, 0.0, 0.9))
        return self.add_version(image, name=name, parent=source.id, offset=source.offset, author=author, progress=part(progress, 0.9, 1.0))

    def crop(
        self, y: tuple[int, int], x: tuple[int, int], key: str | int | None = None, *, name: str | None = None, author: str | None = None
    ) -> Version:
        """A part of a version as a new one: rows and columns (from, to) in its pixels, widened to whole pixels of the original."""
        source = self.version(key)
        image = self.image(source.id)
        cut, recipe = crop(image, y, x)
        dy, dx = offset_of(image, recipe)
        offset = source.offset[0] + dy, source.offset[1] + dx
        return self.add_version(cut, name=name, parent=source.id, recipe=recipe, offset=offset, author=author)

    def align(
        self,
        shifts: Given | None = None,
        key: str | int | None = None,
        *,
        reference: int | str = 0,
        beads: Image | Beads | None = None,
        name: str | None = None,
        author: str | None = None,
        progress: Progress | None = None,
    ) -> Version:
        """`abbe.align` on a version (the current one): its channels moved onto one another, as a new version."""
        from abbe.alignment import align

        source = self.version(key)
        made = align(self.image(source.id), shifts, reference=reference, beads=beads)
        return self.add_version(made, name=name, parent=source.id, offset=source.offset, author=author, progress=progress)

    # ------------------------------------------------------------------------------------------ measuring
    def colocalize(
        self,
        channels: Sequence[int | str] = (0, 1),
        roi: str | ROI | None = None,
        key: str | int | None = None,
        *,
        author: str | None = None,
        progress: Progress | None = None,
        **options: Any,
    ) -> Analysis:
        """`abbe.colocalize` on a version (the current one) and on its original, kept as an analysis.

        `roi`: one of the session's by id or name, or any other. `options`: threshold, background, ... as for `abbe.colocalize`.
        """
        from abbe.colocalization import colocalize

        version = self.version(key)
        region, where = self._region(roi, version)
        result = colocalize(self.image(version.id), channels, region, **options, progress=progress)
        return self.analyses.add(
            "colocalization",
            result,
            version=version.id,
            reference=version.parent,
            channels=result.channels,
            roi=where,
            parameters={"channels": list(result.channels), "roi": region, **options},
            author=author,
        )

    def _region(self, roi: str | ROI | None, version: Version) -> tuple[ROI | None, str | None]:
        if roi is None:
            return None, None
        if isinstance(roi, str):
            return self.placed(self.rois.roi(roi), version.id), self.rois[roi].id
        return self.placed(roi, version.id), None

    def placed(self, roi: ROI, key: str | int | None = None) -> ROI:
        """A ROI whose coordinates are those of the original, as it lies on a version (the current one), which may be cropped.

        Raises `ParameterError` for a mask whose pixels do not fit those of the image, on a cropped version.
        """
        return moved(roi, self.version(key).offset, self.original.pixel_size[1:])

    def compare(
        self, key: str | int | None = None, *, author: str | None = None, progress: Progress | None = None, **options: Any
    ) -> Analysis:
        """`abbe.compare` of a version (the current one) with what it was made from, kept as an analysis."""
        from abbe.comparison import compare

        version = self.version(key)
        image = self.image(version.id)
        if image.original is None:
            raise ParameterError(
                f"wanted a version that was computed from another, got {version.id} {version.name[:80]!r}, whose pixels are as recorded"
            )
        result = compare(image.original, image, **options, progress=progress)
        asked: dict[str, Any] = dict(result.asked)
        if result.truth is not None:
            asked["truth"] = _told(result.truth)
        if result.repeats is not None:
            asked["repeats"] = [_told(repeat) for repeat in result.repeats]
        return self.analyses.add("comparison", result, version=version.id, reference=version.parent, parameters=asked, author=author)

    # ------------------------------------------------------------------------------------------ what leaves
    def case(self, key: str | int | None = None, progress: Progress | None = None) -> Case:
        """What a report of a version (the current one) is about: `abbe.report(session, "report.pdf")` asks for it.

        Measurements kept for the version are reported as they are; where there are none, the version is compared with its original and
        every pair of up to four channels is measured over the whole image, without keeping it.
        """
        return case_of(self, self.version(key), progress)

    def export(
        self, folder: str | os.PathLike[str], *, overwrite: bool = False, progress: Progress | None = None, **choices: Any
    ) -> Exported:
        """Write what is chosen to files of a folder; `abbe.session.choices.Choices` lists what there is to choose.

        Formats that are not named are those of the last export, of this session or of any. Returns the files written and what was left out.
        """
        from abbe.session.export import export

        return export(self, Path(folder), choices, overwrite, progress)

    def pack(self, path: str | os.PathLike[str], *, overwrite: bool = False, progress: Progress | None = None) -> Path:
        """The session as one zip file, which `Session.open` reads."""
        return pack(self, Path(path), overwrite, progress)


def _told(image: Image) -> dict[str, str | None]:
    """Which image was used, where the image itself is not kept."""
    source = image.provenance.source
    return {"digest": pixel_digest(image.pixels), "source": Path(source).name if source else None}
