"""Tensors in a model file: their shapes and kinds of elements, and their numbers where somebody asks.

Field numbers and kinds are those of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
"""

from __future__ import annotations

import struct
from fractions import Fraction
from itertools import chain
from math import isfinite, prod

from archcalc.importer.wire import Bad, Stretch, entry, fields, real, reals, signed, varints
from archcalc.records import Record
from archcalc.untyped import Element

MOST_CONTENT = 4096  # elements of a tensor whose numbers are looked at: sizes, axes, scales

FLOAT, UINT8, INT8, UINT16, INT16, INT32, INT64, STRING, BOOL, FLOAT16, DOUBLE, UINT32, UINT64 = range(1, 14)
BFLOAT16 = 16
_FORMATS = {
    FLOAT: "f",
    UINT8: "B",
    INT8: "b",
    UINT16: "H",
    INT16: "h",
    INT32: "i",
    INT64: "q",
    BOOL: "?",
    FLOAT16: "e",
    DOUBLE: "d",
    UINT32: "I",
    UINT64: "Q",
}
BITS = {
    FLOAT: 32,
    UINT8: 8,
    INT8: 8,
    UINT16: 16,
    INT16: 16,
    INT32: 32,
    INT64: 64,
    BOOL: 8,
    FLOAT16: 16,
    DOUBLE: 64,
    UINT32: 32,
    UINT64: 64,
}
BITS |= {14: 64, 15: 128, BFLOAT16: 16, 17: 8, 18: 8, 19: 8, 20: 8, 21: 4, 22: 4, 23: 4, 24: 8, 25: 2, 26: 2}
FLOATS = frozenset({FLOAT, FLOAT16, DOUBLE, BFLOAT16, 17, 18, 19, 20, 23, 24})
WHOLES = frozenset({UINT8, INT8, UINT16, INT16, INT32, INT64, UINT32, UINT64, BOOL})
INTEGERS = WHOLES - {BOOL}
NARROW = frozenset(
    {UINT8, INT8, UINT16, INT16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26}
)  # what weights are quantised to
_TYPED = frozenset({4, 5, 6, 7, 10, 11})  # fields that hold numbers one by one
_WHOLE = frozenset({5, 7, 11})  # those that hold whole ones
INDICES = frozenset(
    {INT32, INT64, UINT32, UINT64, BOOL, STRING}
)  # what says where, and how much of it, and isn't learned


class Tensor(Record, frozen=False, eq=False):
    """A tensor in the file: its shape, and where its numbers lie."""

    name: str = ""
    dims: tuple[int, ...] = ()
    kind: int = 0
    raw: Stretch | None = None
    packed: list[tuple[int, object]] = []
    outside: str | None = None  # the file that holds its numbers
    sparse: bool = False
    said: str = ""  # what the exporter calls it: parameter, buffer, constant, or "unnamed" among such
    made_from: tuple[str, ...] = ()  # several tensors, or a part of one, that the exporter made it from
    frozen: bool = False  # whether it is a parameter that isn't trained
    values: tuple[Element, ...] | None = None  # its numbers where they are an attribute of a node, one by one
    looked_at: tuple[frozenset[float] | None] | None = None  # its numbers if they are few, once somebody asked
    copy_of: Tensor | None = None  # the tensor that the exporter made it from, if its numbers are the same

    @property
    def elements(self) -> int:
        """How many elements it has."""
        return prod(self.dims)

    def again(self) -> Tensor:
        """Another one with the same numbers."""
        other = object.__new__(Tensor)
        other.__dict__.update(self.__dict__)
        return other

    @property
    def bytes(self) -> int:
        """How long its numbers are in the file; packed ones fill whole bytes."""
        return -(-self.elements * BITS.get(self.kind, 8) // 8)

    def content(self) -> tuple[Element, ...] | None:
        """Its numbers if they are few and here, exact; None where they aren't known."""
        count = self.elements
        if self.values is not None:
            return self.values if count <= MOST_CONTENT else None
        if self.outside is not None or self.sparse or count > MOST_CONTENT or self.kind not in _FORMATS:
            return None
        if self.raw is not None:
            if len(self.raw) * 8 != count * BITS[self.kind]:
                raise Bad(f"tensor '{self.name}' has {len(self.raw)} bytes for {count} numbers")
            values: Element = struct.unpack(f"<{count}{_FORMATS[self.kind]}", self.raw.taken())
        else:
            values = list(chain.from_iterable(_unpacked(number, found, self.kind) for number, found in self.packed))
        if len(values) != count:
            raise Bad(f"tensor '{self.name}' has {len(values)} of {count} numbers")
        whole = self.kind not in FLOATS and all(
            number in _WHOLE for number, _ in self.packed
        )  # nothing keeps a file from giving sizes as floats
        return tuple(values) if whole else tuple(map(exact, values))


def exact(value: object) -> Element:
    """A number as an int or a fraction; None for infinities."""
    if isinstance(value, float):
        if not isfinite(value):
            return None
        return int(value) if value.is_integer() else Fraction(value)
    return value


def read_tensor(stretch: Stretch) -> Tensor:
    """A tensor without its numbers. Raises Bad for negative sizes, and for numbers in a file outside of the model's
    folder.
    """
    source = stretch.source
    name, kind, raw, outside = "", 0, None, False
    dims: list[int] = []
    packed: list[tuple[int, object]] = []
    away: dict[str, str] = {}
    for number, value, stop in fields(stretch):
        if number == 1:
            if stop == -1:
                dims.append(signed(value))
            elif stop >= 0:
                dims += varints(Stretch(source, value, stop))
        elif number == 2 and stop == -1:
            kind = value
        elif number == 8 and stop >= 0:
            name = str(source[value:stop], "utf-8", "replace")
        elif number == 9 and stop >= 0:
            raw = Stretch(source, value, stop)
        elif number in _TYPED:
            packed.append((number, Stretch(source, value, stop) if stop >= 0 else (source, value, stop)))
        elif number == 13 and stop >= 0:
            entry(Stretch(source, value, stop), away)
        elif number == 14 and stop == -1:
            outside = value == 1
    if dims and min(dims) < 0:
        raise Bad(f"tensor '{name}' has a negative size: {'x'.join(map(str, dims))}")
    tensor = Tensor(name, tuple(dims), kind, raw, packed)
    if outside:
        tensor.outside = _inside_folder(name, away.get("location", ""))
    elif raw is not None and kind in BITS and raw.stop - raw.start != -(-tensor.elements * BITS[kind] // 8):
        raise Bad(f"tensor '{name}' is {'x'.join(map(str, dims))} and has {len(raw):,} bytes")
    return tensor


def _inside_folder(name: str, location: str) -> str:
    """A path that stays in the model's folder; nothing is opened either way."""
    parts = location.replace("\\", "/").split("/")
    if not location or location.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or "\0" in location:
        raise Bad(f"tensor '{name}' has its numbers outside of the model's folder, in '{location}'")
    return location


def read_sparse(stretch: Stretch) -> Tensor:
    """A sparse tensor counts as what it stands for: its dense shape."""
    tensor, dims = Tensor(), list[int]()
    for number, value, stop in fields(stretch):
        if number == 1 and stop >= 0:
            tensor = read_tensor(Stretch(stretch.source, value, stop))
        elif number == 3:
            dims += (
                [signed(value)] if stop == -1 else varints(Stretch(stretch.source, value, stop)) if stop >= 0 else []
            )
    if any(dim < 0 for dim in dims):
        raise Bad(f"tensor '{tensor.name}' has a negative size: {'x'.join(map(str, dims))}")
    tensor.dims, tensor.raw, tensor.packed, tensor.sparse = tuple(dims), None, [], True
    return tensor


def _unpacked(number: int, found: Element, kind: int) -> list[object]:
    """Numbers of one of a tensor's typed fields: packed ones, or a single one."""
    if isinstance(found, Stretch):
        values: list[Element] = (
            reals(found, number == 10) if number in (4, 10) else varints(found) if number in (5, 7, 11) else []
        )
    else:
        source, value, stop = found
        values = (
            [real(source, value)]
            if stop == -4
            else [signed(value)]
            if stop == -1
            else [struct.unpack("<d", source[value : value + 8])[0]]
        )
    if kind == FLOAT16 and number == 5:
        return [struct.unpack("<e", struct.pack("<H", value & 0xFFFF))[0] for value in values]
    return [bool(value) for value in values] if kind == BOOL else values
