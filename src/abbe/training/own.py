"""A plan for a user's own images: noisy and clean pictures of the same fields, to teach abbe's denoiser one microscope."""

from __future__ import annotations

import re
from pathlib import Path

from abbe.errors import ParameterError
from abbe.training.plan import NetworkPlan, PairsPlan, PoolPlan, TrainingPlan

#: names that people give the two folders
NOISY, CLEAN = ("noisy", "low", "raw"), ("clean", "high", "gt", "truth")


def plan_of_folder(folder: Path) -> TrainingPlan:
    """Fine-tune the denoiser on `folder`'s pairs: half of the samples are the user's, half simulated, so that it forgets nothing.

    Raises:
        ParameterError: the folder does not hold two folders of pairs.
    """
    noisy, clean = (_found(folder, names) for names in (NOISY, CLEAN))
    if noisy is None or clean is None:
        raise ParameterError(
            f"wanted a plan (TOML) or a folder with the folders 'noisy' and 'clean', files of equal names in both, got {folder.name} with: "
            + (", ".join(sorted(p.name for p in folder.iterdir())[:8]) or "nothing")
        )
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
        pairs=PairsPlan(noisy=noisy, clean=clean, share=0.5),
        sets=(folder.resolve().name,),
        licence="that of the images",
        own=True,
    )


def _found(folder: Path, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if (folder / name).is_dir()), None)
