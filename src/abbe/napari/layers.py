"""From an `Image` to napari's layers: one per channel, in um, with its colour, its contrast, and the image itself kept with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, TypeAlias

import numpy as np

from abbe.image import Image
from abbe.napari.lazy import levels_of
from abbe.napari.seat import Seat

#: data, attributes, kind of layer
LayerData: TypeAlias = tuple[Any, dict[str, Any], str]

#: where a layer's metadata keep what abbe knows of it
KEY = "abbe"
#: colours of channels whose file has none: colour-blind readers tell the first two apart
PALETTE = ("#ff00ff", "#00ff00", "#00ffff", "#ffff00", "#ff8000", "#ffffff")
#: how layers are drawn over those below
COVERING, ADDING = "translucent_no_depth", "additive"
#: percentiles that are shown as black and white
BLACK, WHITE = 0.1, 99.9
#: how a map of trust is shown: dark where the data do not support what the image shows
TRUST: dict[str, Any] = {"colormap": "viridis", "contrast_limits": (0.0, 1.0), "opacity": 0.6}
#: pixels of a plane that are looked at for them; of larger planes squares of this side, this many along either axis
LOOKED_AT, SQUARE, SQUARES = 2**22, 256, 5


@dataclass(frozen=True, eq=False)
class Held:
    """What abbe keeps with a layer: processing begins with this image, not with the copy that is shown.

    Attributes:
        image: all channels, with recipe, original, interval and trust.
        channel: the one that the layer shows; None where the layer has an axis of channels.
        seat: where the layer was put; whoever changes its scale later says that the pixel size is another.
        title: how the image is called in lists.
        data: the array that the layer was made with; a layer with another one is no longer this image.
        name, color: how the layer was called and coloured ("#rrggbb", None: grey); where it is otherwise, somebody said so.
        tail: what follows the channel's name in that name.
        is_map: it lies over an image and tells of it, such as trust.
    """

    image: Image
    channel: int | None
    seat: Seat
    title: str
    data: Any
    name: str = ""
    color: str | None = None
    tail: str = ""
    is_map: bool = False

    def __deepcopy__(self, memo: dict[int, Any]) -> Held:
        """napari copies the metadata of a layer that is duplicated; pixels in files cannot be, and need not be."""
        return self


def layers(
    image: Image,
    seat: Seat | None = None,
    title: str | None = None,
    what: str = "",
    channels: Sequence[int] | None = None,
    is_map: bool = False,
    **more: Any,
) -> list[LayerData]:
    """A layer for each channel (or one of all, where the seat has an axis of channels).

    Args:
        image: what is shown.
        seat: where; None: at the world's origin.
        title: name of the image.
        what: what it is, such as "enhanced", for the names.
        channels: those that are shown; None: all.
        is_map: the image tells of another, such as its trust.
        more: other attributes of the layers.
    """
    seat = seat or Seat.of(image)
    title = title or name_of(image)
    shown: list[int | None] = [None] if "C" in seat.axes else list(range(image.shape[1]) if channels is None else channels)
    # the lowest covers what lies below, so that a result does not add up with its original; the others add to the lowest
    blending = (COVERING, *(ADDING,) * (len(shown) - 1))
    return [_layer(image, c, seat, title, what, is_map, {"blending": how, **more}) for c, how in zip(shown, blending)]


def _layer(image: Image, c: int | None, seat: Seat, title: str, what: str, is_map: bool, more: dict[str, Any]) -> LayerData:
    levels = levels_of(image.pixels, seat.axes, c)
    several = image.shape[1] > 1 and c is not None
    name, color = layer_name(image, c, title, what), colour(image, c) if several or (c is not None and image.colors[c]) else None
    tail = name.removeprefix(image.channels[c]) if several and c is not None else ""
    held = Held(image, c, seat, f"{title} {what}" if what else title, levels[0], name, color and color.lower(), tail, is_map)
    attributes: dict[str, Any] = {
        "name": name,
        "scale": seat.scale,
        "translate": seat.translate,
        "units": seat.units,
        "axis_labels": tuple(letter.lower() for letter in seat.axes),
        "contrast_limits": more.get("contrast_limits") or contrast(image, c or 0),
        "colormap": color or "gray",
        "rgb": False,
        "multiscale": len(levels) > 1,
        "metadata": {KEY: held, **facts(image, c)},
    }
    return (levels if len(levels) > 1 else levels[0]), attributes | more, "image"


def name_of(image: Image) -> str:
    """The file's name without its ending."""
    names = image.provenance.names
    if not names:
        return "image"
    name = names.split(", ")[0]
    for ending in (".ome.tif", ".ome.tiff", ".ome.zarr"):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return PurePath(name).stem or name


def layer_name(image: Image, c: int | None, title: str, what: str = "") -> str:
    """The channel first: napari cuts long names at their end. "nucleus enhanced [cell]", "cell enhanced"."""
    if c is None or image.shape[1] == 1:
        return " ".join(part for part in (title, what) if part)
    return " ".join(part for part in (image.channels[c], what, f"[{title}]") if part)


def colour(image: Image, c: int | None) -> str:
    """As the file says; otherwise one that the other channels do not have."""
    if c is None:
        return "#ffffff"
    given = image.colors[c]
    if given:
        return given
    free = [tint for tint in PALETTE if tint not in image.colors]
    return free[sum(color is None for color in image.colors[:c]) % len(free)]


def contrast(image: Image, c: int) -> tuple[float, float]:
    """What is shown as black and as white: percentiles of the middle plane of the middle frame."""
    frames, _, planes, rows, columns = image.shape
    t, z = frames // 2, planes // 2
    parts = [image.read((slice(t, t + 1), slice(c, c + 1), slice(z, z + 1), *part))[0, 0, 0] for part in _parts(rows, columns)]
    values = np.concatenate([part.ravel() for part in parts])
    low, high = (float(v) for v in np.percentile(values, (BLACK, WHITE)))
    if high <= low:
        low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low, low + 1.0)


def _parts(rows: int, columns: int) -> list[tuple[slice, slice]]:
    """A small plane; of a large one squares, evenly spread."""
    if rows * columns <= LOOKED_AT:
        return [(slice(0, rows), slice(0, columns))]
    spans = []
    for n in (rows, columns):
        side = min(n, SQUARE)
        spans.append([slice(int(s), int(s) + side) for s in np.linspace(0, n - side, SQUARES)])
    return [(y, x) for y in spans[0] for x in spans[1]]


def facts(image: Image, c: int | None) -> dict[str, Any]:
    """What a user may want to read in a layer's metadata, as plain data."""
    recipe = image.recipe
    found = {
        "channel": None if c is None else image.channels[c],
        "pixel_size_um": list(image.pixel_size),
        "optics": {key: value for key, value in image.optics.to_dict().items() if value not in (None, ())},
        "source": image.provenance.names,
        "format": image.provenance.format,
        "acquired": image.provenance.acquired,
        "history": list(image.provenance.history),
        "warnings": [str(notice) for notice in image.notices],
        "recipe": None if recipe is None else recipe.to_dict(),
    }
    return {key: value for key, value in found.items() if value not in (None, [], {})}


def map_layers(image: Image, seat: Seat, title: str, what: str, channels: Sequence[int] | None = None, **more: Any) -> list[LayerData]:
    """Layers of a map that lies over an image: grey or in false colours, never added to it, hidden until they are wanted."""
    style = {"blending": COVERING, "visible": False, **more}
    return layers(image, seat, title, what, channels, is_map=True, **style)
