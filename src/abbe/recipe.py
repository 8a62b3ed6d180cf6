"""`Recipe`: everything that a run did, so that it can be repeated from its report alone.

Command line, page, napari, session and report share it. It is plain data: JSON in, JSON out, frozen in between.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from abbe._version import __version__
from abbe.errors import ParameterError
from abbe.image.digest import pixel_digest
from abbe.limits import LIMITS

if TYPE_CHECKING:
    from abbe.image import Image

#: raised when a field changes its meaning; older recipes are migrated on reading
RECIPE_FORMAT = 1


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Input(_Frozen):
    """An image that a run read. `digest` is the SHA-256 of its dtype, its shape and its pixels (little-endian, TCZYX, C order)."""

    source: str | None = None
    digest: str | None = None
    shape: tuple[int, int, int, int, int]
    dtype: str
    #: (z, y, x) in um
    pixel_size: tuple[float | None, float | None, float | None] = (None, None, None)
    channels: tuple[str, ...] = ()

    @classmethod
    def of(cls, image: Image) -> Input:
        """What an image is. Its digest reads all of its pixels."""
        return cls(
            source=image.provenance.names,
            digest=pixel_digest(image.pixels),
            shape=image.shape,
            dtype=image.dtype.name,
            pixel_size=image.pixel_size,
            channels=image.channels,
        )


class Step(_Frozen):
    """One thing done to the image, by one model where a model did it."""

    name: str
    model: str | None = None
    model_version: str | None = None
    #: SHA-256 of the model's weights file
    model_digest: str | None = None
    #: channels by index; None: all
    channels: tuple[int, ...] | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)


class Engine(_Frozen):
    """What computed it. Two runs with equal engines give equal bytes."""

    name: str
    version: str | None = None
    provider: str | None = None
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    exact: bool = False


class Recipe(_Frozen):
    """What a run did: inputs, steps in order, engine, and the abbe that did it."""

    format: int = RECIPE_FORMAT
    software: str = f"abbe {__version__}"
    operation: str
    inputs: tuple[Input, ...]
    steps: tuple[Step, ...]
    engine: Engine | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    def to_json(self) -> str:
        """JSON with sorted keys: equal recipes are equal strings."""
        return json.dumps(self.to_dict(), sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Recipe:
        """Raises `ParameterError` when the text is no recipe, or one of a newer abbe."""
        if len(text) > LIMITS.metadata:
            raise ParameterError(f"wanted a recipe of at most {LIMITS.metadata} bytes, got {len(text)}")
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as problem:
            raise ParameterError(f"wanted a recipe as JSON, got text that is not JSON ({problem})") from problem
        return cls.from_dict(data)

    @classmethod
    def from_dict(cls, data: object) -> Recipe:
        if not isinstance(data, dict):
            raise ParameterError(f"wanted a recipe as an object with fields, got {type(data).__name__}")
        version = data.get("format", RECIPE_FORMAT)
        if not isinstance(version, int) or version > RECIPE_FORMAT:
            raise ParameterError(f"wanted a recipe of format {RECIPE_FORMAT} or older, got {version}; update abbe")
        try:
            return cls.model_validate(data)
        except ValidationError as problem:
            first = problem.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise ParameterError(f"wanted a recipe, got one whose {where or 'content'} is wrong: {first['msg']}") from problem
