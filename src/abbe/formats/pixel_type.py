"""Values into the pixel type of a file: rounded and clipped, counted, never wrapped around."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from abbe.errors import ParameterError
from abbe.image import Notice
from abbe.image.pixels import Array

#: what abbe saves
KNOWN = ("uint8", "uint16", "uint32", "int8", "int16", "int32", "float32")
#: rounding to fewer grey levels than this, or clipping more than this share of the pixels, leaves something else than what was computed
FEW_LEVELS, MUCH = 50, 0.01


def parse_type(dtype: npt.DTypeLike) -> np.dtype[Any]:
    """One of `KNOWN`. Raises `ParameterError` for anything else."""
    try:
        found = np.dtype(dtype)
    except TypeError as problem:
        raise ParameterError(f"wanted one of {', '.join(KNOWN)} as pixel type, got {dtype!r}") from problem
    if found.name not in KNOWN:
        raise ParameterError(f"wanted one of {', '.join(KNOWN)} as pixel type, got {found.name}")
    return found


@dataclass(slots=True)
class Converter:
    """Converts block after block to `target`, and remembers what did not fit."""

    target: np.dtype[Any]
    clipped_low: int = 0
    clipped_high: int = 0
    pixels: int = 0
    rounded: bool = False
    lowest: float = field(default=np.inf)
    highest: float = field(default=-np.inf)
    #: of the whole numbers that came out
    least: float = field(default=np.inf)
    most: float = field(default=-np.inf)

    def __call__(self, block: Array) -> Array:
        self.pixels += block.size
        if block.dtype == self.target or self.target.kind == "f":
            return block.astype(self.target, copy=False)
        info = np.iinfo(self.target)
        values = block
        if block.dtype.kind == "f":
            values = np.rint(block.astype(np.float64))  # float32 does not hold every 32-bit integer
            self.rounded = self.rounded or not np.array_equal(values, block)
        low, high = np.count_nonzero(values < info.min), np.count_nonzero(values > info.max)
        if low or high:
            self.clipped_low += int(low)
            self.clipped_high += int(high)
            self.lowest = min(self.lowest, float(block.min()))
            self.highest = max(self.highest, float(block.max()))
            values = np.clip(values, *self._limits(values.dtype))
        if values.size:
            self.least, self.most = min(self.least, float(values.min())), max(self.most, float(values.max()))
        return values.astype(self.target)

    def _limits(self, dtype: np.dtype[Any]) -> tuple[Any, Any]:
        info = np.iinfo(self.target)
        if dtype.kind == "f":
            return float(info.min), float(info.max)
        own = np.iinfo(dtype)
        return max(info.min, own.min), min(info.max, own.max)

    def notices(self) -> Iterator[Notice]:
        """What the reader of the file should know."""
        clipped = self.clipped_low + self.clipped_high
        if clipped:
            info = np.iinfo(self.target)
            yield Notice(
                "clipped",
                f"{clipped} of {self.pixels} pixels did not fit into {self.target.name} ({info.min} to {info.max}) and were clipped: "
                f"{self.clipped_low} below, {self.clipped_high} above; the values go from {self.lowest:.6g} to {self.highest:.6g}",
            )
        if self.rounded:
            yield Notice("converted", f"values were rounded to whole numbers ({self.target.name})")
        levels = self.most - self.least + 1
        if clipped > MUCH * self.pixels:
            yield Notice(
                "coarse",
                f"{100 * clipped / self.pixels:.3g} % of the pixels were clipped: the file is not the image that was computed; save as "
                ".tif with float32 pixels, which hold all values",
            )
        elif self.rounded and levels < FEW_LEVELS:
            yield Notice(
                "coarse",
                f"rounding left {levels:.0f} grey levels: the file is not the image that was computed; save as .tif with float32 pixels, "
                "which hold fractions",
            )
