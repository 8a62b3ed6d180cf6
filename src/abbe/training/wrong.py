"""What is wrong with a training plan, in the words of its file: keys that there are not, values that are none, patterns that lead away."""

from __future__ import annotations

import difflib
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from pydantic import BaseModel, ValidationError

from abbe.errors import ParameterError

#: what pydantic would say in regular expressions
NAMES = "wanted letters, digits, '-' and '_' (64 at most, a letter or digit first), as the name is a folder's too"
#: mistakes that are told at once, and characters of a value that are shown
TOLD, SHOWN = 4, 60


def below(pattern: str) -> str:
    """A folder, file or pattern that lies below the data folder. Raises `ValueError` for any other."""
    parts = (*PurePosixPath(pattern).parts, *PureWindowsPath(pattern).parts)
    if not parts or PurePosixPath(pattern).is_absolute() or PureWindowsPath(pattern).anchor or ".." in parts:
        raise ValueError(f"wanted a path below the data folder, as 'cells/*.tif', got {pattern!r}; say with --data where that folder is")
    if any("**" in part and part != "**" for part in parts):
        raise ValueError(f"wanted '**' as a folder of its own, as 'cells/**/*.tif', got {pattern!r}")
    return pattern


def diverged(name: str, rate: float, step: int) -> ParameterError:
    """That the weights of the plan `name` ran away at that step, with that learning rate."""
    return ParameterError(
        f"wanted errors that are numbers, got others at step {step} of {name}: its weights ran away. Give the plan a lower "
        f"learning_rate (it is {rate:g}) and another name; what was learnt up to the last checkpoint stays where it is"
    )


def in_words(problem: ValidationError, plan: type[BaseModel]) -> str:
    """Every mistake with the field that it is in, what was wanted and what came; of many the first few."""
    found = [error for error in problem.errors() if not (error["type"] == "too_short" and error["input"])]  # short for what else is told
    told = [f"{'.'.join(str(part) for part in error['loc'] if part != '[key]') or 'plan'}: {_said(error, plan)}" for error in found[:TOLD]]
    return "; ".join(told) + (f"; and {len(found) - TOLD} more" if len(found) > TOLD else "")


def _said(error: Any, plan: type[BaseModel]) -> str:
    kind, came = error["type"], repr(error["input"])
    came = came if len(came) <= SHOWN else came[:SHOWN] + "..."
    if kind == "extra_forbidden":
        known = _keys(plan, error["loc"][:-1])
        near = difflib.get_close_matches(str(error["loc"][-1]), known, 1)
        return "there is no such key; " + (f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}")
    if kind == "missing":
        return "wanted one, as there is none that fits every plan, got nothing"
    if kind == "string_pattern_mismatch":
        return f"{NAMES}, got {came}"
    if kind == "value_error":
        return str(error["msg"]).removeprefix("Value error, ")
    if kind in ("too_short", "too_long"):
        most = kind == "too_long"
        return f"wanted {error['ctx']['max_length' if most else 'min_length']} at {'most' if most else 'least'}, got {came}"
    wanted = str(error["msg"]).removeprefix("Input should be ").replace("valid tuple", "valid list")
    wanted = wanted.split(", unable to parse")[0].split(", got a number")[0]
    return f"wanted {'a value ' if wanted.startswith(('greater', 'less')) else ''}{wanted}, got {came}"


def _keys(plan: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """The keys of that part of a plan."""
    part: Any = plan
    for name in place:
        wanted = part.model_fields[str(name)].annotation
        part = next(one for one in (wanted, *getattr(wanted, "__args__", ())) if isinstance(one, type) and issubclass(one, BaseModel))
    return list(part.model_fields)
