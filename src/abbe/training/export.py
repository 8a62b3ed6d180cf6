"""From trained weights to a model that the engine runs: one ONNX file with half-precision weights, and its card."""

from __future__ import annotations

import hashlib
import io
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from abbe.errors import ModelError
from abbe.networks import Restorer
from abbe.training.loop import architecture
from abbe.training.plan import TrainingPlan
from abbe.training.weights import read_metadata, read_weights, start_from
from abbe.zoo import MOSAIC, PARTNER

#: what the engine subtracts before a network sees an image, and divides by, as percentiles of the image
NORMALISATION = {"low_percentile": 1.0, "high_percentile": 99.8}


class _Named(nn.Module):
    """The network with the inputs that its card names, in that order."""

    def __init__(self, network: Restorer) -> None:
        super().__init__()
        self.network = network

    def forward(self, observed: Tensor, *more: Tensor) -> Tensor:
        a = self.network.architecture
        extra = list(more)
        context = extra.pop(0) if a.context else None
        told = extra.pop(0) if a.told else None
        return self.network(observed, context, told)


def export(weights: Path, folder: Path, *, interval_factor: float = 2.0, more: dict[str, Any] | None = None) -> Path:
    """`weights.safetensors` of a training -> `folder/model.onnx` and `folder/card.json`; returns the folder.

    `more` is added to the card: figures, failures, description.
    """
    plan = TrainingPlan.model_validate_json(read_metadata(weights)["plan"])
    network = Restorer(architecture(plan)).eval()
    start_from(network, weights)
    model = half_weights(to_onnx(network))
    data = model.SerializeToString(deterministic=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(data)
    card = card_of(plan, network, hashlib.sha256(data).hexdigest(), read_metadata(weights), interval_factor) | (more or {})
    (folder / "card.json").write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return folder


def export_partner(weights: Path, fidelity: Path, folder: Path) -> Path:
    """The fidelity model in the folder `fidelity`, with the adversarial partner of `weights.safetensors`, in `folder`; returns it.

    The partner's file holds those weights that differ from the fidelity model's, under the names that they have in its ONNX graph, so that
    the engine can mix both. Raises `ModelError` when the weights are not those of that network, or none differs.
    """
    state = read_metadata(weights)
    plan = TrainingPlan.model_validate_json(state["plan"])
    content, card = _fidelity(plan, fidelity)
    partner = _with_weights(content, read_weights(weights), plan.adversarial.share if plan.adversarial else 1.0)
    realism = {"default": 0.0, "partner": hashlib.sha256(partner).hexdigest(), "training": _training(plan, state), "figures": []}
    return _beside(fidelity, folder, content, PARTNER, partner, card | {"realism": realism})


def export_mosaic(weights: Path, fidelity: Path, folder: Path, interval_factor: float) -> Path:
    """The model in the folder `fidelity`, with its partner where it has one, and those of `weights.safetensors` that differ for colour
    cameras, in `folder`; returns it. Raises `ModelError` as `export_partner` does."""
    state = read_metadata(weights)
    plan = TrainingPlan.model_validate_json(state["plan"])
    content, card = _fidelity(plan, fidelity)
    others = _with_weights(content, read_weights(weights), 1.0)
    training, before = _training(plan, state), card.get("mosaic")
    if plan.learn == "spread" and before:  # all else came from what it started from
        training = {**before["training"], "spread": {key: training[key] for key in ("seed", "hours", "steps", "settings")}}
    mosaic = {"digest": hashlib.sha256(others).hexdigest(), "interval_factor": interval_factor, "training": training}
    return _beside(fidelity, folder, content, MOSAIC, others, card | {"mosaic": mosaic})


def _fidelity(plan: TrainingPlan, folder: Path) -> tuple[bytes, dict[str, Any]]:
    """Weights and card of the model that a plan starts from."""
    try:
        return (folder / "model.onnx").read_bytes(), json.loads((folder / "card.json").read_text(encoding="utf-8"))
    except OSError as problem:
        raise ModelError(
            f"wanted the fidelity model {plan.start} (model.onnx and card.json) in {folder}, got: {problem.strerror}; train it first"
        ) from problem


def _beside(fidelity: Path, folder: Path, content: bytes, name: str, others: bytes, card: dict[str, Any]) -> Path:
    """The model in the folder `fidelity` with all that lies beside its weights, and these others, in `folder`; returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(content)
    for beside in {PARTNER, MOSAIC} - {name}:
        if (fidelity / beside).exists():
            (folder / beside).write_bytes((fidelity / beside).read_bytes())
    (folder / name).write_bytes(others)
    (folder / "card.json").write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return folder


def _with_weights(content: bytes, weights: dict[str, Tensor], share: float) -> bytes:
    """An ONNX file without operators: this share of the way from the file `content` to `weights`, where these differ, stored as there."""
    model = onnx.load_from_string(content)
    names = {tensor.name.removeprefix("network.").removesuffix("_half") for tensor in model.graph.initializer}
    if more := sorted(weights.keys() - names):
        raise ModelError(f"wanted weights of the fidelity model's network, got {more[0]} besides; give the plan the same [network]")
    differ = []
    for tensor in model.graph.initializer:
        name = tensor.name.removeprefix("network.").removesuffix("_half")
        if name == tensor.name:
            continue  # a constant of the graph
        old = numpy_helper.to_array(tensor)
        if name not in weights or tuple(weights[name].shape) != old.shape:
            raise ModelError(f"wanted weights of the fidelity model's network, got another {name}; give the plan the same [network]")
        new = (old.astype(np.float64) * (1 - share) + share * weights[name].numpy()).astype(old.dtype)
        if not np.array_equal(new, old):
            differ.append(numpy_helper.from_array(new, tensor.name))
    if not differ:
        raise ModelError("wanted weights that learnt something, got the fidelity model's own; train for more steps")
    del model.graph.node[:], model.graph.input[:], model.graph.output[:], model.graph.initializer[:]
    model.graph.initializer.extend(differ)
    return bytes(model.SerializeToString(deterministic=True))


def to_onnx(network: Restorer) -> onnx.ModelProto:
    """The network as ONNX in single precision, with free batch, height and width."""
    a = network.architecture
    side = 8 * a.multiple
    inputs: list[Tensor] = [torch.zeros(1, a.channels, side, side)]
    names, free = ["observed"], {"observed": {0: "n", 2: "h", 3: "w"}, "restored": {0: "n", 2: "sh", 3: "sw"}}
    if a.context:
        inputs.append(torch.zeros(1, 1, side, side))
        names.append("context")
        free["context"] = {0: "n", 2: "h", 3: "w"}
    if a.told:
        inputs.append(torch.zeros(1, a.told))
        names.append("told")
        free["told"] = {0: "n"}
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # the exporter that replaces this one needs a further package and writes a graph three times as long
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.filterwarnings("ignore", "Constant folding", UserWarning)  # of the padding's sizes: they stay in the graph
        own = _told_apart(network)
        try:
            _export(network, inputs, buffer, names, free)
        finally:
            network.load_state_dict(own, strict=False)
    return _with_own_values(onnx.load_from_string(buffer.getvalue()), own)


def _told_apart(network: Restorer) -> dict[str, Tensor]:
    """Parameters that are equal to others, by name, as they are; each gets values of its own meanwhile. The exporter keeps equal ones once,
    under one name, and who reads weights by name would miss the rest."""
    seen: set[tuple[tuple[int, ...], bytes]] = set()
    own = {}
    for number, (name, parameter) in enumerate(network.named_parameters()):
        key = tuple(parameter.shape), parameter.detach().numpy().tobytes()
        if key in seen:
            own[name] = parameter.detach().clone()
            parameter.data = torch.full_like(parameter, 1.0 + number)
        seen.add(key)
    return own


def _with_own_values(model: onnx.ModelProto, own: dict[str, Tensor]) -> onnx.ModelProto:
    left = dict(own)
    for tensor in model.graph.initializer:
        values = left.pop(tensor.name.removeprefix("network."), None)
        if values is not None:
            tensor.CopyFrom(numpy_helper.from_array(values.numpy(), tensor.name))
    if left:
        raise ModelError(f"wanted every weight under its own name in the ONNX file, got none called {next(iter(left))}")
    return model


def _export(network: Restorer, inputs: list[Tensor], buffer: io.BytesIO, names: list[str], free: dict[str, dict[int, str]]) -> None:
    torch.onnx.export(
        _Named(network),
        tuple(inputs),
        buffer,
        input_names=names,
        output_names=["restored"],
        dynamic_axes=free,
        opset_version=17,
        dynamo=False,
    )


def half_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with its weights stored in half precision and cast to single when it is loaded: half the size, the same arithmetic."""
    casts = []
    for tensor in list(model.graph.initializer):
        if tensor.data_type != TensorProto.FLOAT or len(tensor.dims) < 2:
            continue
        half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name + "_half")
        casts.append(helper.make_node("Cast", [half.name], [tensor.name], to=TensorProto.FLOAT, name=tensor.name + "_cast"))
        model.graph.initializer.remove(tensor)
        model.graph.initializer.append(half)
    nodes = casts + list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.doc_string = ""
    for node in model.graph.node:
        node.doc_string = ""
    onnx.checker.check_model(model)
    return model


def card_of(plan: TrainingPlan, network: Restorer, digest: str, state: dict[str, Any], interval_factor: float) -> dict[str, Any]:
    """The facts of a model that follow from its plan and training."""
    a = network.architecture
    return {
        "format": 1,
        "name": plan.name,
        "version": "0.1.0",
        "task": plan.task,
        "title": plan.title,
        "description": "",
        "scale": a.scale,
        "observed_channels": a.channels,
        "context": a.context,
        "levels": a.levels,
        "told": list(plan.network.is_told),
        "multiple": a.multiple,
        "receptive_field": a.receptive_field,
        "normalisation": NORMALISATION,
        "interpolation": "linear",
        "interval_factor": interval_factor,
        "realism": {"default": 0.0},
        "digest": digest,
        "parameters": sum(p.numel() for p in network.parameters()),
        "training": _training(plan, state),
        "figures": json.loads(state.get("figures", "[]")),
        "failures": json.loads(state["failures"]) if "failures" in state else [state["failure"]] if "failure" in state else [],
        "licence": plan.licence,
    }


def learnt_last(fidelity: Path, made: Path) -> None:
    """Of a model of which one part alone was learnt, its spread or what it is told: the card says what all else came from, as that of the
    model it started from does, and that. Told nothing it is that model, and so is its interval."""
    path = made / "card.json"
    card, before = (json.loads((folder / "card.json").read_text(encoding="utf-8")) for folder in (made, fidelity))
    late, early = card["training"], before["training"]
    settings, part = {**early["settings"], "network": late["settings"]["network"]}, late["settings"]["learn"]
    card["training"] = {
        **early,
        "sets": late["sets"],
        "settings": settings,
        part: {key: late[key] for key in ("seed", "hours", "steps", "settings")},
    }
    if part == "told":
        card["interval_factor"] = before["interval_factor"]
    path.write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _training(plan: TrainingPlan, state: dict[str, Any]) -> dict[str, Any]:
    started = {"start": state["start"]} if "start" in state else {}
    return {
        "sets": json.loads(state["sets"]) if "sets" in state else list(plan.sets),
        **started,
        "licence": plan.licence,
        "licence_notes": "the images are not part of abbe",
        "hours": round(float(state.get("seconds", 0)) / 3600, 2),
        "steps": int(state.get("step", 0)),
        "plan": None if plan.own else f"plans/{plan.name}.toml",
        "settings": plan.model_dump(mode="json"),
        "seed": plan.seed,
    }
