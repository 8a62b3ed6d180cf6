"""Lengths, times and wavelengths of files in abbe's units: um, s, nm."""

from __future__ import annotations

import math

#: um per unit; the words of OME-XML, ImageJ, OME-Zarr and what people type
_LENGTH = {
    **dict.fromkeys(("um", "µm", "μm", "micron", "microns", "micrometer", "micrometre", "micrometers"), 1.0),
    **dict.fromkeys(("nm", "nanometer", "nanometre", "nanometers"), 1e-3),
    **dict.fromkeys(("pm", "picometer"), 1e-6),
    **dict.fromkeys(("å", "angstrom"), 1e-4),
    **dict.fromkeys(("mm", "millimeter", "millimetre", "millimeters"), 1e3),
    **dict.fromkeys(("cm", "centimeter", "centimetre"), 1e4),
    **dict.fromkeys(("m", "meter", "metre", "meters"), 1e6),
    **dict.fromkeys(("in", "inch", "inches", '"'), 25.4e3),
}

#: nm per unit
_WAVE = {unit: scale * 1e3 for unit, scale in _LENGTH.items()}

#: s per unit
_TIME = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("us", "µs", "μs", "usec", "microsecond"), 1e-6),
    **dict.fromkeys(("ns", "nanosecond"), 1e-9),
    **dict.fromkeys(("min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
}


def micrometres(value: object, unit: str | None) -> float | None:
    """A length in um; None when there is no positive finite value or the unit is none of length ("pixel")."""
    return _convert(value, unit, _LENGTH)


def seconds(value: object, unit: str | None) -> float | None:
    """A time in s; None as for `micrometres`."""
    return _convert(value, unit, _TIME)


def nanometres(value: object, unit: str | None) -> float | None:
    """A wavelength in nm; None as for `micrometres`."""
    return _convert(value, unit, _WAVE)


def _convert(value: object, unit: str | None, table: dict[str, float]) -> float | None:
    number = positive(value)
    scale = table.get(unescape(unit or "").strip().lower())
    return None if number is None or scale is None else number * scale


def positive(value: object) -> float | None:
    """A positive finite number, or None; negative steps (a stage that moved down) count by their size."""
    try:
        number = abs(float(value))  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number > 0 else None


def unescape(text: str) -> str:
    r"""ImageJ writes characters beyond ASCII as \u00B5."""
    if "\\u" not in text:
        return text
    try:
        return text.encode("latin-1", "backslashreplace").decode("unicode_escape")
    except UnicodeDecodeError:
        return text
