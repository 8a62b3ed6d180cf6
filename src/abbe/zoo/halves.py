"""A super-resolving network in two: what sees far on a coarse grid, and what makes the finer image of its features.

The first part needs a wide margin around what is kept of its result, the second hardly any, and it is the second that takes the memory: so
it runs on what is kept alone, some rows at a time. Both are cut out of the one file of the model, whose graph stays what it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from abbe.zoo.graph import shape_and_type
from abbe.zoo.protobuf import field, fields

# onnx.proto: field numbers of the messages that are read and written here
_GRAPH, _NODE, _INITIALIZER, _INPUT, _OUTPUT, _VALUE = 7, 1, 5, 11, 12, 13
_NODE_INPUT, _NODE_OUTPUT, _NODE_OPERATOR, _NODE_ATTRIBUTE, _TENSOR_NAME, _VALUE_NAME, _VALUE_TYPE = 1, 2, 4, 5, 8, 1, 2
_ATTRIBUTE_NAME, _ATTRIBUTE_NUMBER, _ATTRIBUTE_TYPE, _NUMBER = 1, 3, 20, 2
_TENSOR_TYPE, _ELEMENT, _SHAPE, _DIMENSION, _DIMENSION_VALUE, _DIMENSION_NAME, _FLOAT = 1, 1, 2, 1, 1, 2, 1
#: where the names of weights and inputs stand
_NAMES = {_INITIALIZER: _TENSOR_NAME, _INPUT: _VALUE_NAME}
#: the weight of the layer that goes to the finer grid (`abbe.networks.Restorer.finer`)
_FINER = b"network.finer.weight"
#: what ends the name of a weight that is stored in half precision, and cast to the name that the layers know
_HALF = b"_half"


@dataclass(frozen=True, slots=True)
class Halves:
    """Two ONNX files, the name of what the first gives and the second takes, features (N, C, H / u, W / u), and those of what it gives.

    The second gives estimate and spread apart, each (N, 1, H, W): side by side they would be copied twice.
    """

    body: bytes
    exit: bytes
    features: str
    results: tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Node:
    content: bytes
    operator: bytes
    inputs: tuple[bytes, ...]
    outputs: tuple[bytes, ...]
    attributes: tuple[bytes, ...]


def halves(content: bytes) -> Halves | None:
    """The two parts of a model; None where it has no layer that goes to a finer grid, or they cannot be told apart."""
    graphs = [part for kind, part in fields(memoryview(content)) if kind == _GRAPH and not isinstance(part, int)]
    if len(graphs) != 1:
        return None
    entries = [(kind, bytes(part)) for kind, part in fields(graphs[0]) if not isinstance(part, int)]
    nodes = [_node(part) for kind, part in entries if kind == _NODE]
    outputs = [_named(part, _VALUE_NAME) for kind, part in entries if kind == _OUTPUT]
    makers = {name: node for node in nodes for name in node.outputs}
    leaving = [node for node in nodes if len(node.inputs) == 2 and node.inputs[1] == _FINER]
    channels = _channels(entries)
    joining = makers.get(outputs[0]) if len(outputs) == 1 else None
    if len(leaving) != 1 or joining is None or joining.operator != b"Concat" or len(joining.inputs) != 2 or channels is None:
        return None
    cut, (estimate, spread) = leaving[0].inputs[0], joining.inputs
    first, last = _needed([cut], makers, ()), _needed(joining.inputs, makers, (cut,))
    if cut not in makers or leaving[0] not in last:
        return None
    try:
        body = _file(content, entries, first, [], [_value(cut, channels)])
        end = _file(content, entries, _at_once(last, entries), [_value(cut, channels)], [_value(estimate, 1), _value(spread, 1)])
    except CycleError:  # no network: the runtime says so
        return None
    return Halves(body, end, cut.decode(), (estimate.decode(), spread.decode()))


def _at_once(nodes: list[_Node], entries: Iterable[tuple[int, bytes]]) -> list[_Node]:
    """The same with one convolution instead of two alike that see the same: each waits for the finer grid's features to be read."""
    out, shapes = list(nodes), dict(_shapes(entries))
    for i, one in enumerate(nodes):
        for two in nodes[i + 1 :]:
            alike = one.operator == two.operator == b"Conv" and len(one.inputs) == len(two.inputs) == 2
            size = shapes.get(one.inputs[1]) if alike else None
            alike = alike and size is not None and size == shapes.get(two.inputs[1])
            if alike and one.inputs[0] == two.inputs[0] and one.attributes == two.attributes:
                weights, both = one.outputs[0] + b"_weights", one.outputs[0] + b"_both"
                where = _attribute(b"axis", 1)
                out.remove(one)
                out.remove(two)
                out += [
                    _node(_written(b"Concat", (one.inputs[1], two.inputs[1]), (weights,), (_attribute(b"axis", 0),))),
                    _node(_written(b"Conv", (one.inputs[0], weights), (both,), one.attributes)),
                    _node(_written(b"Split", (both,), (one.outputs[0], two.outputs[0]), (where,))),
                ]
                return out
    return out


def _node(part: bytes) -> _Node:
    found = [(kind, bytes(value)) for kind, value in fields(memoryview(part)) if not isinstance(value, int)]
    inputs, outputs, attributes = (
        tuple(value for kind, value in found if kind == wanted) for wanted in (_NODE_INPUT, _NODE_OUTPUT, _NODE_ATTRIBUTE)
    )
    return _Node(part, _named(part, _NODE_OPERATOR), inputs, outputs, attributes)


def _written(operator: bytes, inputs: Iterable[bytes], outputs: Iterable[bytes], attributes: Iterable[bytes]) -> bytes:
    parts = [(_NODE_INPUT, name) for name in inputs] + [(_NODE_OUTPUT, name) for name in outputs] + [(_NODE_OPERATOR, operator)]
    return b"".join(field(kind, value) for kind, value in [*parts, *((_NODE_ATTRIBUTE, one) for one in attributes)])


def _attribute(name: bytes, value: int) -> bytes:
    return field(_ATTRIBUTE_NAME, name) + field(_ATTRIBUTE_NUMBER, value) + field(_ATTRIBUTE_TYPE, _NUMBER)


def _named(part: bytes, name: int) -> bytes:
    return next((bytes(value) for kind, value in fields(memoryview(part)) if kind == name and not isinstance(value, int)), b"")


def _shapes(entries: Iterable[tuple[int, bytes]]) -> Iterator[tuple[bytes, tuple[int, ...]]]:
    """(name, shape) of each weight, named as the convolutions name it, whether it is stored in half precision or not."""
    for kind, part in entries:
        if kind == _INITIALIZER:
            yield _named(part, _TENSOR_NAME).removesuffix(_HALF), tuple(shape_and_type(memoryview(part))[0])


def _channels(entries: Iterable[tuple[int, bytes]]) -> int | None:
    """How many features the layer that goes to the finer grid takes."""
    shape = dict(_shapes(entries)).get(_FINER, ())
    return shape[1] if len(shape) == 4 else None


def _needed(wanted: Iterable[bytes], makers: dict[bytes, _Node], given: tuple[bytes, ...]) -> list[_Node]:
    """The nodes that `wanted` is made by where `given` is there already."""
    waiting, found = list(wanted), dict[int, _Node]()
    while waiting:
        name = waiting.pop()
        node = makers.get(name)
        if name not in given and node is not None and id(node) not in found:
            found[id(node)] = node
            waiting += node.inputs
    return list(found.values())


def _value(name: bytes, channels: int) -> bytes:
    """What a graph says of an input or output of float32, (N, channels, H, W)."""
    sizes = [field(_DIMENSION_NAME, b"n"), field(_DIMENSION_VALUE, channels), field(_DIMENSION_NAME, b"fh"), field(_DIMENSION_NAME, b"fw")]
    shape = b"".join(field(_DIMENSION, size) for size in sizes)
    kind = field(_TENSOR_TYPE, field(_ELEMENT, _FLOAT) + field(_SHAPE, shape))
    return field(_VALUE_NAME, name) + field(_VALUE_TYPE, kind)


def _in_order(nodes: list[_Node]) -> list[_Node]:
    """Each after those that make what it takes, as ONNX wants it. Raises `CycleError` where there is no such order."""
    makers = {name: number for number, node in enumerate(nodes) for name in node.outputs}
    before = {number: {makers[name] for name in node.inputs if name in makers} for number, node in enumerate(nodes)}
    return [nodes[number] for number in TopologicalSorter(before).static_order()]


def _file(content: bytes, entries: list[tuple[int, bytes]], nodes: list[_Node], more: list[bytes], outputs: list[bytes]) -> bytes:
    """A model of some of the nodes, with the weights and inputs that they take."""
    taken = {name for node in nodes for name in node.inputs}
    graph = b"".join(field(_NODE, node.content) for node in _in_order(nodes))
    for kind, part in entries:
        unused = kind in _NAMES and _named(part, _NAMES[kind]) not in taken
        if kind not in (_NODE, _OUTPUT, _VALUE) and not unused:
            graph += field(kind, part)
    graph += b"".join(field(_INPUT, value) for value in more) + b"".join(field(_OUTPUT, value) for value in outputs)
    rest = [(kind, part) for kind, part in fields(memoryview(content)) if kind != _GRAPH]
    return b"".join(field(kind, part if isinstance(part, int) else bytes(part)) for kind, part in rest) + field(_GRAPH, graph)
