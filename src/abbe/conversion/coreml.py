"""CoreML: an mlprogram (macOS 13, iOS 16 and later) with free height and width, made on any system.

coremltools converts traced torch networks alone, so the network is built again from the card's plan and the model's weights. A Mac is
needed to run the result, not to make it; elsewhere `abbe.conversion.mil` reads the package back and does what it says.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any

import numpy as np

from abbe.conversion.forms import Precision
from abbe.conversion.manual import context_is, estimate_is, levels_are, spread_is, told_is
from abbe.conversion.onnx_forms import Weights, palettised_weights, weights_of
from abbe.errors import MissingExtraError, ModelError
from abbe.zoo import Card

#: sides that the package takes, in pixels: from the network's `multiple` up to this
LARGEST_SIDE = 4096
_USUAL_SIDE = 256


def write_coreml(card: Card, content: bytes, precision: Precision, folder: Path) -> None:
    """Write the package of a model to `folder`.

    Raises:
        MissingExtraError: coremltools, torch or onnx is not installed.
        ModelError: the card does not say what network it is about.
    """
    ct = _coremltools()
    weights = weights_of(content)
    if precision == "palettised8":
        weights = palettised_weights(weights)
    with _quiet():
        package = ct.convert(
            _traced(card, weights),
            inputs=_inputs(ct, card),
            outputs=[ct.TensorType("restored", dtype=np.float32)],
            convert_to="mlprogram",
            minimum_deployment_target=ct.target.iOS16,
            compute_precision=ct.precision.FLOAT32 if precision == "fp32" else ct.precision.FLOAT16,
            skip_model_load=True,
        )
        if precision == "palettised8":
            package = _with_palettes(package)
        _describe(package, card, precision)
        package.save(str(folder))


def _coremltools() -> Any:
    try:
        with _quiet():
            import coremltools
    except ModuleNotFoundError as problem:
        raise MissingExtraError("converting to CoreML", "coreml,train") from problem
    return coremltools


def _traced(card: Card, weights: Weights) -> Any:
    try:
        from abbe.training.plan import TrainingPlan
        from abbe.training.tracing import traced
    except ModuleNotFoundError as problem:
        raise MissingExtraError("converting to CoreML", "coreml,train") from problem
    settings = (card.training.model_extra or {}).get("settings")
    try:
        plan = TrainingPlan.model_validate(settings)
    except ValueError as problem:
        raise ModelError(
            f"wanted a card whose training settings say what network {card.name} is, got one without, or of another version of abbe; "
            "convert to CoreML with the version that trained it"
        ) from problem
    return traced(plan, weights)


def _inputs(ct: Any, card: Card) -> list[Any]:
    """Height and width are free; coremltools can bound them, but not say that they are multiples of a number: the description does."""
    height, width = (ct.RangeDim(card.multiple, LARGEST_SIDE // card.multiple * card.multiple, _USUAL_SIDE) for _ in range(2))
    found = [ct.TensorType("observed", shape=(1, card.observed_channels, height, width), dtype=np.float32)]
    if card.context:
        found.append(ct.TensorType("context", shape=(1, 1, height, width), dtype=np.float32))
    if card.told:
        found.append(ct.TensorType("told", shape=(1, len(card.told)), dtype=np.float32))
    return found


def _with_palettes(package: Any) -> Any:
    """Kernels of at most 256 different values, stored as palettes: nothing is rounded here."""
    import coremltools.optimize.coreml as compression

    how = compression.OptimizationConfig(global_config=compression.OpPalettizerConfig(mode="unique"))
    return compression.palettize_weights(package, how)


def _describe(package: Any, card: Card, precision: Precision) -> None:
    package.short_description = f"{card.title}. {card.description}".strip()
    package.author, package.license, package.version = "The abbe developers", card.licence, card.version
    normal = card.normalisation
    package.user_defined_metadata.update(
        {
            "abbe.name": card.name,
            "abbe.task": card.task,
            "abbe.digest": card.digest,
            "abbe.precision": precision,
            "abbe.low_percentile": f"{normal.low_percentile:g}",
            "abbe.high_percentile": f"{normal.high_percentile:g}",
            "abbe.interval_factor": f"{card.interval_factor:g}",
            "abbe.multiple": str(card.multiple),
            "abbe.scale": str(card.scale),
        }
    )
    described = package.input_description
    described["observed"] = (
        f"(pixel - low) / (high - low), low and high being the percentiles {normal.low_percentile:g} and {normal.high_percentile:g} "
        f"of the whole image; height and width multiples of {card.multiple}"
    )
    if card.context:
        described["context"] = context_is(card)
    if card.told:
        described["told"] = told_is(card)
    package.output_description["restored"] = (
        f"Channel 0: the estimate; {estimate_is(card)}. Channel 1: the spread of its error; {spread_is(card)}; the span is high - low"
    )
    if card.levels:
        package.user_defined_metadata["abbe.levels"] = levels_are(card)


@contextmanager
def _quiet() -> Iterator[None]:
    """coremltools tells much that is no concern of a user: a torch newer than it was tested with, no Mac, a bar for each of its passes."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
