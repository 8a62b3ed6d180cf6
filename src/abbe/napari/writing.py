"""napari's writers: image layers to OME-TIFF, TIFF, OME-Zarr, PNG and JPEG through `abbe.save`, as one image with channels."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import abbe
from abbe.errors import CancelledError
from abbe.image import Image
from abbe.napari.description import Description, described
from abbe.napari.sheet import Sheet, as_called, sheet, together

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
    """The layers as one image: all channels of one that abbe holds, with its recipe, or layers put together as channels.

    Channels are called and coloured as their layers are, where somebody gave these another name or colour.
    """
    sheets = [sheet(layer) for layer in found]
    parts = [(made, c, layer) for made, layer in zip(sheets, found) for c in _channels(made, layer)]
    first = sheets[0].image
    if all(made.image is first for made, _, _ in parts) and [c for _, c, _ in parts] == list(range(first.shape[1])):
        image = first
    else:
        image = together([(made, c) for made, c, _ in parts]).image
    return as_called(image, [layer if layer.held is not None and layer.held.channel is not None else None for _, _, layer in parts])


def _channels(made: Sheet, layer: Description) -> list[int]:
    """The channels of its image that a layer shows: one, or all of its axis C."""
    held = layer.held
    return list(range(made.image.shape[1])) if held is None or held.channel is None else [held.channel]
