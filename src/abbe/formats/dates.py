"""When an image was recorded: ISO 8601, as OME-XML wants it, from what microscopes write."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

#: xs:dateTime of XML Schema, as far as microscopes use it
_ISO = re.compile(r"(\d{4}-\d\d-\d\d)[T ]+(\d\d:\d\d:\d\d(?:\.\d+)?)(Z|[+-]\d\d:\d\d)?")
#: how programs write local time: day before month in Europe, after it in America
_LOCAL = tuple(f"{day} {hour}" for day in ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y") for hour in ("%H:%M:%S", "%I:%M:%S %p"))
#: day 0 of the Julian calendar's count lies this many days before 1970
_JULIAN_1970 = 2440587.5
#: no clock on earth is further from UTC
_FARTHEST = timedelta(hours=15)


def iso(text: str | None) -> str | None:
    """`text` as xs:dateTime; None where it is no date and time, or a day and a month that could be each other."""
    found = _ISO.fullmatch((text or "").strip())
    if found is not None:
        day, hour, zone = found.groups(default="")
        try:
            datetime.fromisoformat(f"{day}T{hour[:8]}")
        except ValueError:
            return None
        return f"{day}T{hour}{zone}"
    read = set(_readings(text))
    return read.pop().isoformat() if len(read) == 1 else None


def recorded(text: str | None, julian: float | None = None) -> str | None:
    """The best of what a file says of when it was recorded: local time as text, and a Julian day (UTC), which tells days from months."""
    if julian is None or julian < _JULIAN_1970:
        return iso(text) or text or None
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=julian - _JULIAN_1970)
    near = [local for local in _readings(text) if abs(local - instant.replace(tzinfo=None)) < _FARTHEST]
    return near[0].isoformat() if near else instant.isoformat(timespec="seconds").replace("+00:00", "Z")


def _readings(text: str | None) -> list[datetime]:
    words = " ".join((text or "").split())
    found = []
    for form in _LOCAL:
        try:
            found.append(datetime.strptime(words, form))
        except ValueError:
            continue
    return found
