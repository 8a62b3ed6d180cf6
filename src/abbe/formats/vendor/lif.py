"""Leica LIF, by the library liffile."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from abbe.errors import NotAnImageError
from abbe.formats.colours import NAMES, from_rgb
from abbe.formats.damage import decoding
from abbe.formats.found import Found, among, pick
from abbe.formats.stamp import Stamp
from abbe.formats.transmitted import transmitted
from abbe.formats.units import positive
from abbe.formats.vendor import lif_metadata
from abbe.formats.vendor.frames import FramePixels, first_of, library
from abbe.image.axes import check_size
from abbe.image.pixels import Array, Shape

#: what the steps along Leica's other axes are called
_AXES = {"M": "tiles of a mosaic", "λ": "steps of emission", "Λ": "steps of excitation", "A": "rotations", "L": "loops"}


@dataclass(frozen=True, slots=True)
class Lif:
    """The format, for `abbe.formats.opening`."""

    name: str = "LIF"

    def claims(self, head: bytes, path: Path) -> bool:
        return head[:4] == b"\x70\0\0\0" and head[8:9] == b"\x2a"

    def read(self, path: Path, axes: str | None, number: int) -> Found:
        liffile = library("liffile", "LIF files")
        with decoding(path.name), liffile.LifFile(path) as file:
            if not len(file.images):
                raise NotAnImageError(f"{path.name} holds no image")
            names = tuple(str(one.path) for one in file.images)
            number = pick(number, len(names), path.name)
            with among(names), decoding(path.name):
                return _found(path, functools.partial(liffile.LifFile, path), file, number, names)


def _found(path: Path, opened: Callable[[], Any], file: Any, number: int, names: tuple[str, ...]) -> Found:
    """The image `number` of the file, which `opened` opens again."""
    image = file.images[number]
    sizes = dict(zip(image.dims, image.shape))
    colour = "S" in sizes
    shape: Shape = (sizes.get("T", 1), sizes.get("C", 1) * sizes.get("S", 1), sizes.get("Z", 1), sizes.get("Y", 1), sizes["X"])
    check_size(shape)
    extra = {a: n for a, n in sizes.items() if a not in "TCZYXS" and n > 1}
    if image.is_flim:
        raise NotAnImageError(f"{path.name} holds photon arrival times (FLIM), not intensities; export an intensity image")
    frame = _Frame(number, tuple(a for a in sizes if a not in "YXS"), colour)
    pixels = FramePixels(shape, np.dtype(image.dtype).newbyteorder("="), Stamp.of(path), opened, frame)
    words = lif_metadata.parse(image.xml_element, shape[1])
    described = list(image.xml_element.iter("ChannelDescription"))
    tables = [d.get("LUTName", "") for d in described] if len(described) == shape[1] else []
    left_out = [notice for a, n in extra.items() for notice in first_of(n, _AXES.get(a, f"steps along {a}"))]
    return Found(
        pixels,
        format="LIF",
        pixel_size=(_step(image, "Z"), _step(image, "Y"), _step(image, "X")),
        channels=() if colour else words.channels,
        colors=tuple(_colour(name) for name in tables),
        bits=_bits(described),
        time_step=_step(image, "T", 1.0),
        optics=words.optics,
        acquired=words.acquired,
        facts={"name": str(image.name)},
        notices=(*left_out, *transmitted(words.channels or (None,) * shape[1], words.transmitted)),
        rgb=colour,
        images=names if len(names) > 1 else (),
    )


@dataclass(frozen=True, slots=True)
class _Frame:
    number: int
    dims: tuple[str, ...]
    colour: bool

    def __call__(self, file: Any, t: int, c: int, z: int) -> Array:
        image = file.images[self.number]
        where = {"T": t, "C": 0 if self.colour else c, "Z": z}
        frame: Array = image.frame(**{a: where.get(a, 0) for a in self.dims})
        return frame[..., c] if self.colour else frame


def _step(image: Any, axis: str, scale: float = 1e6) -> float | None:
    """Distance between neighbours along an axis; coordinates are in m and s."""
    places = image.coords.get(axis)
    if places is None or len(places) < 2:
        return None
    return positive((float(places[-1]) - float(places[0])) / (len(places) - 1) * scale)


def _colour(table: str) -> str | None:
    name = table.strip().lower()
    if name in ("gray", "grey", ""):
        return None
    if name in NAMES:
        return NAMES[name]
    parts = name.removeprefix("rgb(").rstrip(")").split(",")
    try:
        return from_rgb(*(float(part) for part in parts)) if len(parts) == 3 else None
    except ValueError:
        return None


def _bits(described: list[Any]) -> int | None:
    depths = {int(d.get("Resolution", "0")) for d in described}
    return depths.pop() if len(depths) == 1 and min(depths) > 8 else None
