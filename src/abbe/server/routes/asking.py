"""What a client may ask with: everything it says is known to the route, and can be written and sent on.

A word that a route does not know is refused: left out silently, it would be a setting that does nothing.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from abbe.errors import ModelError, ParameterError
from abbe.session.plain import DEEPEST
from abbe.zoo import models


class Body(BaseModel):
    """The JSON of a request."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _whole(cls, data: Any) -> Any:
        if isinstance(data, bytes):  # what was sent as something else than JSON
            return data
        try:
            json.dumps(data, allow_nan=False, ensure_ascii=False).encode()
        except (TypeError, ValueError, RecursionError) as problem:
            raise ParameterError("wanted JSON of finite numbers and whole characters, got NaN, Infinity, or half a character") from problem
        if isinstance(data, (dict, list)) and _too_deep(data):
            raise ParameterError(f"wanted JSON of at most {DEEPEST} lists and objects in each other, got more")
        return data


def _too_deep(data: Any) -> bool:
    layer = [data]
    for _ in range(DEEPEST + 1):
        inner = [value for one in layer for value in (one.values() if isinstance(one, dict) else one)]
        layer = [value for value in inner if isinstance(value, (dict, list))]
        if not layer:
            return False
    return True


def known_alone(request: Request) -> None:
    """Raises `ParameterError` for a word in the address, after the "?", that the route does not know."""
    known = [one.alias for one in request.scope["route"].dependant.query_params]
    for word in request.query_params:
        if word not in known:
            raise ParameterError(f"wanted {', '.join(known) or 'nothing'} behind the ? of this address, got {word[:100]!r}")


def _offered(name: str) -> str:
    """No path of a client's reaches the disk: a model is one of those that there are, by its name."""
    names = [model.card.name for model in models()]
    if name not in names:
        raise ModelError(
            f"wanted a model of this server, {', '.join(names)}, got {name!r}; its own go into a folder that ABBE_MODELS names"
        )
    return name


ModelName = Annotated[str, Field(max_length=64), AfterValidator(_offered)]
