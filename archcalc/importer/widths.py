"""How wide the numbers are that a layer of a model file puts out."""

from __future__ import annotations

from collections.abc import Sequence

from archcalc.graph import Node
from archcalc.importer.tensors import BFLOAT16, BITS, DOUBLE, FLOAT, FLOAT16, FLOATS

_FLOATING = {FLOAT: "", FLOAT16: "fp16", DOUBLE: "fp64", BFLOAT16: "bf16"}
_BY_BITS = {8: "int8", 16: "int16", 32: "int32", 64: "int64"}
# by the number of ONNX's kind; one of less than a byte has one to itself
_WIDTHS = {
    kind: _FLOATING[kind] if kind in _FLOATING else "fp8" if kind in FLOATS and bits == 8 else _BY_BITS[max(8, bits)]
    for kind, bits in BITS.items()
    if bits <= 64
}


def width(kind: int, inputs: Sequence[Node] = ()) -> str:
    """The type of a layer's output by the kind of its numbers, nothing for fp32 and for texts; where the file doesn't
    say the kind, that of what it reads first.
    """
    return _WIDTHS.get(kind, "") if kind or not inputs else inputs[0].dtype


__all__ = ["width"]
