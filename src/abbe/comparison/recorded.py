"""What an image's file says of how it was made, where the image that it was made from is not at hand."""

from __future__ import annotations

import math

from abbe.errors import ParameterError
from abbe.image import Image
from abbe.image.computed import ALIGNED, OPERATIONS, tells
from abbe.image.lines import LinelessPixels
from abbe.image.spikes import without_spikes
from abbe.recipe import Recipe


def recorded(image: Image) -> Recipe | None:
    """The last thing done to it: its recipe, or the one that its file holds; None where something else was done since, such as merging.

    A file may say anything: a recipe that makes no sense, or has steps on channels that its input has not, is none.
    """
    recipe = recipe_of(image)
    if isinstance(image.recipe, Recipe):
        return recipe if recipe is not None and recipe.operation in OPERATIONS else None
    return _sound(recipe) if any(map(tells, image.provenance.history[-1:])) else None


def computed_by(image: Image) -> Recipe | None:
    """What computed it: the same, and of a result whose channels were moved since, what was done before that."""
    recipe = aligned_by(image)
    return recorded(image) if recipe is None else _sound(_before(recipe))


def aligned_by(image: Image) -> Recipe | None:
    """How its channels were moved, if that is the last that was done to it, but for cutting a part out."""
    recipe = recipe_of(image)
    if recipe is not None and recipe.operation == "crop":
        recipe = _before(recipe)
    last = isinstance(image.recipe, Recipe) or any(line.startswith(ALIGNED) for line in image.provenance.history[-1:])
    return recipe if last and recipe is not None and recipe.operation == "align" else None


def _before(recipe: Recipe) -> Recipe | None:
    """What an alignment, or a crop, says of what was done before it."""
    try:
        return Recipe.from_dict(recipe.parameters.get("before"))
    except ParameterError:
        return None


def recipe_of(image: Image) -> Recipe | None:
    """Its recipe, or the one that its file holds, whatever that says."""
    if isinstance(image.recipe, Recipe):
        return image.recipe
    try:
        return Recipe.from_json(image.provenance.facts.get("recipe", ""))
    except ParameterError:
        return None


def _sound(recipe: Recipe | None) -> Recipe | None:
    """None for one that makes no sense."""
    if recipe is None:
        return None
    count = len(recipe.inputs[0].channels) if recipe.inputs and recipe.operation in OPERATIONS else 0
    return recipe if count and recipe.steps and all(0 <= c < count for step in recipe.steps for c in step.channels or ()) else None


def untouched(transformed: Image, c: int) -> bool:
    """Did the last computation leave channel c as it was, or only bring it to a finer grid?"""
    recipe = computed_by(transformed)
    return recipe is not None and all(step.channels is not None and c not in step.channels for step in recipe.steps)


def without_what_it_left_out(original: Image, transformed: Image) -> Image:
    """The original without the hot pixels, cosmic rays and dead lines that were left out before `transformed` was computed from it.

    No result has them; left in the original, one of them decides every measure.
    """
    recipe, codes = computed_by(transformed), {notice.code for notice in transformed.notices}
    if recipe is not None and "unmeasured" in codes:
        changed = frozenset(c for c in range(original.shape[1]) if not untouched(transformed, c))
        original = original.replace(pixels=LinelessPixels(original.pixels, changed))
    if recipe is None or "spikes" not in codes:
        return original
    first = recipe.steps[0]
    scales = [math.inf] * original.shape[1]
    for c, normal in zip(first.channels or range(original.shape[1]), first.parameters.get("normalisation", ())):
        if c < len(scales):
            scales[c] = float(normal["scale"])
    return original.replace(pixels=without_spikes(original.pixels, scales, sharp=recipe.operation == "background"))


def took_light_away(image: Image) -> bool:
    """Did abbe take light from other planes, or background, from it?"""
    return any(line.startswith("background:") or "axial (" in line for line in image.provenance.history if tells(line))
