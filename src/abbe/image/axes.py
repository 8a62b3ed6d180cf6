"""Axes by letter: T time, C channel, Z depth, Y row, X column. Every image inside abbe is TCZYX."""

from __future__ import annotations

from abbe.errors import AxesError, LimitError
from abbe.image.pixels import Array
from abbe.limits import LIMITS

ORDER = "TCZYX"


def to_tczyx(array: Array, axes: str | None) -> Array:
    """A view of `array` with axes TCZYX; missing axes get length 1.

    `axes` names each axis once, for example "CYX"; None means YX for two axes and ZYX for three.
    Raises `AxesError` when the letters do not fit the array, an axis is empty, or a bare array looks like RGB.
    """
    if axes is None:
        axes = _guess(array)
    letters = axes.upper()
    if len(letters) != array.ndim:
        raise AxesError(f"wanted one letter of {ORDER} for each of the {array.ndim} axes of shape {array.shape}, got axes={axes!r}")
    check_letters(axes)
    if 0 in array.shape:
        raise AxesError(f"wanted at least one pixel along every axis, got shape {array.shape}; the image is empty")
    ordered = array.transpose([letters.index(a) for a in ORDER if a in letters])
    shape = iter(ordered.shape)
    full = tuple(next(shape) if a in letters else 1 for a in ORDER)
    check_size(full)
    return ordered.reshape(full)


def check_letters(axes: str) -> None:
    """Raise `AxesError` for letters that no array has."""
    letters = axes.upper()
    if len(set(letters)) != len(letters) or not set(letters) <= set(ORDER):
        raise AxesError(f"wanted axes from the letters {ORDER}, each once, got axes={axes!r}; an RGB picture is axes='YXC'")
    if not {"Y", "X"} <= set(letters):
        raise AxesError(f"wanted at least the axes Y and X, got axes={axes!r}")


def check_size(shape: tuple[int, ...]) -> None:
    """Raise `LimitError` when a TCZYX shape is beyond the budget."""
    pixels = 1
    for n in shape:
        pixels *= n
    if pixels > LIMITS.pixels:
        raise LimitError(f"wanted at most {LIMITS.pixels} pixels, got {' x '.join(map(str, shape))}; split the image and run the parts")
    if max(shape[3:]) > LIMITS.side:
        raise LimitError(f"wanted planes of at most {LIMITS.side} pixels a side, got {shape[3]} x {shape[4]}; crop or tile the image")
    if shape[1] > LIMITS.channels:
        raise LimitError(
            f"wanted at most {LIMITS.channels} channels, got {shape[1]}; if they are planes or frames, name the axes (axes= or --axes): ZYX"
        )


def _guess(array: Array) -> str:
    if array.ndim == 2:
        return "YX"
    if array.ndim == 3:
        if array.shape[-1] in (3, 4):
            raise AxesError(
                f"wanted an array whose axes are clear, got shape {array.shape}, which is an RGB picture or a stack of {array.shape[0]} "
                "narrow planes; say which: Image.from_array(a, axes='YXC') for RGB, axes='ZYX' for a stack"
            )
        return "ZYX"
    raise AxesError(f"wanted a 2-D (YX) or 3-D (ZYX) array, got shape {array.shape}; name its axes: Image.from_array(a, axes='TCZYX')")
