"""Weights by name, from a training's file or from a model that abbe ships."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from abbe.errors import ModelError
from abbe.networks import Restorer


def read_metadata(path: Path) -> dict[str, str]:
    """The text metadata in a safetensors file's header. Raises `SafetensorError` when the file is damaged."""
    with safe_open(path, "pt") as file:
        return dict(file.metadata() or {})


def read_weights(path: Path) -> dict[str, Tensor]:
    """Weights by parameter name from `weights.safetensors` or `model.onnx`. Raises `ModelError` when the former is damaged."""
    if path.suffix == ".onnx":
        model = onnx.load(str(path), load_external_data=False)
        found = {}
        for tensor in model.graph.initializer:
            if tensor.name.startswith("network."):
                values = numpy_helper.to_array(tensor).astype(np.float32)
                found[tensor.name.removeprefix("network.").removesuffix("_half")] = torch.from_numpy(values.copy())
        return found
    try:
        return load_file(path)
    except SafetensorError as problem:
        raise ModelError(f"wanted weights, got {path}, which is damaged ({problem}); train it again, or delete it") from problem


def start_from(network: Restorer, path: Path, *, adapt: bool = False) -> None:
    """Give `network` the weights in `path`.

    Args:
        adapt: the weights may be those of a network with fewer inputs or another scale: what it has in common is taken. An input image more
            shares the weights of the one that was there, or starts without weight beside several. A coarser level's result starts without
            weight, as does what the network is told: so a network of levels starts as the one without. So do blocks that a deeper network
            has more of.

    Raises:
        ModelError: they are those of another architecture.
    """
    weights, wanted = read_weights(path), network.state_dict()
    if adapt:
        weights = _adapted(weights, wanted, network.architecture.levels)
    differ = [name for name in wanted if name not in weights or weights[name].shape != wanted[name].shape]
    if differ:
        raise ModelError(
            f"wanted weights of the plan's network, got some of another shape ({differ[0]} and {len(differ) - 1} more); "
            "give the plan the same [network] as the model it starts from"
        )
    network.load_state_dict({name: weights[name] for name in wanted})


#: where a network enters, and where it makes its output: what differs between networks of one body
ENTRY, EXITS = "head.weight", ("finer.weight", "tail.weight", "spread.weight", "spread.0.weight", "spread.2.weight")
#: part of the names of what a network is told through
GAIN = ".gain."
#: a residual block's weights; what comes out of a new one starts at zero, so that the network is the one without
BLOCK, ADDED_BEFORE = re.compile(r"(?:down_blocks\.\d+|middle|up_blocks\.\d+)\.\d+\.(?:first|second)\.weight"), ".first.weight"


def _adapted(weights: dict[str, Tensor], wanted: dict[str, Tensor], levels: bool) -> dict[str, Tensor]:
    """`weights` with the entry shared among the inputs of the network that wants them, and with that network's own exits."""
    out = dict(weights)
    if ENTRY in out and out[ENTRY].shape[1] < wanted[ENTRY].shape[1]:
        inputs, rest = divmod(wanted[ENTRY].shape[1], out[ENTRY].shape[1])
        alone = torch.cat([out[ENTRY], torch.zeros_like(wanted[ENTRY][:, out[ENTRY].shape[1] :])], 1)
        out[ENTRY] = alone if levels or rest else out[ENTRY].repeat(1, inputs, 1, 1) / inputs
    for name in (*EXITS, *(name for name in wanted if GAIN in name)):
        if name in wanted and (name not in out or out[name].shape != wanted[name].shape):
            out[name] = wanted[name]
    for name in wanted:
        if name not in out and BLOCK.fullmatch(name):
            out[name] = wanted[name] if name.endswith(ADDED_BEFORE) else torch.zeros_like(wanted[name])
    return out
