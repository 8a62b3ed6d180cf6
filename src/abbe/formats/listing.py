"""What a file of several images holds, for somebody who is to choose: names and sizes, without any pixels."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from abbe.errors import AbbeError, NotAnImageError
from abbe.formats.opening import read
from abbe.image.pixels import Shape
from abbe.limits import LIMITS

#: seconds after which the images that are left are listed without their sizes: a file may hold thousands
SECONDS = 5.0
#: the size that readers put behind a name which alone may say too little: "field 0, 2 x 40 x 50"
_SIZE = re.compile(r", \d+( x \d+)+$")


@dataclass(frozen=True, slots=True)
class Listed:
    """One image of a file of several.

    Attributes:
        name: what the file calls it.
        shape: TCZYX; None where it is not known.
        dtype: of the pixels as stored; "" where it is not known.
        problem: why it cannot be opened, in words; "" where nothing is known against it.
    """

    name: str
    shape: Shape | None = None
    dtype: str = ""
    problem: str = ""

    @property
    def nbytes(self) -> int | None:
        """Bytes of its pixels, where they are known."""
        return None if self.shape is None else math.prod(self.shape) * np.dtype(self.dtype).itemsize

    def to_dict(self) -> dict[str, Any]:
        shape = None if self.shape is None else list(self.shape)
        return {"name": self.name, "shape": shape, "dtype": self.dtype, "problem": self.problem}


def listed(source: Path, axes: str | None, names: Sequence[str]) -> tuple[Listed, ...]:
    """The images called `names`, with their sizes as far as a few seconds reach."""
    until = time.monotonic() + SECONDS
    found = []
    for number, name in enumerate(names):
        if time.monotonic() > until:
            found.append(Listed(name))
            continue
        try:
            pixels = read(source, axes, number).pixels
            found.append(Listed(_SIZE.sub("", name) or name, pixels.shape, pixels.dtype.name))
        except AbbeError as problem:
            found.append(Listed(name, problem=str(problem)))
    return tuple(found)


def from_child(said: Sequence[Mapping[str, Any]]) -> tuple[Listed, ...]:
    """What `to_dict` said in a child process, checked: a decoder that was taken over may say anything."""
    try:
        found = []
        for one in said:
            shape = one["shape"]
            if shape is not None:
                t, c, z, y, x = (int(n) for n in shape)
                shape = (t, c, z, y, x)
            name, problem = (str(one[key])[: LIMITS.name] for key in ("name", "problem"))
            found.append(Listed(name, shape, np.dtype(one["dtype"]).name if shape else "", problem))
        return tuple(found)
    except (KeyError, TypeError, ValueError) as problem:
        raise NotAnImageError(f"the images of the file could not be listed ({problem})") from problem
