"""ImageJ's ROI files: `.roi` holds one outline, `.zip` many, as ROI Manager writes them.

Big-endian: 64 bytes of header, coordinates relative to the bounding box as 16-bit integers, then, where the outline is finer than a pixel,
absolute ones as 32-bit floats; a second header holds name, plane and frame. Composite ROIs are a path of 32-bit floats. The layout is that
of ImageJ's public documentation of the format (class ij.io.RoiDecoder). Coordinates are pixels of the image, x to the right, y down.
"""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np

from abbe.errors import NotAnImageError, ParameterError
from abbe.image import ROI, Ellipse, Polygon, Rectangle
from abbe.image.roi_shapes import CORNERS

MAGIC = b"Iout"
HEADER, HEADER2 = 64, 64
VERSION = 227

POLYGON, RECTANGLE, OVAL, LINE, FREELINE, POLYLINE, NOTHING, FREEHAND, TRACED, ANGLE, POINT = range(11)
NAMES = ("polygon", "rectangle", "oval", "line", "freehand line", "segmented line", "no ROI", "freehand", "traced", "angle", "point")
AREAS = (POLYGON, RECTANGLE, OVAL, FREEHAND, TRACED)
#: subtypes of a freehand outline
SUB_ELLIPSE, SUB_ROTATED_RECTANGLE = 3, 5
SUB_PIXEL = 128
#: path segments of a composite, and how many coordinates follow each
_SEGMENTS = {0: 2, 1: 2, 2: 4, 3: 6, 4: 0}
#: pieces into which a curve of a composite is cut
_CURVE = 8
#: corners of an ellipse that ImageJ has no ROI for
ROUND = 360


def decode(data: bytes, name: str = "") -> ROI:
    """The ROI in the content of a `.roi` file, in pixels.

    Raises `NotAnImageError` when it is none or cut short, `ParameterError` for a line or a point, which has no pixels.
    """
    if not data.startswith(MAGIC) or len(data) < HEADER:
        raise NotAnImageError(f"wanted an ImageJ ROI, got {len(data)} bytes of something else{f' ({name})' if name else ''}")
    try:
        return _decode(data, name)
    except struct.error as problem:
        raise NotAnImageError(f"wanted a whole ImageJ ROI, got one that ends early{f' ({name})' if name else ''}") from problem


def _decode(data: bytes, name: str) -> ROI:
    kind = data[6]
    top, left, bottom, right, count = struct.unpack_from(">hhhhH", data, 8)
    shape_size, subtype, options = struct.unpack_from(">i", data, 36)[0], *struct.unpack_from(">hh", data, 48)
    sub_pixel = bool(options & SUB_PIXEL) and struct.unpack_from(">h", data, 4)[0] >= 222
    more: dict[str, Any] = {"unit": "pixel", **_second_header(data, name)}
    if shape_size > 0:
        return Polygon(rings=_path(data, shape_size), **more)
    if kind not in AREAS:
        word = NAMES[kind] if kind < len(NAMES) else f"type {kind}"
        raise ParameterError(f"wanted a ROI with an area, got a {word} in {more['name'] or name or 'the file'}; draw an outline instead")
    if kind in (RECTANGLE, OVAL):
        x, y, width, height = struct.unpack_from(">ffff", data, 18) if sub_pixel else (left, top, right - left, bottom - top)
        if kind == RECTANGLE:
            return Rectangle(y=y, x=x, height=height, width=width, **more)
        return Ellipse(y=y + height / 2, x=x + width / 2, radius_y=height / 2, radius_x=width / 2, **more)
    if kind == FREEHAND and subtype in (SUB_ELLIPSE, SUB_ROTATED_RECTANGLE):
        return _rotated(data, subtype, more)
    if count == 0 and len(data) >= HEADER:  # more than 65535 corners: their number stands where a line's end would
        count = struct.unpack_from(">i", data, 18)[0]
    corners = _corners(data, count, sub_pixel, top, left)
    return Polygon(rings=(corners,), by_hand=kind == FREEHAND, **more)


def _corners(data: bytes, count: int, sub_pixel: bool, top: int, left: int) -> tuple[tuple[float, float], ...]:
    if not 3 <= count <= CORNERS:
        raise ParameterError(f"wanted an outline of 3 to {CORNERS} corners, got {count}")
    if sub_pixel:
        x = struct.unpack_from(f">{count}f", data, HEADER + 4 * count)
        y = struct.unpack_from(f">{count}f", data, HEADER + 8 * count)
        return tuple(zip(y, x))
    x = struct.unpack_from(f">{count}h", data, HEADER)
    y = struct.unpack_from(f">{count}h", data, HEADER + 2 * count)
    return tuple((float(top + b), float(left + a)) for a, b in zip(x, y))


def _rotated(data: bytes, subtype: int, more: dict[str, Any]) -> ROI:
    """A rotated ellipse or rectangle: two points on its axis, and the ratio or the width of the other."""
    x1, y1, x2, y2 = struct.unpack_from(">ffff", data, 18)
    across = struct.unpack_from(">f", data, 52)[0]
    length = math.hypot(x2 - x1, y2 - y1)
    if subtype == SUB_ELLIPSE:
        return Ellipse(
            y=(y1 + y2) / 2,
            x=(x1 + x2) / 2,
            radius_y=length / 2 * across,
            radius_x=length / 2,
            angle=-math.degrees(math.atan2(y2 - y1, x2 - x1)),
            **more,
        )
    dy, dx = (y2 - y1) / max(length, 1e-12) * across / 2, (x2 - x1) / max(length, 1e-12) * across / 2
    return Polygon(rings=(((y1 + dx, x1 - dy), (y2 + dx, x2 - dy), (y2 - dx, x2 + dy), (y1 - dx, x1 + dy)),), **more)


def _second_header(data: bytes, name: str) -> dict[str, Any]:
    """Name, plane and frame."""
    offset = struct.unpack_from(">i", data, 60)[0]
    found: dict[str, Any] = {"name": name}
    if not HEADER <= offset <= len(data) - 24:
        return found
    z, t = struct.unpack_from(">ii", data, offset + 8)
    if z > 0:
        found["depth"] = (z - 1.5, z - 0.5)
    if t > 0:
        found["frames"] = (t - 1, t)
    where, length = struct.unpack_from(">ii", data, offset + 16)
    if 0 < length <= 10_000 and 0 < where <= len(data) - 2 * length:
        found["name"] = data[where : where + 2 * length].decode("utf-16-be", "replace")
    return found


def position(data: bytes) -> int:
    """The place in its stack that a ROI is drawn on, counted from 1 in ImageJ's order; 0: none, or said as plane and frame."""
    return max(0, int(struct.unpack_from(">i", data, 56)[0]))


def _path(data: bytes, size: int) -> tuple[tuple[tuple[float, float], ...], ...]:
    """The rings of a composite ROI; curves become short straight pieces."""
    if size > 8 * CORNERS or HEADER + 4 * size > len(data):
        raise NotAnImageError("wanted a whole ImageJ ROI, got a composite that ends early")
    values = struct.unpack_from(f">{size}f", data, HEADER)
    rings: list[list[tuple[float, float]]] = []
    k = 0
    while k < size:
        segment = int(values[k])
        if segment not in _SEGMENTS or k + _SEGMENTS[segment] >= size:
            break
        points = [(values[j + 1], values[j]) for j in range(k + 1, k + 1 + _SEGMENTS[segment], 2)]
        if segment == 0:
            rings.append(points)
        elif rings and segment in (2, 3):
            rings[-1] += _curve([rings[-1][-1], *points])
        elif rings:
            rings[-1] += points
        k += 1 + _SEGMENTS[segment]
    kept = tuple(tuple(ring) for ring in rings if len(ring) >= 3)
    if not kept:
        raise ParameterError("wanted a ROI with an area, got a composite without one")
    return kept


def _curve(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """A Bezier curve as straight pieces, without its first point."""
    t = np.linspace(0, 1, _CURVE + 1)[1:, None]
    degree = len(points) - 1
    found = sum(math.comb(degree, j) * t**j * (1 - t) ** (degree - j) * np.array(point) for j, point in enumerate(points))
    return [(float(y), float(x)) for y, x in np.asarray(found)]


# ---------------------------------------------------------------------------------------------- writing
def encode(roi: ROI, rings: tuple[tuple[tuple[float, float], ...], ...], plane: int = 0, frame: int = 0) -> bytes:
    """The content of a `.roi` file. `rings` is the outline in pixels, for what is neither an upright rectangle nor an ellipse.

    `plane` and `frame` count from 1; 0: all.
    """
    corners = np.array([corner for ring in rings for corner in ring])
    # um by pixel size leaves whole pixels a rounding off
    corners = np.where(np.abs(corners - np.round(corners)) < 1e-6, np.round(corners), corners)
    (top, left), (bottom, right) = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0))
    if min(top, left) < -32768 or max(bottom, right) > 32767:
        raise ParameterError("wanted a ROI within 32767 pixels, which is what ImageJ's files hold; save it as .geojson instead")
    head = bytearray(HEADER)
    head[:4] = MAGIC
    box = (int(top), int(left), int(bottom), int(right))
    struct.pack_into(">hBx4h", head, 4, VERSION, RECTANGLE, *box)
    whole = bool((corners == np.round(corners)).all())
    if isinstance(roi, (Rectangle, Ellipse)) and len(rings) == 1 and getattr(roi, "angle", 0) == 0:
        (y0, x0), (y1, x1) = corners.min(axis=0), corners.max(axis=0)
        head[6] = RECTANGLE if isinstance(roi, Rectangle) else OVAL
        struct.pack_into(">ffff", head, 18, x0, y0, x1 - x0, y1 - y0)
        struct.pack_into(">h", head, 50, 0 if whole else SUB_PIXEL)
        body = b""
    elif len(rings) == 1 and len(corners) <= 65535:
        head[6] = FREEHAND if getattr(roi, "by_hand", False) else POLYGON
        struct.pack_into(">H", head, 16, len(corners))
        struct.pack_into(">h", head, 50, 0 if whole else SUB_PIXEL)
        relative = np.round(corners - (top, left)).astype(">i2")
        body = relative[:, 1].tobytes() + relative[:, 0].tobytes()
        if not whole:
            body += corners[:, 1].astype(">f4").tobytes() + corners[:, 0].astype(">f4").tobytes()
    else:
        body = _packed_path(rings)
        struct.pack_into(">i", head, 36, len(body) // 4)
    second = HEADER + len(body)
    struct.pack_into(">i", head, 60, second)
    name = roi.name.encode("utf-16-be")
    tail = bytearray(HEADER2)
    struct.pack_into(">iii", tail, 4, 0, plane, frame)
    struct.pack_into(">ii", tail, 16, second + HEADER2 if name else 0, len(name) // 2)
    return bytes(head) + body + bytes(tail) + name


def _packed_path(rings: tuple[tuple[tuple[float, float], ...], ...]) -> bytes:
    values: list[float] = []
    for ring in rings:
        for k, (y, x) in enumerate(ring):
            values += [0.0 if k == 0 else 1.0, x, y]
        values.append(4.0)
    return struct.pack(f">{len(values)}f", *values)
