"""Nikon ND2, by the library nd2."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from abbe.formats.colours import from_rgb
from abbe.formats.damage import decoding
from abbe.formats.dates import recorded
from abbe.formats.found import Found, pick
from abbe.formats.stamp import Stamp
from abbe.formats.transmitted import transmitted
from abbe.formats.units import positive
from abbe.formats.vendor.frames import FramePixels, library
from abbe.image import Optics
from abbe.image.axes import check_size
from abbe.image.pixels import Array, Shape

_MODES = {
    "laserScanConfocal": "confocal",
    "spinningDiskConfocal": "spinning disk",
    "multiphoton": "multiphoton",
    "SIM": "structured illumination",
    "TIRF": "tirf",
}
#: flags of transmitted light; bright field is also what a camera's images are called where nobody said
_TRANSMITTED = {"brightfield", "phaseContrast", "diContrast"}


@dataclass(frozen=True, slots=True)
class Nd2:
    """The format, for `abbe.formats.opening`."""

    name: str = "ND2"

    def claims(self, head: bytes, path: Path) -> bool:
        old = head[4:8] == b"jP  " and path.suffix.lower() == ".nd2"  # until 2009 a JPEG 2000 container, as other programs write too
        return head[:4] == b"\xda\xce\xbe\x0a" or old

    def read(self, path: Path, axes: str | None, number: int) -> Found:
        nd2 = library("nd2", "ND2 files")
        with decoding(path.name), nd2.ND2File(path) as file:
            sizes = dict(file.sizes)
            colour = "S" in sizes  # a colour camera's samples
            shape: Shape = (sizes.get("T", 1), sizes.get("C", 1) * sizes.get("S", 1), sizes.get("Z", 1), sizes["Y"], sizes["X"])
            check_size(shape)
            loops = [a for a in sizes if a not in "CSYX"]
            strides = {a: math.prod(sizes[b] for b in loops[i + 1 :]) for i, a in enumerate(loops)}
            positions = sizes.get("P", 1)
            first = pick(number, positions, path.name) * strides.get("P", 0)
            frame = _Frame(first, strides.get("T", 0), strides.get("Z", 0), colour)
            opened = functools.partial(nd2.ND2File, path)
            pixels = FramePixels(shape, np.dtype(file.dtype).newbyteorder("="), Stamp.of(path), opened, frame)
            voxel = file.voxel_size()
            channels = list(file.metadata.channels or []) if file.metadata else []
            calibrated = channels[0].volume.axesCalibrated if channels else (True, True, True)
            named = [c.channel for c in channels] if len(channels) == shape[1] else []
            dark = [_is_transmitted(c) for c in channels]
            return Found(
                pixels,
                format="ND2",
                pixel_size=(
                    positive(voxel.z) if shape[2] > 1 else None,
                    positive(voxel.y) if calibrated[1] else None,
                    positive(voxel.x) if calibrated[0] else None,
                ),
                channels=tuple(c.name for c in named),
                colors=tuple(from_rgb(c.color.r, c.color.g, c.color.b) for c in named),
                bits=file.attributes.bitsPerComponentSignificant,
                time_step=_time_step(file, sizes.get("T", 1), first, frame.t_stride),
                optics=_optics(channels, named),
                acquired=recorded(str((file.text_info or {}).get("date", "")), _clock(file, first, "absoluteJulianDayNumber")),
                notices=transmitted([c.name for c in named], dark),
                rgb=colour,
                images=_positions(file, positions),
            )


@dataclass(frozen=True, slots=True)
class _Frame:
    """Frames are numbered over the loops in their order, those of one position from `first`."""

    first: int
    t_stride: int
    z_stride: int
    colour: bool

    def __call__(self, file: Any, t: int, c: int, z: int) -> Array:
        frame: Array = file.read_frame(self.first + t * self.t_stride + z * self.z_stride)
        if self.colour:
            return frame[..., c]
        return frame[c] if frame.ndim == 3 else frame


def _positions(file: Any, count: int) -> tuple[str, ...]:
    """What the positions of a recording of several are called: as the user did, else by number."""
    if count < 2:
        return ()
    points = [p for loop in file.experiment or [] if loop.type == "XYPosLoop" for p in loop.parameters.points]
    names = [str(p.name or "").strip() for p in points] if len(points) == count else [""] * count
    return tuple(name or f"position {k}" for k, name in enumerate(names))


def _time_step(file: Any, frames: int, start: int, stride: int) -> float | None:
    """The interval that was asked for; where that was none (as fast as possible), the mean of those that came."""
    for loop in file.experiment or []:
        if loop.type == "TimeLoop" and loop.parameters.periodMs > 0:
            return positive(loop.parameters.periodMs / 1000)
    if frames < 2:
        return None
    first, last = (_clock(file, start + k * stride, "relativeTimeMs") for k in (0, frames - 1))
    return None if first is None or last is None else positive((last - first) / (frames - 1) / 1000)


def _clock(file: Any, frame: int, what: str) -> float | None:
    """A reading of the clock at a frame; files of old and damaged ones have none."""
    try:
        channels = file.frame_metadata(frame).channels
        return positive(getattr(channels[0].time, what)) if what.startswith("absolute") else float(getattr(channels[0].time, what))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return None


def _is_transmitted(channel: Any) -> bool:
    """Do its flags say transmitted light, of a detector of its own or with no emitted light to look at?"""
    flags = set(channel.microscope.modalityFlags or ())
    dark = "fluorescence" not in flags and not positive(channel.channel.emissionLambdaNm)
    return "transmitDetector" in flags or bool(dark and flags & _TRANSMITTED)


def _optics(channels: list[Any], named: list[Any]) -> Optics:
    if not channels:
        return Optics()
    scope = channels[0].microscope
    flags = scope.modalityFlags or []
    return Optics(
        numerical_aperture=positive(scope.objectiveNumericalAperture),
        magnification=positive(scope.objectiveMagnification),
        refractive_index=positive(scope.immersionRefractiveIndex),
        modality=next((_MODES[f] for f in flags if f in _MODES), None),
        emission=tuple(positive(c.emissionLambdaNm) for c in named),
        excitation=tuple(positive(c.excitationLambdaNm) for c in named),
    )
