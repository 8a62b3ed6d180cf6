"""ROIs from a label image: what Cellpose, StarDist, ilastik or Fiji's labels write, where every cell has a number of its own.

A cell becomes the outline of its pixels, corner by corner, so that it holds exactly these pixels, on any version of the image.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import find_objects

from abbe.errors import LimitError, NotAnImageError, ParameterError
from abbe.image import ROI, Grid, Image, Polygon, arranged
from abbe.image.grid import root
from abbe.image.outline import outline
from abbe.image.roi_shapes import Combination

Labels = npt.NDArray[np.int64]

#: most objects of one label image
MOST = 20_000
#: of the pixels with a label, the share whose right neighbour has the same one, at least: so it is where cells are two pixels wide. In an
#: image that is no label image most pixels differ from their neighbours
ALIKE = 0.5


def rois_of_labels(labels: Image, name: str, image: Image | None = None) -> list[ROI]:
    """A ROI for each label, by number: named "label 7", or as the file where there is one alone (a mask).

    In pixels of the original. A label in several planes is one ROI with an outline in each; in several frames, a ROI in each.

    Args:
        labels: 0 where nothing is.
        name: the label image's file name.
        image: what the labels are of; it, or what it was computed from, has as many rows and columns. None: they are of the original.

    Raises:
        NotAnImageError: no label image: colours, broken numbers, negative ones, or neighbours that are hardly ever alike.
        ParameterError: another size than the image.
        LimitError: more than `MOST` objects.
    """
    pages = labels.shape[0] * labels.shape[1] * labels.shape[2]
    coloured = any(notice.code == "rgb" for notice in labels.notices)
    if image is not None and not coloured:  # a file of plain pages does not say whether they are frames, planes or channels
        t, z = image.shape[0], image.shape[2]
        fitting = [(frames, planes) for frames, planes in ((t, z), (1, z), (t, 1)) if frames * planes == pages]
        if len(set(fitting)) == 1:
            labels = arranged(labels, channels=1, planes=fitting[0][1], frames=fitting[0][0])
    if labels.shape[1] != 1:
        raise NotAnImageError(
            f"wanted a label image of one channel, got {name}, which has {labels.shape[1]}; save the labels, not their colours"
        )
    step = _step(labels, name, image)
    frames, planes = labels.shape[0], labels.shape[2]
    found: list[tuple[int, int, ROI]] = []
    for t in range(frames):
        parts: dict[int, list[ROI]] = {}
        for z in range(planes):
            for value, rings in _outlined(_numbers(labels.plane(t, 0, z), name), step):
                depth = None if planes == 1 else (z - 0.5, z + 0.5)
                parts.setdefault(value, []).append(Polygon(rings=rings, unit="pixel", depth=depth))
        when = None if frames == 1 else (t, t + 1)
        for value, ones in parts.items():
            whole = ones[0] if len(ones) == 1 else Combination(operation="union", parts=tuple(ones), unit="pixel")
            title = f"label {value}" + ("" if frames == 1 else f", frame {t + 1}")
            found.append((value, t, dataclasses.replace(whole, name=title, frames=when)))
        if len(found) > MOST:
            raise LimitError(f"wanted a label image of at most {MOST} objects, got more in {name}; crop it or split it")
    if len(found) == 1:
        return [found[0][2].named(Path(name).stem)]
    return [roi for _, _, roi in sorted(found, key=lambda one: one[:2])]


def _step(labels: Image, name: str, image: Image | None) -> tuple[float, float]:
    """(y, x) size of a label image's pixel in pixels of the original."""
    if image is None:
        return 1.0, 1.0
    for one in (image, root(image)):
        fits = labels.shape[3:] == one.shape[3:]
        if fits and labels.shape[2] in (1, one.shape[2]) and labels.shape[0] in (1, one.shape[0]):
            return Grid.of(one).step("pixel")[1:]
    t, _, z, y, x = image.shape
    raise ParameterError(
        f"wanted labels of the image's {y} x {x} pixels, {z} planes and {t} frames, or of one plane or frame of it, got {name} with "
        f"{labels.shape[3]} x {labels.shape[4]}, {labels.shape[2]} and {labels.shape[0]}; segment this image, not a resized one"
    )


def _numbers(plane: npt.NDArray[Any], name: str) -> Labels:
    numbers = np.asarray(plane, np.int64)
    if plane.dtype.kind == "f" and not np.array_equal(numbers, plane):
        raise NotAnImageError(f"wanted a label image of whole numbers, got {name}, which has fractions; is it a probability map?")
    if numbers.min() < 0:
        raise NotAnImageError(f"wanted a label image, with 0 where nothing is, got {name}, whose least value is {numbers.min()}")
    left = numbers[:, :-1]
    labelled = left > 0
    if labelled.any() and (left == numbers[:, 1:])[labelled].mean() < ALIKE:
        raise NotAnImageError(
            f"wanted ROIs, or a label image (a number for each cell), got an image: {name}, whose neighbouring pixels are hardly ever "
            "alike; name the file that the segmentation wrote"
        )
    return numbers


def _outlined(numbers: Labels, step: tuple[float, float]) -> Iterator[tuple[int, tuple[tuple[tuple[float, float], ...], ...]]]:
    """(label, rings of corners) of each label of a plane."""
    values, index = np.unique(numbers, return_inverse=True)
    if len(values) > MOST + 1:
        raise LimitError(f"wanted a label image of at most {MOST} objects, got {len(values) - 1}; crop it or split it")
    index = index.reshape(numbers.shape) + (1 if values[0] else 0)  # 0 is no object, also where there is no pixel of it
    for number, box in enumerate(find_objects(index), 1):
        if box is None:
            continue
        y, x = box[0].start, box[1].start
        rings = outline(index[box] == number)
        yield (
            int(values[number - (1 if values[0] else 0)]),
            tuple(tuple(((a + y) * step[0], (b + x) * step[1]) for a, b in ring) for ring in rings),
        )
