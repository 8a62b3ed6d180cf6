"""A path as a caller gave it."""

from __future__ import annotations

import os

from abbe.errors import ParameterError


def path_text(path: object) -> str:
    """A path as text. Raises `ParameterError` for what is none."""
    if isinstance(path, str | bytes | os.PathLike):
        return os.fsdecode(path)
    raise ParameterError(f"wanted the path of a file as text or a Path, got {'None' if path is None else type(path).__name__}")
