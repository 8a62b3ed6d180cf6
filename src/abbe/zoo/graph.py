"""What a model file may contain, checked before any runtime sees it.

An ONNX file can name other files to load as weights (external data), and operators that are somebody's own code or a
compiled program (domains other than ONNX's). abbe takes neither: a model is one file of standard operators. The check
walks the file's protobuf fields (https://protobuf.dev/programming-guides/encoding, field numbers from onnx.proto) and
decodes nothing else; the network itself is parsed by ONNX Runtime alone.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from abbe.errors import ModelError
from abbe.limits import LIMITS
from abbe.zoo.protobuf import DAMAGED, fields, places, varint

# onnx.proto: field number -> kind of message, for the messages that can lead to a tensor or an operator
_MESSAGES = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_GRAPH, _NODE, _INITIALIZER, _DIMS, _DATA_TYPE, _NAME = 7, 1, 5, 1, 2, 8
_NODE_DOMAIN, _EXTERNAL_DATA, _DATA_LOCATION = 7, 13, 14
_RAW_DATA = 9
#: what kernels are stored as, as onnx.proto numbers it; little-endian in every file
_NUMBERS: dict[int, np.dtype[np.floating]] = {1: np.dtype("<f4"), 10: np.dtype("<f2")}
_STANDARD = (b"", b"ai.onnx")


class _Weights(NamedTuple):
    """Where the numbers of one tensor lie in a file, what they are, and its shape."""

    start: int
    stop: int
    numbers: np.dtype[np.floating]
    shape: tuple[int, ...]

    def alike(self, other: _Weights) -> bool:
        return self[2:] == other[2:] and self.stop - self.start == other.stop - other.start


def check_graph(content: bytes) -> None:
    """Raise `ModelError` for external data, operators outside ONNX's own, or bytes that are no protobuf."""
    waiting: list[tuple[str, memoryview, int]] = [("model", memoryview(content), 0)]
    graphs = 0
    while waiting:
        kind, part, depth = waiting.pop()
        if depth > LIMITS.nesting:
            raise ModelError(f"wanted a model nested at most {LIMITS.nesting} deep, got a deeper one; it is not one that abbe can trust")
        graphs += kind == "graph"
        for field, value in fields(part):
            if kind == "tensor" and (field == _EXTERNAL_DATA or (field == _DATA_LOCATION and value == 1)):
                raise ModelError("wanted a model in one file, got one whose weights lie in other files; save it without external data")
            if isinstance(value, int):
                continue
            if kind == "node" and field == _NODE_DOMAIN and bytes(value) not in _STANDARD:
                domain = bytes(value[:60]).decode("utf-8", "replace")
                raise ModelError(f"wanted a model of standard ONNX operators, got one of the domain {domain!r}; export it without")
            inner = _MESSAGES[kind].get(field)
            if inner:
                waiting.append((inner, value, depth + 1))
    if not graphs:
        raise ModelError(f"wanted an ONNX model, got a file without a graph; {DAMAGED}")


def kernel_types(content: bytes) -> set[int]:
    """What the weights with two or more axes are stored as, as onnx.proto numbers it (1 float32, 10 float16), without the onnx package."""
    found = set()
    for field, graph in fields(memoryview(content)):
        if field != _GRAPH or isinstance(graph, int):
            continue
        for kind, tensor in fields(graph):
            if kind == _INITIALIZER and not isinstance(tensor, int):
                shape, stored = shape_and_type(tensor)
                found |= {stored} if len(shape) >= 2 else set()
    return found


def shape_and_type(tensor: memoryview) -> tuple[tuple[int, ...], int]:
    """The shape of a tensor, and what its numbers are."""
    shape: list[int] = []
    stored = 0
    for field, value in fields(tensor):
        if field == _DIMS:  # one by one, or packed
            shape += [value] if isinstance(value, int) else _numbers(value)
        elif field == _DATA_TYPE and isinstance(value, int):
            stored = value
    return tuple(shape), stored


def _numbers(packed: memoryview) -> list[int]:
    found, at = [], 0
    while at < len(packed):
        value, at = varint(packed, at)
        found.append(value)
    return found


def mix(content: bytes, partner: bytes, share: float) -> bytes:
    """`content` with every weight (1 - share) * its own + share * that of `partner`, stored as before.

    `partner` is an ONNX file of the same graph, or one without operators that holds those weights alone, by name, which differ. Raises
    `ModelError` where the two differ in anything but their weights.
    """
    own, other = _weights(content), _weights(partner)
    alone = not _has_nodes(partner)
    if alone and not other:
        raise ModelError("wanted a partner with weights, got a file without any; get the model again, or export it anew")
    fits = other.keys() <= own.keys() and all(own[name].alike(weights) for name, weights in other.items())
    if not fits or (not alone and _rest(content, own) != _rest(partner, other)):
        raise ModelError("wanted a partner of the same network, got one whose graph differs; get the model again, or export it anew")
    out = bytearray(content)
    for name, theirs in other.items():
        ours = own[name]
        a, b = (np.frombuffer(file[x.start : x.stop], x.numbers).astype(np.float64) for file, x in ((content, ours), (partner, theirs)))
        out[ours.start : ours.stop] = (a + share * (b - a)).astype(ours.numbers).tobytes()
    return bytes(out)


def _rest(content: bytes, weights: dict[bytes, _Weights]) -> list[bytes]:
    """What of a file is not weights."""
    ends = [(0, 0), *((w.start, w.stop) for w in weights.values()), (len(content), 0)]
    return [content[stop:start] for (_, stop), (start, _) in pairwise(ends)]


def _has_nodes(content: bytes) -> bool:
    graphs = (graph for field, graph in fields(memoryview(content)) if field == _GRAPH and not isinstance(graph, int))
    return any(field == _NODE for graph in graphs for field, _ in fields(graph))


def _weights(content: bytes) -> dict[bytes, _Weights]:
    """Where the numbers of every stored tensor of half or single precision lie, by its name, in their order in the file."""
    found: dict[bytes, _Weights] = {}
    for field, graph, begin in places(memoryview(content)):
        for kind, tensor, at in places(graph, begin) if field == _GRAPH and not isinstance(graph, int) else ():
            if kind != _INITIALIZER or isinstance(tensor, int):
                continue
            shape, stored = shape_and_type(tensor)
            numbers = _NUMBERS.get(stored)
            parts = {what: (data, start) for what, data, start in places(tensor, at) if not isinstance(data, int)}
            if numbers is not None and _RAW_DATA in parts:
                name, (data, start) = bytes(parts[_NAME][0]) if _NAME in parts else b"", parts[_RAW_DATA]
                if name in found:
                    raise ModelError(f"wanted a model whose weights have names of their own, got two of one name; {DAMAGED}")
                found[name] = _Weights(start, start + len(data), numbers, shape)
    return found
