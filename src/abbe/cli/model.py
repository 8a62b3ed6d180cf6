"""`abbe model`: which models there are, what they are, whether they are whole, and the forms that other programs run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from abbe.cli.listing import Listing
from abbe.cli.progress import progress
from abbe.cli.speech import clean, say
from abbe.errors import ModelError
from abbe.restoration.engine import Runner, engine
from abbe.zoo import MODELS_VARIABLE, Card, Model, damaged, find, models

app = typer.Typer(
    cls=Listing,
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help=f"List, show, verify and export models. Your own are found in the folders that the environment variable {MODELS_VARIABLE} names.",
)


class To(StrEnum):
    """What `abbe model export` writes."""

    onnx = "onnx"
    coreml = "coreml"
    bioimageio = "bioimageio"


class Numbers(StrEnum):
    """With which numbers."""

    fp32 = "fp32"
    fp16 = "fp16"
    palettised8 = "palettised8"


Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_models(as_json: Json = False) -> None:
    """List every model, a line each."""
    known = models()
    if as_json:
        print(json.dumps([_facts(model) for model in known], indent=2))
        return
    for problem in damaged():
        say(f"note: {problem}", err=True)
    width = max((len(model.card.name) for model in known), default=0)
    for model in known:
        origin = "" if model.built_in else f"  ({model.path.parent})"
        say(f"{model.card.name:{width}}  {model.card.version}  {model.card.title}{origin}")
    if not known:
        raise ModelError("there is no model here; install abbe again")


@app.command("show")
def show_model(
    name: Annotated[str, typer.Argument(help="Name, or path of a folder, card or ONNX file.", show_default=False)], as_json: Json = False
) -> None:
    """Show a model's card: what it was trained on, what it can do, where it fails."""
    model = find(name)
    if as_json:
        print(json.dumps(_facts(model), indent=2))
    else:
        say(*_lines(model))


@app.command("verify")
def verify_models(
    names: Annotated[list[str] | None, typer.Argument(help="Models; all of them if none is named.", show_default=False)] = None,
) -> None:
    """Check that models are whole, safe to load, and run."""
    wanted = [find(name) for name in names] if names else list(models())
    problems = [] if names else [str(problem) for problem in damaged()]
    for model in wanted:
        try:
            check_run(model)
            say(f"{model.card.name} {model.card.version}: whole, sha256 {model.card.digest}")
        except ModelError as problem:
            problems.append(str(problem))
    for text in problems:
        say(text, err=True)
    if problems or not wanted:
        raise ModelError(f"{len(problems)} of {len(wanted)} models are not usable" if wanted else "there is no model here")


def check_run(model: Model) -> None:
    """Raise `ModelError` unless the weights are those of the card, load, and restore a small image to finite numbers."""
    side = -(-64 // model.card.multiple) * model.card.multiple
    observed = np.random.default_rng(0).random((1, model.card.observed_channels, side, side), np.float32)
    told = dict.fromkeys(model.card.told, 1.0)
    others = [("with its partner's weights", model.at(1))] if model.card.realism.partner else []
    others += [("with its weights for colour cameras", model.for_mosaic)] if model.for_mosaic else []
    for which, one in [("with its own weights", model), *others]:
        restored = Runner(one, engine("cpu")).run(observed, told)
        if not np.isfinite(restored).all():
            raise ModelError(f"wanted finite pixels from {model.card.name} {which}, got others; it is not usable")


@app.command("export")
def export_model(
    name: Annotated[str, typer.Argument(help="Name, or path of a folder, card or ONNX file.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write. [default: NAME in this folder]", show_default=False)
    ] = None,
    to: Annotated[To, typer.Option(help="onnx; coreml (an .mlpackage); bioimageio (a .zip).")] = To.onnx,
    precision: Annotated[
        Numbers | None, typer.Option(help="Of the weights. [default: fp16, where it keeps brightness]", show_default=False)
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")] = False,
) -> None:
    """Write a model as ONNX, CoreML or a bioimage.io package, and say what that form costs.

    fp32 and fp16 say how weights are stored; palettised8 stores each as one of 256 values. ONNX computes in single precision whatever the
    weights are, CoreML in half precision with fp16 and palettised8. The result is compared with single precision on simulated images. A
    form that changes the light of structure by more than 1 % is written only when its precision was asked for.
    """
    from abbe.conversion import convert
    from abbe.conversion.forms import SUFFIXES

    model = find(name)
    target = out or Path(model.card.name + SUFFIXES[to.value])
    with progress(f"exporting {model.card.name}") as report:
        numbers = precision.value if precision else None
        done = convert(model, target, to=to.value, precision=numbers, overwrite=overwrite, progress=report)
    if done.remark:
        say(f"note: {done.remark}", err=True)
    say(f"{done.path}: {done.form.title}")
    say(f"  {done.size / 1e6:.2f} MB; the model's own file has {model.path.stat().st_size / 1e6:.2f} MB")
    if done.difference is not None:
        say(f"  beside single precision: {done.difference}", f"  measured by {done.measured_by}")
        if not done.difference.small:
            say("note: it changes the light of structure by more than 1 %; intensities from it are not to be measured", err=True)
    for path in done.beside:
        say(f"{path}: its card")


def _facts(model: Model) -> dict[str, Any]:
    return {**model.card.model_dump(mode="json"), "path": str(model.path), "built_in": model.built_in}


def _lines(model: Model) -> Iterator[str]:
    card = model.card
    yield f"{card.name} {card.version}: {card.title}"
    if card.description:
        yield card.description
    yield f"task {card.task}, x{card.scale}, {card.parameters:,} parameters, sees {card.receptive_field} pixels to each side"
    yield f"weights {model.path}"
    yield f"sha256 {card.digest}"
    partner = "0 to 1" if card.realism.partner else "no adversarial partner, so it has no effect"
    yield f"realism: {partner}, by default {card.realism.default:g}; 90 % interval: +- {card.interval_factor:g} x spread"
    for one in card.realism.figures:
        yield f"realism 0 and 1, {one.set}, {one.measure}: {one.fidelity:.4g}, {one.partner:.4g}"
    if card.mosaic:
        yield f"colour cameras: other weights for red and blue, sha256 {card.mosaic.digest}; +- {card.mosaic.interval_factor:g} x spread"
    if card.told:
        yield f"is told: {', '.join(card.told)}"
    yield from _training(card)
    for figure in card.figures:
        values = {"input": figure.input, "best plain method": figure.plain, "abbe": figure.abbe}
        shown = ", ".join(f"{who} {value:.4g}" for who, value in values.items() if value is not None)
        yield f"{figure.set}, {figure.measure}: {shown}"
    for failure in card.failures:
        yield f"fails: {clean(failure)}"
    if card.licence:
        yield f"licence {card.licence}"


def _training(card: Card) -> Iterator[str]:
    training = card.training
    if training.sets:
        yield f"trained on {', '.join(training.sets)}"
    if start := (training.model_extra or {}).get("start"):
        yield f"started from {clean(str(start))}"
    if training.hours is not None:
        yield f"trained {training.hours:g} hours" + (f" by {training.plan}" if training.plan else "")
