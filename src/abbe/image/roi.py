"""Regions of interest: rectangle, ellipse, polygon, freehand, mask, and combinations of them, with names.

A ROI lives in micrometres, or in pixels of the original image where no pixel size is known, so that one ROI fits every version of an
image (see `Grid`). Coordinates are (y, x) from the image's top left corner. A pixel belongs to a ROI when its centre does.
"""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from abbe.errors import LimitError, ParameterError
from abbe.image.grid import UNITS, Grid, Unit
from abbe.limits import LIMITS

if TYPE_CHECKING:
    from abbe.image._image import Image
    from abbe.image.roi_shapes import Combination, Ellipse, Polygon, Rectangle

Bits: TypeAlias = npt.NDArray[np.bool_]
#: (y0, x0, y1, x1) in the ROI's unit
Box: TypeAlias = tuple[float, float, float, float]
Operation: TypeAlias = Literal["union", "intersection", "difference", "exclusive"]


@dataclass(frozen=True, kw_only=True)
class ROI(ABC):
    """A region of interest.

    Attributes:
        name: how the user calls it.
        unit: "um", or "pixel" of the original image.
        depth: (from, below) in z, in the unit; None: every plane. Plane k lies at k times the z-step.
        frames: (first, behind the last) frame; None: every frame.
    """

    name: str = ""
    unit: Unit = "um"
    depth: tuple[float, float] | None = None
    frames: tuple[int, int] | None = None

    kind: ClassVar[str]

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ParameterError(f"wanted a ROI in um or pixel, got unit={self.unit!r}")
        object.__setattr__(self, "name", str(self.name)[: LIMITS.name].encode("utf-8", "replace").decode())
        for field, pair in (("depth", self.depth), ("frames", self.frames)):
            if pair is None:
                continue
            low, high = numbers(pair, field, 2)
            if not low < high:
                raise ParameterError(f"wanted {field} of a ROI as (from, to) with from below to, got {pair!r}")
            object.__setattr__(self, field, (int(low), int(high)) if field == "frames" else (low, high))

    # ------------------------------------------------------------------------------------------ what a shape must tell
    @abstractmethod
    def box(self) -> Box:
        """The smallest box around it."""

    @abstractmethod
    def fill(self, grid: Grid, z: int, t: int, first: int, last: int) -> Bits:
        """(last - first, columns): which pixels of these rows lie in the shape, on plane z of frame t."""

    @abstractmethod
    def fields(self) -> dict[str, Any]:
        """What the shape is made of, as plain data."""

    # ------------------------------------------------------------------------------------------ using it
    def rows(self, grid: Grid, z: int, t: int, first: int, last: int) -> Bits:
        """(last - first, columns) boolean: which pixels of these rows of plane z, frame t, lie in the ROI."""
        found = np.zeros((last - first, grid.columns), bool)
        if self.reaches(grid, z, t):
            top, bottom = self.span(grid, first, last)
            if top < bottom:
                found[top - first : bottom - first] = self.fill(grid, z, t, top, bottom)
        return found

    def span(self, grid: Grid, first: int, last: int) -> tuple[int, int]:
        """Those of the rows `first` to `last` beyond which none of its pixels lies."""
        step = grid.step(self.unit)[1]
        top, bottom = (min(max(y / step, first), last) for y in (self._box[0], self._box[2]))
        return max(first, math.floor(top) - 1), min(last, math.ceil(bottom) + 1)  # a row more, for what rounding does at an edge

    @cached_property
    def _box(self) -> Box:
        return self.box()

    def reaches(self, grid: Grid, z: int, t: int) -> bool:
        """Does the ROI extend to plane z of frame t?"""
        if self.frames is not None and not self.frames[0] <= t < self.frames[1]:
            return False
        return self.depth is None or self.depth[0] <= z * grid.step(self.unit)[0] < self.depth[1]

    def mask(self, image: Image, t: int = 0) -> Bits:
        """(Z, Y, X) boolean: the pixels of frame t in the ROI."""
        grid = Grid.of(image)
        if grid.planes * grid.rows * grid.columns > LIMITS.in_memory:
            raise LimitError(f"wanted a mask of at most {LIMITS.in_memory} pixels, got {grid.planes * grid.rows * grid.columns}")
        return np.stack([self.rows(grid, z, t, 0, grid.rows) for z in range(grid.planes)])

    def named(self, name: str) -> ROI:
        return dataclasses.replace(self, name=name)

    def combined(self, operation: Operation, *others: ROI, name: str = "") -> Combination:
        """This and other ROIs as one."""
        from abbe.image.roi_shapes import Combination

        return Combination(operation=operation, parts=(self, *others), unit=self.unit, name=name)

    def __or__(self, other: ROI) -> ROI:
        return self.combined("union", other)

    def __and__(self, other: ROI) -> ROI:
        return self.combined("intersection", other)

    def __sub__(self, other: ROI) -> ROI:
        return self.combined("difference", other)

    def __xor__(self, other: ROI) -> ROI:
        return self.combined("exclusive", other)

    def __str__(self) -> str:
        return self.name or self.kind

    # ------------------------------------------------------------------------------------------ as plain data
    def to_dict(self) -> dict[str, Any]:
        """Plain data that `ROI.from_dict` reads."""
        return {
            "type": self.kind,
            "name": self.name,
            "unit": self.unit,
            "depth": None if self.depth is None else list(self.depth),
            "frames": None if self.frames is None else list(self.frames),
            **self.fields(),
        }

    @staticmethod
    def from_dict(data: object, nesting: int = 0) -> ROI:
        """The ROI that `to_dict` described. Raises `ParameterError` when it is none."""
        from abbe.image.roi_mask import Mask
        from abbe.image.roi_shapes import Combination, Ellipse, Polygon, Rectangle

        if nesting > LIMITS.nesting:
            raise ParameterError(f"wanted ROIs nested at most {LIMITS.nesting} deep, got deeper ones")
        if not isinstance(data, dict):
            raise ParameterError(f"wanted a ROI as an object with fields, got {type(data).__name__}")
        shapes: dict[str, type[ROI]] = {c.kind: c for c in (Rectangle, Ellipse, Polygon, Combination, Mask)}
        kind = data.get("type")
        if not isinstance(kind, str) or kind not in shapes:
            raise ParameterError(f"wanted a ROI of type {', '.join(shapes)}, got {kind!r}")
        content = {key: value for key, value in data.items() if key != "type"}
        known = {field.name for field in dataclasses.fields(shapes[kind])}
        if not set(content) <= known:
            extra = ", ".join(sorted(set(content) - known))
            raise ParameterError(f"wanted the fields {', '.join(sorted(known))} of a {kind}, got also {extra}")
        if kind == "combination":
            parts = content.get("parts")
            if not isinstance(parts, (list, tuple)):
                raise ParameterError("wanted the parts of a combination as a list of ROIs")
            content["parts"] = tuple(ROI.from_dict(part, nesting + 1) for part in parts)
        try:
            return shapes[kind](**content)
        except TypeError as problem:
            raise ParameterError(f"wanted a complete {kind} as ROI, got one that lacks a field ({problem})") from problem

    # ------------------------------------------------------------------------------------------ making one
    @staticmethod
    def rectangle(y: float, x: float, height: float, width: float, **more: Any) -> Rectangle:
        """A rectangle by its top left corner and size."""
        from abbe.image.roi_shapes import Rectangle

        return Rectangle(y=y, x=x, height=height, width=width, **more)

    @staticmethod
    def ellipse(y: float, x: float, radius_y: float, radius_x: float, angle: float = 0.0, **more: Any) -> Ellipse:
        """An ellipse by its centre and radii; `angle` in degrees, counter-clockwise as seen on the screen."""
        from abbe.image.roi_shapes import Ellipse

        return Ellipse(y=y, x=x, radius_y=radius_y, radius_x=radius_x, angle=angle, **more)

    @staticmethod
    def polygon(points: Sequence[Sequence[float]], by_hand: bool = False, **more: Any) -> Polygon:
        """A polygon by its corners (y, x), or an outline drawn by hand; it closes itself."""
        from abbe.image.roi_shapes import Polygon

        try:
            corners = tuple((p[0], p[1]) for p in points)
        except (TypeError, LookupError):
            corners = ()
        return Polygon(rings=(corners,), by_hand=by_hand, **more)


def numbers(values: Sequence[Any], what: str, count: int) -> tuple[float, ...]:
    try:
        found = tuple(float(value) for value in values)
    except (TypeError, ValueError, OverflowError):
        found = ()
    if len(found) != count or not all(map(math.isfinite, found)):
        raise ParameterError(f"wanted {count} finite numbers for {what} as ROI, got {values!r}"[:300])
    return found
