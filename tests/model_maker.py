"""Small random networks of the kind that abbe's models are: convolutions without bias, ReLU, a residual over the input.

They restore nothing; what is tested with them does not depend on how good a model is.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SLICES = 5


#: what the small super-resolution is told, as abbe's own is
TOLD = ("psf_known", "psf_width", "psf_width_squared")


def network(
    scale: int = 1, channels: int = 1, depth: int = 3, width: int = 16, seed: int = 0, strength: float = 0.1, *, told: int = 0
) -> bytes:
    """An ONNX file: observed (N, channels, H, W) -> restored (N, 2, H * scale, W * scale), positively homogeneous.

    The estimate is the middle channel, each pixel repeated `scale` times, plus `strength` times what the convolutions make of it: the
    more of that, the larger the sum of what it is `told`, (N, told).
    """
    rng = np.random.default_rng(seed)
    nodes: list[Any] = []
    weights: list[Any] = []

    def convolve(source: str, target: str, inputs: int, outputs: int, half: bool) -> None:
        kernel = (rng.normal(size=(outputs, inputs, 3, 3)) * np.sqrt(2 / (9 * inputs))).astype(np.float32)
        name = f"{target}_kernel"
        if half:
            weights.append(numpy_helper.from_array(kernel.astype(np.float16), name + "_half"))
            nodes.append(helper.make_node("Cast", [name + "_half"], [name], to=TensorProto.FLOAT))
        else:
            weights.append(numpy_helper.from_array(kernel, name))
        nodes.append(helper.make_node("Conv", [source, name], [target], kernel_shape=[3, 3], pads=[1, 1, 1, 1]))

    source, inputs = "observed", channels
    for k in range(depth):
        convolve(source, f"conv{k}", inputs, width, half=True)
        nodes.append(helper.make_node("Relu", [f"conv{k}"], [f"relu{k}"]))
        source, inputs = f"relu{k}", width
    convolve(source, "detail_low", inputs, scale * scale, half=False)
    convolve(source, "spread_low", inputs, scale * scale, half=False)
    middle = np.zeros((1, channels, 1, 1), np.float32)
    middle[0, channels // 2] = 1
    weights.append(numpy_helper.from_array(middle, "middle"))
    weights.append(numpy_helper.from_array(np.array(strength, np.float32), "strength"))
    weights.append(numpy_helper.from_array(np.ones((scale * scale, 1, 1, 1), np.float32), "copies"))
    nodes.append(helper.make_node("Conv", ["observed", "middle"], ["base"], kernel_shape=[1, 1]))
    nodes.append(helper.make_node("Conv", ["base", "copies"], ["base_low"], kernel_shape=[1, 1]))
    for name in ("detail", "spread", "base"):
        if scale > 1:
            nodes.append(helper.make_node("DepthToSpace", [f"{name}_low"], [f"{name}_full"], blocksize=scale, mode="CRD"))
        else:
            nodes.append(helper.make_node("Identity", [f"{name}_low"], [f"{name}_full"]))
    if told:
        weights.append(numpy_helper.from_array(np.full((told, 1), 0.5, np.float32), "share"))
        weights.append(numpy_helper.from_array(np.ones(1, np.float32), "one"))
        weights.append(numpy_helper.from_array(np.array([2, 3]), "last"))
        nodes.append(helper.make_node("MatMul", ["told", "share"], ["more"]))
        nodes.append(helper.make_node("Add", ["more", "one"], ["gain"]))
        nodes.append(helper.make_node("Unsqueeze", ["gain", "last"], ["gain_everywhere"]))
        nodes.append(helper.make_node("Mul", ["detail_full", "gain_everywhere"], ["detail_told"]))
    nodes.append(helper.make_node("Mul", ["detail_told" if told else "detail_full", "strength"], ["change"]))
    nodes.append(helper.make_node("Add", ["base_full", "change"], ["estimate"]))
    nodes.append(helper.make_node("Mul", ["spread_full", "strength"], ["weak"]))
    nodes.append(helper.make_node("Abs", ["weak"], ["error"]))
    nodes.append(helper.make_node("Concat", ["estimate", "error"], ["restored"], axis=1))
    return _serialise(nodes, weights, channels, told)


def _serialise(nodes: list[Any], weights: list[Any], channels: int, told: int) -> bytes:
    inputs = [helper.make_tensor_value_info("observed", TensorProto.FLOAT, ["N", channels, "H", "W"])]
    if told:
        inputs.append(helper.make_tensor_value_info("told", TensorProto.FLOAT, ["N", told]))
    restored = helper.make_tensor_value_info("restored", TensorProto.FLOAT, ["N", 2, "height", "width"])
    graph = helper.make_graph(nodes, "test", inputs, [restored], weights)
    return save_bytes(graph)


def save_bytes(graph: onnx.GraphProto) -> bytes:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    return bytes(model.SerializeToString())


def probe() -> bytes:
    """The file abbe/restoration/probe.onnx: a 1 x 1 convolution, 16 channels to 16, each the mean of all, times 1 + 2^-9 + 2^-20."""
    factor = 1 + 2**-9 + 2**-20
    kernel = np.zeros((16, 16, 1, 1), np.float32)
    kernel[np.arange(16), np.arange(16)] = factor
    graph = helper.make_graph(
        [helper.make_node("Conv", ["observed", "kernel"], ["restored"], kernel_shape=[1, 1])],
        "probe",
        [helper.make_tensor_value_info("observed", TensorProto.FLOAT, ["N", 16, "H", "W"])],
        [helper.make_tensor_value_info("restored", TensorProto.FLOAT, ["N", 16, "H", "W"])],
        [numpy_helper.from_array(kernel, "kernel")],
    )
    return save_bytes(graph)


def card(task: str, content: bytes, **changes: Any) -> dict[str, Any]:
    """A model card for `content`, as the JSON has it."""
    return {
        "format": 1,
        "name": task,
        "version": "0.0",
        "task": task,
        "title": f"random {task}",
        "scale": 3 if task == "super_resolve" else 1,
        "observed_channels": SLICES if task == "axial_stack" else 1,
        "multiple": 4,
        "receptive_field": 8,
        "normalisation": {"low_percentile": 1.0, "high_percentile": 99.9},
        "digest": hashlib.sha256(content).hexdigest(),
        **changes,
    }


def write_model(folder: Path, task: str, content: bytes | None = None, **changes: Any) -> Path:
    """A model folder below `folder`; returns it."""
    if content is None:
        told = TOLD if task == "super_resolve" else ()
        content = network(3 if task == "super_resolve" else 1, SLICES if task == "axial_stack" else 1, told=len(told))
        changes = {"told": told, **changes}
    facts = card(task, content, **changes)
    place = folder / str(facts["name"])
    place.mkdir(parents=True)
    (place / "model.onnx").write_bytes(content)
    (place / "card.json").write_text(json.dumps(facts))
    return place


def write_partner(place: Path, content: bytes, default: float = 0.0) -> Path:
    """Give the model in the folder `place` an adversarial partner; returns the folder."""
    facts = json.loads((place / "card.json").read_text())
    facts["realism"] = {"default": default, "partner": hashlib.sha256(content).hexdigest()}
    (place / "card.json").write_text(json.dumps(facts))
    (place / "partner.onnx").write_bytes(content)
    return place


TASKS = ("denoise", "background", "axial_plane", "axial_stack", "super_resolve")


def write_zoo(folder: Path) -> Path:
    """All five models."""
    for task in TASKS:
        write_model(folder, task)
    return folder


def write_mosaic(place: Path, content: bytes, **facts: Any) -> Path:
    """Give the model in the folder `place` weights for colour cameras; returns the folder."""
    card = json.loads((place / "card.json").read_text())
    card["mosaic"] = {"digest": hashlib.sha256(content).hexdigest(), **facts}
    (place / "card.json").write_text(json.dumps(card))
    (place / "mosaic.onnx").write_bytes(content)
    return place
