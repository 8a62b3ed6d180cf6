"""A plan for a user's own images, to teach abbe's denoiser one microscope: noisy and clean pictures of fields, or exposures alone."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from abbe.errors import ParameterError
from abbe.restoration.noise import cut, noise_of
from abbe.training.files import files_in, folder_of, is_of_a_system, opened
from abbe.training.plan import NetworkPlan, PairsPlan, PoolPlan, TrainingPlan
from abbe.training.related import SMALLEST, SMOOTHED

#: names that people give the two folders
NOISY, CLEAN = ("noisy", "low", "raw"), ("clean", "high", "gt", "truth")
FIRST, SECOND = ("first", "exposure1", "noisy1"), ("second", "exposure2", "noisy2")
#: pairs whose noise is compared, at most, and how many times louder than the noisy image the clean one has to be, to be taken for it: in
#: crowded fields structure is taken for noise in both
LOOKED_AT, LOUDER = 8, 1.2


def plan_of_folder(folder: Path) -> TrainingPlan:
    """Fine-tune the denoiser on `folder`'s images: half of the samples are the user's, half simulated, so that it forgets nothing.

    The folder holds two folders, `noisy` and `clean`, or `first` and `second` (an exposure in each), with files of equal names; or files
    with several time points of fields that stand still.

    Raises:
        ParameterError: it holds neither, or the clean images have as much noise as the noisy ones.
    """
    pairs = _pairs(folder)
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", folder.resolve().name).strip("-") or "own"
    return TrainingPlan(
        name=f"denoise-{name}"[:64],
        task="denoise",
        title=f"Denoising, taught with {folder.resolve().name}",
        start="denoise",
        network=NetworkPlan(spread_width=16),  # the denoiser's
        steps=2000,
        batch=8,
        patch=128,
        learning_rate=2e-4,
        pool=PoolPlan(planes=300, real=0.0),
        pairs=pairs,
        sets=(folder.resolve().name,),
        licence="that of the images",
        own=True,
    )


def _pairs(folder: Path) -> PairsPlan:
    noisy, clean, first, second = (folder_of(folder, names) for names in (NOISY, CLEAN, FIRST, SECOND))
    if noisy is not None and clean is not None:
        refuse_exchanged(folder / noisy, folder / clean)
        return PairsPlan(noisy=noisy, clean=clean, share=0.5)
    if first is not None and second is not None:
        return PairsPlan(noisy=first, clean=second, share=0.5, repeated=True)
    inside = sorted(path for path in folder.iterdir() if not is_of_a_system(path))
    if any(path.is_file() for path in inside) and not any((noisy, clean, first, second)):
        return PairsPlan(noisy=".", clean=".", share=0.5, repeated=True)
    raise ParameterError(
        "wanted a plan (TOML), a folder with the folders 'noisy' and 'clean', or 'first' and 'second', files of equal names in both, or a "
        f"folder of files with several time points of fields that stand still, got {folder.name} with: "
        + (", ".join(path.name for path in inside[:8]) or "nothing")
    )


def refuse_exchanged(noisy: Path, clean: Path, *, louder: bool = True) -> None:
    """Pairs the wrong way round would teach a denoiser to add noise; the same images twice, to keep it.

    `louder`: are clean images with more noise than the noisy ones wrong, as they are for denoising; a confocal section of what a widefield
    microscope shows may have more. Raises `ParameterError`.
    """
    wrong, looked = 0, []
    for path in files_in(noisy)[:LOOKED_AT]:
        other = clean / path.name
        if not other.is_file():
            continue  # `divided` says what is missing
        one, two = (opened(p).plane(0, 0, 0) for p in (path, other))
        if one.shape != two.shape or min(one.shape) < SMALLEST or not (np.ptp(one) and np.ptp(two)):
            continue
        # what both show without their noise tells how many counts of one are a count of the other
        contrast, against = (float(gaussian_filter(plane.astype(np.float64), SMOOTHED).std()) for plane in (one, two))
        more = louder and contrast * noise_of(cut(two)).sigma > LOUDER * against * noise_of(cut(one)).sigma
        looked.append(path.name)
        wrong += bool(more or np.array_equal(one, two))
    if looked and wrong == len(looked):
        raise ParameterError(
            f"wanted clean images with less noise than the noisy ones, got as much or more in {clean.name} for {', '.join(looked[:4])}: "
            "are the two folders exchanged, or their images the same?"
        )
