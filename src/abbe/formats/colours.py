"""Colours of channels: "#rrggbb", whatever a file calls them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from abbe.errors import ParameterError
from abbe.image.pixels import Array

RED, GREEN, BLUE = "#ff0000", "#00ff00", "#0000ff"
RGB_NAMES = ("red", "green", "blue")
RGB_COLOURS = (RED, GREEN, BLUE)

#: the lookup tables that microscopists choose by name
NAMES = {
    "red": RED,
    "green": GREEN,
    "blue": BLUE,
    "cyan": "#00ffff",
    "magenta": "#ff00ff",
    "yellow": "#ffff00",
    "white": "#ffffff",
    "grey": "#ffffff",
    "gray": "#ffffff",
    "orange": "#ff8000",
}

#: weights of R, G and B in the luminance (ITU-R BT.709)
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def parse_colour(text: str) -> str:
    """A colour by name ("magenta") or as "#rrggbb". Raises `ParameterError` when it is neither."""
    wanted = text.strip().lower()
    if wanted in NAMES:
        return NAMES[wanted]
    digits = wanted.removeprefix("#")
    if re.fullmatch(r"[0-9a-f]{6}", digits):
        return f"#{digits}"
    raise ParameterError(f"wanted a colour as #rrggbb or one of {', '.join(NAMES)}, got {text!r}")


def from_rgb(red: float, green: float, blue: float) -> str:
    """From three numbers in 0 to 255."""
    return "#" + "".join(f"{min(max(round(v), 0), 255):02x}" for v in (red, green, blue))


def told_apart(found: Sequence[str | None]) -> tuple[str | None, ...]:
    """The colours of several channels; none where all are white, which OME writes where nobody chose any: together they would be grey."""
    return (None,) * len(found) if len(found) > 1 and set(found) == {NAMES["white"]} else tuple(found)


def to_rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def from_ome(value: object) -> str | None:
    """From OME's signed 32-bit integer, 0xRRGGBBAA."""
    try:
        number = int(str(value)) & 0xFFFFFFFF
    except ValueError:
        return None
    return f"#{number >> 8:06x}"


def to_ome(colour: str) -> int:
    """OME's signed 32-bit integer, opaque."""
    number = int(colour[1:], 16) << 8 | 0xFF
    return number - 2**32 if number >= 2**31 else number


def is_intensity_table(table: Array) -> bool:
    """Does a (entries, 3) colour table show growing values as growing brightness?

    Then it is a lookup table over a grey image, and the index is the measured value. A table in any other order is the palette of a
    colour picture that was reduced to 256 colours.
    """
    if (table == table[0]).all():
        return False
    brightness = np.asarray(table, np.float64) @ _LUMINANCE
    return bool((np.diff(brightness) >= -0.5 / 255 * max(brightness.max(), 1e-9)).all())


def of_table(table: Array) -> str | None:
    """The colour of a lookup table (entries, 3), 0 to 255: its brightest entry where it is a straight ramp from black, else None."""
    top = np.asarray(table[-1], np.float64)
    top = np.where(top >= 253, 255, top)  # 16-bit tables of some programs end at 254
    ramp = np.linspace(0, 1, len(table))[:, None] * top
    if top.max() == 0 or np.abs(ramp - table).max() > 4:
        return None
    return from_rgb(*top)


def table_of(colour: str | None) -> Array:
    """ImageJ's lookup table of a colour, (3, 256) uint8."""
    top = np.array(to_rgb(colour or "#ffffff"), np.float64)
    return np.round(np.linspace(0, 1, 256) * top[:, None]).astype(np.uint8)
