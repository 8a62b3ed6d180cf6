"""ROIs as GeoJSON, as QuPath, napari and others exchange them: features with polygons, coordinates (x, y).

Coordinates are pixels, which is what those programs write, unless a feature's properties say `"unit": "um"`. abbe's own ROI rides along
under `properties.abbe`, so that an ellipse read back is an ellipse.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from abbe.errors import NotAnImageError, ParameterError
from abbe.image import ROI, Polygon
from abbe.limits import LIMITS

Rings = tuple[tuple[tuple[float, float], ...], ...]


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
    own = properties.get("abbe")
    if isinstance(own, dict):
        return [ROI.from_dict(own)]
    geometry = feature.get("geometry")
    if not isinstance(geometry, dict):
        return []
    classified = properties.get("classification")
    name = properties.get("name") or (classified.get("name") if isinstance(classified, dict) else "") or ""
    unit = "um" if properties.get("unit") == "um" else "pixel"
    return [Polygon(rings=_rings(geometry), unit=unit, name=str(name))]  # type: ignore[arg-type]


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


def encode(rois: list[tuple[ROI, Rings]]) -> str:
    """A collection with a feature per ROI; `Rings` is its outline in its own unit."""
    features = []
    for roi, rings in rois:
        polygons = [[[[x, y] for y, x in (*ring, ring[0])] for ring in polygon] for polygon in nested(rings)]
        geometry: dict[str, Any] = {"type": "Polygon", "coordinates": polygons[0]}
        if len(polygons) > 1:
            geometry = {"type": "MultiPolygon", "coordinates": polygons}
        properties = {"name": roi.name, "unit": roi.unit, "objectType": "annotation", "abbe": roi.to_dict()}
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
