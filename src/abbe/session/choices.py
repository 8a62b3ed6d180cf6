"""What a user chose to export, and how: formats are remembered, and checked before anything is written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from abbe.errors import ParameterError
from abbe.image import Image
from abbe.reporting.figures.tables import MAPS, checked
from abbe.session import preferences

if TYPE_CHECKING:
    from abbe.session._session import Session

#: what can be exported, in the protocol's order, and what it is
PARTS = {
    "image": "the version alone, with all its grey values",
    "original": "the original, with all its grey values",
    "whole": "the whole view in colour, as a picture",
    "rois": "each region of interest, with its grey values",
    "revealed": "the colocalized pixels of each pair",
    "scattergram": "the scattergram of each pair",
    "figure": "a figure for a paper: before and after, scale bar, inset",
    "data": "all numbers",
    "report": "pictures, numbers, comments and methods in one document",
    "session": "the whole session in one file",
}
#: formats of images, pictures, data and report
IMAGES = ("ome.tif", "tif", "png", "jpg")
PICTURES = ("png", "tif", "jpg")
DATA = ("xlsx", "txt", "csv", "tsv")
REPORTS = ("pdf", "html")
JPEG = "JPEG changes grey values: fit for looking, unfit for colocalization and every other measurement; keep the TIFF for those"


@dataclass(frozen=True, slots=True)
class Choices:
    """What to export, and how. Formats are remembered from one export to the next.

    Attributes:
        parts: of `PARTS`; all but "original" and "session" by default.
        version: id or name; None: the current one.
        images: format of images with their grey values: "ome.tif", "tif", "png" or "jpg".
        pictures: format of pictures: "png", "tif" or "jpg".
        data: formats of the numbers: "xlsx", "txt", "csv", "tsv".
        report: formats of the report: "pdf", "html".
        colors: of the channels in pictures: names, "#rrggbb", or for a single channel a map such as "viridis"; empty: the file's own.
            TIFFs carry them as the colours of their channels.
        contrast: grey values of each channel that pictures show as black and in full colour, by version id; of versions that are not named,
            two percentiles of each picture.
        frame: of a time series, the frame that pictures show, counted from 0.
    """

    parts: tuple[str, ...] = ("image", "whole", "rois", "revealed", "scattergram", "figure", "data", "report")
    version: str | int | None = None
    images: str = "ome.tif"
    pictures: str = "png"
    data: tuple[str, ...] = ("xlsx", "txt")
    report: tuple[str, ...] = ("pdf",)
    colors: tuple[str, ...] = ()
    contrast: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)
    frame: int = 0

    def __post_init__(self) -> None:
        for name, given, known in (
            ("parts", self.parts, tuple(PARTS)),
            ("images", (self.images,), IMAGES),
            ("pictures", (self.pictures,), PICTURES),
            ("data", self.data, DATA),
            ("report", self.report, REPORTS),
        ):
            strange = [entry for entry in given if entry not in known]
            if strange:
                raise ParameterError(f"wanted {name} of {', '.join(known)}, got {strange[0]!r}")
        object.__setattr__(self, "colors", tuple(checked(color) for color in self.colors))
        for limits in self.contrast.values():
            if any(not (math.isfinite(low) and math.isfinite(high) and low < high) for low, high in limits):
                raise ParameterError(f"wanted for each channel a grey value shown as black and a larger one in full colour, got {limits}")


#: part -> the choice of its format
FORMATS = {
    **dict.fromkeys(("image", "original", "rois", "revealed"), "images"),
    **dict.fromkeys(("whole", "scattergram", "figure"), "pictures"),
    "data": "data",
    "report": "report",
}
#: fields that are remembered
REMEMBERED = tuple(dict.fromkeys(FORMATS.values()))


def choose(session: Session, wanted: Mapping[str, Any]) -> Choices:
    """The choices, filled up with what was chosen last. Raises `ParameterError` for one that there is not."""
    known = {one.name for one in fields(Choices)}
    strange = [key for key in wanted if key not in known]
    if strange:
        raise ParameterError(f"wanted choices of {', '.join(sorted(known))}, got {strange[0]!r}")
    before = {key: value for key, value in preferences.remembered(session._store.place).items() if key in REMEMBERED}
    try:
        kept: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in before.items()}
        last = asdict(Choices(**kept))
    except (ParameterError, TypeError):
        last = {}
    given: dict[str, Any] = {
        key: tuple(value) if isinstance(value, (list, tuple)) else value for key, value in wanted.items() if value is not None
    }
    return Choices(**{key: last[key] for key in REMEMBERED if key in last} | given)


def fitting(chosen: tuple[str, ...], image: Image) -> tuple[str, ...]:
    """The colours that were chosen. Raises `ParameterError` when they do not fit the channels."""
    count = image.shape[1]
    if chosen and len(chosen) != count:
        raise ParameterError(f"wanted a colour for each of the {count} channels ({', '.join(image.channels)[:200]}), got {len(chosen)}")
    maps = [color for color in chosen if color in MAPS]
    if maps and count > 1:
        raise ParameterError(
            f"wanted one colour for each channel, got the map {maps[0]}, which is for a single channel: maps do not add up"
        )
    return chosen
