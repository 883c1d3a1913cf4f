"""A model's file written piece by piece: what protobuf would write of the whole, without the whole in memory.

A message is its fields in the order of their numbers, each with a tag, and with its length where it holds bytes: of
what is made only later, the length is all that has to be known before
(https://protobuf.dev/programming-guides/encoding/).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import IO, TypeAlias

from onnx import GraphProto, ModelProto, TensorProto

Message: TypeAlias = ModelProto | GraphProto
DELIMITED = 2  # the wire type of what has a length
GRAPH, TENSORS, RAW = 7, 5, 9  # the numbers of a model's graph, of a graph's tensors, of a tensor's bytes (onnx.proto)


def streamed(
    model: ModelProto, sizes: Mapping[int, int], content: Callable[[int], memoryview], file: IO[bytes]
) -> None:
    """Write a model; the tensors at these positions have so many bytes, which `content` gives when their turn comes."""
    before, after = _around(model, GRAPH)
    first, last = _around(model.graph, TENSORS)
    heads = [_head(tensor, sizes.get(n, 0)) for n, tensor in enumerate(model.graph.initializer)]
    inner = len(first) + len(last) + sum(map(len, heads)) + sum(sizes.values())
    file.write(before + _tag(GRAPH, inner) + first)
    for n, head in enumerate(heads):
        file.write(head)
        if n in sizes:
            file.write(content(n))
    file.write(last + after)


def _around(message: Message, number: int) -> tuple[bytes, bytes]:
    """What is written before and after a field."""
    before, after = type(message)(), type(message)()
    for field, value in message.ListFields():
        part = before if field.number < number else after
        if hasattr(value, "MergeFrom") and field.number != number:
            getattr(part, field.name).MergeFrom(value)
        elif field.number != number:
            setattr(part, field.name, value)
    return bytes(before.SerializeToString(deterministic=True)), bytes(after.SerializeToString(deterministic=True))


def _head(tensor: TensorProto, size: int) -> bytes:
    """A tensor up to its bytes, of which there will be so many: it has no fields behind them."""
    said = bytes(tensor.SerializeToString(deterministic=True))
    if size:
        raw = _tag(RAW, size)
        return _tag(TENSORS, len(said) + len(raw) + size) + said + raw
    return _tag(TENSORS, len(said)) + said


def _tag(number: int, length: int) -> bytes:
    """What stands before a field of so many bytes."""
    return _varint(number << 3 | DELIMITED) + _varint(length)


def _varint(number: int) -> bytes:
    """Seven bits a byte, the least significant first; all but the last have the eighth."""
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])
