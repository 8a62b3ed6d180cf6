"""Is an image a result: did abbe compute its pixels, now or before its file was written?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from abbe.image._image import Image

#: operations of abbe that compute new pixels; the lines of a history that tell of them begin so
OPERATIONS = ("enhance", "background")
#: how the line begins that tells of channels that were moved
ALIGNED = "align:"


def is_result(image: Image) -> bool:
    """Was it computed by abbe, now or before its file was written?"""
    return any(map(tells, image.provenance.history)) or (image.recipe is not None and image.recipe.to_dict()["operation"] in OPERATIONS)


def tells(line: str) -> bool:
    """Does a line of a history tell of a computation?"""
    return line.startswith(tuple(f"{word}:" for word in OPERATIONS))
