"""What a TIFF's samples mean: grey, inverted grey, a palette, red-green-blue, printing colours."""

from __future__ import annotations

from typing import Any

import numpy as np

from abbe.errors import NotAnImageError
from abbe.formats import colours
from abbe.formats.tiff.losses import JPEG, METHODS
from abbe.image import Notice
from abbe.image.pixels import Array, MappedPixels, Pixels, SelectedPixels, StackedPixels

WHITE_IS_ZERO, RGB, PALETTE, CMYK, YCBCR = 0, 2, 3, 5, 6
#: CIE L*a*b* and its kin, which are no intensities
LAB = (8, 9, 10)
#: ExtraSamples
UNSPECIFIED = 0


def is_rgb(page: Any) -> bool:
    """Red, green and blue samples, with or without one of transparency.

    A fourth sample that nobody calls transparency is a channel like the others, and the four are no picture.
    """
    samples = page.samplesperpixel
    return page.photometric in (RGB, YCBCR) and (samples == 3 or (samples == 4 and page.extrasamples != (UNSPECIFIED,)))


def interpret(page: Any, pixels: Pixels, imagej: bool) -> tuple[Pixels, bool, tuple[str | None, ...], list[Notice]]:
    """(pixels as intensities, are they RGB, colours, warnings)."""
    if page.photometric in LAB or (page.photometric == YCBCR and METHODS.get(int(page.compression)) != JPEG):
        raise NotAnImageError(
            "wanted grey values or red, green and blue, got a TIFF in a colour space of television or print; save it as RGB"
        )
    if page.photometric == WHITE_IS_ZERO:
        return _white_is_zero(pixels)
    if page.photometric == PALETTE and page.colormap is not None and pixels.shape[1] == 1 and pixels.dtype.kind == "u":
        return _palette(np.asarray(page.colormap).T, pixels, imagej)
    if page.photometric == CMYK and page.samplesperpixel >= 4 and pixels.dtype.kind == "u":
        return _cmyk(pixels), True, (), [Notice("converted", "printing colours (CMYK) were converted to red, green and blue")]
    if page.samplesperpixel == 2 and page.extrasamples in ((1,), (2,)):
        return SelectedPixels(pixels, (0,)), False, (), [Notice("dropped", "the picture's transparency (alpha) was left out")]
    return pixels, is_rgb(page), (), []


def _white_is_zero(pixels: Pixels) -> tuple[Pixels, bool, tuple[str | None, ...], list[Notice]]:
    """Of black and white the picture counts, as of a scanned page, and is turned round. Grey values are a camera's.

    ImageJ writes white-is-zero for whatever was shown with an inverted lookup table, with the values as they were, and reads them so.
    """
    if pixels.dtype.kind == "b":
        return MappedPixels(np.logical_not, (pixels,), pixels.dtype), False, (), []
    message = "came from a file that calls white zero (shown with an inverted lookup table): values are as recorded, not inverted"
    return pixels, False, (), [Notice("inverted", message)]


def _palette(table: Array, pixels: Pixels, imagej: bool) -> tuple[Pixels, bool, tuple[str | None, ...], list[Notice]]:
    """A lookup table over measured values stays one channel; the palette of a colour picture is applied."""
    table = np.round(table / 257).astype(np.uint8) if table.max() > 255 else table.astype(np.uint8)
    if imagej or colours.is_intensity_table(table):
        return pixels, False, (colours.of_table(table),), []
    entries = len(table)
    samples = [MappedPixels(_Lookup(table[:, k], entries), (pixels,), np.dtype(np.uint8)) for k in range(3)]
    return StackedPixels(tuple(samples)), True, (), []


class _Lookup:
    def __init__(self, table: Array, entries: int) -> None:
        self._table, self._last = table, entries - 1

    def __call__(self, block: Array) -> Array:
        return self._table[np.minimum(block, self._last)]


def _cmyk(pixels: Pixels) -> Pixels:
    """The plain conversion, (1 - ink)(1 - black): without the printer's profile there is no better one."""
    top = float(np.iinfo(pixels.dtype).max)

    def light(ink: Array, black: Array) -> Array:
        return np.round((top - ink) * (top - black) / top)

    black = SelectedPixels(pixels, (3,))
    return StackedPixels(tuple(MappedPixels(light, (SelectedPixels(pixels, (k,)), black), pixels.dtype) for k in range(3)))
