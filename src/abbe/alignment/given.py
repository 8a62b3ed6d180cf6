"""Channels and their shifts as people write them: `GFP=1.5,-2`."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from abbe.errors import ParameterError
from abbe.image import Image
from abbe.image.keys import channel_key


def given_shifts(image: Image, texts: Sequence[str]) -> dict[int | str, list[float]]:
    """CHANNEL=Y,X or CHANNEL=Z,Y,X in pixels, for `align`. Raises `ParameterError`."""
    shifts: dict[int | str, list[float]] = {}
    for text in texts:
        key, numbers = split(text)
        k = image.channel(channel_key(image, key))
        if k in shifts:
            raise ParameterError(f"wanted one --shift for each channel, got two for {image.channels[k]}")
        shifts[k] = numbers
    return shifts


def split(text: str) -> tuple[str, list[float]]:
    """Channel and numbers. Raises `ParameterError`."""
    name, _, numbers = text.rpartition("=")
    try:
        parts = [float(part) for part in numbers.split(",")]
    except ValueError:
        parts = []
    if not name or len(parts) not in (2, 3) or not all(map(isfinite, parts)):
        raise ParameterError(f"wanted --shift as CHANNEL=Y,X (or Z,Y,X) in pixels, as GFP=1.5,-2, got {text!r}")
    return name, parts
