"""ROIs as GeoJSON, as QuPath, napari and others exchange them: features with polygons, coordinates (x, y).

Coordinates are pixels, which is what those programs write, unless a feature's properties say `"unit": "um"`. abbe's own ROI rides along
under `properties.abbe`, so that an ellipse read back is an ellipse; beside it stands what its outline measured, by which an outline that
was changed in another program is known, and is then what counts. QuPath says under `geometry.plane` on which plane a ROI is.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from abbe.errors import NotAnImageError, ParameterError
from abbe.image import ROI, Polygon
from abbe.image.grid import Unit
from abbe.limits import LIMITS

Rings = tuple[tuple[tuple[float, float], ...], ...]

#: pixels (um) by which programs round a corner, at most; an outline whose box or area differs by more was changed
ROUNDING = 0.02
#: planes that a depth reaches over at most where it is of one
ONE = 1.5


@dataclass(frozen=True, slots=True)
class Outlined:
    """A ROI with its outline, and its (from, below) in z, both in `unit`."""

    roi: ROI
    rings: Rings
    unit: Unit
    depth: tuple[float, float] | None

    @property
    def plane(self) -> int | None:
        """The only one that it is on; None: it is on all, some, or nobody knows which."""
        if self.depth is None or self.unit != "pixel" or self.depth[1] - self.depth[0] > ONE:
            return None
        return max(0, round(sum(self.depth) / 2))

    @property
    def frame(self) -> int | None:
        """The only one that it is of."""
        frames = self.roi.frames
        return frames[0] if frames is not None and frames[1] == frames[0] + 1 else None


def measured(rings: Rings) -> list[float]:
    """(x from, y from, x to, y to, area, length) of an outline; the area is that of all rings, holes too."""
    corners = np.array([corner for ring in rings for corner in ring])
    area = length = 0.0
    for ring in rings:
        y, x = np.array((*ring, ring[0])).T
        area += abs(float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))) / 2
        length += float(np.hypot(np.diff(y), np.diff(x)).sum())
    (top, left), (bottom, right) = corners.min(axis=0), corners.max(axis=0)
    return [float(left), float(top), float(right), float(bottom), area, length]


def decode(text: str | bytes) -> list[ROI]:
    """The ROIs of a GeoJSON file, or of abbe's own JSON (a ROI, or a list of them).

    Raises `NotAnImageError` when it is no such JSON, `ParameterError` when a shape has no area or its numbers are wrong.
    """
    if len(text) > LIMITS.metadata:
        raise ParameterError(f"wanted ROIs of at most {LIMITS.metadata // 2**20} MB of text, got {len(text) // 2**20}")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise NotAnImageError("wanted ROIs as JSON, got text that is no JSON") from problem
    return [roi for item in (data if isinstance(data, list) else [data]) for roi in _item(item)]


def _item(item: Any) -> list[ROI]:
    if not isinstance(item, dict):
        raise NotAnImageError(f"wanted ROIs as GeoJSON, got {type(item).__name__}")
    kind = item.get("type")
    if kind == "FeatureCollection":
        features = item.get("features")
        if not isinstance(features, list):
            raise NotAnImageError("wanted a GeoJSON collection with features, got one without")
        return [roi for feature in features for roi in _item(feature)]
    if kind == "Feature":
        return _feature(item)
    if kind in ("Polygon", "MultiPolygon", "GeometryCollection"):
        return [Polygon(rings=_rings(item), unit="pixel")]
    return [ROI.from_dict(item)]


def _feature(feature: dict[str, Any]) -> list[ROI]:
    properties = feature.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    geometry = feature.get("geometry")
    classified = properties.get("classification")
    name = properties.get("name") or (classified.get("name") if isinstance(classified, dict) else "") or ""
    own, said = properties.get("abbe"), properties.get("abbe_outline")
    if isinstance(own, dict) and not (isinstance(geometry, dict) and _changed(geometry, said)):
        return [ROI.from_dict(own | {"name": str(name)} if "name" in properties else own)]
    if not isinstance(geometry, dict):
        return []
    unit = "um" if properties.get("unit") == "um" else "pixel"
    depth, frames = _plane(geometry)
    if isinstance(own, dict) and isinstance(said, dict):  # several planes or frames, of which other programs know nothing
        few = _pair(said.get("depth")), _pair(said.get("frames"))
        depth = depth if depth and few[0] and few[0][1] - few[0][0] <= ONE else few[0]
        frames = frames if frames and few[1] and few[1][1] - few[1][0] == 1 else few[1]
    return [Polygon(rings=_rings(geometry), unit=unit, name=str(name), depth=depth, frames=frames)]  # type: ignore[arg-type]


def _changed(geometry: dict[str, Any], said: Any) -> bool:
    """Is an outline another than it was when abbe wrote it? Where nobody said what it was, it is not."""
    try:
        before = np.array(said["measured"], float)
        now = np.array(measured(_opened(_rings(geometry))))
    except (TypeError, KeyError, ValueError, ParameterError):
        return False
    slack = np.array([*[ROUNDING] * 4, ROUNDING * max(1.0, float(now[5])), math.inf])
    return before.shape != now.shape or bool((np.abs(before - now) > slack).any())


def _opened(rings: Rings) -> Rings:
    """Without the last corner that repeats the first."""
    return tuple(ring[:-1] if len(ring) > 1 and ring[0] == ring[-1] else ring for ring in rings)


def _plane(geometry: dict[str, Any]) -> tuple[tuple[float, float] | None, tuple[int, int] | None]:
    """(depth, frames) by QuPath's plane; one with numbers below 0 is all."""
    plane = geometry.get("plane")
    z, t = (plane.get("z"), plane.get("t")) if isinstance(plane, dict) else (None, None)
    depth = (z - 0.5, z + 0.5) if isinstance(z, int) and z >= 0 else None
    return depth, (t, t + 1) if isinstance(t, int) and t >= 0 else None


def _pair(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) and len(value) == 2 else None


def _rings(geometry: dict[str, Any]) -> Rings:
    """Rings of corners (y, x); a multipolygon's parts do not overlap, so the even-odd rule fills them."""
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    polygons: list[Any]
    if kind == "Polygon":
        polygons = [coordinates]
    elif kind == "MultiPolygon" and isinstance(coordinates, list):
        polygons = coordinates
    else:
        raise ParameterError(f"wanted a ROI with an area (Polygon or MultiPolygon), got a {kind} in the GeoJSON")
    try:
        return tuple(tuple((float(point[1]), float(point[0])) for point in ring) for polygon in polygons for ring in (polygon or ()))
    except (TypeError, ValueError, IndexError) as problem:
        raise ParameterError("wanted the corners of a GeoJSON polygon as pairs of numbers, got something else") from problem


def encode(rois: list[Outlined]) -> str:
    """A collection with a feature per ROI."""
    features = []
    for one in rois:
        roi = one.roi
        polygons = [[[[x, y] for y, x in (*ring, ring[0])] for ring in polygon] for polygon in nested(one.rings)]
        geometry: dict[str, Any] = {"type": "Polygon", "coordinates": polygons[0]}
        if len(polygons) > 1:
            geometry = {"type": "MultiPolygon", "coordinates": polygons}
        if one.plane is not None or one.frame is not None:
            geometry["plane"] = {"c": -1, "z": one.plane or 0, "t": one.frame or 0}
        outline = {
            "measured": measured(one.rings),
            "depth": None if one.depth is None else list(one.depth),
            "frames": None if roi.frames is None else list(roi.frames),
        }
        properties = {"name": roi.name, "unit": one.unit, "objectType": "annotation", "abbe": roi.to_dict(), "abbe_outline": outline}
        features.append({"type": "Feature", "geometry": geometry, "properties": properties})
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False, allow_nan=False)


def nested(rings: Rings) -> list[Rings]:
    """Rings filled by the even-odd rule as polygons of an outline and its holes, which is how GeoJSON and its readers have it.

    Rings must not cross. A ring in an odd number of others is a hole of the innermost one.
    """
    boxes = np.array([[*np.min(ring, axis=0), *np.max(ring, axis=0)] for ring in rings])
    around = []
    for j, ring in enumerate(rings):
        y, x = (ring[0][0] + ring[1][0]) / 2, (ring[0][1] + ring[1][1]) / 2
        near = np.flatnonzero((boxes[:, 0] <= y) & (y <= boxes[:, 2]) & (boxes[:, 1] <= x) & (x <= boxes[:, 3]))
        around.append([int(k) for k in near if k != j and _holds(rings[k], y, x)])
    found: dict[int, list[tuple[tuple[float, float], ...]]] = {j: [rings[j]] for j in range(len(rings)) if len(around[j]) % 2 == 0}
    for j, ring in enumerate(rings):
        if j not in found:
            found[max(around[j], key=lambda k: len(around[k]))].append(ring)
    return [tuple(polygon) for polygon in found.values()]


def _holds(ring: tuple[tuple[float, float], ...], y: float, x: float) -> bool:
    """Does a point lie in the ring? The middle of another ring's edge is never on it: rings that do not cross touch at corners alone."""
    inside = False
    for (y0, x0), (y1, x1) in zip(ring, (*ring[1:], ring[0])):
        if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
            inside = not inside
    return inside
