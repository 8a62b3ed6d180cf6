"""What is known of an image besides its pixels."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias, overload

#: (z, y, x) in micrometres; None where unknown
PixelSize: TypeAlias = tuple[float | None, float | None, float | None]


@dataclass(frozen=True, slots=True)
class Optics:
    """The microscope, as far as a file tells. Wavelengths are per channel, in nanometres."""

    numerical_aperture: float | None = None
    magnification: float | None = None
    #: refractive index of the immersion medium
    refractive_index: float | None = None
    #: "widefield", "confocal", ... in the words of OME's AcquisitionMode, lower case
    modality: str | None = None
    emission: tuple[float | None, ...] = ()
    excitation: tuple[float | None, ...] = ()
    #: pinhole diameter in Airy units, where it is one
    pinhole: float | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class Digest:
    """A digest that may be given as a function, called once when somebody asks: hashing a large file takes longer than opening it."""

    @overload
    def __get__(self, owner: None, kind: type) -> None: ...
    @overload
    def __get__(self, owner: object, kind: type) -> str | None: ...
    def __get__(self, owner: object | None, kind: type) -> str | None:
        if owner is None:  # asked by the dataclass for the default
            return None
        value: str | Callable[[], str | None] | None = owner.__dict__["digest"]
        if callable(value):
            value = owner.__dict__["digest"] = value()
        return value

    def __set__(self, owner: object, value: str | Callable[[], str | None] | None) -> None:
        owner.__dict__["digest"] = value


def file_names(source: str) -> str:
    """The names of the files in "folder/a.tif, folder/b.tif"; an address (https://...) stays as it is."""
    return ", ".join(part if "://" in part else re.split(r"[\\/]", part.rstrip("\\/"))[-1] for part in source.split(", "))


@dataclass(frozen=True)
class Provenance:
    """Where pixels come from: the file, its digest (SHA-256 of its bytes), and what was done to them since."""

    source: str | None = None
    format: str | None = None
    digest: Digest = Digest()
    acquired: str | None = None
    #: one line per step, oldest first
    history: tuple[str, ...] = ()
    #: other facts of the file, as text
    facts: dict[str, str] = field(default_factory=dict, hash=False)
    #: (z, y, x) size of a pixel in pixels of the original, of a result whose original is in another file. A session takes what it began
    #: with for the original, so it is no part of `to_dict`
    step: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        if self.step is not None:  # a list, where it came as JSON
            z, y, x = self.step
            object.__setattr__(self, "step", (float(z), float(y), float(x)))

    @property
    def names(self) -> str | None:
        """The name of the file, or of several, without folders: those of somebody's disk go into nothing that leaves it."""
        return None if self.source is None else file_names(self.source)

    def to_dict(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if key != "step"}
