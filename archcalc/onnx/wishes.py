"""Numbers for inputs that hold sizes: those that give the shapes which were counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod

import onnx
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto

from archcalc.onnx.deciding import REDUCTIONS
from archcalc.records import Record

Shape = tuple[int, ...]
Wish = dict[int, float]  # numbers by their place in a tensor
FEW = 64  # numbers of a constant that can be sizes


class Reading(Record):
    """A node with the shapes and the constants around it."""

    node: NodeProto
    shapes: Mapping[str, Shape]
    constants: Mapping[str, TensorProto]

    def name(self, n: int) -> str:
        """Of an operand; empty where there is none."""
        return self.node.input[n] if n < len(self.node.input) else ""

    def into(self, n: int = 0) -> Shape:
        """The shape of an operand. Raises LookupError where it isn't known."""
        return self.shapes[self.name(n)]

    def out(self, n: int = 0) -> Shape:
        """The shape of an output. Raises LookupError where it isn't known."""
        return self.shapes[self.node.output[n]]

    def given(self, n: int) -> list[float] | None:
        """The numbers of an operand that is a constant."""
        tensor = self.constants.get(self.name(n))
        return None if tensor is None else list(map(float, onnx.numpy_helper.to_array(tensor).ravel()))

    def axis(self, default: int) -> int:
        """The axis that an attribute names."""
        return next((found.i for found in self.node.attribute if found.name == "axis"), default)

    def axes(self, n: int, many: int) -> list[int]:
        """Axes that an operand or an attribute names, else the first ones."""
        rank = len(self.into())
        named = (
            self.given(n) if n else [axis for each in self.node.attribute if each.name == "axes" for axis in each.ints]
        )
        return [int(axis) % rank for axis in named] if named else list(range(many))


Found = Mapping[int, Sequence[float]]  # numbers by operand


def _whole_shape(at: int) -> Callable[[Reading], Found]:
    return lambda read: {at: read.out()}


def _ratios(at: int) -> Callable[[Reading], Found]:
    return lambda read: {at: [after / before for before, after in zip(read.into(), read.out(), strict=True)]}


def _range(read: Reading) -> Found:
    first, step = (read.given(0) or [0])[0], (read.given(2) or [1])[0]
    return {0: [first], 1: [first + read.out()[0] * step], 2: [step]}


def _resize(read: Reading) -> Found:
    axes = read.axes(0, len(read.out()))
    sizes = [read.out()[axis] for axis in axes]
    ratios = [read.out()[axis] / read.into()[axis] for axis in axes]
    return {3: sizes, 2: ratios} if len(read.node.input) > 2 else {1: ratios}


def _slice(read: Reading) -> Found:
    many = max(prod(read.shapes.get(read.name(n), (0,))) for n in (1, 2))
    axes, steps, last = read.axes(3, many), read.given(4) or [1] * many, read.given(2)
    spans = [step * read.out()[axis] for step, axis in zip(steps, axes, strict=True)]
    if last is None:
        starts = read.given(1) or [0] * many
        ends = [start + span for start, span in zip(starts, spans, strict=True)]
    else:
        lengths = [read.into()[axis] for axis in axes]
        ends = [min(end if end >= 0 else end + length, length) for end, length in zip(last, lengths, strict=True)]
        starts = [end - span for end, span in zip(ends, spans, strict=True)]
    return {1: starts, 2: ends, 3: axes, 4: steps}


def _pad(read: Reading) -> Found:
    axes = read.axes(3, len(read.into()))
    return {1: [0] * len(axes) + [read.out()[axis] - read.into()[axis] for axis in axes], 3: axes}


def _split(read: Reading) -> Found:
    axis = read.axis(0)
    return {1: [read.out(n)[axis] for n in range(len(read.node.output))]}


def _along(at: int, default: int) -> Callable[[Reading], Found]:
    return lambda read: {at: [read.out()[read.axis(default)]]}


def _missing(long: Shape, short: Shape) -> list[int]:
    """The axes of length 1 without which the longer shape is the shorter."""
    axes, n = [], 0
    for axis, dim in enumerate(long):
        if n < len(short) and short[n] == dim:
            n += 1
        else:
            axes.append(axis)
    return axes


def _reduced(read: Reading) -> Found:
    into, out = read.into(), read.out()
    if len(into) != len(out):
        return {1: _missing(into, out)}
    return {1: [axis for axis, (before, after) in enumerate(zip(into, out, strict=True)) if before != after]}


def _center(read: Reading) -> Found:
    return {1: [read.out()[axis] for axis in read.axes(0, len(read.out()))]}


def _compress(read: Reading) -> Found:
    is_flat = all(found.name != "axis" for found in read.node.attribute)
    of, many = (prod(shape) if is_flat else shape[read.axis(0)] for shape in (read.into(), read.out()))
    return {1: [int(n < many) for n in range(of)]}


def _loop(read: Reading) -> Found:
    carried = len(read.node.input) - 2
    return {0: [read.out(carried)[0]], 1: [1]} if len(read.node.output) > carried else {}


# the numbers that operands need for the output that was counted, by operator
WISHES: Mapping[str, Callable[[Reading], Found]] = {
    "Reshape": _whole_shape(1), "Expand": _whole_shape(1), "ConstantOfShape": _whole_shape(0), "Tile": _ratios(1),
    "MaxUnpool": _whole_shape(2), "Range": _range, "Resize": _resize, "Upsample": _ratios(1), "Slice": _slice,
    "Pad": _pad, "Split": _split, "OneHot": _along(1, -1), "TopK": _along(1, -1), "CenterCropPad": _center,
    "Compress": _compress, "Loop": _loop,
    "AffineGrid": lambda read: {1: [read.out()[0], 1, *read.out()[1:-1]]},
    "Col2Im": lambda read: {1: read.out()[2:]},
    "Squeeze": lambda read: {1: _missing(read.into(), read.out())},
    "Unsqueeze": lambda read: {1: _missing(read.out(), read.into())},
    "DFT": lambda read: {1: [read.out()[int((read.given(2) or [read.axis(-2)])[0])]]},
    "MelWeightMatrix": lambda read: {0: [read.out()[1]], 1: [2 * (read.out()[0] - 1)]},
    **dict.fromkeys(("HannWindow", "HammingWindow", "BlackmanWindow"), _whole_shape(0)),
    **dict.fromkeys(REDUCTIONS, _reduced),
}  # fmt: skip
SAME = {"Identity", "Cast", "Squeeze", "Unsqueeze", "Reshape", "Flatten"}  # the elements of the first operand


def wishes(model: ModelProto, shapes: Mapping[str, Shape]) -> dict[str, Wish]:
    """Numbers for inputs whose values decide shapes, from the shapes that all values should have. What is computed
    from several inputs is left: only what passes numbers on is looked through.
    """
    made = {name: node for node in model.graph.node for name in node.output}
    constants = {tensor.name: tensor for tensor in model.graph.initializer if _is_few(tensor)}
    written = (node for node in model.graph.node if node.op_type == "Constant")
    constants |= {node.output[0]: found.t for node in written for found in node.attribute if _held(found)}
    shapes = {name: tuple(tensor.dims) for name, tensor in constants.items()} | dict(shapes)
    inputs, found = {value.name for value in model.graph.input} - constants.keys(), dict[str, Wish]()
    for node in model.graph.node:
        if node.op_type in WISHES and not node.domain:
            try:
                needed = WISHES[node.op_type](read := Reading(node, shapes, constants))
            except (LookupError, ValueError, TypeError, ZeroDivisionError):  # a shape that nobody knows
                continue
            for n, numbers in needed.items():
                for name, place, number in _sources(read.name(n), dict(enumerate(numbers)), made, shapes, constants):
                    if name in inputs:
                        found.setdefault(name, {}).setdefault(place, number)
    return found


def _is_few(tensor: TensorProto) -> bool:
    return prod(tensor.dims) <= FEW and tensor.data_location != TensorProto.EXTERNAL


def _held(attribute: AttributeProto) -> bool:
    return attribute.HasField("t") and _is_few(attribute.t)


def _sources(
    name: str,
    wish: Wish,
    made: Mapping[str, NodeProto],
    shapes: Mapping[str, Shape],
    constants: Mapping[str, TensorProto],
) -> Iterator[tuple[str, int, float]]:
    """Where numbers come from: the input, the place in it, the number."""
    waiting = [(name, wish)]
    while waiting:
        name, wish = waiting.pop()
        node = made.get(name)
        if node is None:
            yield from ((name, place, number) for place, number in wish.items())
        elif node.op_type in SAME:
            waiting.append((node.input[0], wish))
        elif node.op_type == "Gather" and (places := Reading(node, shapes, constants).given(1)) is not None:
            waiting.append((node.input[0], {int(places[n]): number for n, number in wish.items() if n < len(places)}))
        elif node.op_type == "Concat" and all(part in shapes for part in node.input):
            first = 0
            for part in node.input:
                many = prod(shapes[part])
                waiting.append((part, _shifted(wish, first, many)))
                first += many


def _shifted(wish: Wish, first: int, many: int) -> Wish:
    return {place - first: number for place, number in wish.items() if first <= place < first + many}


__all__ = ["Wish", "wishes"]
