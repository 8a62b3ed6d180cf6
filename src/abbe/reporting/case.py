"""What a report is about: images before and after, measurements, comments. `Session` and `abbe.report` put it together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from abbe.image import ROI, Image


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
class Case:
    """Everything that goes into a report.

    Attributes:
        title: how the user calls it.
        before, after: the original and the version that is reported; `after` None: nothing was done to the image.
        versions: all versions, for the record.
        colocalizations, comparisons: measurements to report.
        rois: named ROIs, drawn on the pictures.
        comments: of the users.
        source: path of the session or image file, for repeating the run.
        digests: of the pixels of the reported image and of all that it came from, the original first; empty: computed when needed.
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
    digests: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
