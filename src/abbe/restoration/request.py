"""What a caller asked for, checked before anything is computed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any, TypeAlias

from abbe.errors import ModelError, ParameterError
from abbe.image import Image, Notice
from abbe.image.keys import channel_key
from abbe.zoo import Model, find

#: the steps of Workflow A, in the order in which they are done
STEPS = ("denoise", "axial", "super_resolve")

#: a model by name or path, or one per step
ModelChoice: TypeAlias = str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]]

#: step -> tasks of the models that can do it
_TASKS = {
    "denoise": ("denoise",),
    "axial": ("axial_plane", "axial_stack"),
    "super_resolve": ("super_resolve",),
    "background": ("background",),
}


def check_steps(steps: Sequence[str] | str) -> tuple[str, ...]:
    """Steps of Workflow A in their order. Raises `ParameterError` for unknown, repeated, misplaced or no steps."""
    wanted = tuple(steps) if isinstance(steps, Iterable) and not isinstance(steps, str) else (steps,)
    unknown = [step for step in wanted if step not in STEPS]
    if unknown:
        raise ParameterError(f"wanted steps of {', '.join(STEPS)}, got {unknown[0]!r}")
    if not wanted or [step for step in STEPS if step in wanted] != list(wanted):
        raise ParameterError(f"wanted one or more steps in the order {', '.join(STEPS)}, each once, got {', '.join(wanted) or 'none'}")
    return wanted


def check_channels(image: Image, channels: Sequence[int | str] | int | str | None) -> tuple[int, ...]:
    """Chosen channels by index, in the image's order; None: all.

    Raises `ParameterError` for one that is not there, is given twice, or has no pixel that is a number.
    """
    if channels is None:
        return _measured(image, tuple(range(image.shape[1])))
    listed: tuple[int | str, ...] = tuple(channels) if isinstance(channels, Iterable) and not isinstance(channels, str) else (channels,)
    picked = [image.channel(channel) for channel in listed]
    if not picked or len(set(picked)) != len(picked):
        raise ParameterError(f"wanted one or more channels, each once, got {', '.join(map(str, listed)) or 'none'}")
    return _measured(image, tuple(sorted(picked)))


def in_image_order(image: Image, channels: Sequence[int | str] | int | str | None, said: Any) -> Any:
    """What was `said` for each chosen channel, as the caller named them, in the image's order, as `check_channels` has them.

    One for all, and what does not fit the channels, stays as it is.
    """
    parts = said.split(",") if isinstance(said, str) and "," in said else said
    if isinstance(channels, str) or isinstance(parts, str) or not (isinstance(channels, Iterable) and isinstance(parts, Sequence)):
        return said
    places = [image.channel(channel) for channel in channels]
    return [one for _, one in sorted(zip(places, parts), key=lambda pair: pair[0])] if len(places) == len(parts) else said


def named_channels(words: Sequence[str], image: Image) -> list[int | str]:
    """Channels as words name them: by name, or by number where none has that name."""
    return [channel_key(image, word) for word in words]


def _measured(image: Image, chosen: tuple[int, ...]) -> tuple[int, ...]:
    if image.mask is None:
        return chosen
    frames, _, depth, height, width = image.shape
    for c in chosen:
        planes = ((t, z) for t in range(frames) for z in range(depth))
        whole = (slice(0, height), slice(0, width))
        if all(image.mask.read((slice(t, t + 1), slice(c, c + 1), slice(z, z + 1), *whole)).all() for t, z in planes):
            others = "; leave that channel out" if image.shape[1] > 1 else "; was the file written whole?"
            raise ParameterError(f"wanted pixels that are numbers, got none in {image.channels[c]}{others}")
    return chosen


def axial_ratio(image: Image) -> float | None:
    """z-step over pixel size, of a stack where both are known; else None: planes are then treated one by one."""
    step, _, size = image.pixel_size
    return step / size if image.shape[2] > 1 and step is not None and size is not None else None


def choose_models(steps: Sequence[str], choice: ModelChoice | None, axial_task: str) -> dict[str, Model]:
    """A model for each step: the user's where one was named, else abbe's own.

    A model named alone, without a step, is used for the step that its card's task belongs to.
    """
    named: dict[str, str | os.PathLike[str]] = {}
    if isinstance(choice, Mapping):
        named = dict(choice)
    elif choice is not None:
        made_for = find(choice).card.task
        named = {step: choice for step in _TASKS if made_for in _TASKS[step]}
    stray = [step for step in named if step not in steps]
    if stray:
        raise ModelError(f"wanted a model for the steps {', '.join(steps)}, got one for {stray[0]!r}; choose another, or add the step")
    models: dict[str, Model] = {}
    for step in steps:
        task = axial_task if step == "axial" else step
        model = find(named.get(step, task))
        if model.card.task != task:
            raise ModelError(f"wanted a model for {step} whose task is {task}, got {model.card.name}, whose task is {model.card.task}")
        models[step] = model
    return models


def check_request(
    steps: Sequence[str], model: ModelChoice | None = None, realism: float | None = None, passes: Passes | None = None
) -> dict[str, Model]:
    """Name and version -> every model that a run may use, on whatever image. What would fail on all of them fails here, before one is read.

    Raises `ParameterError`, `ModelError`.
    """
    kinds, used, refused = ("axial_plane", "axial_stack") if "axial" in steps else ("",), {}, []
    for kind in kinds:
        try:
            models = at_realism(realism, choose_models(steps, model, kind))[0]
        except ModelError as problem:
            refused.append(problem)  # one's own may be for stacks, or for planes
            continue
        choose_passes(passes, models)
        used.update({f"{m.card.name} {m.card.version}": m for m in models.values()})
    if len(refused) == len(kinds):
        raise refused[0]
    return used


#: how often each tile is seen, by task, and where a denoiser or the single-plane axial model is the last step. Measured for 1, 2, 4 and 8
#: passes: denoising W2S 32.85, 32.91, 32.94, 32.96 dB; background of ER under haze 33.15, 33.32, 33.37, 33.40 dB; super-resolved STED, ER
#: and SIM at 300 photons gain 0.07, 0.02 and 0.06 dB by a second pass
PASSES = {"denoise": 2, "super_resolve": 2, "background": 4, "axial_plane": 1}
LAST_PASSES = {"denoise": 4, "axial_plane": 4}
MOST_PASSES, STACK_PASSES = 8, 2
#: frames on each side that a frame of a series may share its light with
MOST_FRAMES = 4

#: planes that a stack must have for that
FEWEST_PLANES = 5

#: which channels are of a colour camera: all, none, as one says for each, or as their noise does
MosaicChoice: TypeAlias = bool | Sequence[bool] | None
#: a number for all steps, or one per step
Passes: TypeAlias = int | Mapping[str, int]


def choose_passes(wanted: Passes | None, models: Mapping[str, Model]) -> dict[str, int]:
    """How often each step's network sees each tile.

    Networks over stacks see each voxel once more in the other orientation, and at most `STACK_PASSES` times in each.

    Raises `ParameterError` for a number beyond 1 to `MOST_PASSES`, or for a step that is not done.
    """
    given = dict(wanted) if isinstance(wanted, Mapping) else {}
    stray = [step for step in given if step not in models]
    if stray:
        raise ParameterError(f"wanted passes for the steps {', '.join(models)}, got some for {stray[0]!r}; leave it out, or add the step")
    chosen = {}
    for number, (step, model) in enumerate(models.items()):
        card = model.card
        ours = PASSES.get(card.task, 1)
        if number == len(models) - 1:
            ours = LAST_PASSES.get(card.task, ours)
        count = given.get(step, ours) if wanted is None or isinstance(wanted, Mapping) else wanted
        if count not in range(1, MOST_PASSES + 1):
            raise ParameterError(f"wanted a whole number of passes from 1 to {MOST_PASSES}, got {count!r}")
        chosen[step] = min(int(count), STACK_PASSES) if card.task == "axial_stack" else int(count)
    return chosen


def choose_frames(wanted: int, steps: Iterable[str]) -> int:
    """How many frames on each side a frame of a series shares its light with; 0: it is restored for itself.

    Raises `ParameterError` for a number beyond 0 to `MOST_FRAMES`, or where nothing is denoised.
    """
    if isinstance(wanted, bool) or wanted not in range(MOST_FRAMES + 1):
        raise ParameterError(f"wanted a whole number of frames on each side from 0 to {MOST_FRAMES}, got {wanted!r}")
    if wanted and "denoise" not in steps:
        raise ParameterError(
            f"wanted the step denoise for frames that share their light, got {', '.join(steps)}; add it, or leave frames at 0"
        )
    return int(wanted)


def check_sharing(steps: Iterable[str], frames: int, planes: bool | None) -> None:
    """Raise `ParameterError` where frames or planes that share their light are asked for and cannot, whatever the image."""
    steps = tuple(steps)
    if planes is not None and not isinstance(planes, bool):
        raise ParameterError(f"wanted planes as True, False, or None where that is for abbe to say, got {planes!r}")
    if choose_frames(frames, steps) and planes:
        raise ParameterError(f"wanted either planes or frames that share their light, got both (frames={frames}); choose one")
    if planes and "denoise" not in steps:
        raise ParameterError(
            f"wanted the step denoise for planes that share their light, got {', '.join(steps)}; add it, or leave planes out"
        )


def choose_planes(wanted: bool | None, steps: Iterable[str], frames: int, image: Image, along_z: bool) -> bool:
    """Do the planes of a stack share their light. None: those of a stack of known z-step, unless its frames share theirs, or the axial step
    will look `along_z` by itself. Raises `ParameterError`."""
    steps = tuple(steps)
    check_sharing(steps, frames, wanted)
    if wanted is None:
        wanted = "denoise" in steps and not frames and not along_z and image.pixel_size[0] is not None
    return wanted and image.shape[2] >= FEWEST_PLANES


def choose_mosaic(wanted: MosaicChoice, steps: Iterable[str], count: int) -> tuple[bool, ...] | None:
    """Which of so many channels are red or blue of a colour camera; None: that is for their noise to say. Raises `ParameterError`."""
    if wanted is None:
        return None
    which = (wanted,) * count if isinstance(wanted, bool) else tuple(wanted) if isinstance(wanted, Sequence) else ()
    if len(which) != count or not all(isinstance(one, bool) for one in which):
        raise ParameterError(f"wanted mosaic as True, False, one of these for each of {count} channels, or None, got {wanted!r}")
    if any(which) and "denoise" not in steps:
        raise ParameterError(f"wanted the step denoise for mosaic, got {', '.join(steps)}; add it, or leave mosaic out")
    return which


def at_realism(realism: float | None, models: Mapping[str, Model]) -> tuple[dict[str, Model], list[Notice]]:
    """The models with this share of their adversarial partners' weights (None: as their cards say), and what is to be known of it.

    Raises `ParameterError` for a share beyond [0, 1].
    """
    if realism is not None and not (isinstance(realism, int | float | Real) and 0 <= realism <= 1):
        raise ParameterError(f"wanted a realism from 0 (fidelity) to 1 (the adversarially trained partner), got {realism!r}")
    without = [model.card.name for model in models.values() if model.card.realism.partner is None]
    chosen = {step: model if realism is None or model.card.name in without else model.at(float(realism)) for step, model in models.items()}
    notices = []
    if realism and without:
        few = "it has no adversarially trained partner" if len(without) == 1 else "they have no adversarially trained partner"
        notices.append(Notice("realism", f"realism {realism:g} has no effect on {', '.join(without)}: {few}"))
    mixed = {model.card.name: model.realism for model in chosen.values() if model.realism}
    if mixed:
        names = ", ".join(f"{name} at realism {share:g}" for name, share in mixed.items())
        notices.append(Notice("uncalibrated", f"{names}: interval and trust were calibrated at realism 0 and may not hold here"))
    return chosen, notices
