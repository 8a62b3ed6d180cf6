"""The error map of a comparison that is known by its numbers: its fit is applied again, nothing is fitted anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from abbe.comparison.error_map import ErrorPixels
from abbe.comparison.fits import Measured
from abbe.comparison.grid import align
from abbe.comparison.records import ChannelComparison, Number, PlaneErrors, Undefined
from abbe.image import Image


@dataclass(frozen=True, slots=True)
class _Fit:
    sigma_z: Number


@dataclass(frozen=True, slots=True)
class _Channel:
    """What the error map needs of a `ChannelComparison`."""

    planes: tuple[PlaneErrors, ...]
    fit: _Fit


def error_map(data: Mapping[str, Any], original: Image, transformed: Image) -> Image:
    """Absolute error in the original's units on its pixels; computed when read."""
    channels = cast("list[ChannelComparison]", [_channel(entry) for entry in data["channels"]])
    pixels = ErrorPixels(original, transformed, align(original, transformed), Measured(channels), signed=False)
    return Image(pixels, original.pixel_size, original.channels, original.colors)


def _channel(entry: Mapping[str, Any]) -> _Channel:
    planes = tuple(
        PlaneErrors(p["t"], p["z"], *(_number(p[key]) for key in ("rsp", "rse", "gain", "offset", "sigma"))) for p in entry["planes"]
    )
    return _Channel(planes, _Fit(_number(entry["fit"]["sigma_z"])))


def _number(value: Any) -> Number:
    return Undefined(str(value.get("undefined"))) if isinstance(value, Mapping) else float(value)
