"""Resolution tags as a pixel size, where they are one.

XResolution is written by printers' programs too: 72 dpi is how large a picture is to be printed, not how large a pixel of the specimen
is. ImageJ names its unit in the description, and is believed, with a word where it took over that of print; a bare inch or centimetre is
believed only for sizes that a microscope has.
"""

from __future__ import annotations

from typing import Any

from abbe.formats.units import micrometres
from abbe.image import Notice

#: um; larger pixels are those of print (2400 dpi has 10.6 um), a stereo microscope at 1x has 3 to 7
LARGEST = 10.0
_UNITS = {2: "inch", 3: "cm"}
#: units that ImageJ takes over from such tags when it opens a picture that nobody calibrated
_PRINT = ("inch", "inches", "cm")


def read(page: Any, unit: str | None, y_unit: str | None, imagej: bool) -> tuple[float | None, float | None, tuple[Notice, ...]]:
    """(x, y) in um and what to say about them. `unit` and `y_unit` are ImageJ's."""
    per_x, per_y = (_per_unit(page, name) for name in ("XResolution", "YResolution"))
    if per_x is None or per_y is None:
        return None, None, ()
    if imagej:
        x, y = micrometres(1 / per_x, unit), micrometres(1 / per_y, y_unit)
        printed = x is not None and y is not None and max(x, y) > LARGEST and (unit or "").lower() in _PRINT
        return x, y, (_of_print(per_x, unit),) if printed else ()
    tag = page.tags.get("ResolutionUnit")
    word = _UNITS.get(int(tag.value) if tag is not None else 0)
    x, y = micrometres(1 / per_x, word), micrometres(1 / per_y, word)
    if x is None or y is None or max(x, y) > LARGEST:
        return None, None, ()
    notice = Notice("pixel_size", f"the pixel size, {x:.4g} um, was taken from the file's print resolution (per {word}); check it")
    return x, y, (notice,)


def _of_print(count: float, unit: str | None) -> Notice:
    said = f"the pixel size is {count:.4g} pixels per {unit}, likely that of print, which ImageJ takes over from a picture"
    return Notice("pixel_size", f"{said}; give the microscope's (pixel_size= or --pixel-size)")


def _per_unit(page: Any, name: str) -> float | None:
    tag = page.tags.get(name)
    try:
        over, under = tag.value
        return over / under if over > 0 and under > 0 and over != 2**32 - 1 else None
    except (AttributeError, TypeError, ValueError):
        return None
