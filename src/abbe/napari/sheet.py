"""From napari's layers to an `Image`: what a layer is, what has to be asked, and what is refused with a word.

Layers are taken as `Description`s, so that nothing here needs napari.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from abbe.errors import AxesError, LimitError, MergeError, ParameterError
from abbe.formats import merge
from abbe.image import Image, PixelSize, Provenance
from abbe.image.axes import ORDER
from abbe.napari.description import Description
from abbe.napari.seat import PIXEL, Seat

#: um per unit
LENGTHS = {"um": 1.0, "µm": 1.0, "μm": 1.0, "micrometer": 1.0, "micron": 1.0, "nm": 1e-3, "nanometer": 1e-3, "mm": 1e3, "millimeter": 1e3}
LENGTHS |= {"m": 1e6, "meter": 1e6, "metre": 1e6, "cm": 1e4, "centimeter": 1e4, "angstrom": 1e-4, "Å": 1e-4}
TIMES = {"s": 1.0, "second": 1.0, "ms": 1e-3, "millisecond": 1e-3, "min": 60.0, "minute": 60.0, "h": 3600.0, "hour": 3600.0}
#: axes of a layer that does not name them, by their number
USUAL = {2: "YX", 3: "ZYX", 4: "TZYX", 5: "TCZYX"}
#: bytes of a layer of another program that are taken into memory
MOST = 4 * 2**30
#: what napari appends to the name of a layer where another is called so
_NUMBERED = re.compile(r" \[\d+\]$")
#: part of a pixel by which layers that lie in the same place may differ
SAME = 0.02


@dataclass(frozen=True, eq=False)
class Sheet:
    """An image and where it lies."""

    image: Image
    seat: Seat
    title: str


def in_units(unit: str, of: str) -> float:
    """How many `of` a `unit` is, of lengths; else 1, as napari takes the numbers of layers that have no unit in common."""
    return LENGTHS[unit] / LENGTHS[of] if unit in LENGTHS and of in LENGTHS else 1.0


# ------------------------------------------------------------------------------------------------ before any pixel is read
def check_kind(layer: Description) -> None:
    """Raises `ParameterError` for a layer that abbe cannot work on."""
    if layer.kind != "image":
        raise ParameterError(f"wanted an image layer, got {layer.name}, a layer of {layer.kind}")
    if layer.rgb:
        raise ParameterError(
            f"wanted a layer of measured intensities, got the RGB picture {layer.name}; split its colours into layers first "
            "(right-click on the layer: Split RGB), and leave out those that are empty"
        )
    check_straight(layer)


def check_straight(layer: Description) -> None:
    """Raises `ParameterError` for a layer that does not lie parallel to the axes, or is mirrored."""
    if not layer.straight:
        raise ParameterError(
            f"wanted a layer that lies straight, got {layer.name}, which is rotated, sheared or transformed; reset its transform "
            "(layer.affine, rotate, shear), or work on the image before it is moved"
        )
    if any(s <= 0 for s in layer.scale):
        raise ParameterError(f"wanted a layer with a scale above 0, got {layer.name}, which is mirrored (scale {_list(layer.scale)})")


def guess_axes(layer: Description) -> str:
    """A letter per axis: as the layer names them, else by their number; "" where nobody can tell."""
    held = layer.held
    if held is not None:
        return held.seat.axes
    count = len(layer.shape)
    named = "".join(label.strip().upper()[:1] for label in layer.labels)
    if len(named) == count and len(set(named)) == count and set(named) <= set(ORDER) and {"Y", "X"} <= set(named):
        return named
    return USUAL.get(count, "")


def channel_names(layer: Description, axes: str | None = None) -> tuple[str, ...]:
    """The channels of a layer's image: those that abbe knows, else one per step of its axis C."""
    held = layer.held
    if held is not None:
        return held.image.channels
    k = (axes or guess_axes(layer)).upper().find("C")
    return _names(layer, layer.shape[k] if 0 <= k < len(layer.shape) else 1)


def guess_size(layer: Description, axes: str | None = None) -> PixelSize:
    """(z, y, x) in um as the layer tells; None where it does not: in pixels, a scale of 1 says nothing, another one is taken for um."""
    letters = axes or guess_axes(layer)
    sizes: dict[str, float | None] = {}
    for k, letter in enumerate(letters[-len(layer.scale) :] if letters else ""):
        unit = layer.units[k] if k < len(layer.units) else PIXEL
        scale = layer.scale[k]
        um = LENGTHS.get(unit)
        sizes[letter] = scale * um if um is not None else scale if unit in (PIXEL, "", "pixels") and scale != 1 else None
    held = layer.held
    known = dict(zip("ZYX", held.image.pixel_size)) if held is not None else {}
    kept = dict(zip(held.seat.axes, held.seat.scale)) if held is not None else {}
    for letter in "ZYX":
        k = letters.find(letter)
        if letter in known and (k < 0 or math.isclose(layer.scale[k], kept[letter], rel_tol=1e-9)):
            before = held.seat.units[k] if held is not None and k >= 0 else PIXEL
            if k >= len(layer.units) or LENGTHS.get(layer.units[k]) == LENGTHS.get(before):
                sizes[letter] = known[letter]  # nobody changed it since
    return sizes.get("Z"), sizes.get("Y"), sizes.get("X")


# ------------------------------------------------------------------------------------------------ with its pixels
def sheet(layer: Description, axes: str | None = None, pixel_size: Sequence[float | None] | None = None) -> Sheet:
    """The image of a layer: the one that abbe keeps with it, or one made from its pixels.

    Args:
        layer: an image layer.
        axes: a letter of TCZYX per axis, of a layer whose image abbe does not have; None: as `guess_axes` says.
        pixel_size: (z, y, x) in um; None: as `guess_size` says.

    Raises:
        ParameterError, AxesError, LimitError: no layer for abbe, and why.
    """
    check_kind(layer)
    size = guess_size(layer, axes) if pixel_size is None else tuple(pixel_size)
    held = layer.held
    if held is not None:
        units = layer.units if len(layer.units) == len(layer.scale) else held.seat.units
        seat = dataclasses.replace(held.seat, scale=tuple(layer.scale), translate=tuple(layer.translate), units=units)
        image = held.image if size == held.image.pixel_size else held.image.replace(pixel_size=size)
        return Sheet(image, seat, held.title)
    letters = (axes or guess_axes(layer)).upper()
    seat = Seat(letters, tuple(layer.scale), tuple(layer.translate), _seat_units(layer))
    step = _time_step(layer, letters)
    image = Image.from_array(
        _array(layer, letters),
        axes=letters,
        pixel_size=size,
        time_step=step,
        provenance=Provenance(source=layer.name, format="napari layer"),
    )
    count = image.shape[1]
    image = image.replace(channels=_names(layer, count), colors=(layer.color,) if count == 1 else (None,) * count)
    return Sheet(image, seat, layer.name)


def as_called(image: Image, shown: Sequence[Description | None]) -> Image:
    """`image` with its channels called and coloured as the layers that show them, where somebody renamed or recoloured these.

    shown: the layer of each channel; None for one that has none.
    """
    names, tints = list(image.channels), list(image.colors)
    for c, layer in enumerate(shown):
        held = None if layer is None else layer.held
        if layer is None or held is None:
            continue
        name = layer.name if layer.name == held.name else _NUMBERED.sub("", layer.name)
        if name != held.name and (given := layer.name.removesuffix(held.tail).strip()):
            names[c] = given
        if layer.color is not None and layer.color != held.color:
            tints[c] = layer.color
    if tuple(names) == image.channels and tuple(tints) == image.colors:
        return image
    called = dict(zip(image.channels, _distinct(names)))
    original = image.original
    if original is not None:
        original = original.replace(channels=[called.get(name, name) for name in original.channels])
    return image.replace(channels=list(called.values()), colors=tuple(tints), original=original)


def _array(layer: Description, axes: str) -> np.ndarray[Any, Any]:
    """A copy of the finest level: other programs may change a layer's pixels in place."""
    pixels, shape = layer.pixels, layer.shape
    if len(axes) != len(shape):
        raise AxesError(
            f"wanted a letter of {ORDER} for each of the {len(shape)} axes of {layer.name} ({' x '.join(map(str, shape))}), got "
            f"{axes or 'none'}; write them into the field Axes"
        )
    dtype = np.dtype(getattr(pixels, "dtype", None) or np.asarray(pixels).dtype)
    size = math.prod(shape) * dtype.itemsize
    if size > MOST:
        raise LimitError(
            f"wanted a layer of at most {MOST >> 30} GiB whose file abbe does not know, got {layer.name} with {size / 2**30:.1f}; "
            "open the file itself with abbe (File > Open with plugin), which reads it part by part"
        )
    return np.array(pixels)


def _names(layer: Description, count: int) -> tuple[str, ...]:
    return (layer.name,) if count == 1 else tuple(f"{layer.name} {k + 1}" for k in range(count))


def _seat_units(layer: Description) -> tuple[str, ...]:
    return layer.units if len(layer.units) == len(layer.scale) else (PIXEL,) * len(layer.scale)


def _time_step(layer: Description, axes: str) -> float | None:
    k = axes.find("T")
    seconds = TIMES.get(layer.units[k]) if 0 <= k < len(layer.units) else None
    return None if seconds is None else layer.scale[k] * seconds


def _list(numbers: Sequence[float]) -> str:
    return ", ".join(f"{n:g}" for n in numbers)


# ------------------------------------------------------------------------------------------------ several layers as one image
def pair(a: tuple[Sheet, int], b: tuple[Sheet, int]) -> tuple[Sheet, tuple[int, int]]:
    """Two channels, (sheet, channel) each, in one image, and which of its channels they are.

    Channels of different images are put together, with their originals where both have one.
    Raises `ParameterError` or `MergeError` where they do not lie in the same place.
    """
    if a[0].image is b[0].image:
        return a[0], (a[1], b[1])
    return together([a, b]), (0, 1)


def together(sheets: Sequence[tuple[Sheet, int]]) -> Sheet:
    """Channels of several sheets as one image; errors as of `pair`."""
    first = sheets[0][0]
    if all(s.image is first.image for s, _ in sheets):
        return Sheet(first.image.select([c for _, c in sheets]), first.seat, first.title)
    for other, _ in sheets[1:]:
        _check_place(first, other)
    singles = [s.image.select([c]) for s, c in sheets]
    labels = _distinct([image.channels[0] for image in singles])
    whole = _merged(singles, labels)
    before = [image.original for image in singles]
    if all(image is not None for image in before):
        originals = [_same_channel(image, single) for image, single in zip(before, singles) if image is not None]
        if len({image.shape for image in originals}) == 1:
            whole = whole.replace(original=_merged(originals, labels), recipe=singles[0].recipe)
    return Sheet(whole, first.seat, first.title)


def _merged(images: Sequence[Image], names: Sequence[str]) -> Image:
    return merge([image.replace(original=None) for image in images], channels=list(names))


def _same_channel(original: Image, single: Image) -> Image:
    """The channel of an original from which one channel of a result came: by name, else the only one, else refused."""
    name = single.channels[0]
    if name in original.channels:
        return original.select([original.channels.index(name)])
    if original.shape[1] == 1:
        return original
    raise MergeError(f"wanted the channel {name} in what it was made from, got {', '.join(original.channels)}; were channels renamed?")


def _distinct(names: Sequence[str]) -> list[str]:
    return list(names) if len(set(names)) == len(names) else [f"{name} ({k + 1})" for k, name in enumerate(names)]


def _check_place(a: Sheet, b: Sheet) -> None:
    if a.image.shape[0] != b.image.shape[0] or a.image.shape[2:] != b.image.shape[2:]:
        sizes = (" x ".join(str(n) for k, n in enumerate(s.image.shape) if k != 1 and n > 1) or "1" for s in (a, b))
        raise ParameterError(
            f"wanted layers with the same pixels, got {a.title} ({next(sizes)}) and {b.title} ({next(sizes)}); choose two of one image, or "
            "both before or both after enhancing"
        )
    for letter in "ZYX":
        (scale, place), (other, there) = a.seat.along(letter), b.seat.along(letter)
        unit = in_units(b.seat.unit(letter), a.seat.unit(letter))
        other, there = other * unit, there * unit
        if abs(scale - other) > SAME * scale / max(a.image.shape[2:]) or abs(place - there) > SAME * scale:
            raise ParameterError(
                f"wanted layers in the same place, got {a.title} and {b.title}, which differ in scale or place along {letter.lower()}"
            )


# ------------------------------------------------------------------------------------------------ layers as a menu offers them
@dataclass(frozen=True, eq=False)
class Offer:
    """An image to choose: the layers that show its channels, or one layer of another program.

    Attributes:
        title: what the menu shows.
        layers: positions in the list of layers.
        first: one of them, which speaks for all.
    """

    title: str
    layers: tuple[int, ...]
    first: Description

    @property
    def is_map(self) -> bool:
        """It tells of another image, such as its trust: nobody means it who has not chosen it."""
        return self.first.held is not None and self.first.held.is_map


def offers(found: Sequence[Description]) -> list[Offer]:
    """The images that can be worked on, the layers of one image as one."""
    grouped: dict[Any, list[int]] = {}
    for k, layer in enumerate(found):
        if layer.kind == "image":
            held = layer.held
            key = (id(layer),) if held is None else (id(held.image), tuple(layer.scale), tuple(layer.translate))
            grouped.setdefault(key, []).append(k)
    made = []
    for places in grouped.values():
        first = found[places[0]]
        held = first.held
        alone = held is None or held.image.shape[1] == 1
        made.append(Offer(first.name if alone or held is None else held.title, tuple(places), first))
    return made
