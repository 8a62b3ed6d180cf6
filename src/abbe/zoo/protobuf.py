"""The fields of a protobuf message (https://protobuf.dev/programming-guides/encoding), without a library for them."""

from __future__ import annotations

from collections.abc import Iterator

from abbe.errors import ModelError

DAMAGED = "the file is damaged or is no ONNX model; get it again"


def fields(part: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """(field number, content) of one message: bytes of a length-delimited field, else its number."""
    return ((field, value) for field, value, _ in places(part))


def places(part: memoryview, begin: int = 0) -> Iterator[tuple[int, memoryview | int, int]]:
    """As `fields`, and where the content starts in a file in which `part` starts at `begin`."""
    at = 0
    while at < len(part):
        key, at = varint(part, at)
        field, wire = key >> 3, key & 7
        if wire == 0:
            start = at
            number, at = varint(part, at)
            yield field, number, begin + start
            continue
        if wire == 2:
            size, at = varint(part, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ModelError(f"wanted an ONNX model, got bytes that are none; {DAMAGED}")
        if at + size > len(part):
            raise ModelError(f"wanted a whole ONNX model, got one that is cut short; {DAMAGED}")
        if wire == 2:
            yield field, part[at : at + size], begin + at
        at += size


def varint(part: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(part):
            raise ModelError(f"wanted a whole ONNX model, got one that is cut short; {DAMAGED}")
        byte = part[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
    raise ModelError(f"wanted an ONNX model, got bytes that are none; {DAMAGED}")


def field(number: int, content: bytes | int) -> bytes:
    """One field as it is written: length-delimited for bytes, else a number."""
    if isinstance(content, int):
        return _number(number << 3) + _number(content)
    return _number(number << 3 | 2) + _number(len(content)) + content


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
