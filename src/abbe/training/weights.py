"""Weights by name, from a training's file or from a model that abbe ships."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from safetensors.torch import load_file
from torch import Tensor

from abbe.errors import ModelError
from abbe.networks import Restorer


def read_metadata(path: Path) -> dict[str, Any]:
    """The text metadata in a safetensors file's header."""
    with path.open("rb") as file:
        header: dict[str, Any] = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return dict(header.get("__metadata__", {}))


def read_weights(path: Path) -> dict[str, Tensor]:
    """Weights by parameter name from `weights.safetensors` or `model.onnx`."""
    if path.suffix == ".onnx":
        model = onnx.load(str(path), load_external_data=False)
        found = {}
        for tensor in model.graph.initializer:
            if tensor.name.startswith("network."):
                values = numpy_helper.to_array(tensor).astype(np.float32)
                found[tensor.name.removeprefix("network.").removesuffix("_half")] = torch.from_numpy(values.copy())
        return found
    return load_file(path)


def start_from(network: Restorer, path: Path) -> None:
    """Give `network` the weights in `path`. Raises `ModelError` when they are those of another architecture."""
    weights, wanted = read_weights(path), network.state_dict()
    differ = [name for name in wanted if name not in weights or weights[name].shape != wanted[name].shape]
    if differ:
        raise ModelError(
            f"wanted weights of the plan's network, got some of another shape ({differ[0]} and {len(differ) - 1} more); "
            "give the plan the same [network] as the model it starts from"
        )
    network.load_state_dict({name: weights[name] for name in wanted})
