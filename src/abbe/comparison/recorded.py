"""What an image's file says of how it was made, where the image that it was made from is not at hand."""

from __future__ import annotations

from abbe.errors import ParameterError
from abbe.image import Image
from abbe.recipe import Recipe

#: operations of abbe that compute new pixels; the lines of a history that tell of them begin so
OPERATIONS = ("enhance", "background")


def is_result(image: Image) -> bool:
    """Was it computed by abbe, now or before its file was written?"""
    return bool(told(image)) or (image.recipe is not None and image.recipe.to_dict().get("operation") in OPERATIONS)


def told(image: Image) -> tuple[str, ...]:
    """The lines of its history that tell of a computation, oldest first."""
    return tuple(line for line in image.provenance.history if line.startswith(tuple(f"{word}:" for word in OPERATIONS)))


def recorded(image: Image) -> Recipe | None:
    """The last recipe that its file holds. A file may say anything: what makes no sense, or has steps on channels it has not, is none."""
    try:
        recipe = Recipe.from_json(image.provenance.facts.get("recipe", ""))
    except ParameterError:
        return None
    whole = bool(recipe.inputs and recipe.steps) and recipe.operation in OPERATIONS
    count = len(recipe.inputs[0].channels) if whole else 0
    return recipe if whole and all(0 <= c < count for step in recipe.steps for c in step.channels or ()) else None
