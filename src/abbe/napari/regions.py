"""Shapes and labels drawn in napari as abbe's ROIs, and a session's ROIs as shapes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from abbe.errors import ParameterError
from abbe.image import ROI, Ellipse, Grid, Image, Mask, Polygon, Rectangle
from abbe.image.grid import Unit
from abbe.napari.description import Description
from abbe.napari.layers import LayerData
from abbe.napari.seat import PIXEL, Seat
from abbe.napari.sheet import check_straight, in_units

Points: TypeAlias = npt.NDArray[np.float64]
#: where a shape holds: in every plane and frame, or where it was drawn
Reach: TypeAlias = Literal["everywhere", "drawn"]

#: shapes that have an area
AREAS = ("rectangle", "ellipse", "polygon")
#: part of a rectangle's size by which its corners may lie off its sides
NEAR = 1e-6
#: part of a pixel of the image by which labels may lie beside it
BESIDE = 0.25


def rois(layer: Description, image: Image, seat: Seat, reach: Reach = "everywhere") -> list[ROI]:
    """The ROIs of a layer of shapes or labels, on an image that sits there.

    Raises `ParameterError` where the layer has none, or lies elsewhere.
    """
    check_straight(layer)
    if layer.kind == "shapes":
        return _shapes(layer, image, seat, reach)
    if layer.kind == "labels":
        return _labels(layer, image, seat)
    raise ParameterError(f"wanted ROIs in a layer of shapes or labels, got {layer.name}, a layer of {layer.kind}")


# ------------------------------------------------------------------------------------------------ shapes
def _shapes(layer: Description, image: Image, seat: Seat, reach: Reach) -> list[ROI]:
    found: list[ROI] = []
    for k, (corners, kind) in enumerate(zip(layer.data, layer.shapes)):
        if kind in AREAS:
            found.append(_shape(np.asarray(corners, float), kind, f"{layer.name} {k + 1}", layer, image, seat, reach))
    if not found:
        raise ParameterError(
            f"wanted a rectangle, an ellipse or a polygon in {layer.name}, got "
            f"{'lines and paths alone, which have no area' if layer.shapes else 'no shape'}; draw one around what is to be measured"
        )
    return found


def _shape(corners: Points, kind: str, name: str, layer: Description, image: Image, seat: Seat, reach: Reach) -> ROI:
    world = (corners * layer.scale + layer.translate) * _units(layer, seat)
    unit: Unit = "um" if None not in image.pixel_size[1:] else "pixel"
    points = _in_image(world[:, -2:], image, seat, unit)
    more: dict[str, Any] = {"name": name, "unit": unit, **(_where_drawn(world, image, seat, unit) if reach == "drawn" else {})}
    if kind == "polygon" or len(points) != 4:
        return ROI.polygon([tuple(p) for p in points], **more)
    if kind == "ellipse":
        return _ellipse(points, more)
    (y0, x0), (y1, x1) = points.min(axis=0), points.max(axis=0)
    at_edge = np.minimum(np.abs(points - (y0, x0)), np.abs(points - (y1, x1)))
    if np.all(at_edge <= NEAR * max(y1 - y0, x1 - x0)) and y1 > y0 and x1 > x0:
        return ROI.rectangle(float(y0), float(x0), float(y1 - y0), float(x1 - x0), **more)
    return ROI.polygon([tuple(p) for p in points], **more)


def _units(layer: Description, seat: Seat) -> Points:
    """Units of the image's seat in one of the layer's, for each of the layer's axes: napari shows nm and um where they belong."""
    count = len(layer.scale)
    if len(layer.units) != count:
        return np.ones(count)
    own = (*(PIXEL,) * count, *seat.units)[-count:]  # napari aligns axes at their ends
    return np.array([in_units(unit, of) for unit, of in zip(layer.units, own)])


def _ellipse(corners: Points, more: dict[str, Any]) -> Ellipse:
    """From the corners of the box around it, which may be turned."""
    y, x = corners.mean(axis=0)
    (uy, ux), (vy, vx) = (corners[1] - corners[0]) / 2, (corners[3] - corners[0]) / 2
    if abs(ux) < abs(vx):  # the side that is nearer to the x axis
        (uy, ux), (vy, vx) = (vy, vx), (uy, ux)
    angle = math.degrees(math.atan2(-uy, ux))  # counter-clockwise on a screen whose y goes down
    return ROI.ellipse(float(y), float(x), math.hypot(vy, vx), math.hypot(uy, ux), angle=angle, **more)


def _in_image(world: Points, image: Image, seat: Seat, unit: Unit) -> Points:
    """(y, x) in napari's world as (y, x) from the image's corner, in the ROI's unit."""
    step = Grid.of(image).step(unit)
    scaled = [(world[:, k] - seat.corner(letter)) / seat.along(letter)[0] * step[1 + k] for k, letter in enumerate("YX")]
    return np.stack(scaled, axis=1)


def _where_drawn(world: Points, image: Image, seat: Seat, unit: Unit) -> dict[str, Any]:
    """`depth` and `frames` of the plane on which a shape was drawn, as far as it has those axes."""
    found: dict[str, Any] = {}
    count = world.shape[1]
    for letter in "TZ":
        k = seat.axes.find(letter)
        own = k - len(seat.axes) + count  # napari aligns axes at their ends
        if k < 0 or own < 0:
            continue
        scale, place = seat.along(letter)
        index = (float(world[:, own].mean()) - place) / scale
        if letter == "T":
            frame = min(max(round(index), 0), image.shape[0] - 1)
            found["frames"] = (frame, frame + 1)
        else:
            step = Grid.of(image).step(unit)[0]
            plane = min(max(round(index), 0), image.shape[2] - 1)
            found["depth"] = ((plane - 0.5) * step, (plane + 0.5) * step)
    return found


# ------------------------------------------------------------------------------------------------ labels
def _labels(layer: Description, image: Image, seat: Seat) -> list[ROI]:
    pixels = np.asarray(layer.pixels)
    units = _units(layer, seat)
    scale, translate = tuple(layer.scale * units), tuple(layer.translate * units)
    while pixels.ndim > 2 and pixels.shape[0] == 1:
        pixels, scale, translate = pixels[0], scale[1:], translate[1:]
    timed = "T" in seat.axes and pixels.ndim == 1 + sum(letter in "ZYX" for letter in seat.axes)
    if timed and len(pixels) != image.shape[0]:
        raise ParameterError(f"wanted labels of {image.shape[0]} frames, as the image has, got {layer.name} with {len(pixels)}")
    frames: dict[int | None, Any] = {t: pixels[t] for t in range(len(pixels))} if timed else {None: pixels}
    if timed:
        pixels, scale, translate = pixels[0], scale[1:], translate[1:]
    if pixels.ndim > 3 or (pixels.ndim == 3 and "Z" not in seat.axes):
        raise ParameterError(
            f"wanted labels (Y, X) or (Z, Y, X) of the image, or of each of its frames, got {layer.name} with the shape {layer.shape}"
        )
    letters = "ZYX"[-pixels.ndim :]
    unit: Unit = "um" if None not in image.pixel_size[1:] else "pixel"
    step = dict(zip("ZYX", Grid.of(image).step(unit)))
    size = dict(step)
    for k, letter in enumerate(letters):
        along, place = seat.along(letter)
        size[letter] = scale[k] / along * step[letter]
        here = translate[k] - (scale[k] / 2 if letter in "YX" else 0)
        there = seat.corner(letter) if letter in "YX" else place
        if abs(here - there) > BESIDE * along:
            raise ParameterError(
                f"wanted labels that cover the image from its corner, got {layer.name}, which begins elsewhere along {letter.lower()}; "
                "make the labels layer while the image is the only layer, or outline the place as a shape"
            )
    sizes = (size["Z"], size["Y"], size["X"])
    found: dict[int, list[ROI]] = {}
    for t, part, v in _labelled(layer, frames):
        when = None if t is None else (t, t + 1)
        name = f"{layer.name} {v}"
        found.setdefault(v, []).append(Mask(planes=part == v, size=sizes, unit=unit, name=name, only=f"label {v}", frames=when))
    return [as_one(found[v], f"{layer.name} {v}") for v in sorted(found)]


def _labelled(layer: Description, frames: dict[int | None, Any]) -> list[tuple[int | None, Any, int]]:
    """(frame, its labels, label) of every label in every frame; None for what holds in all frames."""
    found = [(t, part, int(v)) for t, part in frames.items() for v in np.unique(part) if v]
    if not found:
        raise ParameterError(f"wanted labels in {layer.name}, got none; paint over what is to be measured")
    if len(found) * found[0][1].size > 2**32:
        raise ParameterError(f"wanted fewer labels for their size, got {len(found)} in {layer.name}; measure them all as one, or crop")
    return found


def as_one(found: Sequence[ROI], name: str) -> ROI:
    """All of them as one ROI."""
    return found[0].named(name) if len(found) == 1 else found[0].combined("union", *found[1:], name=name)


# ------------------------------------------------------------------------------------------------ the other way round
def shapes_layer(found: Sequence[ROI], image: Image, seat: Seat) -> LayerData | None:
    """ROIs as a layer of shapes over an image; masks, and what is put together of several, are left out."""
    drawn = [(roi, *shape) for roi in found if (shape := _drawn(roi)) is not None]
    if not drawn:
        return None
    grid = Grid.of(image)
    data = []
    for roi, corners, _ in drawn:
        step = grid.step(roi.unit)
        world = [corners[:, k] / step[1 + k] * seat.along(letter)[0] + seat.corner(letter) for k, letter in enumerate("YX")]
        data.append(np.stack(world, axis=1))
    attributes = {
        "name": "ROIs",
        "shape_type": [kind for _, _, kind in drawn],
        "edge_color": "yellow",
        "face_color": "transparent",
        "edge_width": max(seat.along("Y")[0], 1e-9),
        "features": {"name": [roi.name for roi, _, _ in drawn]},
        "text": {"string": "{name}", "color": "yellow", "anchor": "upper_left"},
        "units": tuple(seat.units[seat.axes.index(letter)] for letter in "YX"),
    }
    return data, attributes, "shapes"


def _drawn(roi: ROI) -> tuple[Points, str] | None:
    if isinstance(roi, Rectangle):
        y0, x0, y1, x1 = roi.box()
        return np.array([(y0, x0), (y0, x1), (y1, x1), (y1, x0)]), "rectangle"
    if isinstance(roi, Ellipse):
        turn = math.radians(roi.angle)
        u = np.array((-math.sin(turn), math.cos(turn))) * roi.radius_x
        v = np.array((math.cos(turn), math.sin(turn))) * roi.radius_y
        centre = np.array((roi.y, roi.x))
        return np.stack([centre - u - v, centre + u - v, centre + u + v, centre - u + v]), "ellipse"
    if isinstance(roi, Polygon) and len(roi.rings) == 1:
        return np.array(roi.rings[0]), "polygon"
    return None
