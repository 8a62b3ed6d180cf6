"""A step of a workflow to be done, and the stage that it gives: an estimate and its spread, views that cost nothing until they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from abbe.image import Notice
from abbe.image.pixels import Array, ArrayPixels, Pixels, Region, ScratchPixels, Shape
from abbe.restoration.engine import Runner
from abbe.restoration.normalisation import Normalisation
from abbe.restoration.progress import Part
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
class Variant:
    """Other weights of a step's network, for some channels."""

    model: Model
    runner: Runner


@dataclass(frozen=True, slots=True)
class Work:
    """One step to be done.

    Attributes:
        name: the step's name, for the recipe and the progress line.
        report: told after each tile.
        last: no step follows; the last one alone keeps its spread, being trained on the chain's output.
        normal: of each channel.
        passes: how often the network sees each tile (`planes.PLACES`) or slice (`stacks.MIRRORS`).
    """

    name: str
    model: Model
    runner: Runner
    report: Part
    last: bool
    normal: tuple[Normalisation, ...]
    passes: int = 1
    #: of each channel, the standard deviation of the lens's PSF in pixels, None where nobody knows; () for steps that have no use for it
    psf: tuple[float | None, ...] = ()
    #: channels that other weights restore
    others: Mapping[int, Variant] = field(default_factory=dict)

    def of(self, channel: int) -> Work:
        """The work with the weights for this channel."""
        other = self.others.get(channel)
        return self if other is None else replace(self, model=other.model, runner=other.runner)

    def per_spread(self, channel: int) -> np.float32:
        """How many of the step's own spreads one of these weights' is: the step has one factor for its interval."""
        return np.float32(self.of(channel).model.card.interval_factor / self.model.card.interval_factor)


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage done. `estimate` and `spread` are (T, C, Z, Y, X) float32 in the input's units.

    `found`: what the step found out about the image and went by, for the recipe; `notices`: what of it is to be known.
    """

    name: str
    model: Model
    estimate: Pixels
    spread: Pixels | None
    normalisation: tuple[Normalisation, ...]
    found: Mapping[str, Any] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    passes: int = 1


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
    work: Work,
    estimate: Pixels,
    spread: ArrayPixels | ScratchPixels | None,
    found: Mapping[str, Any] | None = None,
    notices: tuple[Notice, ...] = (),
) -> Stage:
    """A stage from what was written."""
    scales = np.array([n.scale for n in work.normal])
    kept = None if spread is None else SpreadPixels(spread, scales)
    return Stage(work.name, work.model, estimate, kept, work.normal, found or {}, notices, work.passes)
