"""Parts of a version that are exported by themselves: what lies in a ROI, and the colocalized pixels of a pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from abbe.colocalization.pair import select
from abbe.colocalization.result import Background, Region
from abbe.errors import ParameterError
from abbe.image import ROI, Image
from abbe.image.pixels import ArrayPixels
from abbe.reporting.case import Measured
from abbe.session.crop import crop


@dataclass(frozen=True, slots=True)
class Part:
    """What a picture of a part shows, what all of its kind do, and the background that was subtracted from its channels."""

    kind: str
    name: str
    background: tuple[float, ...] = ()


def pair_name(measured: Measured) -> str:
    first, second = measured.data["names"]
    region = measured.data["region"]
    return f"{first[:24]}_{second[:24]}" + ("" if region["roi"] is None else f"_{region['name'][:24]}")


def measured_pair(measured: Measured) -> Any:
    data = measured.data
    b, r = data["background"], data["region"]
    roi = None if r["roi"] is None else ROI.from_dict(r["roi"])
    first, second = data["channels"]
    region = Region(roi, tuple(r["frames"]), tuple(r["planes"]))
    return select(measured.image, (first, second), region, Background(b["method"], b["first"], b["second"]))


def inside(image: Image, roi: ROI) -> Image:
    """The box around a ROI with 0 outside it."""
    mask = roi.mask(image)
    rows, columns = (np.flatnonzero(mask.any(axis=axes)) for axes in ((0, 2), (0, 1)))
    if rows.size == 0:
        raise ParameterError(f"wanted a ROI inside the image, got {roi}, which has none of its pixels")
    y, x = (int(rows[0]), int(rows[-1]) + 1), (int(columns[0]), int(columns[-1]) + 1)
    part, _ = crop(image, y, x)
    box = part.recipe.steps[0].parameters if part.recipe is not None else {}  # type: ignore[attr-defined]
    within = mask[:, slice(*box["y"]), slice(*box["x"])]
    values = np.where(within, np.asarray(part), 0).astype(image.dtype)
    return part.replace(pixels=ArrayPixels(values), interval=None, trust=None, mask=None)
