"""Olympus OIB and OIF, by the library oiffile."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from abbe.errors import NotAnImageError
from abbe.formats import colours
from abbe.formats.damage import decoding
from abbe.formats.dates import recorded
from abbe.formats.found import Found
from abbe.formats.stamp import Stamp
from abbe.formats.transmitted import transmitted
from abbe.formats.units import micrometres, positive, seconds
from abbe.formats.vendor.frames import FramePixels, library
from abbe.image import Optics, PixelSize
from abbe.image.axes import check_size
from abbe.image.pixels import Array, Shape


@dataclass(frozen=True, slots=True)
class Oif:
    """The format, for `abbe.formats.opening`. OIB is a compound document with the files of an OIF inside."""

    name: str = "OIB"

    def claims(self, head: bytes, path: Path) -> bool:
        if head[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
            with path.open("rb") as file:
                return "OibInfo.txt".encode("utf-16-le") in file.read(2**22)
        return "[File Info]".encode("utf-16-le") in head or (b"[\0" in head[:8] and path.suffix.lower() == ".oif")

    def read(self, path: Path, axes: str | None, number: int) -> Found:
        oiffile = library("oiffile", "OIB and OIF files")
        with decoding(path.name), oiffile.OifFile(str(path)) as file:
            series = file.series[0]
            sizes = dict(zip(file.axes, file.shape))
            if not set(series.axes) <= set("TCZ") or not {"Y", "X"} <= set(sizes):
                raise NotAnImageError(f"{path.name} has the axes {file.axes}, not planes; export it as OME-TIFF")
            shape: Shape = (sizes.get("T", 1), sizes.get("C", 1), sizes.get("Z", 1), sizes["Y"], sizes["X"])
            check_size(shape)
            names = {tuple(i): name for i, name in zip(series.indices, series)}
            first = min(names)
            offset = tuple(first)
            frame = _Frame(series.axes, names, offset)
            pixels = FramePixels(shape, np.dtype(file.dtype).newbyteorder("="), Stamp.of(path), lambda: _opened(oiffile, path), frame)
            said: Mapping[str, Any] = file.mainfile
            channels = _channels(said, shape[1])
            labels = tuple(_name(c) for c in channels)
            return Found(
                pixels,
                format=path.suffix.lstrip(".").upper() or "OIB",
                pixel_size=_pixel_size(said, sizes),
                channels=labels,
                colors=_colors(oiffile, file, said, shape[1]),
                bits=_bits(said),
                time_step=_step(said, "T", sizes),
                optics=_optics(_beside(oiffile, file, names[first]), channels),
                acquired=recorded(str(said.get("Acquisition Parameters Common", {}).get("ImageCaputreDate", ""))),
                notices=transmitted(labels, [_is_transmitted(c) for c in channels]),
            )


@contextmanager
def _opened(oiffile: Any, path: Path) -> Iterator[Any]:
    with oiffile.OifFile(str(path)) as file:
        yield file


@dataclass(frozen=True, slots=True)
class _Frame:
    """Every plane is a TIFF of its own within."""

    axes: str
    names: Mapping[tuple[int, ...], str]
    first: tuple[int, ...]

    def __call__(self, file: Any, t: int, c: int, z: int) -> Array:
        where = {"T": t, "C": c, "Z": z}
        name = self.names[tuple(where[a] + start for a, start in zip(self.axes, self.first))]
        with file.open_file(name) as part:
            plane: Array = tifffile.imread(io.BytesIO(part.read()))
        return plane


def _axis(said: Mapping[str, Any], letter: str) -> Mapping[str, Any]:
    for k in range(9):
        axis: Mapping[str, Any] = said.get(f"Axis {k} Parameters Common", {})
        if axis.get("AxisCode") == letter:
            return axis
    return {}


def _pixel_size(said: Mapping[str, Any], sizes: Mapping[str, int]) -> PixelSize:
    """Positions are those of the first and the last pixel: 45.135 um over 256 pixels of 0.177."""
    size: dict[str, float | None] = {"Z": None}
    for letter in "YX":
        axis = _axis(said, letter)
        length = micrometres(float(axis.get("EndPosition", 0)) - float(axis.get("StartPosition", 0)), str(axis.get("UnitName", "")))
        size[letter] = length / (sizes[letter] - 1) if length and sizes[letter] > 1 else None
    if sizes.get("Z", 1) > 1:
        axis = _axis(said, "Z")
        size["Z"] = micrometres(axis.get("Interval"), str(axis.get("UnitName", "")))
    return size["Z"], size["Y"], size["X"]


def _step(said: Mapping[str, Any], letter: str, sizes: Mapping[str, int]) -> float | None:
    axis = _axis(said, letter)
    return seconds(axis.get("Interval"), str(axis.get("UnitName", ""))) if sizes.get(letter, 1) > 1 else None


def _bits(said: Mapping[str, Any]) -> int | None:
    bits = positive(said.get("Reference Image Parameter", {}).get("ValidBitCounts"))
    return int(bits) if bits else None


def _channels(said: Mapping[str, Any], count: int) -> list[Mapping[str, Any]]:
    """What is said of each channel in the file. The sections "GUI Channel" tell of all that the microscope has, recorded or not."""
    recorded = [said.get(f"Channel {k + 1} Parameters") for k in range(count)]
    if all(recorded):
        return [c for c in recorded if c]
    of_microscope = [said.get(f"GUI Channel {k + 1} Parameters", {}) for k in range(32)]
    active = [c for c in of_microscope if c.get("CH Activate")]
    return active if len(active) == count else [{}] * count


def _name(channel: Mapping[str, Any]) -> str | None:
    dye = str(channel.get("DyeName") or "")
    return (dye if dye.lower() != "none" else "") or str(channel.get("CH Name") or "") or None


def _is_transmitted(channel: Mapping[str, Any]) -> bool:
    return str(channel.get("LightType", "")).lower().startswith("transmitted")


def _settings(oiffile: Any, file: Any, name: str) -> Mapping[str, Any]:
    """One of the files beside the pixels; nothing where it is missing or makes no sense: the pixels do not depend on it."""
    try:
        found: Mapping[str, Any] = oiffile.SettingsFile(file.open_file(name), name)
    except (OSError, KeyError, ValueError):
        return {}
    return found


def _beside(oiffile: Any, file: Any, plane: str) -> Mapping[str, Any]:
    """What is said beside a plane of how it was recorded."""
    said = _settings(oiffile, file, f"{plane.rpartition('.')[0]}.pty").get("Acquisition Parameters Common", {})
    return said if isinstance(said, Mapping) else {}


def _optics(said: Mapping[str, Any], channels: list[Mapping[str, Any]]) -> Optics:
    """`said` beside the first plane. A number that nobody entered is 9999."""
    aperture = positive(said.get("ObjectiveLens NAValue"))
    return Optics(
        numerical_aperture=aperture if aperture and aperture < 2 else None,
        magnification=positive(said.get("Magnification")),
        modality="confocal",
        excitation=_waves(channels, "ExcitationWavelength"),
        emission=_waves(channels, "EmissionWavelength"),
    )


def _waves(channels: list[Mapping[str, Any]], key: str) -> tuple[float | None, ...]:
    waves = tuple(None if _is_transmitted(c) else positive(c.get(key)) for c in channels)
    return waves if any(waves) else ()


def _colors(oiffile: Any, file: Any, said: Mapping[str, Any], count: int) -> tuple[str | None, ...]:
    """From the lookup tables beside the planes: 65536 entries of blue, green, red."""
    folder = str(next(iter(file.series[0]))).replace("\\", "/").rpartition("/")[0]
    found: list[str | None] = []
    for k in range(count):
        name = str(said.get("ProfileSaveInfo", {}).get(f"LutFileName{k}", "")).replace("\\", "/").rpartition("/")[2]
        table = _settings(oiffile, file, f"{folder}/{name}").get("ColorLUTData") if name else None
        found.append(None if table is None else colours.of_table(np.asarray(table)[:, 2::-1]))
    return tuple(found) if any(found) else ()
