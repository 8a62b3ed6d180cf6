"""Planes that a library reads one at a time from a file that is open only while they are read."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np

from abbe.errors import MissingExtraError
from abbe.formats.damage import decoding
from abbe.formats.stamp import Stamp
from abbe.image import Notice
from abbe.image.pixels import Array, Region, Shape, region_shape


@dataclass(frozen=True, slots=True)
class FramePixels:
    """Pixels read plane by plane: `frame(opened file, t, c, z)` is (Y, X)."""

    shape: Shape
    dtype: np.dtype[Any]
    stamp: Stamp
    opened: Callable[[], AbstractContextManager[Any]]
    frame: Callable[[Any, int, int, int], Array]

    def read(self, region: Region) -> Array:
        out = np.empty(region_shape(region), self.dtype)
        self.stamp.check()
        with decoding(self.stamp.path.name), self.opened() as file:
            for i, t in enumerate(range(region[0].start, region[0].stop)):
                for j, c in enumerate(range(region[1].start, region[1].stop)):
                    for k, z in enumerate(range(region[2].start, region[2].stop)):
                        out[i, j, k] = self.frame(file, t, c, z)[region[3], region[4]]
        return out


def library(name: str, what: str) -> Any:
    """The module that reads `what`. Raises `MissingExtraError` when it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as problem:
        raise MissingExtraError(f"reading {what}", "formats") from problem


def first_of(count: int, what: str) -> tuple[Notice, ...]:
    """The word about steps along an axis that abbe does not have, of which only the first is opened."""
    if count < 2:
        return ()
    return (Notice("dropped", f"the file holds {count} {what}; the first was opened"),)
