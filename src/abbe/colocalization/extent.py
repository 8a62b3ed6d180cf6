"""Which frames and planes alone a measurement was made in, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from abbe.image import Grid, Image


def part(region: Mapping[str, Any], image: Image) -> str:
    """In words, such as ", frame 2 of 3, planes 1 to 4 of 9", counted from 1: those asked for, as far as the ROI reaches.

    Nothing where these are all. `region` is `Region.to_dict()`, or what a session or report kept of it; `image` what was measured.
    """
    said = ""
    roi = region["roi"] or {}
    frames, depth = roi.get("frames") or (0, image.shape[0]), roi.get("depth")
    planes = range(image.shape[2])
    if depth:
        step = Grid.of(image).step(roi["unit"])[0]
        planes = range(*_span([z for z in planes if depth[0] <= z * step < depth[1]]))
    for name, reach, size in (("frames", range(*frames), image.shape[0]), ("planes", planes, image.shape[2])):
        first, end = _span([k for k in range(*region[name]) if k in reach])
        if first < end and (first, end) != (0, size):
            said += f", {name[:-1]} {end}" if end == first + 1 else f", {name} {first + 1} to {end}"
            said += f" of {size}"
    return said


def _span(found: list[int]) -> tuple[int, int]:
    """(first, behind the last) of numbers in a row."""
    return (found[0], found[-1] + 1) if found else (0, 0)
