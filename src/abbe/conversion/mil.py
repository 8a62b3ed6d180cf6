"""A CoreML package read back: the operators and weights that are in the file, as an ONNX model that ONNX Runtime can do on any system.

CoreML itself runs on Apple's systems alone. What can be known elsewhere is what the package says; where it computes in half
precision, each operator's result is rounded to half here, with sums in single precision, as Apple's engines do or better.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from abbe.conversion.coreml import _coremltools, _quiet
from abbe.errors import ModelError


def read_coreml(folder: Path) -> bytes:
    """The ONNX file that does what the package in `folder` does. Raises `ModelError` for operators that abbe's networks do not have."""
    ct = _coremltools()
    with _quiet():
        package = ct.models.MLModel(str(folder), skip_model_load=True)
        from coremltools.converters.mil.frontend.milproto.load import load

        spec = package.get_spec()
        program = load(spec, specification_version=spec.specificationVersion, file_weights_dir=package.weights_dir)
    return _Graph().of(program.functions["main"])


class _Graph:
    """Collects ONNX nodes and weights."""

    def __init__(self) -> None:
        import onnx

        self.onnx = onnx
        self.nodes: list[Any] = []
        self.weights: dict[str, Any] = {}

    def of(self, function: Any) -> bytes:
        for operator in function.operations:
            if operator.op_type == "const":
                continue
            if operator.op_type == "constexpr_lut_to_dense":  # a palette and its indices
                self.weight(operator.outputs[0].name, operator.materialized_val_inference())
                continue
            do = _OPERATORS.get(operator.op_type)
            if do is None:
                raise ModelError(f"wanted operators of abbe's networks, got {operator.op_type!r} in the CoreML package")
            result = operator.outputs[0].name
            half = operator.outputs[0].dtype.__name__ == "fp16"
            raw = result + "_single" if half else result
            do(self, operator.inputs, raw)
            if half:
                self.node("Cast", [raw], raw + "_half", to=self.onnx.TensorProto.FLOAT16)
                self.node("Cast", [raw + "_half"], result, to=self.onnx.TensorProto.FLOAT)
        if function.outputs[0].name != "restored":
            self.node("Identity", [function.outputs[0].name], "restored")
        return self._serialise(function)

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> None:
        self.nodes.append(self.onnx.helper.make_node(kind, inputs, [output], **attributes))

    def weight(self, name: str, values: Any) -> str:
        array = np.asarray(values)
        self.weights[name] = array.astype(np.float32) if array.dtype.kind == "f" else array
        return name

    def name(self, value: Any) -> str:
        """The tensor that an operator's input is: another's result, or a weight."""
        return str(value.name) if value.val is None else self.weight(str(value.name), value.val)

    def _serialise(self, function: Any) -> bytes:
        make = self.onnx.helper
        free = {2: "h", 3: "w"}
        inputs = []
        for name, variable in function.inputs.items():
            shape = [free.get(axis, size) if len(variable.shape) == 4 else size for axis, size in enumerate(variable.shape)]
            inputs.append(make.make_tensor_value_info(name, self.onnx.TensorProto.FLOAT, shape))
        output = make.make_tensor_value_info("restored", self.onnx.TensorProto.FLOAT, [1, 2, "sh", "sw"])
        weights = [self.onnx.numpy_helper.from_array(values, name) for name, values in self.weights.items()]
        graph = make.make_graph(self.nodes, "coreml", inputs, [output], weights)
        return bytes(make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=9).SerializeToString())


Inputs = dict[str, Any]
Operator = Callable[[_Graph, Inputs, str], None]


def _conv(graph: _Graph, given: Inputs, output: str) -> None:
    kinds = {"custom": [int(p) for p in given["pad"].val], "valid": [0, 0, 0, 0]}
    top, bottom, left, right = kinds[str(given["pad_type"].val)]
    names = [graph.name(given["x"]), graph.name(given["weight"])]
    if given.get("bias") is not None:
        names.append(graph.name(given["bias"]))
    strides, dilations = ([int(n) for n in given[key].val] for key in ("strides", "dilations"))
    graph.node("Conv", names, output, pads=[top, left, bottom, right], strides=strides, dilations=dilations, group=int(given["groups"].val))


def _plain(kind: str, *inputs: str) -> Operator:
    return lambda graph, given, output: graph.node(kind, [graph.name(given[name]) for name in inputs], output)


def _pixel_shuffle(graph: _Graph, given: Inputs, output: str) -> None:
    graph.node("DepthToSpace", [graph.name(given["x"])], output, blocksize=int(given["upscale_factor"].val), mode="CRD")


def _pixel_unshuffle(graph: _Graph, given: Inputs, output: str) -> None:
    """ONNX puts the place in the block before the channel, CoreML (as torch) after it."""
    block, channels = int(given["downscale_factor"].val), int(given["x"].shape[1])
    graph.node("SpaceToDepth", [graph.name(given["x"])], output + "_order", blocksize=block)
    order = np.arange(channels * block * block).reshape(block * block, channels).T.ravel()
    graph.node("Gather", [output + "_order", graph.weight(output + "_places", order)], output, axis=1)


def _upsample(graph: _Graph, given: Inputs, output: str) -> None:
    if bool(given["align_corners"].val):
        raise ModelError("wanted pixels enlarged about their areas, got about their corners, in the CoreML package")
    scales = np.array([1, 1, given["scale_factor_height"].val, given["scale_factor_width"].val], np.float32)
    names = [graph.name(given["x"]), "", graph.weight(output + "_scales", scales)]
    graph.node("Resize", names, output, mode="linear", coordinate_transformation_mode="half_pixel")


def _slice(graph: _Graph, given: Inputs, output: str) -> None:
    end_mask = given["end_mask"].val if given.get("end_mask") is not None else [False] * 4
    start, end = np.asarray(given["begin"].val, np.int64), np.asarray(given["end"].val, np.int64)
    end = np.where(end_mask, np.iinfo(np.int64).max, end)
    graph.node("Slice", [graph.name(given["x"]), graph.weight(output + "_start", start), graph.weight(output + "_end", end)], output)


def _concat(graph: _Graph, given: Inputs, output: str) -> None:
    graph.node("Concat", [graph.name(value) for value in given["values"]], output, axis=int(given["axis"].val))


def _linear(graph: _Graph, given: Inputs, output: str) -> None:
    graph.node("Gemm", [graph.name(given[name]) for name in ("x", "weight", "bias")], output, transB=1)


def _expand(graph: _Graph, given: Inputs, output: str) -> None:
    axes = np.atleast_1d(given["axes"].val).astype(np.int64)
    graph.node("Unsqueeze", [graph.name(given["x"]), graph.weight(output + "_axes", axes)], output)


def _average(graph: _Graph, given: Inputs, output: str) -> None:
    sizes, strides = ([int(n) for n in given[key].val] for key in ("kernel_sizes", "strides"))
    if str(given["pad_type"].val) != "valid" and any(given["pad"].val):
        raise ModelError("wanted means over whole blocks of pixels, got padded ones, in the CoreML package")
    graph.node("AveragePool", [graph.name(given["x"])], output, kernel_shape=sizes, strides=strides)


def _pad(graph: _Graph, given: Inputs, output: str) -> None:
    """Edges repeated: (before, after) of each of the last axes."""
    if str(given["mode"].val) != "replicate":
        raise ModelError(f"wanted edges repeated, got {given['mode'].val!s}, in the CoreML package")
    sides = np.asarray(given["pad"].val, np.int64).reshape(-1, 2)
    sides = np.concatenate([np.zeros((len(given["x"].shape) - len(sides), 2), np.int64), sides])
    graph.node("Pad", [graph.name(given["x"]), graph.weight(output + "_sides", sides.T.ravel())], output, mode="edge")


_OPERATORS: dict[str, Operator] = {
    "cast": _plain("Identity", "x"),
    "conv": _conv,
    "add": _plain("Add", "x", "y"),
    "sub": _plain("Sub", "x", "y"),
    "mul": _plain("Mul", "x", "y"),
    "avg_pool": _average,
    "pad": _pad,
    "relu": _plain("Relu", "x"),
    "abs": _plain("Abs", "x"),
    "pixel_shuffle": _pixel_shuffle,
    "pixel_unshuffle": _pixel_unshuffle,
    "upsample_bilinear": _upsample,
    "slice_by_index": _slice,
    "concat": _concat,
    "linear": _linear,
    "expand_dims": _expand,
}
