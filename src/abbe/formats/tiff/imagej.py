"""ImageJ's own words in a TIFF: unit, spacing, frame interval, labels, lookup tables.

ImageJ writes `key=value` lines into ImageDescription and binary metadata into tags 50838 and 50839
(ij/io/TiffEncoder.java, ij/io/FileInfo.java of ImageJ 1.x, public domain).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from abbe.formats import colours
from abbe.formats.units import micrometres, positive, seconds, unescape
from abbe.image import Notice
from abbe.image.pixels import Array, MappedPixels, Pixels

#: units in which ImageJ says "no calibration"
UNCALIBRATED = {"", "pixel", "pixels"}

#: "c:1/3 z:2/9 t:1/4 - name", as ImageJ labels the planes of a hyperstack
_POSITION = re.compile(r"^(?:[czt]:\d+/\d+\s*)+(?:-\s*)?")

#: the number of ImageJ's function that calibrates nothing, and what it adds to signed 16-bit values
_UNCALIBRATED, _SIGNED = 20, 32768

#: how abbe marks its account in ImageJ's Info
MARK = "abbe.account="


@dataclass(frozen=True, slots=True)
class ImageJ:
    """What ImageJ says."""

    unit: str | None = None
    #: where it is another than that along x
    y_unit: str | None = None
    z_step: float | None = None
    time_step: float | None = None
    channels: tuple[str | None, ...] = ()
    colors: tuple[str | None, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)
    account: str | None = None


def parse(metadata: dict[str, Any], shape: tuple[int, ...]) -> ImageJ:
    """From tifffile's reading of the tags, for an image of shape TCZYX. Metadata that makes no sense is left out."""
    unit = unescape(str(metadata.get("unit", ""))).strip()
    known = unit if unit.lower() not in UNCALIBRATED else None
    info = str(metadata.get("Info", ""))
    account = next((line.removeprefix(MARK) for line in info.splitlines() if line.startswith(MARK)), None)
    facts = {}
    if account is None and info.strip():
        facts["info"] = info.strip()[:10_000]
    return ImageJ(
        unit=known,
        y_unit=str(metadata["yunit"]) if metadata.get("yunit") else known,
        z_step=micrometres(metadata.get("spacing"), str(metadata.get("zunit", known) or "")),
        time_step=_time_step(metadata),
        channels=_names(metadata.get("Labels"), shape),
        colors=_colors(metadata.get("LUTs"), shape[1]),
        facts=facts,
        account=account,
    )


def _time_step(metadata: dict[str, Any]) -> float | None:
    interval = positive(metadata.get("finterval"))
    if interval is not None:
        return seconds(interval, str(metadata.get("tunit", "s"))) or interval
    rate = positive(metadata.get("fps"))
    return None if rate is None or int(metadata.get("frames", 1) or 1) < 2 else 1 / rate


def _names(labels: Any, shape: tuple[int, ...]) -> tuple[str | None, ...]:
    """A channel's name is the label that all of its planes share, once ImageJ's positions are taken off."""
    frames, count, depth = shape[:3]
    labels = [labels] if isinstance(labels, str) else labels
    if not isinstance(labels, (list, tuple)) or len(labels) < count:
        return ()
    own = [_POSITION.sub("", str(label)).strip() for label in labels]
    if len(own) < frames * count * depth:
        own = own[:count] if depth * frames == 1 else []
    if not own:
        return ()
    names = [set(own[c::count]) for c in range(count)]  # ImageJ stores planes in the order C, Z, T
    found = tuple(next(iter(n)).partition("\n")[0] or None if len(n) == 1 else None for n in names)
    return found if len(set(found)) == len(found) else ()


def _colors(tables: Any, count: int) -> tuple[str | None, ...]:
    if isinstance(tables, np.ndarray):  # of a single channel
        tables = [tables]
    if not isinstance(tables, (list, tuple)) or len(tables) != count:
        return ()
    found: list[str | None] = []
    for table in tables:
        array = np.asarray(table)
        found.append(colours.of_table(array.T) if array.shape == (3, 256) else None)
    return tuple(found)


def calibrated(pixels: Pixels, metadata: dict[str, Any]) -> tuple[Pixels, tuple[Notice, ...]]:
    """Pixels as ImageJ shows their values, and what to say of those that it shows otherwise.

    ImageJ has no signed 16 bits: it adds 32768, and says with a calibration that it did (`setSigned16BitCalibration` in
    ij/measure/Calibration.java). Any other calibration is of what the values mean, not of what the camera gave, and stays aside.
    """
    function = metadata.get("cf")
    if not isinstance(function, int) or function == _UNCALIBRATED:
        return pixels, ()
    offset, slope = metadata.get("c0"), metadata.get("c1")
    if function == 0 and (offset, slope) == (0, 1):
        return pixels, ()
    if function == 0 and (offset, slope) == (-_SIGNED, 1) and pixels.dtype == np.uint16:
        return MappedPixels(_signed, (pixels,), np.dtype(np.int16)), ()
    unit = str(metadata.get("vunit") or "").strip()
    line = f"{offset:g} + {slope:g} x value" if function == 0 and positive(slope) and isinstance(offset, int | float) else "another scale"
    said = f"ImageJ shows the values on {line}{f' ({unit[:40]})' if unit else ''}; abbe takes them as stored"
    return pixels, (Notice("converted", said),)


def _signed(block: Array) -> Array:
    return (block.astype(np.int32) - _SIGNED).astype(np.int16)


def tables(colors: tuple[str | None, ...]) -> list[Array]:
    """Lookup tables to write."""
    return [colours.table_of(color) for color in colors]
