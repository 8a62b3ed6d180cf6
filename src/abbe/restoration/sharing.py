"""What shares its light before anything else is done: the frames of a series (`abbe.restoration.frames`), or the planes of a stack
(`abbe.restoration.depth`)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from abbe.image import Image, Notice
from abbe.image.pixels import Pixels
from abbe.image.spikes import without_spikes
from abbe.restoration.depth import Deep, about_planes, share_planes
from abbe.restoration.engine import Engine, ProviderError, engine, runner
from abbe.restoration.frames import Shared, share_frames
from abbe.restoration.mosaic import Mosaics
from abbe.restoration.normalisation import normalisation
from abbe.restoration.progress import Part
from abbe.restoration.request import (
    FEWEST_PLANES,
    ModelChoice,
    MosaicChoice,
    at_realism,
    axial_ratio,
    check_sharing,
    choose_frames,
    choose_models,
    choose_planes,
)
from abbe.restoration.stage import Stage, Work
from abbe.restoration.unmeasured import as_before, find_unmeasured, lost_in
from abbe.zoo import find

#: what came of it
Together: TypeAlias = Shared | Deep


@dataclasses.dataclass(frozen=True, slots=True)
class Sharing:
    """What a run shares: so many frames on each side, or a stack's planes, or nothing."""

    frames: int = 0
    planes: bool = False

    @classmethod
    def of(cls, image: Image, steps: Sequence[str], frames: int, planes: bool | None) -> Sharing:
        """What `enhance` was asked for, as far as the image has it. Raises `ParameterError`."""
        check_sharing(steps, frames, planes)
        count = choose_frames(frames, steps) if image.shape[0] > 1 else 0
        ratio = axial_ratio(image) if "axial" in steps else None
        return cls(count, choose_planes(planes, steps, count, image, ratio is not None))

    @property
    def any(self) -> bool:
        return self.frames > 0 or self.planes

    @property
    def time(self) -> float:
        """Share of a run that it takes: frames of the whole chain a fifth, of denoising alone a third; planes less."""
        return 0.25 if self.frames else 0.15

    def apply(self, clean: Pixels, work: Work, lost: Pixels | None, only: int | None = None) -> Together:
        """`clean` after that; `only` this frame, or plane, alone."""
        if self.frames:
            return share_frames(clean, work, self.frames, None if only is None else range(only, only + 1), lost)
        return share_planes(clean, work, only, lost)

    def found(self, together: Together) -> dict[str, Any]:
        """For the recipe: `frames`, on each side; `planes`, the share of noise that is left, by channel."""
        return {"planes": [round(left, 4) for left in together.left]} if isinstance(together, Deep) else {"frames": self.frames}


ALONE = Sharing()


def about_few_planes(planes: bool | None, image: Image) -> list[Notice]:
    """What is to be known where planes were to share their light, of a stack of too few. A single plane has none to share with."""
    depth = image.shape[2]
    if not planes or not 1 < depth < FEWEST_PLANES:
        return []
    return [Notice("planes", f"planes had no effect: this stack has {depth}, and sharing their light takes {FEWEST_PLANES} at least")]


def about_shared(first: Stage, names: Sequence[str]) -> list[Notice]:
    """What is to be known after it, by the first step."""
    return about_planes(first.found.get("planes", ()), names)


def with_shared_light(
    image: Image,
    at: int,
    sharing: Sharing,
    model: ModelChoice | None = None,
    realism: float | None = None,
    exact: bool = False,
    mosaic: MosaicChoice = None,
) -> Image:
    """One frame of a series, or one plane of a stack, all channels, as `enhance` begins with it where these share their light; for a
    preview of it.

    `model`: a denoiser's; one for another step is not used.
    """
    own = model if model is not None and not isinstance(model, Mapping) and find(model).card.task == "denoise" else None
    models, _ = at_realism(realism, choose_models(("denoise",), own, ""))
    denoiser, wanted = models["denoise"], range(at, at + 1)
    without = find_unmeasured(image.pixels, Part(None), image.mask)
    source = image.pixels if without is None else without.filled
    lost = lost_in(image, range(image.shape[1]), without)
    normal = tuple(normalisation(source, k, denoiser.card) for k in range(image.shape[1]))
    clean = without_spikes(source, [n.scale for n in normal])
    found = Mosaics.of(image, range(image.shape[1]), mosaic, models).found(clean, denoiser)

    def shared(on: Engine) -> Pixels:
        work = Work("denoise", denoiser, runner(denoiser, on), Part(None), True, normal, others=found.others(on))
        return sharing.apply(clean, work, lost, at).pixels

    try:
        pixels = shared(engine("auto", exact))
    except ProviderError:
        pixels = shared(engine("cpu", exact))
    if without is not None:  # told, and masked, by what works on this frame or plane
        pixels = as_before(pixels, without, wanted, 0 if sharing.frames else 2)
    z, y, x = image.pixel_size
    return image.replace(pixels=pixels, bits=None, mask=None, pixel_size=(z if sharing.frames else None, y, x))
