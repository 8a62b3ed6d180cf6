"""napari's writers: image layers to OME-TIFF, TIFF, OME-Zarr, PNG and JPEG through `abbe.save`, as one image with channels."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import abbe
from abbe.errors import CancelledError
from abbe.image import Image
from abbe.napari.description import Description, described
from abbe.napari.sheet import Sheet, sheet, together

#: asks whether a file may be replaced; None: nobody can be asked
Ask = Callable[[str], bool]


def write(path: str, found: Sequence[tuple[Any, Mapping[str, Any], str]], ask: Ask | None = None) -> list[str]:
    """Image layers as one file, a channel each; gives the path, as napari wants.

    Args:
        path: the suffix says the format.
        found: (data, attributes, kind) of each layer.
        ask: where the file is there already.

    Raises:
        ExistsError: the file is there, and nobody could be asked. CancelledError: the answer was no. MergeError, ParameterError: the
        layers are not the channels of one image.
    """
    image = image_of([described(*layer) for layer in found])
    replace = False
    if os.path.lexists(path) and ask is not None:
        replace = ask(path)
        if not replace:
            raise CancelledError(f"{os.path.basename(path)} stays as it is; nothing was saved")
    abbe.save(image, path, overwrite=replace)
    return [path]


def image_of(found: Sequence[Description]) -> Image:
    """The layers as one image: all channels of one that abbe holds, with its recipe, or layers put together as channels."""
    sheets = [_one(sheet(layer), layer) for layer in found]
    if len(sheets) == 1 and sheets[0][1] is None:
        return sheets[0][0].image
    first = sheets[0][0].image
    if all(s.image is first for s, _ in sheets) and [c for _, c in sheets] == list(range(first.shape[1])):
        return first
    return together([(s, c or 0) for s, c in sheets]).image


def _one(made: Sheet, layer: Description) -> tuple[Sheet, int | None]:
    held = layer.held
    return made, held.channel if held is not None else None if made.image.shape[1] > 1 else 0
