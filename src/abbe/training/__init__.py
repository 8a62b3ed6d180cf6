"""Training: from a plan to a model that the engine runs. Needs the `train` extra."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from abbe.errors import MissingExtraError
from abbe.training.plan import TrainingPlan

if TYPE_CHECKING:
    from abbe.training.loop import Training

__all__ = ["TrainingPlan", "train"]


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
        ParameterError: the plan names images, models or pairs that are not there.
        ModelError: an adversarial partner has no fidelity model, or one of another network.
    """
    try:
        from abbe.training.calibration import interval_factor
        from abbe.training.export import export, export_partner, learnt_last
        from abbe.training.loop import Training
    except ModuleNotFoundError as problem:
        raise MissingExtraError("training", "train") from problem
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


def _folder(models: dict[str, Path] | None, name: str) -> Path:
    """The model whose weights a training started from: those of a run lie beside its model."""
    found = (models or {})[name]
    return found.parent if found.suffix == ".onnx" else found.parent / "model"
