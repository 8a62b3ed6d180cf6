"""A bioimage.io package: one zip with the model as ONNX, a description by the rules of bioimage.io's model format 0.5, and test tensors.

The format is that of https://github.com/bioimage-io/spec-bioimage-io. `rdf.yaml` is written in YAML's JSON subset.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from abbe.conversion.manual import afterwards, context_is, estimate_is, levels_are, spread_is, told_is
from abbe.conversion.parity import Array, Sample, runtime, samples
from abbe.zoo import Card

FORMAT_VERSION = "0.5.4"
#: operators that abbe's exporter writes
_OPSET = 17
#: what bioimage.io's scale_range adds to the divisor
_EPSILON = 1e-6
#: the zip's entries carry the same time each time, so that the same model makes the same bytes
_TIME = (1980, 1, 1, 0, 0, 0)
#: what the format's licences look like; others, as "that of the images", stand in the README alone
_SPDX = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")
_AUTHOR = {"name": "The abbe developers"}
#: the method, the network's property, and the limit
_CITE = (
    ("Zinchuk & Grossenbacher-Zinchuk 2021, Protocol Exchange", "10.21203/rs.3.pex-1721/v1"),
    ("Uzunova, Ehrhardt & Handels 2020, memory-efficient GAN-based domain translation", "10.1016/j.compmedimag.2020.101801"),
)


def write_bioimageio(card: Card, weights: bytes, target: Path) -> None:
    """Write the package of the ONNX file `weights` to `target`."""
    sample = samples(card)[0]
    inputs = _tensors(card, sample)
    normalised = {name: _scaled(card, inputs, name) for name in inputs}
    files = {"model.onnx": weights, "README.md": _readme(card).encode(), "test_restored.npy": _npy(runtime(weights)(normalised))}
    files |= {f"test_{name}.npy": _npy(values) for name, values in inputs.items()}
    files["rdf.yaml"] = json.dumps(describe(card, files, sample), indent=1, ensure_ascii=False).encode()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, _TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(entry, content)


def describe(card: Card, files: dict[str, bytes], sample: Sample) -> dict[str, Any]:
    """The content of rdf.yaml for a package of these files."""
    told = [_told(card, files)] if card.told else []
    context = [_image(card, "context", 1, files)] if card.context else []
    return {
        "type": "model",
        "format_version": FORMAT_VERSION,
        "name": f"abbe {card.name}",
        "description": f"{card.title}. {card.description}".strip()[:1024],
        "authors": [_AUTHOR],
        "cite": [{"text": text, "doi": doi} for text, doi in _CITE],
        "license": card.licence if _SPDX.fullmatch(card.licence) else None,
        "version": card.version,
        "documentation": _file("README.md", files),
        "tags": ["fluorescence-light-microscopy", "2d", "image-restoration", card.task.replace("_", "-")],
        "inputs": [_image(card, "observed", card.observed_channels, files), *context, *told],
        "outputs": [_restored(card, files)],
        "weights": {"onnx": {**_file("model.onnx", files), "opset_version": _OPSET}},
        "config": {"abbe": {"card": card.model_dump(mode="json")}},
    }


def _file(name: str, files: dict[str, bytes]) -> dict[str, str]:
    return {"source": name, "sha256": hashlib.sha256(files[name]).hexdigest()}


def _image(card: Card, name: str, channels: int, files: dict[str, bytes]) -> dict[str, Any]:
    what = "the image as the file has it" if name == "observed" else context_is(card)
    names = ["intensity"] if channels == 1 else [f"slice{k - channels // 2:+d}" for k in range(channels)]
    size = {"min": 4 * card.multiple, "step": card.multiple}
    return {
        "id": name,
        "description": what,
        "axes": [
            {"type": "batch"},
            {"type": "channel", "channel_names": [n.replace("+", "plus").replace("-", "minus") for n in names]},
            {"type": "space", "id": "y", "size": size},
            {"type": "space", "id": "x", "size": size if name == "observed" else {"tensor_id": "observed", "axis_id": "x"}},
        ],
        "data": {"type": "float32"},
        "test_tensor": _file(f"test_{name}.npy", files),
        "preprocessing": [{"id": "ensure_dtype", "kwargs": {"dtype": "float32"}}, *_scaling(card, name)],
    }


def _scaling(card: Card, name: str) -> list[dict[str, Any]]:
    if name in _as_is(card):
        return []
    return [{"id": "scale_range", "kwargs": _percentiles(card) | ({} if name == "observed" else {"reference_tensor": "observed"})}]


def _as_is(card: Card) -> tuple[str, ...]:
    """Inputs that are not scaled: a coarser level's result is already."""
    return ("told", "context") if card.levels else ("told",)


def _percentiles(card: Card) -> dict[str, Any]:
    normal = card.normalisation
    axes = ["channel", "y", "x"]
    return {"axes": axes, "min_percentile": normal.low_percentile, "max_percentile": normal.high_percentile, "eps": _EPSILON}


def _told(card: Card, files: dict[str, bytes]) -> dict[str, Any]:
    return {
        "id": "told",
        "description": "what the network is told, in order; the documentation says what the numbers are",
        "axes": [{"type": "batch"}, {"type": "channel", "channel_names": list(card.told)}],
        "data": {"type": "float32"},
        "test_tensor": _file("test_told.npy", files),
    }


def _restored(card: Card, files: dict[str, bytes]) -> dict[str, Any]:
    space = [{"type": "space", "id": a, "scale": 1 / card.scale, "size": {"tensor_id": "observed", "axis_id": a}} for a in "yx"]
    return {
        "id": "restored",
        "description": f"estimate and spread, units in the documentation; estimate +- {card.interval_factor:g} x spread: the 90 % interval",
        "axes": [{"type": "batch"}, {"type": "channel", "channel_names": ["estimate", "spread"]}, *space],
        "data": {"type": "float32"},
        "test_tensor": _file("test_restored.npy", files),
    }


def _tensors(card: Card, sample: Sample) -> dict[str, Array]:
    """The test inputs as the file has them: counts, before the scaling that the description asks for."""
    kept = _as_is(card)
    return {n: v if n in kept else np.asarray(v * sample.span + sample.low, np.float32) for n, v in sample.inputs.items()}


def _scaled(card: Card, inputs: dict[str, Array], name: str) -> Array:
    if name in _as_is(card):
        return inputs[name]
    normal = card.normalisation
    low, high = np.percentile(inputs["observed"], (normal.low_percentile, normal.high_percentile))
    return np.asarray((inputs[name] - low) / (high - low + _EPSILON), np.float32)


def _npy(values: Array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()


def _readme(card: Card) -> str:
    """What the format asks a documentation to say: what it does, how it was trained, and how far to trust it."""
    sets = "\n".join(f"- {name}" for name in card.training.sets) or "- not recorded"
    figures = "\n".join(
        f"- {f.set}, {f.measure}: {f.abbe:.4g}" + (f" (input {f.input:.4g})" if f.input is not None else "")
        for f in card.figures
        if f.abbe is not None
    )
    failures = "\n".join(f"- {text}" for text in card.failures)
    inputs = (f"\n`context`: {context_is(card)}.\n" if card.context else "") + (f"\n`told`: {told_is(card)}.\n" if card.told else "")
    levels = f"\n## Levels\n\n{levels_are(card)}" if card.levels else ""
    after = f"\n## What abbe does besides\n\n{afterwards(card)}" if afterwards(card) else ""
    normal = card.normalisation
    return f"""# abbe {card.name} {card.version}

{card.title}. {card.description}

Input: an image, scaled so that its percentiles {normal.low_percentile:g} and {normal.high_percentile:g} become 0 and 1; percentiles of
the whole image, not of a tile. Height and width are multiples of {card.multiple}; an output pixel depends on {card.receptive_field} pixels
to each side. Output, the span being that between the percentiles: {estimate_is(card)}; {spread_is(card)}.
{inputs}{levels}{after}
## Training

{sets}

Licence: {card.licence or "not recorded"}

## Validation

{figures or "- no figures in the card"}

Blur the result back to the input's resolution and compare the two before you trust a structure; abbe's `compare` does.

## Known failures

{failures or "- none recorded"}
"""
