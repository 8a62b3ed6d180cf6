"""`Description`: what a layer of napari tells of itself, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from abbe.napari.layers import KEY, Held


@dataclass(frozen=True, eq=False)
class Description:
    """What a layer tells of itself, as napari has it.

    Attributes:
        kind: "image", "labels", "shapes", ...
        data: pixels; a list of them where `multiscale`; corners of shapes.
        straight: neither rotated nor sheared nor otherwise transformed.
        shapes: what each of the shapes is.
    """

    name: str
    kind: str
    data: Any
    scale: tuple[float, ...]
    translate: tuple[float, ...]
    units: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    rgb: bool = False
    multiscale: bool = False
    straight: bool = True
    color: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    shapes: tuple[str, ...] = ()

    @property
    def held(self) -> Held | None:
        """What abbe knows of the layer, where it still shows that."""
        found = self.metadata.get(KEY)
        return found if isinstance(found, Held) and found.data is self.pixels else None

    @property
    def pixels(self) -> Any:
        """The finest level."""
        return self.data[0] if self.multiscale else self.data

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(int(n) for n in np.shape(self.pixels))


def described(data: Any, attributes: Mapping[str, Any], kind: str) -> Description:
    """A layer as napari hands it to writers: data, attributes, kind."""
    ndim = len(attributes.get("scale", ())) or 2
    return Description(
        name=str(attributes.get("name", "image")),
        kind=kind,
        data=data,
        scale=tuple(float(s) for s in attributes.get("scale", (1.0,) * ndim)),
        translate=tuple(float(s) for s in attributes.get("translate", (0.0,) * ndim)),
        units=tuple(str(unit) for unit in attributes.get("units") or ()),
        labels=tuple(str(label) for label in attributes.get("axis_labels") or ()),
        rgb=bool(attributes.get("rgb")),
        multiscale=bool(attributes.get("multiscale")),
        straight=straight(attributes.get("rotate"), attributes.get("shear"), attributes.get("affine")),
        color=tint(attributes.get("colormap")),
        metadata=attributes.get("metadata") or {},
        shapes=tuple(str(s) for s in attributes.get("shape_type") or ()),
    )


def straight(rotate: Any, shear: Any, affine: Any) -> bool:
    """Is a layer neither turned nor sheared nor otherwise transformed? What napari has for these: matrices, or None."""
    turned = rotate is not None and not np.allclose(np.asarray(rotate), np.eye(len(np.atleast_1d(rotate))))
    sheared = shear is not None and bool(np.any(np.abs(np.asarray(shear)) > 1e-9))
    matrix = getattr(affine, "affine_matrix", affine)
    moved = matrix is not None and not np.allclose(np.asarray(matrix), np.eye(len(np.asarray(matrix))))
    return not (turned or sheared or moved)


def tint(colormap: Any) -> str | None:
    """ "#rrggbb" of a colormap that goes from black straight to one colour; None of any other, and of grey."""
    colors = colormap.get("colors") if isinstance(colormap, Mapping) else getattr(colormap, "colors", None)
    if colors is None or len(colors) != 2:
        return None
    first, last = np.asarray(colors, float)[:, :3]
    if first.any() or last.min() == last.max():
        return None
    return "#" + "".join(f"{round(float(v) * 255):02x}" for v in last)


def described_layer(layer: Any) -> Description:
    """A layer as napari shows it."""
    _, attributes, kind = layer.as_layer_data_tuple()
    # as the layer has it, not as a copy: by its identity abbe knows whether it is still what it was
    return described(layer.data, {**attributes, "metadata": layer.metadata}, kind)
