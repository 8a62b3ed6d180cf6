"""The attributes of an IMS: size, extent, channels, times, lens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

import numpy as np

from abbe.formats import dates
from abbe.formats.colours import from_rgb
from abbe.formats.units import micrometres, positive
from abbe.image import Optics, PixelSize
from abbe.limits import LIMITS

#: attributes by name
Attributes: TypeAlias = Mapping[str, str]
#: (planes, rows, columns)
Size: TypeAlias = tuple[int, int, int]

#: words within Imaris' MicroscopeMode -> abbe's word; the first that fits counts
_MODES = {
    "sted": "sted",
    "spinning": "spinning disk",
    "nipkow": "spinning disk",
    "confocal": "confocal",
    "multi": "multiphoton",
    "two": "multiphoton",
    "wide": "widefield",
    "sheet": "light sheet",
    "spim": "light sheet",
    "tirf": "tirf",
}


@dataclass(frozen=True, slots=True)
class Words:
    """What the attributes say."""

    size: Size | None = None
    #: (z, y, x) in um
    extent: PixelSize = (None, None, None)
    channels: tuple[str | None, ...] = ()
    colors: tuple[str | None, ...] = ()
    time_step: float | None = None
    optics: Optics = field(default_factory=Optics)
    acquired: str | None = None
    facts: dict[str, str] = field(default_factory=dict)

    def pixel_size(self, size: Size) -> PixelSize:
        """The extent reaches from edge to edge. One plane has no z-step."""
        z, y, x = (None if length is None else length / n for length, n in zip(self.extent, size))
        return (z if size[0] > 1 else None), y, x


def text(value: Any) -> str:
    """An attribute as text, whether it was stored as letters, as a string or as a number."""
    if isinstance(value, np.ndarray):
        parts = value.ravel().tolist()
        if all(isinstance(part, bytes) for part in parts):
            return text(b"".join(part or b"\0" for part in parts))
        return " ".join(text(part) for part in parts)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip("\0 ")
    return str(value).strip("\0 ")


def size(said: Attributes, keys: tuple[str, str, str] = ("ImageSizeZ", "ImageSizeY", "ImageSizeX")) -> Size | None:
    """(Z, Y, X), None where it is not said."""
    z, y, x = (positive(said.get(key)) for key in keys)
    return (int(z), int(y), int(x)) if z and y and x else None


def parse(groups: Mapping[str, Attributes], frames: int, count: int) -> Words:
    """For `frames` time points of `count` channels."""
    image, times = groups.get("Image", {}), groups.get("TimeInfo", {})
    channels = [groups.get(f"Channel {k}", {}) for k in range(count)]
    names = tuple(_word(c, "Name") for c in channels)
    colors = tuple(_color(c) for c in channels)
    recorded = dates.iso(image.get("RecordingDate")) or dates.iso(times.get("TimePoint1"))
    facts = {key.lower(): value for key in ("Name", "Description") if (value := _word(image, key))}
    return Words(
        size=size(image, ("Z", "Y", "X")),
        extent=_extent(image),
        channels=names if any(names) else (),
        colors=colors if any(colors) else (),
        time_step=_time_step(times, frames),
        optics=_optics(image, channels),
        acquired=recorded,
        facts=facts,
    )


def _word(said: Attributes, key: str) -> str | None:
    """What somebody wrote; Imaris writes "(name not specified)" where nobody did."""
    found = said.get(key, "").strip()[: LIMITS.name]
    return None if not found or found.endswith("not specified)") else found


def _extent(image: Attributes) -> PixelSize:
    """Imaris counts X, Y, Z; its unit is um where none is named."""
    unit = image.get("Unit") or "um"
    lengths = []
    for axis in (2, 1, 0):
        try:
            length: float | None = float(image[f"ExtMax{axis}"]) - float(image[f"ExtMin{axis}"])
        except (KeyError, ValueError):
            length = None
        lengths.append(micrometres(length, unit))
    return lengths[0], lengths[1], lengths[2]


def _color(channel: Attributes) -> str | None:
    """Of a channel that is shown in one; "1.000 0.500 0.000"."""
    if channel.get("ColorMode", "BaseColor") != "BaseColor":
        return None
    try:
        parts = [float(part) for part in channel.get("Color", "").split()]
    except ValueError:
        return None
    return from_rgb(*(255 * part for part in parts)) if len(parts) == 3 and np.isfinite(parts).all() else None


def _time_step(times: Attributes, frames: int) -> float | None:
    """Seconds: the mean of those between the first and the last time point, which count from 1."""
    if frames < 2:
        return None
    first, last = (dates.iso(times.get(f"TimePoint{k}")) for k in (1, frames))
    if first is None or last is None:
        return None
    try:
        return positive((datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds() / (frames - 1))
    except (ValueError, TypeError):
        return None


def _optics(image: Attributes, channels: list[Attributes]) -> Optics:
    said = [mode.lower() for c in channels if (mode := c.get("MicroscopeMode") or image.get("MicroscopeMode"))]
    modes = {next((word for part, word in _MODES.items() if part in mode), None) for mode in said} - {None}
    aperture = positive(image.get("NumericalAperture"))
    return Optics(
        numerical_aperture=aperture if aperture and aperture < 2 else None,
        magnification=positive((image.get("LensPower") or "").lower().rstrip("x ")),
        modality=modes.pop() if len(modes) == 1 else None,
        emission=_waves(channels, "LSMEmissionWavelength"),
        excitation=_waves(channels, "LSMExcitationWavelength"),
    )


def _waves(channels: list[Attributes], key: str) -> tuple[float | None, ...]:
    """nm; 0 where nobody said, and some programs write m."""
    waves = tuple(None if (wave := positive(c.get(key))) is None else wave * 1e9 if wave < 1e-3 else wave for c in channels)
    return waves if any(waves) else ()
