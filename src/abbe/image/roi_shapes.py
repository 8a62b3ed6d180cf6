"""The shapes of a ROI: rectangle, ellipse, polygon or freehand outline, and several as one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from abbe.errors import ParameterError
from abbe.image.grid import Grid, Unit
from abbe.image.roi import ROI, Bits, Box, Operation, numbers

#: most corners of one polygon; an outline drawn by hand has a few thousand
CORNERS = 2_000_000


@dataclass(frozen=True, kw_only=True)
class Rectangle(ROI):
    y: float
    x: float
    height: float
    width: float
    kind: ClassVar[str] = "rectangle"

    def __post_init__(self) -> None:
        super().__post_init__()
        for field, value in zip(("y", "x", "height", "width"), numbers((self.y, self.x, self.height, self.width), "a rectangle", 4)):
            object.__setattr__(self, field, value)
        if self.height <= 0 or self.width <= 0:
            raise ParameterError(f"wanted a rectangle with height and width above 0, got {self.height} x {self.width}")

    def box(self) -> Box:
        return self.y, self.x, self.y + self.height, self.x + self.width

    def fill(self, grid: Grid, z: int, t: int, first: int, last: int) -> Bits:
        y, x = _centres(grid, self.unit, first, last)
        return ((y >= self.y) & (y < self.y + self.height)) & ((x >= self.x) & (x < self.x + self.width))

    def fields(self) -> dict[str, Any]:
        return {"y": self.y, "x": self.x, "height": self.height, "width": self.width}


@dataclass(frozen=True, kw_only=True)
class Ellipse(ROI):
    """Centre (y, x), radii before rotation, and the angle of the rotation in degrees, counter-clockwise as seen on the screen."""

    y: float
    x: float
    radius_y: float
    radius_x: float
    angle: float = 0.0
    kind: ClassVar[str] = "ellipse"

    def __post_init__(self) -> None:
        super().__post_init__()
        given = (self.y, self.x, self.radius_y, self.radius_x, self.angle)
        for field, value in zip(("y", "x", "radius_y", "radius_x", "angle"), numbers(given, "an ellipse", 5)):
            object.__setattr__(self, field, value)
        if self.radius_y <= 0 or self.radius_x <= 0:
            raise ParameterError(f"wanted an ellipse with radii above 0, got {self.radius_y} and {self.radius_x}")

    def box(self) -> Box:
        c, s = math.cos(math.radians(self.angle)), math.sin(math.radians(self.angle))
        dy, dx = math.hypot(self.radius_y * c, self.radius_x * s), math.hypot(self.radius_x * c, self.radius_y * s)
        return self.y - dy, self.x - dx, self.y + dy, self.x + dx

    def fill(self, grid: Grid, z: int, t: int, first: int, last: int) -> Bits:
        y, x = _centres(grid, self.unit, first, last)
        c, s = math.cos(math.radians(self.angle)), math.sin(math.radians(self.angle))
        dy, dx = y - self.y, x - self.x
        inside: Bits = ((dx * c - dy * s) / self.radius_x) ** 2 + ((dx * s + dy * c) / self.radius_y) ** 2 <= 1
        return inside

    def fields(self) -> dict[str, Any]:
        return {"y": self.y, "x": self.x, "radius_y": self.radius_y, "radius_x": self.radius_x, "angle": self.angle}


@dataclass(frozen=True, kw_only=True)
class Polygon(ROI):
    """Closed rings of corners (y, x), filled by the even-odd rule: a ring within another is a hole."""

    rings: tuple[tuple[tuple[float, float], ...], ...]
    by_hand: bool = False
    kind: ClassVar[str] = "polygon"

    def __post_init__(self) -> None:
        super().__post_init__()
        rings = tuple(_ring(ring) for ring in self.rings)
        if not rings or sum(map(len, rings)) > CORNERS:
            raise ParameterError(f"wanted a polygon with one ring or more and at most {CORNERS} corners, got {sum(map(len, rings))}")
        object.__setattr__(self, "rings", rings)

    def box(self) -> Box:
        corners = np.array([corner for ring in self.rings for corner in ring])
        (y0, x0), (y1, x1) = corners.min(axis=0), corners.max(axis=0)
        return float(y0), float(x0), float(y1), float(x1)

    def fill(self, grid: Grid, z: int, t: int, first: int, last: int) -> Bits:
        _, dy, dx = grid.step(self.unit)
        toggles = np.zeros((last - first, grid.columns + 1), np.uint8)
        for ring in self.rings:
            corners = np.array(ring) / (dy, dx)
            _toggle(toggles, corners, np.roll(corners, -1, axis=0), first)
        return np.bitwise_xor.accumulate(toggles[:, :-1], axis=1).astype(bool)

    def fields(self) -> dict[str, Any]:
        return {"rings": [[list(corner) for corner in ring] for ring in self.rings], "by_hand": self.by_hand}


def _toggle(toggles: npt.NDArray[np.uint8], start: npt.NDArray[Any], end: npt.NDArray[Any], first: int) -> None:
    """Flip, in each row that an edge crosses, the first pixel whose centre is right of the crossing (edges in pixels).

    A row is crossed where its centre line lies in [low, high) of the edge, so that a corner counts once.
    """
    up = start[:, 0] <= end[:, 0]
    low, high = np.where(up[:, None], start, end), np.where(up[:, None], end, start)
    top = np.clip(np.ceil(low[:, 0] - 0.5), first, first + len(toggles)).astype(np.int64)
    bottom = np.clip(np.ceil(high[:, 0] - 0.5), first, first + len(toggles)).astype(np.int64)
    count = np.maximum(bottom - top, 0)
    edge = np.repeat(np.arange(len(count)), count)
    row = top[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
    height = high[edge, 0] - low[edge, 0]
    x = low[edge, 1] + (row + 0.5 - low[edge, 0]) * (high[edge, 1] - low[edge, 1]) / height
    column = np.clip(np.ceil(x - 0.5), 0, toggles.shape[1] - 1).astype(np.int64)
    np.bitwise_xor.at(toggles, (row - first, column), np.uint8(1))


@dataclass(frozen=True, kw_only=True)
class Combination(ROI):
    """Several ROIs as one: their union, intersection, the first without the others, or what lies in an odd number of them."""

    operation: Operation
    parts: tuple[ROI, ...]
    kind: ClassVar[str] = "combination"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.operation not in ("union", "intersection", "difference", "exclusive"):
            raise ParameterError(f"wanted ROIs combined by union, intersection, difference or exclusive, got {self.operation!r}")
        parts = tuple(self.parts)
        if not parts or not all(isinstance(part, ROI) for part in parts):
            raise ParameterError("wanted ROIs to combine, got none, or something else")
        object.__setattr__(self, "parts", parts)

    def box(self) -> Box:
        boxes = np.array([part.box() for part in self.parts])
        return float(boxes[:, 0].min()), float(boxes[:, 1].min()), float(boxes[:, 2].max()), float(boxes[:, 3].max())

    def span(self, grid: Grid, first: int, last: int) -> tuple[int, int]:
        spans = [part.span(grid, first, last) for part in self.parts]  # each in its own unit
        return min(top for top, _ in spans), max(bottom for _, bottom in spans)

    def fill(self, grid: Grid, z: int, t: int, first: int, last: int) -> Bits:
        filled = self._parts(grid, z, t, first, last)
        result = next(filled)
        for part in filled:
            if self.operation == "union":
                result = result | part
            elif self.operation == "intersection":
                result = result & part
            elif self.operation == "difference":
                result = result & ~part
            else:
                result = result ^ part
        return result

    def _parts(self, grid: Grid, z: int, t: int, first: int, last: int) -> Iterator[Bits]:
        for part in self.parts:
            yield part.rows(grid, z, t, first, last)

    def fields(self) -> dict[str, Any]:
        return {"operation": self.operation, "parts": [part.to_dict() for part in self.parts]}


def _centres(grid: Grid, unit: Unit, first: int, last: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Centres of the rows as a column, and of the columns as a row, in the unit."""
    _, dy, dx = grid.step(unit)
    return (np.arange(first, last)[:, None] + 0.5) * dy, (np.arange(grid.columns)[None] + 0.5) * dx


def _ring(ring: Sequence[Any]) -> tuple[tuple[float, float], ...]:
    try:
        corners = np.array(ring, dtype=float)
    except (TypeError, ValueError):
        corners = np.empty((0, 2))
    if corners.ndim != 2 or corners.shape[1] != 2 or not np.isfinite(corners).all():
        raise ParameterError("wanted the corners of a polygon as finite pairs (y, x), got something else")
    if len(corners) > 3 and (corners[0] == corners[-1]).all():
        corners = corners[:-1]
    if len(corners) < 3:
        raise ParameterError(f"wanted a polygon with at least 3 corners, got {len(corners)}; a line or a point has no pixels")
    return tuple((float(y), float(x)) for y, x in corners)
