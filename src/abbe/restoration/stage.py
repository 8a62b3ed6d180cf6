"""What a stage of a workflow gives: an estimate and its spread, and views of them that cost nothing until they are read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abbe.image.pixels import Array, ArrayPixels, Pixels, Region, ScratchPixels, Shape
from abbe.restoration.normalisation import Normalisation
from abbe.zoo import Model

FLOAT32 = np.dtype(np.float32)
#: largest number of float16, in which spreads are kept
_MOST = float(np.finfo(np.float16).max)


@dataclass(frozen=True, slots=True)
class ShiftedPixels:
    """Pixels plus one number per frame, channel and plane: `shift` is (T, C, Z), or (T, C, 1) for whole stacks."""

    source: Pixels
    shift: npt.NDArray[np.float64]

    @property
    def shape(self) -> Shape:
        return self.source.shape

    @property
    def dtype(self) -> np.dtype[np.float32]:
        return FLOAT32

    def read(self, region: Region) -> Array:
        t, c, z = region[:3]
        shift = self.shift[t, c, z if self.shift.shape[2] > 1 else slice(None)]
        return self.source.read(region) + shift[..., None, None].astype(np.float32)


@dataclass(frozen=True, slots=True)
class SpreadPixels:
    """A spread kept as float16 in units of the normalisation's scale, read as float32 in the image's units."""

    source: Pixels
    #: one scale per channel
    scale: npt.NDArray[np.float64]

    @property
    def shape(self) -> Shape:
        return self.source.shape

    @property
    def dtype(self) -> np.dtype[np.float32]:
        return FLOAT32

    def read(self, region: Region) -> Array:
        scale = self.scale[region[1]][None, :, None, None, None].astype(np.float32)
        return self.source.read(region).astype(np.float32) * scale


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage done. `estimate` and `spread` are (T, C, Z, Y, X) float32 in the input's units."""

    name: str
    model: Model
    estimate: Pixels
    spread: Pixels | None
    normalisation: tuple[Normalisation, ...]


def removes_light(model: Model) -> bool:
    """Does this model take light away, so that the background becomes zero and the mean changes?"""
    return model.card.task in ("background", "axial_plane")


def in_units(model: Model, normal: Normalisation, estimate: Array) -> Array:
    """A network's estimate in the image's units: float32."""
    values = estimate.astype(np.float64)
    values *= normal.scale
    if removes_light(model):
        return np.maximum(values, 0).astype(np.float32)
    values += normal.offset
    return values.astype(np.float32)


def as_half(spread: Array) -> npt.NDArray[np.float16]:
    """A spread, in units of the scale, as it is kept."""
    half: npt.NDArray[np.float16] = np.clip(np.nan_to_num(spread, nan=_MOST, posinf=_MOST), 0, _MOST).astype(np.float16)
    return half


def finish(
    name: str,
    model: Model,
    normal: tuple[Normalisation, ...],
    estimate: Pixels,
    spread: ArrayPixels | ScratchPixels | None,
) -> Stage:
    """A stage from what was written."""
    scales = np.array([n.scale for n in normal])
    return Stage(
        name,
        model,
        estimate,
        None if spread is None else SpreadPixels(spread, scales),
        normal,
    )
