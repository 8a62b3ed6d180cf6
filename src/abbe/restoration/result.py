"""From the last stage to an `Image`: channels put together, interval, trust, recipe, notices."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from abbe.image import Image, Interval, Notice, PixelSize
from abbe.image.notice import join
from abbe.image.pixels import Array, MappedPixels, Pixels, SelectedPixels, StackedPixels
from abbe.recipe import Input, Recipe, Step
from abbe.restoration.engine import Engine
from abbe.restoration.resampling import EnlargedPixels, EvenPixels, RepeatedPixels
from abbe.restoration.stage import FLOAT32, Stage, removes_light
from abbe.restoration.trust import trust_in
from abbe.restoration.unmeasured import Unmeasured, old_where
from abbe.zoo import Model

BOOL = np.dtype(np.bool_)


@dataclass(frozen=True, slots=True)
class Grid:
    """How the output's grid differs from the input's."""

    #: pixels along y and x per input pixel
    factor: int = 1
    #: z-step over pixel size, where the stack was made even
    ratio: float | None = None

    @property
    def changed(self) -> bool:
        return self.factor > 1 or self.ratio is not None

    def pixel_size(self, size: PixelSize) -> PixelSize:
        z, y, x = size
        step = z if self.ratio is None else x
        return step, None if y is None else y / self.factor, None if x is None else x / self.factor

    def plainly(self, source: Pixels) -> Pixels:
        """Pixels brought to the output's grid by linear interpolation, as float32; unchanged values where the grid is the same."""
        if not self.changed:
            return MappedPixels(_as_float32, [source], FLOAT32)
        if self.ratio is not None:
            source = EvenPixels(source, self.ratio)
        return EnlargedPixels(source, self.factor) if self.factor > 1 else source

    def mask(self, mask: Pixels | None) -> Pixels | None:
        return mask if mask is None or not self.changed else RepeatedPixels(mask, self.factor, self.ratio)


def assemble(
    image: Image, last: Stage, chosen: tuple[int, ...], grid: Grid, recipe: Recipe, notices: Sequence[Notice], without: Unmeasured | None
) -> Image:
    """The result of a workflow whose last stage has the chosen channels, the others plainly brought to the same grid.

    Labels and rims have their old value, or 0 where light was removed. These, lines and planes that were not measured are masked, and
    nothing there is to be trusted.
    """
    spread = last.spread
    assert spread is not None
    mask = image.mask
    trust = trust_in(image, chosen, last)
    if without is not None:
        last = dataclasses.replace(last, estimate=_put_back(last, without, grid))
        mask = _with_unmeasured(image, without, chosen)
    if mask is not None:
        trust = MappedPixels(_dark_where, [trust, _on_grid(SelectedPixels(mask, chosen), grid)], FLOAT32)
    plain = grid.plainly(image.pixels)
    factor = np.float32(last.model.card.interval_factor)
    lower = MappedPixels(_Edge(-factor), [last.estimate, spread], FLOAT32)
    upper = MappedPixels(_Edge(factor), [last.estimate, spread], FLOAT32)
    certain = MappedPixels(np.ones_like, [plain], FLOAT32)
    result = image.replace(
        pixels=_join(last.estimate, plain, chosen),
        pixel_size=grid.pixel_size(image.pixel_size),
        bits=None,
        mask=grid.mask(mask),
        # measured beside the result on the same pixels
        original=image if without is None else image.replace(mask=mask),
        recipe=recipe,
        interval=None,
        trust=None,
        notices=join(image.warnings, tuple(notices)),
        provenance=dataclasses.replace(image.provenance, history=(*image.provenance.history, _sentence(recipe))),
    )
    bare = result.replace(original=None, notices=())
    return result.replace(
        interval=Interval(bare.replace(pixels=_join(lower, plain, chosen)), bare.replace(pixels=_join(upper, plain, chosen))),
        trust=bare.replace(pixels=_join(trust, certain, chosen)),
    )


def _put_back(last: Stage, without: Unmeasured, grid: Grid) -> Pixels:
    """The estimate, with labels and rims as they were."""
    lost, old = _on_grid(without.labels, grid), _on_grid(without.filled.source, grid)
    if removes_light(last.model):
        return MappedPixels(_dark_where, [last.estimate, lost], FLOAT32)
    return MappedPixels(old_where, [last.estimate, lost, old], FLOAT32)


def _on_grid(pixels: Pixels, grid: Grid) -> Pixels:
    found = grid.mask(pixels)
    assert found is not None
    return found


def _with_unmeasured(image: Image, without: Unmeasured, chosen: tuple[int, ...]) -> Pixels:
    """The image's mask and what was not measured of the chosen channels."""
    nowhere = MappedPixels(_nowhere, [image.pixels], BOOL)
    before = nowhere if image.mask is None else image.mask
    return MappedPixels(np.logical_or, [before, _join(without.mask, nowhere, chosen)], BOOL)


def _nowhere(a: Array) -> Array:
    return np.zeros(a.shape, bool)


def _dark_where(estimate: Array, lost: Array) -> Array:
    return np.where(lost, np.float32(0), estimate)


def account(operation: str, image: Image, stages: Sequence[Stage], chosen: tuple[int, ...], engine: Engine) -> Recipe:
    """The recipe of a run: enough to repeat it."""
    steps = []
    for stage in stages:
        card = stage.model.card
        steps.append(
            Step(
                name=stage.name,
                model=card.name,
                model_version=card.version,
                model_digest=card.digest,
                channels=None if len(chosen) == image.shape[1] else chosen,
                parameters={
                    "normalisation": [n.to_dict() for n in stage.normalisation],
                    **_realism(stage.model),
                    "passes": stage.passes,
                    **stage.found,
                },
            )
        )
    return Recipe(operation=operation, inputs=(Input.of(image),), steps=tuple(steps), engine=engine.account())


def _realism(model: Model) -> dict[str, float | str]:
    """How much of the adversarial partner was mixed in, and which file it was."""
    partner = model.card.realism.partner
    return {"realism": model.realism} | ({"partner_digest": partner} if model.realism and partner else {})


def _sentence(recipe: Recipe) -> str:
    """One line of an image's history."""
    done = ", ".join(f"{step.name} ({step.model} {step.model_version})" for step in recipe.steps)
    return f"{recipe.operation}: {done}; {recipe.software}"


def _join(chosen_pixels: Pixels, others: Pixels, chosen: tuple[int, ...]) -> Pixels:
    """All channels in their order: `chosen_pixels` holds the chosen ones alone, `others` holds every channel."""
    count = others.shape[1]
    if chosen == tuple(range(count)):
        return chosen_pixels
    return StackedPixels(
        tuple(SelectedPixels(chosen_pixels, (chosen.index(k),)) if k in chosen else SelectedPixels(others, (k,)) for k in range(count))
    )


def _as_float32(a: Array) -> Array:
    return a.astype(np.float32, copy=False)


@dataclass(frozen=True, slots=True)
class _Edge:
    """One end of the interval."""

    factor: np.float32

    def __call__(self, estimate: Array, spread: Array) -> Array:
        edge: Array = estimate + self.factor * spread
        return edge
