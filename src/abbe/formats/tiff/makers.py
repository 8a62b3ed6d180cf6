"""What microscope programs write into TIFFs beside the usual tags: Zeiss LSM, MetaMorph, Micro-Manager, PerkinElmer's and Akoya's QPTIFF.

Tags 34412 (CZ_LSMINFO, lengths in m; Zeiss, "LSM 5/7 image file format"), 33628 to 33631 (MetaMorph's stacks, lengths in um, times in
ms; Universal Imaging, "MetaMorph stack (STK) image file format"), MetaMorph's XML in ImageDescription, and 51123 (MicroManagerMetadata,
JSON). tifffile takes them apart. A QPTIFF says in each page's ImageDescription (XML) what that channel is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np

from abbe.errors import LimitError, NotAnImageError
from abbe.formats import ome
from abbe.formats.colours import from_rgb
from abbe.formats.units import micrometres, nanometres, positive
from abbe.image import Optics, PixelSize
from abbe.image.pixels import Shape

#: tag of Micro-Manager's words about a plane
MICRO_MANAGER = 51123
#: what a QPTIFF's pages beside the image are called
_BESIDE = ("Thumbnail", "Macro", "Label")
#: "Plan-Apochromat 63x/1.40 Oil DIC M27"
_POWER = re.compile(r"(?P<power>\d+(?:\.\d+)?)\s*x", re.IGNORECASE)
_LENS = re.compile(r"(?P<magnification>\d+(?:\.\d+)?)x\s*/\s*(?P<aperture>[01]\.\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Words:
    """What a program says; None and empty where it says nothing."""

    format: str
    pixel_size: PixelSize = (None, None, None)
    channels: tuple[str | None, ...] = ()
    colors: tuple[str | None, ...] = ()
    time_step: float | None = None
    optics: Optics = field(default_factory=Optics)
    acquired: str | None = None


def read(tif: Any, page: Any, shape: Shape) -> Words | None:
    """Of a TIFF whose image has the shape TCZYX. Metadata that makes no sense is left out: the pixels do not depend on it."""
    try:
        if tif.is_lsm:
            return _lsm(tif.lsm_metadata or {}, shape)
        if tif.is_stk:
            return _stack(tif.stk_metadata or {}, shape)
        if tif.is_metaseries:
            return _metamorph((tif.metaseries_metadata or {}).get("PlaneInfo", {}), shape)
        if MICRO_MANAGER in page.tags:
            return _micro_manager(page.tags[MICRO_MANAGER].value, (tif.micromanager_metadata or {}).get("Summary") or {}, shape)
        if page.is_qpi:
            return _qptiff([one.aspage().description for one in tif.series[0].pages], shape)
    except (AttributeError, KeyError, TypeError, ValueError, IndexError, NotAnImageError, LimitError):
        return None
    return None


def is_thumbnail(series: Any) -> bool:
    """The small copies that an LSM keeps of every plane, pages that say they are a smaller version of another, or what tifffile calls one.

    "TIFF revision 6.0", NewSubfileType, bit 0.
    """
    if series.kind == "qpi":
        return series.name in _BESIDE
    return series.kind == "thumbnail" or (series.kind != "ome" and bool(series.keyframe.is_reduced))


def channels_in_pages(stored: str, inner: str, lsm: bool) -> str:
    """The axes of a stored array in which an LSM's channels are what they are in its pages: samples."""
    if not lsm or "S" not in inner:
        return stored
    return stored[: -len(inner)] + inner if stored.endswith(inner.replace("S", "C")) else stored


def _lsm(said: Mapping[str, Any], shape: Shape) -> Words:
    frames, count, depth = shape[:3]
    z, y, x = (micrometres(said.get(f"VoxelSize{a}"), "m") for a in "ZYX")
    shown = said.get("ChannelColors") or {}
    names, tints = list(shown.get("ColorNames") or ()), list(shown.get("Colors") or ())
    lens = _LENS.search(str((said.get("ScanInformation") or {}).get("Objective") or ""))
    return Words(
        "LSM",
        pixel_size=(z if depth > 1 else None, y, x),
        channels=tuple(str(name).strip() or None for name in names) if len(names) == count else (),
        colors=tuple(from_rgb(*tint[:3]) for tint in tints) if len(tints) == count else (),
        time_step=_lsm_step(said, frames),
        optics=Optics(
            numerical_aperture=positive(lens["aperture"]) if lens else None,
            magnification=positive(lens["magnification"]) if lens else None,
            modality="confocal",
        ),
    )


def _lsm_step(said: Mapping[str, Any], frames: int) -> float | None:
    """The mean of the intervals that came, else the one that was asked for (s)."""
    if frames < 2:
        return None
    stamps = said.get("TimeStamps")
    if stamps is not None and len(stamps) == frames:
        return positive((float(stamps[-1]) - float(stamps[0])) / (frames - 1))
    return positive(said.get("TimeIntervall"))


def _stack(said: Mapping[str, Any], shape: Shape) -> Words:
    """Of a MetaMorph STK: each plane has a wavelength, a distance to the one before, and a clock reading."""
    frames, count, depth = shape[:3]
    unit = str(said.get("CalibrationUnits") or "")
    y, x = (micrometres(said.get(f"{a}Calibration"), unit) if said.get("SpatialCalibration", 1) else None for a in "YX")
    distances = np.abs(np.asarray(said.get("ZDistance", ()), np.float64))
    times = np.asarray(said.get("DatetimeCreated", ()), "datetime64[ms]")
    waves = tuple(positive(wave) for wave in said.get("Wavelengths", ()))
    name = str(said.get("Name") or "").strip()
    each = waves if len(waves) == count else waves[:1] if count == 1 and len(set(waves)) == 1 else ()
    kept = frames > 1 and len(times) == frames
    return Words(
        "MetaMorph STK",
        pixel_size=(positive(np.median(distances[1:])) if depth > 1 and len(distances) == depth else None, y, x),
        channels=(name or None,) if count == 1 else (),
        time_step=positive((times[-1] - times[0]) / np.timedelta64(1000, "ms") / (frames - 1)) if kept else None,
        optics=Optics(emission=each if any(each) else ()),
        acquired=str(times[0].astype("datetime64[s]")) if len(times) and not np.isnat(times[0]) else None,
    )


def _metamorph(said: Mapping[str, Any], shape: Shape) -> Words:
    unit = str(said.get("spatial-calibration-units", ""))
    on = said.get("spatial-calibration-state", True)
    y, x = (micrometres(said.get(f"spatial-calibration-{a}"), unit) if on else None for a in "yx")
    name = str(said.get("_IllumSetting_") or said.get("image-name") or "").strip()
    wave = nanometres(said.get("wavelength"), "nm")
    return Words(
        "MetaMorph TIFF",
        pixel_size=(None, y, x),
        channels=(name or None,) if shape[1] == 1 else (),
        optics=Optics(
            numerical_aperture=positive(said.get("_MagNA_")),
            refractive_index=positive(said.get("_MagRI_")),
            emission=(wave,) if shape[1] == 1 and wave is not None else (),
        ),
    )


def _micro_manager(plane: Mapping[str, Any], recording: Mapping[str, Any], shape: Shape) -> Words:
    """From its words on the first plane, and, of the files that hold many, on the whole recording."""
    frames, count, depth = shape[:3]
    size = positive(plane.get("PixelSizeUm")) or positive(recording.get("PixelSize_um"))
    names, tints = recording.get("ChNames"), recording.get("ChColors")
    name = str(plane.get("Channel") or "").strip()
    if count == 1:
        names = [name] if name else names
    interval = positive(recording.get("Interval_ms"))
    return Words(
        "Micro-Manager TIFF",
        pixel_size=(positive(recording.get("z-step_um")) if depth > 1 else None, size, size),
        channels=tuple(str(one).strip() or None for one in names) if isinstance(names, list) and len(names) == count else (),
        colors=tuple(_argb(tint) for tint in tints) if isinstance(tints, list) and len(tints) == count else (),
        time_step=interval / 1000 if interval and frames > 1 else None,
    )


def _qptiff(said: list[str], shape: Shape) -> Words:
    """Of the descriptions of its pages, one for each channel."""
    roots = [ome.tree(words) for words in said]
    lens = _POWER.search(roots[0].findtext(".//Objective") or "")
    each = len(roots) == shape[1]
    return Words(
        "QPTIFF",
        channels=tuple(_first(root, "Biomarker", "Name") for root in roots) if each else (),
        colors=tuple(_listed(root.findtext("Color")) for root in roots) if each else (),
        optics=Optics(magnification=positive(lens["power"]) if lens else None),
    )


def _first(root: Element, *names: str) -> str | None:
    return next((text for name in names if (text := (root.findtext(name) or "").strip())), None)


def _listed(tint: str | None) -> str | None:
    """From "255,128,0"."""
    levels = (tint or "").split(",")
    return from_rgb(*(float(level) for level in levels)) if len(levels) == 3 else None


def _argb(tint: Any) -> str | None:
    """From a signed 32-bit integer, 0xAARRGGBB."""
    return f"#{tint & 0xFFFFFF:06x}" if isinstance(tint, int) else None
