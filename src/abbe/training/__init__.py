"""Training: from a plan to a model that the engine runs. Needs the `train` extra."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from abbe.errors import MissingExtraError, ModelError, ParameterError, SessionError
from abbe.storage.lock import try_lock
from abbe.training.plan import TrainingPlan
from abbe.zoo import MOSAIC, find
from abbe.zoo import models as known_models

if TYPE_CHECKING:
    from abbe.training.loop import Training

__all__ = ["TrainingPlan", "train"]

#: held while a training is at work in its folder
LOCK = ".lock"
#: what a plan may have learnt alone, the card being for the rest that of the model it starts from
PARTS = ("spread", "told")


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
        models: weights by model name, for a plan that starts from or comes after another. Those that are not named are of the run of that
            name in `runs`, else of the model of that name (`abbe.zoo.find`).
        workers: processes that make samples.
        threads: CPU threads of the network.
        every: steps between validations.
        report: called with a line of progress.
        held_out: samples per validation.

    Returns:
        the folder with `model.onnx` and `card.json`; for a plan with an adversary, or for colour cameras, these are the model's that it
        starts from, beside `partner.onnx` or `mosaic.onnx`.

    Raises:
        MissingExtraError: torch, onnx or safetensors is not installed.
        ParameterError: the plan names images, models or pairs that are not there; another training is at work in its folder; the weights
            ran away.
        ModelError: an adversarial partner, or weights for colour cameras, have no model to lie beside, or one of another network.
    """
    try:
        from abbe.training.calibration import interval_factor
        from abbe.training.export import export, export_mosaic, export_partner, learnt_last
        from abbe.training.loop import Training
    except ModuleNotFoundError as problem:
        raise MissingExtraError("training", "train") from problem
    models = _weights(plan, runs, models or {}, report)
    with _alone(runs / plan.name):
        training: Training = Training(
            plan, runs / plan.name, data, models=models, workers=workers, threads=threads, report=report, held_out=held_out
        )
        went_on = training.run(every=every)
        weights, made = training.folder / "weights.safetensors", training.folder / "model"
        if not went_on and plan.adversarial is None and _stands(made, training.step, plan):
            _say_if_worse(training)
            return made
        if plan.adversarial is not None and plan.start:
            return export_partner(weights, _folder(models, plan.start), made)
        factor = interval_factor(training, 5 * held_out)
        if plan.cameras == "mosaic" and plan.start:
            return export_mosaic(weights, _folder(models, plan.start), made, factor)
        export(weights, made, interval_factor=factor)
        if plan.learn in PARTS and plan.start:
            learnt_last(_folder(models, plan.start), made)
        _say_if_worse(training)
        return made


def _say_if_worse(training: Training) -> None:
    """Last, where it is read: a model that lost is no success."""
    if training.worse:
        training.report(f"note: {training.worse}")


def _stands(made: Path, steps: int, plan: TrainingPlan) -> bool:
    """Is the model of that many steps there already, and whole."""
    mosaic = plan.cameras == "mosaic"
    try:
        card = json.loads((made / "card.json").read_text(encoding="utf-8"))
        card, content = card["mosaic"] if mosaic else card, (made / (MOSAIC if mosaic else "model.onnx")).read_bytes()
    except (OSError, ValueError, KeyError):
        return False
    # where a part alone was learnt, the card's own steps are those of the model it came from (`export.learnt_last`)
    told = card["training"].get(plan.learn, {}) if plan.learn in PARTS else card["training"]
    return bool(told.get("steps") == steps and card["digest"] == hashlib.sha256(content).hexdigest())


def _weights(plan: TrainingPlan, runs: Path, named: dict[str, Path], report: Callable[[str], None]) -> dict[str, Path]:
    """Weights by name for all that the plan starts from or comes after."""
    found = dict(named)
    for name in sorted({*plan.after, *((plan.start,) if plan.start else ())} - found.keys()):
        trained = runs / name / "weights.safetensors"
        # of a run that goes on those are its own, and not what it started from
        its_own = name == plan.name and trained.with_name("checkpoint.safetensors").exists()
        if trained.exists() and not (its_own and _is_known(name)):
            found[name] = trained
            report(f"{plan.name}: takes {name} as trained in {trained.parent}")
            continue
        try:
            found[name] = find(name).path
        except ModelError as problem:
            role = f"which {plan.name} {'starts from' if name == plan.start else 'comes after'}"
            role = f"whose partner {plan.name} is" if name == plan.start and plan.adversarial else role
            raise ParameterError(f"wanted the weights of {name}, {role}, got none: {problem}") from problem
    return found


def _is_known(name: str) -> bool:
    return any(model.card.name == name for model in known_models())


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


def _folder(models: dict[str, Path], name: str) -> Path:
    """The model whose weights a training started from: those of a run lie beside its model."""
    found = models[name]
    return found.parent if found.suffix == ".onnx" else found.parent / "model"
