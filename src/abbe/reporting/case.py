"""What a report is about: images before and after, measurements, comments. `Session` and `abbe.report` put it together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from abbe.errors import AbbeError
from abbe.image import ROI, Image
from abbe.image.digest import pixel_digest
from abbe.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Named:
    """An image under the name that the user gave it."""

    key: str
    name: str
    image: Image
    created: str | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """A measurement: its numbers (`to_dict` of a `Colocalization` or `Comparison`) and the image that was measured."""

    key: str
    data: Mapping[str, Any]
    image: Image
    #: name of the version
    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Remark:
    text: str
    author: str | None = None
    created: str | None = None
    about: str | None = None


@dataclass(frozen=True, slots=True)
class Ancestor:
    """An image on the way to the reported one, and the digest of its pixels where it is known without reading them."""

    image: Image
    known: str | None = None

    @property
    def digest(self) -> str:
        return self.known or pixel_digest(self.image.pixels)

    @property
    def recipe(self) -> Recipe | None:
        """How it was made from the one before."""
        return self.image.recipe if isinstance(self.image.recipe, Recipe) else None


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that goes into a report.

    Attributes:
        title: how the user calls it.
        before, after: the original and the version that is reported; `after` None: nothing was done to the image.
        versions: all versions, for the record.
        colocalizations, comparisons: measurements to report.
        rois: named ROIs of the session.
        comments: of the users.
        source: path of the session or image file, for repeating the run.
        lineage: what the reported image was made from, the original first, itself last; empty: what its `original` says.
        kept: the images come from a session, which keeps intervals with 11 significant bits.
    """

    title: str
    before: Named
    after: Named | None = None
    versions: tuple[Named, ...] = ()
    colocalizations: tuple[Measured, ...] = ()
    comparisons: tuple[Measured, ...] = ()
    rois: tuple[ROI, ...] = ()
    comments: tuple[Remark, ...] = ()
    source: str | None = None
    kept: bool = False
    lineage: tuple[Ancestor, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def ancestors(self) -> tuple[Ancestor, ...]:
        """`lineage`, or what follows from the reported image."""
        return self.lineage or tuple(Ancestor(image) for image in chain((self.after or self.before).image))

    @property
    def regions(self) -> tuple[ROI, ...]:
        """What is drawn on the pictures: the session's ROIs, and those that were measured without being among them."""
        return *self.rois, *self.unlisted

    @property
    def unlisted(self) -> tuple[ROI, ...]:
        """ROIs that were measured without being among the session's, each once."""
        listed, found = {outline(roi) for roi in self.rois}, dict[str, ROI]()
        for measured in self.colocalizations:
            if isinstance(told := measured.data["region"].get("roi"), Mapping):
                try:
                    roi = ROI.from_dict(told)
                except AbbeError:  # data of a damaged or foreign session
                    continue
                if (drawn := outline(roi)) not in listed:
                    found.setdefault(drawn, roi)
        return tuple(found.values())

    @property
    def first(self) -> Image:
        """The earliest image at hand: the original, or a result whose original is not at hand."""
        return self.ancestors[0].image

    @property
    def headless(self) -> bool:
        """Is the earliest image at hand a result already, as its file says?"""
        from abbe.image.computed import is_result

        return is_result(self.first)

    @property
    def recorded(self) -> Recipe | None:
        """How that result was made, as its file says; None for an original, and where only `told` says it."""
        from abbe.comparison.recorded import recorded

        return recorded(self.first) if self.headless else None

    @property
    def told(self) -> tuple[str, ...]:
        """What the file of that result says of everything done before, in lines of its history."""
        lines = self.first.provenance.history if self.headless else ()
        return lines if self.recorded is None else lines[:-1]

    @property
    def earlier(self) -> tuple[str, ...]:
        """What was done to a result before it was aligned, in lines of its history; in a session its versions tell that."""
        recipe = None if self.lineage or self.after is None else self.after.image.recipe
        if self.after is None or not isinstance(recipe, Recipe) or recipe.operation != "align":
            return ()
        known, lines = self.first.provenance.history, self.after.image.provenance.history
        made = sum(ancestor.recipe is not None for ancestor in self.ancestors[1:])
        return lines[len(known) : len(lines) - made] if lines[: len(known)] == known else ()

    @property
    def imported(self) -> tuple[Ancestor, ...]:
        """Images on the way to the reported one that were given, not made: no recipe tells how, and they are no copy of the one before."""
        return tuple(made for made in self.made if isinstance(made, Ancestor))

    @property
    def recipes(self) -> tuple[Recipe, ...]:
        """How the reported image was made, step by step, as far as abbe made it and it is known."""
        return tuple(made for made in self.made if isinstance(made, Recipe))

    @property
    def made(self) -> tuple[Recipe | Ancestor, ...]:
        """The same with the images that were imported, as themselves, where they stand among the steps."""
        pairs = zip(self.ancestors, self.ancestors[1:])
        steps = (image.recipe or (None if _alike(before, image) else image) for before, image in pairs)
        return tuple(step for step in (self.recorded, *steps) if step is not None)


def _alike(first: Ancestor, second: Ancestor) -> bool:
    """Have they the same pixels, as a duplicate of a version has?"""
    return first.image.pixels is second.image.pixels or (first.known is not None and first.known == second.known)


def outline(roi: ROI) -> str:
    """What tells two ROIs apart: everything but what they are called and who drew them."""
    return json.dumps({key: value for key, value in roi.to_dict().items() if key not in ("name", "by_hand")}, sort_keys=True)


def chain(image: Image) -> list[Image]:
    """The image and what it came from, the original first."""
    found = [image]
    while found[0].original is not None:
        found.insert(0, found[0].original)
    return found
