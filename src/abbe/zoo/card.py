"""`Card`: what a model is, what it was trained on, what it can do, and where it fails."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from abbe.errors import ModelError
from abbe.limits import LIMITS

#: raised when a field changes its meaning
CARD_FORMAT = 1

Task: TypeAlias = Literal["denoise", "background", "axial_plane", "axial_stack", "super_resolve"]
#: letters, digits, "-" and "_": a model's name is also a folder's
Name: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]

#: slices of a stack that the axial model sees at once: the one to restore and two on each side
AXIAL_SLICES = 5

#: largest number that sides may have to be multiples of, and farthest pixel that a result may depend on
MULTIPLE, FARTHEST = 256, 1024

#: tasks that a network may do level by level
LEVELLED = ("denoise", "background", "axial_plane")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Percentiles(_Frozen):
    """The one normalisation: pixels enter the network as (x - low) / (high - low), percentiles over the whole channel."""

    low_percentile: float = Field(ge=0, lt=100)
    high_percentile: float = Field(gt=0, le=100)

    @model_validator(mode="after")
    def _ordered(self) -> Percentiles:
        if self.low_percentile >= self.high_percentile:
            raise ValueError("low_percentile must be below high_percentile")
        return self


class Training(BaseModel):
    """What the weights came from. Facts beyond these fields are kept."""

    model_config = ConfigDict(frozen=True, extra="allow")

    sets: tuple[str, ...] = ()
    licence: str | None = None
    hours: float | None = None
    plan: str | None = None
    seed: int | None = None


class Exchange(_Frozen):
    """What realism changes in one measure on one test set: its value at 0, the fidelity model, and at 1, the partner."""

    set: str
    measure: str
    fidelity: float
    partner: float


class Realism(_Frozen):
    """Share of the adversarial partner's weights: 0 is the fidelity model, 1 its partner."""

    default: float = Field(default=0.0, ge=0, le=1)
    #: SHA-256 of the partner's weights file, `partner.onnx` beside the model's own; None: there is no partner
    partner: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    training: Training | None = None
    figures: tuple[Exchange, ...] = ()

    @model_validator(mode="after")
    def _of_somebody(self) -> Realism:
        if self.default and self.partner is None:
            raise ValueError(f"a default of {self.default:g} needs a partner to mix in")
        return self


class Mosaic(_Frozen):
    """Other weights of the same network, for images whose noise differs between every other pixel, as that of colour cameras does."""

    #: SHA-256 of their file, `mosaic.onnx` beside the model's own
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    #: as the card's own
    interval_factor: float = Field(default=1.645, gt=0)
    training: Training = Field(default_factory=Training)


class Figure(BaseModel):
    """One measured figure on one test set: the input, the best plain method, and this model."""

    model_config = ConfigDict(frozen=True, extra="allow")

    set: str
    measure: str
    input: float | None = None
    plain: float | None = None
    abbe: float | None = None


class Card(_Frozen):
    """A model's card. Sizes are in pixels of the model's input."""

    format: int = CARD_FORMAT
    name: Name
    version: str
    task: Task
    title: str
    description: str = ""
    #: output pixels per input pixel, along y and x
    scale: Literal[1, 3] = 1
    #: images the network sees at once: 1, or the slice and its neighbours for `axial_stack`
    observed_channels: int = Field(default=1, ge=1, le=64)
    #: the network also takes a second image: what the steps before made of it, or, of a model with levels, the coarser level's result
    context: bool = False
    #: the context is its own result on a grid half as fine: the image is restored level by level, from at most 256 pixels a side on
    levels: bool = False
    #: what the network is told, in order
    told: tuple[str, ...] = ()
    #: height and width must be multiples of this
    multiple: int = Field(default=1, ge=1, le=MULTIPLE)
    #: farthest pixel that an output pixel depends on
    receptive_field: int = Field(ge=0, le=FARTHEST)
    normalisation: Percentiles
    #: how a stack is brought to even spacing before `axial_stack` sees it
    interpolation: Literal["linear", "cubic"] = "linear"
    #: estimate +- factor * spread is the 90 % interval
    interval_factor: float = Field(default=1.645, gt=0)
    realism: Realism = Field(default_factory=Realism)
    #: None: there are no such weights
    mosaic: Mosaic | None = None
    #: SHA-256 of the weights file
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    parameters: int = Field(default=0, ge=0)
    training: Training = Field(default_factory=Training)
    figures: tuple[Figure, ...] = ()
    failures: tuple[str, ...] = ()
    licence: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Card:
        if (self.scale == 3) != (self.task == "super_resolve"):
            raise ValueError(f"scale {self.scale} does not fit the task {self.task}: super_resolve has 3, every other task 1")
        if self.mosaic and (self.task != "denoise" or self.levels or self.realism.default):
            raise ValueError("weights for colour cameras are for the task denoise, without levels, and a default realism of 0")
        if self.levels and (not self.context or self.task not in LEVELLED):
            raise ValueError(f"levels need a context, and a task of {', '.join(LEVELLED)}")
        wanted = AXIAL_SLICES if self.task == "axial_stack" else 1
        if self.observed_channels != wanted:
            raise ValueError(f"observed_channels must be {wanted} for the task {self.task}")
        return self

    def of(self, weights: bytes) -> Card:
        """The card of the same network with its weights in another file, alone: partner and weights for colour cameras stay behind."""
        return self.model_copy(update={"digest": hashlib.sha256(weights).hexdigest(), "realism": Realism(), "mosaic": None})

    def to_json(self) -> str:
        """As a card file has it."""
        facts = self.model_dump(mode="json")
        if self.mosaic is None:  # which who wrote a reader of cards before there were any knows nothing of
            del facts["mosaic"]
        return json.dumps(facts, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: bytes | str, where: str) -> Card:
        """Raises `ModelError` that names the field; `where` says whose card it is."""
        if len(text) > LIMITS.metadata:
            raise ModelError(f"wanted a model card of at most {LIMITS.metadata} bytes, got {len(text)} in {where}")
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as problem:
            raise ModelError(f"wanted a model card as JSON, got {where}, which is not JSON ({problem})") from problem
        version = data.get("format") if isinstance(data, dict) else None
        if isinstance(version, int) and version > CARD_FORMAT:
            raise ModelError(f"wanted a model card of format {CARD_FORMAT} or older, got {version} in {where}; update abbe")
        try:
            return cls.model_validate(data)
        except ValidationError as problem:
            first = problem.errors()[0]
            field = ".".join(map(str, first["loc"])) or "content"
            raise ModelError(f"wanted a model card, got {where}, whose {field} is wrong: {first['msg']}") from problem
