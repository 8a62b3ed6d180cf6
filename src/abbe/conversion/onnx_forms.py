"""An ONNX model with its weights stored in single precision, half precision, or 8 bits; the arithmetic is single precision in all three.

Weights that are stored in fewer bits are brought to single precision by standard operators (Cast; Gather from a palette), which
runtimes do once, when they load the model.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from abbe.conversion.forms import Precision
from abbe.conversion.palette import palettise
from abbe.errors import MissingExtraError, ModelError
from abbe.zoo.graph import kernel_types

Weights = dict[str, npt.NDArray[np.float32]]

#: how onnx.proto numbers float32 and float16
_FLOAT, _FLOAT16 = 1, 10
#: kernels with fewer weights than this stay in half precision: their palette would be as large
SMALLEST = 2048


def as_onnx(content: bytes, precision: Precision) -> bytes:
    """The ONNX file `content` with its weights as `precision` says.

    Raises `MissingExtraError` where the `onnx` package is needed and absent. A file that is in the form asked for already stays as it is.
    """
    if kernel_types(content) == {"fp32": {_FLOAT}, "fp16": {_FLOAT16}}.get(precision):
        return content
    onnx = _onnx()
    model = onnx.load_from_string(content)
    _to_single(model)
    if precision == "fp16":
        _store(model, lambda name, kernel: _half(name, kernel))
    elif precision == "palettised8":
        _store(model, lambda name, kernel: _palettised(name, kernel) if kernel.size >= SMALLEST else _half(name, kernel))
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def weights_of(content: bytes) -> Weights:
    """The weights by name, single precision."""
    onnx = _onnx()
    model = onnx.load_from_string(content)
    _to_single(model)
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer if tensor.data_type == _FLOAT}


def palettised_weights(weights: Weights) -> Weights:
    """The weights that the 8-bit form holds, single precision."""
    return {
        name: palettise(kernel).kernel
        if kernel.ndim >= 2 and kernel.size >= SMALLEST
        else kernel.astype(np.float16).astype(np.float32)
        if kernel.ndim >= 2
        else kernel
        for name, kernel in weights.items()
    }


def _onnx() -> Any:
    try:
        import onnx
        import onnx.checker
        import onnx.numpy_helper
    except ModuleNotFoundError as problem:
        raise MissingExtraError("converting a model", "train") from problem
    return onnx


def _to_single(model: Any) -> None:
    """Every weight that a Cast brings to single precision becomes an initializer of single precision, in place."""
    helper = _onnx().numpy_helper
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in [node for node in model.graph.node if node.op_type == "Cast" and node.input[0] in stored]:
        tensor = stored[node.input[0]]
        if tensor.data_type != _FLOAT16:
            raise ModelError("wanted weights in single or half precision, got 8-bit ones; convert the model that they came from")
        single = helper.from_array(helper.to_array(tensor).astype(np.float32), node.output[0])
        model.graph.initializer.remove(tensor)
        model.graph.initializer.append(single)
        model.graph.node.remove(node)


def _store(model: Any, how: Any) -> None:
    """Replace every kernel by what `how` gives for it: (tensors, nodes that make the kernel of them)."""
    helper = _onnx().numpy_helper
    kernels = [tensor for tensor in model.graph.initializer if tensor.data_type == _FLOAT and len(tensor.dims) >= 2]
    nodes: list[Any] = []
    for tensor in kernels:
        tensors, more = how(tensor.name, helper.to_array(tensor))
        model.graph.initializer.remove(tensor)
        model.graph.initializer.extend(tensors)
        nodes += more
    nodes += list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _half(name: str, kernel: npt.NDArray[np.float32]) -> tuple[list[Any], list[Any]]:
    onnx = _onnx()
    stored = onnx.numpy_helper.from_array(kernel.astype(np.float16), name + "_half")
    return [stored], [onnx.helper.make_node("Cast", [stored.name], [name], to=_FLOAT)]


def _palettised(name: str, kernel: npt.NDArray[np.float32]) -> tuple[list[Any], list[Any]]:
    onnx = _onnx()
    palette = palettise(kernel)
    tensors = [
        onnx.numpy_helper.from_array(palette.values.astype(np.float32), name + "_palette"),
        onnx.numpy_helper.from_array(palette.indices, name + "_8bit"),
    ]
    # Gather takes no 8-bit indices
    wide = onnx.helper.make_node("Cast", [name + "_8bit"], [name + "_index"], to=onnx.TensorProto.INT32)
    return tensors, [wide, onnx.helper.make_node("Gather", [name + "_palette", name + "_index"], [name], axis=0)]
