"""Where a ROI lies in a picture of one frame, brightest value along z."""

from __future__ import annotations

import dataclasses

import numpy as np

from abbe.image import ROI, Grid
from abbe.image.roi import Bits
from abbe.image.roi_mask import Mask
from abbe.image.roi_shapes import Combination


def projected(roi: ROI, grid: Grid, frame: int) -> Bits:
    """(rows, columns): what lies in the ROI on any plane of the frame; of one that does not reach this frame, on its first."""
    found = np.zeros((grid.rows, grid.columns), bool)
    first, end = (0, grid.frames) if roi.frames is None else roi.frames
    if first >= grid.frames:
        return found
    t = frame if first <= frame < end else first
    planes = [z for z in range(grid.planes) if roi.reaches(grid, z, t)]
    if isinstance(roi, Mask) and len(planes) > 1:
        step = grid.step(roi.unit)[0] / roi.size[0]
        own = sorted({min(round(z * step), len(roi.planes) - 1) for z in planes})
        roi = dataclasses.replace(roi, planes=np.asarray(roi.planes[own].any(axis=0)))
    for z in planes if isinstance(roi, Combination) else planes[:1]:
        found |= roi.rows(grid, z, t, 0, grid.rows)
    return found


def elsewhere(roi: ROI, frame: int) -> str:
    """The frames of a ROI that does not reach this one, in words; else nothing."""
    if roi.frames is None or roi.frames[0] <= frame < roi.frames[1]:
        return ""
    first, end = roi.frames[0] + 1, roi.frames[1]
    return f" (frame {first})" if first == end else f" (frames {first} to {end})"
