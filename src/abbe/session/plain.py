"""Results as plain JSON: numbers, texts, lists and dicts, nothing that another program could not read."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from abbe.errors import ParameterError

#: longest list of numbers that is kept in an analysis; pixels belong into a version
LONGEST = 100_000
#: most levels of lists and dicts in each other; other programs read some hundreds at most
DEEPEST = 100


def plain(value: Any, level: int = 0) -> Any:
    """The value as JSON. Numbers that are not finite become None: the reason stands beside them as text. Halves of characters become "?".

    Raises `ParameterError` for things that are no data.
    """
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        return _text(value)
    if level > DEEPEST:
        raise ParameterError(f"wanted at most {DEEPEST} lists and dicts in each other, got more")
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, np.generic):
        return plain(value.item(), level)
    if isinstance(value, np.ndarray):
        if value.size > LONGEST:
            raise ParameterError(f"wanted at most {LONGEST} numbers in an analysis, got {value.size}; save them as a version")
        return plain(value.tolist(), level)
    if isinstance(value, Mapping):
        return {_text(str(key)): plain(item, level + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item, level + 1) for item in value]
    if hasattr(value, "to_dict"):
        return plain(value.to_dict(), level)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name), level + 1) for field in dataclasses.fields(value)}
    raise ParameterError(f"wanted numbers, texts, lists or dicts, got {type(value).__name__}")


def _text(value: str) -> str:
    """What can be written as UTF-8: a lone half of a character cannot."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()
