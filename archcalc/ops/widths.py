"""How wide stored numbers are: plain types, integers in groups that share a scale and a zero point, and GGUF's blocks.

>>> stored((4096, 4096), "int4/128") * 8 / 4096**2
4.15625
>>> stored((4096, 4096), "q4_k"), stored((4096,), "int8")
(9437184, 16384)
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from archcalc.algebra import Dim
from archcalc.ops.base import Shape, size
from archcalc.patterns import pattern
from archcalc.tuples import NamedTuple

PLAIN: Mapping[str, int] = {  # bits of a number
    "fp64": 64, "fp32": 32, "fp16": 16, "bf16": 16, "fp8": 8, "int64": 64, "int32": 32, "int16": 16, "int8": 8,
    "int4": 4, "int3": 3, "int2": 2,
}  # fmt: skip
GGUF: Mapping[str, tuple[int, int]] = {  # numbers of a block, and its bytes: GGML_QUANT_SIZES of gguf 0.19.0
    "q4_0": (32, 18), "q4_1": (32, 20), "q5_0": (32, 22), "q5_1": (32, 24), "q8_0": (32, 34), "q8_1": (32, 40),
    "q2_k": (256, 84), "q3_k": (256, 110), "q4_k": (256, 144), "q5_k": (256, 176), "q6_k": (256, 210),
    "q8_k": (256, 292), "iq2_xxs": (256, 66), "iq2_xs": (256, 74), "iq3_xxs": (256, 98), "iq1_s": (256, 50),
    "iq4_nl": (32, 18), "iq3_s": (256, 110), "iq2_s": (256, 82), "iq4_xs": (256, 136), "iq1_m": (256, 56),
    "tq1_0": (256, 54), "tq2_0": (256, 66), "mxfp4": (32, 17), "nvfp4": (64, 36), "q1_0": (128, 18),
}  # fmt: skip
WHOLE: Mapping[str, int] = {name: bits // 8 for name, bits in PLAIN.items() if bits % 8 == 0}  # bytes of a number
SCALE = 16  # bits of the fp16 scale of a group; its zero point is as wide as a number
_GROUPED = pattern(r"(int[0-9]+)/([1-9][0-9]{0,5})")


class Type(NamedTuple):
    """How numbers are stored: bits of one, numbers of a group and bits that a group adds, and bits of a number in a
    vector, such as a bias: int32 beside int8, fp16 beside groups, fp32 in GGUF.
    """

    bits: int
    group: int
    more: int
    vector: int


@lru_cache(maxsize=256)
def type_of(name: str) -> Type | None:
    """The type of that name; None where there is none."""
    if name in GGUF:
        numbers, block = GGUF[name]
        return Type(0, numbers, 8 * block, 32)
    if name in PLAIN:
        return Type(PLAIN[name], 0, 0, 32 if name.startswith("int") else max(16, PLAIN[name]))
    match = _GROUPED.fullmatch(name)
    bits = PLAIN.get(match[1]) if match else None
    return Type(bits, int(match[2]), SCALE + bits, 16) if match and bits else None


def stored(shape: Shape, name: str) -> Dim:
    """The bytes of a tensor: groups and blocks lie along its rows, and the last of a row may be filled up."""
    found = type_of(name)
    assert found is not None
    if len(shape) < 2:
        return _bytes(size(shape) * found.vector)
    bits = size(shape) * found.bits
    if found.group:
        bits = bits + shape[0] * ((size(shape[1:]) + found.group - 1) // found.group) * found.more
    return _bytes(bits)


def _bytes(bits: Dim) -> Dim:
    return (bits + 7) // 8


def known() -> str:
    """All types in words."""
    return f"{', '.join(PLAIN)}, these in groups (int4/128), and GGUF's {', '.join(GGUF)}"


__all__ = ["GGUF", "PLAIN", "WHOLE", "known", "stored", "type_of"]
