"""Layers as napari hands them over, without napari: small images and their attributes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from abbe.image import Image
from abbe.napari.description import Description
from abbe.napari.description import described as described

__all__ = ["blob", "described", "layer", "seen"]


def blob(side: int = 48, at: tuple[float, float] | None = None, sigma: float = 1.6) -> np.ndarray[Any, Any]:
    """A bead on a faint ground with the noise of a camera, uint16."""
    y, x = np.indices((side, side))
    cy, cx = at or (side / 2, side / 2)
    light = 20 + 800 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * sigma**2))
    return np.random.default_rng(3).poisson(light).astype(np.uint16)


def layer(data: Any, kind: str = "image", **more: Any) -> Description:
    """A layer of another program, as napari tells of it: in pixels, at the origin, unless `more` says otherwise."""
    ndim = (data[0].shape[1] if kind == "shapes" else (data[0] if more.get("multiscale") else data).ndim) if len(data) else 2
    attributes = {"name": "layer", "scale": (1.0,) * ndim, "translate": (0.0,) * ndim, "units": ("pixel",) * ndim}
    return described(data, attributes | more, kind)


@dataclass
class Reads:
    """An image that remembers which regions were read."""

    image: Image
    regions: list[Any] = field(default_factory=list)


class _Watched:
    def __init__(self, source: Any, regions: list[Any]) -> None:
        self._source, self._regions = source, regions
        self.shape, self.dtype = source.shape, source.dtype

    def read(self, region: Any) -> Any:
        self._regions.append(region)
        return self._source.read(region)


def seen(image: Image) -> Reads:
    regions: list[Any] = []
    return Reads(image.replace(pixels=_Watched(image.pixels, regions)), regions)
