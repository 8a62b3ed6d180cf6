"""Opening and saving ROIs: ImageJ's `.roi` and `.zip`, GeoJSON, abbe's own JSON, label images; opened by content, saved by suffix."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from abbe.errors import LimitError, NotAnImageError, ParameterError
from abbe.formats import geojson, imagej_roi
from abbe.formats.labels import rois_of_labels
from abbe.formats.opening import open_labels
from abbe.image import ROI, Ellipse, Grid, Image, Mask, Polygon, Rectangle
from abbe.image.grid import root
from abbe.image.outline import outline
from abbe.limits import LIMITS
from abbe.storage import path_text, write_whole

#: most ROIs of one file
MOST = 100_000
SUFFIXES = (".roi", ".zip", ".geojson", ".json")
#: how TIFF and PNG begin, as which segmentation programs write labels
PICTURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"\x89PNG")

Rings = tuple[tuple[tuple[float, float], ...], ...]


def open_rois(path: str | os.PathLike[str], image: Image | None = None) -> list[ROI]:
    """The ROIs of a file, in its order; of a label image (a number for each cell) one for each label.

    Args:
        path: the file.
        image: what they are of; labels must have as many pixels as this image, or as its original. ImageJ says of a stack or a series
            alone only the place in its file, which is a plane or a frame by this image; without it such a ROI is of all of them.

    Raises:
        NotAnImageError: the content is no ROI file and no label image, or is damaged.
        ParameterError: a ROI is a line or a point, which has no pixels; labels of another size than the image.
        LimitError: too large or too many.
    """
    name = Path(path_text(path)).name
    try:
        with open(path, "rb") as file:
            data = file.read(LIMITS.metadata + 1)
    except OSError as problem:
        raise NotAnImageError(f"wanted a file with ROIs, could not read {name}: {problem.strerror or problem}") from problem
    if data.startswith(PICTURES):
        return rois_of_labels(open_labels(path), name, image)
    if len(data) > LIMITS.metadata:
        raise LimitError(f"wanted a ROI file of at most {LIMITS.metadata // 2**20} MB, got a larger one: {name}")
    if data.startswith(imagej_roi.MAGIC):
        return [_placed(imagej_roi.decode(data, Path(path).stem), data, image)]
    if data.startswith(b"PK"):
        return list(_zipped(data, name, image))
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        return geojson.decode(data.removeprefix(b"\xef\xbb\xbf"))
    raise NotAnImageError(f"wanted ROIs (ImageJ .roi or .zip, GeoJSON, abbe's JSON), got something else: {name}")


def is_picture(path: Path) -> bool:
    """Is it an image file, of labels perhaps?"""
    with open(path, "rb") as file:
        return file.read(4).startswith(PICTURES)


def _zipped(data: bytes, name: str, image: Image | None) -> Iterator[ROI]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile as problem:
        raise NotAnImageError(f"wanted a zip file of ImageJ ROIs, got a damaged one: {name}") from problem
    entries = [entry for entry in archive.infolist() if entry.filename.lower().endswith(".roi")]
    if not entries:
        raise NotAnImageError(f"wanted a zip file of ImageJ ROIs, got one without: {name}")
    if len(entries) > MOST or sum(entry.file_size for entry in entries) > LIMITS.metadata:
        raise LimitError(f"wanted at most {MOST} ROIs and {LIMITS.metadata // 2**20} MB of them, got more in {name}")
    for entry in entries:
        try:
            with archive.open(entry) as file:  # the size in the directory may lie
                content = file.read(LIMITS.metadata + 1)
        except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as problem:
            raise NotAnImageError(f"wanted a zip file of ImageJ ROIs, got a damaged one: {name}") from problem
        yield _placed(imagej_roi.decode(content, Path(entry.filename).stem), content, image)


def _placed(roi: ROI, data: bytes, image: Image | None) -> ROI:
    """On its plane or frame, where the file says that by a place in ImageJ's order (channels fastest, frames slowest)."""
    place = imagej_roi.position(data)
    if image is None or place == 0 or roi.depth is not None or roi.frames is not None:
        return roi
    frames, channels, planes = root(image).shape[:3]
    if planes == frames == 1:
        return roi
    if place > channels * planes * frames:
        there = f"{planes} planes x {channels} channels x {frames} frames"
        raise ParameterError(f"wanted a ROI on one of {there}, got {roi} at place {place} of its stack; is it of another image?")
    t, z = divmod((place - 1) // channels, planes)
    return replace(roi, depth=(z - 0.5, z + 0.5) if planes > 1 else None, frames=(t, t + 1) if frames > 1 else None)


def save_rois(rois: ROI | Sequence[ROI], path: str | os.PathLike[str], image: Image | None = None, overwrite: bool = False) -> Path:
    """Write ROIs; `.roi` holds one, `.zip`, `.geojson` and `.json` (abbe's own) many.

    Args:
        rois: one or more.
        image: what they were drawn on. ImageJ's files and GeoJSON, as other programs read it, are in pixels of the original, so a ROI in
            um needs it; without it GeoJSON has um, says so (`"unit": "um"`), and abbe alone reads it right. A combination of ROIs, which
            is written as the outline of its pixels, needs it too.

    Raises:
        ParameterError: the suffix is none of these, a ROI needs `image`, or is of some planes or frames, which ImageJ's files cannot say:
            they know one or all.
        ExistsError, StorageError: as for every file that abbe writes.
    """
    chosen = [rois] if isinstance(rois, ROI) else list(rois) if isinstance(rois, Iterable) else [rois]
    if not all(isinstance(roi, ROI) for roi in chosen):
        raise ParameterError(f"wanted ROIs, such as abbe.ROI.rectangle(...), got {', '.join(sorted({type(r).__name__ for r in chosen}))}")
    suffix = Path(path_text(path)).suffix.lower()
    if suffix not in SUFFIXES:
        raise ParameterError(f"wanted a file of ROIs that ends in {', '.join(SUFFIXES)}, got {Path(path).name}")
    if not chosen or (suffix == ".roi" and len(chosen) != 1):
        raise ParameterError(f"wanted {'one ROI for a .roi file' if suffix == '.roi' else 'at least one ROI'}, got {len(chosen)}")
    if suffix == ".roi":
        content = _encoded(chosen[0], image)
    elif suffix == ".zip":
        content = _archive(chosen, image)
    elif suffix == ".geojson":
        content = geojson.encode([_outlined(roi, image) for roi in chosen]).encode("utf-8")
    else:
        content = _own(chosen)
    with write_whole(path, overwrite) as part:
        part.write_bytes(content)
    return Path(path)


def _own(rois: Sequence[ROI]) -> bytes:
    import json

    return json.dumps([roi.to_dict() for roi in rois], ensure_ascii=False, allow_nan=False).encode("utf-8")


def _archive(rois: Sequence[ROI], image: Image | None) -> bytes:
    buffer = io.BytesIO()
    used: set[str] = set()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for k, roi in enumerate(rois, 1):
            stem = "".join(c if c.isalnum() or c in " -_.+" else "_" for c in roi.name)[:100].strip(". ") or f"{k:04d}"
            while stem in used:
                stem = f"{stem[:100]}-{k}"
            used.add(stem)
            # a fixed date: the same ROIs make the same bytes
            archive.writestr(zipfile.ZipInfo(f"{stem}.roi", (1980, 1, 1, 0, 0, 0)), _encoded(roi, image))
    return buffer.getvalue()


def _encoded(roi: ROI, image: Image | None) -> bytes:
    if roi.unit == "um" and image is None:
        raise ParameterError("wanted the image with the ROI, because ImageJ's files are in pixels and the ROI is in um: image=...")
    found = _outlined(roi, image)
    one_plane, one_frame = found.plane, found.frame
    planes, frames = (None, None) if image is None else (root(image).shape[2], image.shape[0])
    lost = []
    if found.depth is not None and one_plane is None and not (planes and found.depth[0] <= 0 and found.depth[1] > planes - 1):
        lost.append("planes")
    if roi.frames is not None and one_frame is None and not (frames and roi.frames[0] <= 0 and roi.frames[1] >= frames):
        lost.append("frames")
    if lost:
        raise ParameterError(
            f"wanted a ROI of one or of all {' and '.join(lost)}, which is what ImageJ's files can say, got {roi} of some; "
            "save it as .json, or one ROI for each"
        )
    return imagej_roi.encode(roi, found.rings, 0 if one_plane is None else one_plane + 1, 0 if one_frame is None else one_frame + 1)


def _outlined(roi: ROI, image: Image | None) -> geojson.Outlined:
    """As other programs have it: in pixels of the original, where that can be said."""
    scale, depth, unit = (1.0, 1.0), roi.depth, roi.unit
    if roi.unit == "um" and image is not None:
        grid = Grid.of(image)
        z, y, x = (um / original for um, original in zip(grid.step("um"), grid.original))
        scale, unit = (y, x), "pixel"
        depth = None if depth is None else (depth[0] / z, depth[1] / z)
    found = tuple(tuple((y / scale[0], x / scale[1]) for y, x in ring) for ring in rings(roi, image))
    return geojson.Outlined(roi, found, unit, depth)


def rings(roi: ROI, image: Image | None = None) -> Rings:
    """The outline of a ROI in its own unit: corners (y, x). An ellipse gets `imagej_roi.ROUND` corners, a mask the edges of its pixels.

    Raises `ParameterError` for a combination without `image`, or a ROI without pixels.
    """
    if isinstance(roi, Polygon):
        return roi.rings
    if isinstance(roi, Rectangle):
        y0, x0, y1, x1 = roi.box()
        return (((y0, x0), (y0, x1), (y1, x1), (y1, x0)),)
    if isinstance(roi, Ellipse):
        return (_around(roi),)
    if isinstance(roi, Mask):
        plane, size = np.asarray(roi.planes.any(axis=0)), roi.size[1:]
    elif image is None:
        raise ParameterError("wanted the image with a combination of ROIs, to write the outline of its pixels: image=...")
    else:
        plane, size = np.asarray(roi.mask(image).any(axis=0)), Grid.of(image).step(roi.unit)[1:]
    if not plane.any():
        raise ParameterError(f"wanted a ROI with pixels, got none in {roi}")
    return tuple(tuple((y * size[0], x * size[1]) for y, x in ring) for ring in outline(plane))


def _around(roi: Ellipse) -> tuple[tuple[float, float], ...]:
    at = np.linspace(0, 2 * np.pi, imagej_roi.ROUND, endpoint=False)
    c, s = np.cos(np.radians(roi.angle)), np.sin(np.radians(roi.angle))
    u, v = roi.radius_x * np.cos(at), roi.radius_y * np.sin(at)
    return tuple((float(roi.y + y), float(roi.x + x)) for y, x in zip(v * c - u * s, u * c + v * s))
