"""Workflow A, `enhance`, and Workflow B, `correct_background`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from abbe.image import Image, Notice, as_image
from abbe.image.foreign import told_as_foreign
from abbe.image.pixels import Pixels, SelectedPixels
from abbe.image.spikes import about_spikes, without_spikes
from abbe.restoration.engine import Engine, ProviderError, engine, runner
from abbe.restoration.frames import about_frames
from abbe.restoration.levels import restore_levels
from abbe.restoration.mosaic import NOWHERE, Found, Mosaics
from abbe.restoration.normalisation import Normalisation, normalisation
from abbe.restoration.planes import restore_planes
from abbe.restoration.progress import Part, Progress
from abbe.restoration.psf import Psf, Widths, choose_psf
from abbe.restoration.request import (
    STEPS,
    ModelChoice,
    MosaicChoice,
    Passes,
    at_realism,
    axial_ratio,
    check_channels,
    check_steps,
    choose_models,
    choose_passes,
    in_image_order,
)
from abbe.restoration.result import Grid, account, assemble
from abbe.restoration.room import check_room
from abbe.restoration.sharing import ALONE, Sharing, Together, about_few_planes, about_shared
from abbe.restoration.stacks import restore_stacks
from abbe.restoration.stage import Stage, Work, removes_light
from abbe.restoration.unmeasured import find_unmeasured, lost_in, nowhere_in
from abbe.zoo import Model

#: steps that the contrast of a channel is to have in float32, at least: as an 8-bit image has
GREY_LEVELS = 256


def enhance(
    image: Image | npt.ArrayLike,
    steps: Sequence[str] | str = STEPS,
    channels: Sequence[int | str] | int | str | None = None,
    model: ModelChoice | None = None,
    realism: float | None = None,
    engine: str = "auto",
    exact: bool = False,
    progress: Progress | None = None,
    *,
    passes: Passes | None = None,
    psf: Psf | None = None,
    frames: int = 0,
    planes: bool | None = None,
    mosaic: MosaicChoice = None,
) -> Image:
    """Workflow A: denoise, then sharpen along z, then super-resolve; each step works on the result of the one before.

    Args:
        image: an `Image`, or a 2-D (YX) or 3-D (ZYX) array.
        steps: one or more of "denoise", "axial", "super_resolve", in this order.
        channels: by index or name; None: all. The others are kept as they are, or brought to the new grid by linear interpolation.
        model: a model's name or path, or one per step: {"denoise": ...}. None: abbe's own.
        realism: from 0, the fidelity model, to 1, its adversarially trained partner: crisper, and more often wrong. Models without a
            partner stay as they are, of which a notice tells. None: what the models' cards say.
        engine: "auto", "openvino", "cpu", "cuda", "coreml" or "directml".
        exact: compute in float32 throughout, slower.
        progress: `progress(fraction, text)`; returns False or raises `CancelledError` to stop.
        passes: how often the networks see each tile, each time moved and turned, from 1, the fastest, to 8; their results are averaged.
            One number for all steps, or one per step: {"denoise": 1}. None: 2 for "denoise" and "super_resolve", 4 for "denoise" and for
            "axial" on single planes as the last step, else 1. A stack with known z-step is seen along both of its sides once, or twice
            where 2 or more are wanted.
        psf: how wide the lens's point-spread function is (FWHM in the plane), which "super_resolve" undoes: in um, as measured on a bead,
            or in pixels, "2.6px"; one for all channels, or one per chosen channel, None where it is not known. None: by the file's
            wavelength, aperture and pixel size, where it has them. "unknown": as if it had not; the network then goes by the image alone.
        frames: in a time series, how many frames before and after each one (0 to 4) its fine detail is averaged with, wherever these show
            the same, before anything else is done. 0: every frame is restored for itself. Needs "denoise"; no effect on a single frame.
        planes: in a stack of five planes and more, are planes that lie closer together than the lens can tell apart to share their light,
            before anything else is done. Needs "denoise", and frames that do not. None: where the z-step is known, unless "axial" will
            sharpen along z, which sees the planes beside by itself.
        mosaic: are the channels red or blue of a colour camera, for which the denoiser has weights of its own: True, False, or one of these
            per chosen channel. None: as their noise says, where an image is large enough to tell (from about 190 x 190 pixels) and not a
            result. No effect with a denoiser that has none, or with realism above 0.

    Returns:
        A float32 image in the input's units, with `original`, `recipe`, `interval` and `trust`. "axial" on a stack of known z-step and
        pixel size gives round((planes - 1) * step / size) + 1 planes at the pixel size; on other images it removes, plane by plane, light
        from out of focus. "super_resolve" gives three times as many pixels along y and x. The mean of each plane (for "axial"
        on a stack, that of the stack interpolated to the new planes) is kept, except where light is removed.

    Raises:
        ParameterError, ModelError, EngineError: the request cannot be met; AxesError: an array with unclear axes; LimitError: the result
        is beyond the budget or the free disk; CancelledError: stopped by `progress`.
    """
    source = as_image(image)
    wanted = check_steps(steps)
    chosen = check_channels(source, channels)
    psf, mosaic = (in_image_order(source, channels, said) for said in (psf, mosaic))
    ratio = axial_ratio(source) if "axial" in wanted else None
    models = choose_models(wanted, model, "axial_plane" if ratio is None else "axial_stack")
    models, about = at_realism(realism, models)
    grid = Grid(3 if "super_resolve" in wanted else 1, ratio)
    notices = [*told_as_foreign(source, chosen), *about, *_about_axial(source, wanted, ratio), *_about_others(source, chosen, grid)]
    often = choose_passes(passes, models)
    sharing = Sharing.of(source, wanted, frames, planes)
    mosaics = Mosaics.of(source, chosen, mosaic, wanted)
    widths, doubts = choose_psf(source, chosen, models, psf)
    notices += [*doubts, *about_frames(frames, source), *about_few_planes(planes, source)]
    return _run("enhance", source, models, chosen, grid, notices, engine, exact, progress, often, widths, sharing, mosaics)


def correct_background(
    image: Image | npt.ArrayLike,
    channels: Sequence[int | str] | int | str | None = None,
    model: ModelChoice | None = None,
    engine: str = "auto",
    exact: bool = False,
    progress: Progress | None = None,
    *,
    realism: float | None = None,
    passes: Passes | None = None,
) -> Image:
    """Workflow B: remove background and noise from chosen channels; same pixel grid, the other channels keep their values.

    For images that are super-resolved already, and any other whose background is to go. The result is the light above background,
    float32 in the input's units, with `original`, `recipe`, `interval` and `trust`.

    Args and errors: as for `enhance`, but that each tile is seen four times by default.
    """
    source = as_image(image)
    chosen = check_channels(source, channels)
    models, about = at_realism(realism, choose_models(("background",), model, ""))
    about = [*told_as_foreign(source, chosen), *about]
    return _run("background", source, models, chosen, Grid(), about, engine, exact, progress, choose_passes(passes, models), Widths())


def _run(
    operation: str,
    image: Image,
    models: dict[str, Model],
    chosen: tuple[int, ...],
    grid: Grid,
    notices: Sequence[Notice],
    engine_name: str,
    exact: bool,
    progress: Progress | None,
    passes: dict[str, int],
    widths: Widths,
    sharing: Sharing = ALONE,
    mosaics: Mosaics = NOWHERE,
) -> Image:
    """All steps on the engine asked for; once more from the start on the plain CPU provider where that one fails on a model."""
    check_room(image, chosen, grid, sharing.frames > 0, sharing.planes)
    picked = engine(engine_name, exact)
    raw: Pixels = image.pixels if len(chosen) == image.shape[1] else SelectedPixels(image.pixels, chosen)
    without = find_unmeasured(raw, Part(progress), nowhere_in(image, chosen))
    reached = 0.0

    def told(fraction: float, text: str) -> object:
        nonlocal reached
        reached = fraction
        return None if progress is None else progress(fraction, text)

    source = raw if without is None else without.filled
    lost = lost_in(image, chosen, without) if sharing.any else None
    try:
        stages = _stages(source, models, grid, picked, Part(told), passes, widths, sharing, lost, mosaics)
    except ProviderError as problem:
        reason = (str(problem).strip() or "no reason given").splitlines()[0][:200]
        failed, picked = picked, engine("cpu", exact)
        notices = [*notices, Notice("engine", f"the engine {failed.name} failed ({reason}); the plain CPU provider was used instead")]
        stages = _stages(source, models, grid, picked, Part(told, reached), passes, widths, sharing, lost, mosaics)
    recipe = account(operation, image, stages, chosen, picked)
    about = [*notices, *([] if without is None else without.notices()), *(notice for stage in stages for notice in stage.notices)]
    about += about_shared(stages[0], [image.channels[c] for c in chosen])
    about += _about_offset([image.channels[c] for c in chosen], stages[0].normalisation)
    result = assemble(image, stages[-1], chosen, grid, recipe, about, without)
    Part(progress)(1.0, "done")
    return result


def _stages(
    raw: Pixels,
    models: dict[str, Model],
    grid: Grid,
    on: Engine,
    report: Part,
    passes: dict[str, int],
    widths: Widths,
    sharing: Sharing,
    lost: Pixels | None,
    mosaics: Mosaics,
) -> list[Stage]:
    """The steps in turn, each on the estimate of the one before. Only the last keeps its spread, being trained on the chain's output.

    The one normalisation is that of the image. Were each step's input to have its own, a bright object somewhere in the image would change,
    by rounding, what comes out everywhere else. Where a step takes the background away, the offset is 0 from there on.
    """
    first = next(iter(models.values())).card
    own = normal = tuple(normalisation(raw, k, first) for k in range(raw.shape[1]))
    clean = without_spikes(raw, [n.scale for n in own], sharp="background" in models)
    pixels: Pixels = clean
    found = mosaics.found(clean, models["denoise"]) if "denoise" in models else Found()
    others = found.others(on)
    about = (*about_spikes(clean), *found.notices())
    shared: Together | None = None
    if sharing.any:
        part, report = report.part(0.0, sharing.time), report.part(sharing.time, 1.0)
        work = Work("denoise", models["denoise"], runner(models["denoise"], on), part, True, normal, others=others)
        shared = sharing.apply(clean, work, lost)
        pixels = shared.pixels
    raw = pixels
    stages: list[Stage] = []
    shares = _shares(models, passes)
    for number, (step, model) in enumerate(models.items()):
        part = report.part(*shares[number])
        part(0.0, step)
        psf = widths.sigmas() if step == "super_resolve" else ()
        work = Work(step, model, runner(model, on), part, number == len(models) - 1, normal, passes[step], psf)
        if step == "denoise":
            work = dataclasses.replace(work, others=others)
        if model.card.task == "axial_stack":
            assert grid.ratio is not None
            stage = restore_stacks(pixels, grid.ratio, work, clean if sharing.planes else raw)
        elif model.card.levels:
            stage = restore_levels(pixels, work)
        else:
            stage = restore_planes(pixels, work, (raw, own))
        if step == "super_resolve":
            stage = dataclasses.replace(stage, found={**stage.found, **widths.account()})
        if step == "denoise":
            stage = dataclasses.replace(stage, found={**stage.found, **found.account()})
        if shared is not None and step == "denoise":
            stage = dataclasses.replace(stage, found={**stage.found, **sharing.found(shared)})
        stages.append(dataclasses.replace(stage, notices=(*about, *stage.notices)) if number == 0 else stage)
        pixels = stage.estimate
        if removes_light(model):
            normal = tuple(Normalisation(0.0, n.scale) for n in normal)
    last = stages[-1]
    if shared is not None and last.spread is not None:
        stages[-1] = dataclasses.replace(last, spread=shared.widened(last.spread, grid.plainly))
    return stages


def _shares(models: dict[str, Model], passes: dict[str, int]) -> list[tuple[float, float]]:
    """(start, stop) of each step in the whole run: super-resolution and both orientations of a stack take about twice as long."""
    weights = [passes[step] * (2.0 if model.card.task in ("super_resolve", "axial_stack") else 1.0) for step, model in models.items()]
    ends = [sum(weights[: k + 1]) / sum(weights) for k in range(len(weights))]
    return list(zip([0.0, *ends[:-1]], ends))


def _about_axial(image: Image, steps: Sequence[str], ratio: float | None) -> list[Notice]:
    if "axial" not in steps or image.shape[2] == 1 or ratio is not None:
        return []
    what = "z-step" if image.pixel_size[0] is None else "pixel size"
    message = f"the {what} of this stack is not known: the axial step took out-of-focus light from each plane instead of sharpening along z"
    return [Notice("pixel_size", message)]


def _about_offset(names: Sequence[str], normal: Sequence[Normalisation]) -> list[Notice]:
    """Where a channel lies so far from 0 that float32, in which results are, cannot tell its grey levels apart."""
    far = [
        f"{name} ({offset:.4g}, where numbers are {step:g} apart and the contrast is {n.scale:.3g})"
        for name, n in zip(names, normal)
        if (step := float(np.spacing(np.float32(abs(offset := n.offset) + n.scale)))) > n.scale / GREY_LEVELS
    ]
    if not far:
        return []
    return [
        Notice("offset", f"so far from 0 that float32 rounds away fine differences: {', '.join(far)}; subtract most of the offset before")
    ]


def _about_others(image: Image, chosen: tuple[int, ...], grid: Grid) -> list[Notice]:
    others = [name for k, name in enumerate(image.channels) if k not in chosen]
    if not others or not grid.changed:
        return []
    message = f"{', '.join(others)}: not enhanced, brought to the grid of the other channels by plain linear interpolation"
    return [Notice("enlarged", message)]
