"""What is done to every image of a batch, as plain data: kept beside the results, and sent to other machines."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterable
from numbers import Real
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, field_validator, model_validator

from abbe._version import __version__
from abbe.alignment.beads import open_beads
from abbe.alignment.given import split
from abbe.errors import ParameterError
from abbe.formats.pixel_type import parse_type
from abbe.formats.saving import format_of
from abbe.image._image import _clean_size, _full_size
from abbe.image.axes import check_letters
from abbe.restoration.engine import engine
from abbe.restoration.psf import check_psf
from abbe.restoration.request import STEPS, check_request, check_sharing, check_steps, choose_mosaic
from abbe.zoo import Model

#: raised when a field changes its meaning
FORMAT = 1
#: `align`: shifts are measured on each image itself
MEASURE = "measure"
#: among the digests of a batch's models, that of its beads
BEADS = "beads"
#: settings of Workflows A and B alone
RESTORING = ("steps", "channels", "model", "realism", "passes", "psf", "frames", "planes", "mosaic", "maps")
#: mistakes that are told at once
TOLD = 4


class Settings(BaseModel):
    """The options of `abbe enhance` (Workflow A), `abbe background` (Workflow B) or `abbe align`, as there.

    `align` lays the channels on one another when all else is done, as "measure"d on each image as it was recorded, or on the image of beads
    at a path; with the workflow "align" that is all, and `shifts` (`tubulin=1.5,-2`) may be given instead.

    `ending` is what the results' names end in: _abbe.ome.tif, _abbe.ome.zarr or _abbe.tif. `pixel_size` is (z, y, x) in um, None where
    the file's own stays. What Python takes elsewhere is taken here too: one step or channel, channels by number, a path, a pixel type, a
    width or a pixel size as a number.

    Raises `ParameterError`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    workflow: Literal["A", "B", "align"] = "A"
    steps: tuple[str, ...] = STEPS
    channels: tuple[str, ...] | None = None
    model: str | None = None
    realism: float | None = None
    passes: int | None = None
    psf: str | None = None
    frames: int = 0
    planes: bool | None = None
    mosaic: bool | None = None
    engine: str = "auto"
    exact: bool = False
    dtype: str | None = None
    ending: str = "_abbe.ome.tif"
    maps: bool = False
    axes: str | None = None
    pixel_size: tuple[float | None, ...] | None = None
    align: str | None = None
    reference: str = "0"
    shifts: tuple[str, ...] = ()

    @model_validator(mode="wrap")
    @classmethod
    def _in_words(cls, given: Any, handler: ModelWrapValidatorHandler[Settings]) -> Settings:
        try:
            return handler(given)
        except ValidationError as problem:
            raise ParameterError("; ".join(_said(error) for error in problem.errors()[:TOLD])) from problem

    @field_validator("steps", "channels", "shifts", mode="before")
    @classmethod
    def _listed(cls, given: object) -> object:
        if isinstance(given, str | Real):
            given = (given,)
        return tuple(map(_text, given)) if isinstance(given, Iterable) else given

    @field_validator("psf", mode="before")
    @classmethod
    def _widths(cls, given: object) -> object:
        if isinstance(given, Iterable) and not isinstance(given, str):
            return ",".join("-" if width is None else str(width) for width in given)
        return _text(given)

    @field_validator("model", "align", mode="before")
    @classmethod
    def _path(cls, given: object) -> object:
        return os.path.abspath(given) if isinstance(given, os.PathLike) else given

    @field_validator("reference", mode="before")
    @classmethod
    def _key(cls, given: object) -> object:
        return _text(given)

    @field_validator("dtype", mode="before")
    @classmethod
    def _type(cls, given: Any) -> object:
        return given if given is None or isinstance(given, str) else parse_type(given).name

    @field_validator("pixel_size", mode="before")
    @classmethod
    def _size(cls, given: object) -> object:
        return None if given is None else _clean_size(_full_size(given))

    def check(self) -> dict[str, str]:
        """Model -> digest of its weights, of all that may be used; "beads" -> that of their file. Whatever would fail for every image fails
        here.

        Raises `ParameterError`, `ModelError`, `EngineError`, and what opening the beads raises.
        """
        engine(self.engine, self.exact)
        if set("/\\") & set(self.ending) or format_of(f"image{self.ending}") not in ("OME-TIFF", "TIFF", "OME-Zarr"):
            raise ParameterError(f"wanted results that end in .ome.tif, .tif or .ome.zarr, got {self.ending!r}")
        if self.dtype is not None:
            parse_type(self.dtype)
        if self.axes is not None:
            check_letters(self.axes)
        beads = self._laying()
        if self.workflow == "align":
            return beads
        steps = ("background",) if self.workflow == "B" else check_steps(self.steps)
        if self.workflow == "A":
            check_sharing(steps, self.frames, self.planes)
            choose_mosaic(self.mosaic, steps, 1)
            check_psf(steps, self.psf)
        models = check_request(steps, self.model, self.realism, self.passes)
        return {name: _digests(model) for name, model in models.items()} | beads

    def _laying(self) -> dict[str, str]:
        """The beads and their digest, where there are some."""
        alone = self.workflow == "align"
        if bool(self.shifts) + (self.align is not None) != 1 if alone else self.shifts:
            raise ParameterError(
                'wanted either align, "measure" or the path of an image of beads, or shifts'
                + (
                    ", got both"
                    if self.shifts and alone
                    else ", got neither"
                    if alone
                    else " with the workflow align alone, got them with another"
                )
            )
        if alone and (other := [name for name in RESTORING if getattr(self, name) != type(self).model_fields[name].default]):
            raise ParameterError(f"wanted nothing but channels aligned, got {', '.join(other)} for the restoration; choose Workflow A or B")
        if self.reference != "0" and self.align is None and not alone:
            raise ParameterError(
                f'wanted a reference with align alone, got {self.reference!r} without it; say align="measure" or the beads'
            )
        for text in self.shifts:
            split(text)
        if self.align is None or self.align == MEASURE:
            return {}
        found = open_beads(self.align, self.axes)
        if found.shape[1] < 2:
            raise ParameterError(f"wanted an image of beads with two channels or more, got one in {self.align}")
        return {BEADS: found.provenance.digest or ""}


def _digests(model: Model) -> str:
    """Of a model's weights, and of those of its partner or for colour cameras, where they may be used."""
    card = model.card
    other = card.realism.partner if model.realism else card.mosaic.digest if card.mosaic else None
    return f"{card.digest} {other}" if other else card.digest


class Began(BaseModel):
    """What a batch's results were made with: settings, weights and the abbe that used them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    software: str = f"abbe {__version__}"
    settings: Settings
    models: dict[str, str]
    #: results that are there may be replaced: said when it began, and true for whoever goes on with it
    overwrite: bool = False

    def differences(self, other: Began) -> list[str]:
        """What differs in `other`, in words: "steps (denoise, now denoise, axial)"."""
        one, two = (
            {"software": b.software, **b.settings.model_dump(), "weights": {name: b.models[name] for name in b.models if name != BEADS}}
            | {BEADS: b.models.get(BEADS, "")[:8]}
            for b in (self, other)
        )
        return [f"{name} ({_word(one[name])}, now {_word(two[name])})" for name in one if one[name] != two[name]]

    @classmethod
    def from_json(cls, text: str) -> Began:
        """Raises `ParameterError` when the text is not what `model_dump_json` wrote, or a newer abbe wrote it."""
        try:
            return cls.model_validate(json.loads(text))
        except (ValueError, ValidationError, ParameterError, RecursionError) as problem:
            raise ParameterError(
                "wanted the record of a batch, got one that is damaged or of another abbe; choose another folder for the results, or start "
                "anew with --overwrite"
            ) from problem


def _said(error: Any) -> str:
    name, fields = str(error["loc"][0]) if error["loc"] else "settings", list(Settings.model_fields)
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, fields, 1)
        return f"{name}: there is no such setting; " + (f"did you mean {near[0]!r}?" if near else f"there are {', '.join(fields)}")
    return f"{name}: wanted {str(error['msg']).removeprefix('Input should be ')}, got {error['input']!r}"


def _text(given: object) -> object:
    """A number as the command line has it."""
    return given if isinstance(given, bool) or not isinstance(given, Real) else str(given)


def _word(value: Any) -> str:
    if value in ((), {}, ""):
        return "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {str(digest)[:8]}" for name, digest in value.items())
    if isinstance(value, tuple):
        return ", ".join("-" if part is None else str(part) for part in value)
    return "none" if value is None else str(value)
