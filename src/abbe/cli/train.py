"""`abbe train`: from a plan, or a folder of noisy / clean pairs, to a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from abbe.cli.speech import clean
from abbe.errors import MissingExtraError, ParameterError
from abbe.formats.naming import READ

SOURCE = (
    "A training plan (TOML); or a folder with 'noisy' and 'clean', or 'first' and 'second' in it; or one of files with several time points "
    "of fields that stand still."
)


def command(
    source: Annotated[Path, typer.Argument(help=SOURCE, show_default=False)],
    data: Annotated[Path | None, typer.Option(help="Folder of the plan's real images.", show_default=False)] = None,
    runs: Annotated[Path, typer.Option(help="Folder for checkpoints, pictures and the result.")] = Path("runs"),
    steps: Annotated[int | None, typer.Option(help="Steps in all. [default: the plan's]", min=1, show_default=False)] = None,
    workers: Annotated[int, typer.Option(help="Processes that make samples.", min=0)] = 1,
    threads: Annotated[int, typer.Option(help="Threads of the network.", min=1)] = 2,
) -> None:
    """Train a model. Stopped, it goes on where it stopped when it is called again.

    A folder of your own images fine-tunes abbe's denoiser to one microscope: pairs of noisy and clean images, or, without any clean one,
    two exposures or more of each field. A plan trains any of the models from the start.
    """
    try:
        from abbe.training import TrainingPlan, train
        from abbe.training.own import plan_of_folder
    except ModuleNotFoundError as problem:
        raise MissingExtraError("training", "train") from problem
    if not source.exists():
        raise ParameterError(f"wanted a training plan (TOML) or a folder of pairs, got {source}, which does not exist")
    folder = source.is_dir()
    if source.suffix.lower() in READ and not (folder and source.suffix.lower() != ".zarr"):
        raise ParameterError(f"wanted a training plan (TOML) or a folder of pairs, got {source}, which is an image; name its folder")
    if folder and data is not None:
        raise ParameterError(f"wanted --data with a plan alone, got it with {source}, a folder that brings its own images; leave one out")
    plan = plan_of_folder(source) if folder else TrainingPlan.read(source)
    if steps:
        plan = plan.model_copy(update={"steps": steps})
    model = train(
        plan,
        runs,
        data=source if folder else data,
        workers=workers,
        threads=threads,
        report=lambda line: typer.echo(clean(line)),
    )
    typer.echo(f"The model is in {clean(str(model))}; use it with: abbe enhance FILE --model {clean(str(model))}")
