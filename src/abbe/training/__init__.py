"""Training: from a plan to a model that the engine runs. Needs the `train` extra."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from abbe.errors import MissingExtraError, ParameterError, SessionError
from abbe.storage.lock import try_lock
from abbe.training.plan import TrainingPlan

if TYPE_CHECKING:
    from abbe.training.loop import Training

__all__ = ["TrainingPlan", "train"]

#: held while a training is at work in its folder
LOCK = ".lock"


def train(
    plan: TrainingPlan,
    runs: Path,
    *,
    data: Path | None = None,
    models: dict[str, Path] | None = None,
    workers: int = 1,
    threads: int = 2,
    every: int = 500,
    report: Callable[[str], None] = print,
    held_out: int = 48,
) -> Path:
    """Train `plan` in `runs / plan.name`, going on from where it stopped, and export the result there.

    Args:
        plan: what to train.
        runs: folder of runs; checkpoints, `log.csv`, `latest.png` and the exported `model` come into it.
        data: folder below which the plan's real images are; None: simulated ones alone.
        models: weights by model name, for a plan that starts from or comes after another.
        workers: processes that make samples.
        threads: CPU threads of the network.
        every: steps between validations.
        report: called with a line of progress.
        held_out: samples per validation.

    Returns:
        the folder with `model.onnx` and `card.json`; for a plan with an adversary these are the fidelity model's, beside `partner.onnx`.

    Raises:
        MissingExtraError: torch, onnx or safetensors is not installed.
        ParameterError: the plan names images, models or pairs that are not there; another training is at work in its folder.
        ModelError: an adversarial partner has no fidelity model, or one of another network.
    """
    try:
        from abbe.training.calibration import interval_factor
        from abbe.training.export import export, export_partner, learnt_last
        from abbe.training.loop import Training
    except ModuleNotFoundError as problem:
        raise MissingExtraError("training", "train") from problem
    with _alone(runs / plan.name):
        training: Training = Training(
            plan, runs / plan.name, data, models=models, workers=workers, threads=threads, report=report, held_out=held_out
        )
        training.run(every=every)
        weights, made = training.folder / "weights.safetensors", training.folder / "model"
        if plan.adversarial is not None and plan.start:
            return export_partner(weights, _folder(models, plan.start), made)
        factor = interval_factor(training, 5 * held_out)
        export(weights, made, interval_factor=factor)
        if plan.learn in ("spread", "told") and plan.start:
            learnt_last(_folder(models, plan.start), made)
        return made


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One training at a time in a folder: two would write each other's checkpoints."""
    new = [made for made in (folder, *folder.parents) if not made.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
    try:
        try:
            free = try_lock(handle)
        except SessionError:  # a file system without locks
            free = True
        if not free:
            raise ParameterError(f"wanted to train in {folder}, where another training is at work; wait for it, or choose another folder")
        yield
    finally:
        os.close(handle)
        if new and not any(path.name != LOCK for path in folder.iterdir()):  # refused before anything was made
            with contextlib.suppress(OSError):
                (folder / LOCK).unlink()
                for made in new:
                    made.rmdir()


def _folder(models: dict[str, Path] | None, name: str) -> Path:
    """The model whose weights a training started from: those of a run lie beside its model."""
    found = (models or {})[name]
    return found.parent if found.suffix == ".onnx" else found.parent / "model"
