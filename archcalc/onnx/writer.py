"""Writes the nodes of an ONNX graph, layer by layer: the `Builder` that operators emit themselves with.

A layer's last node and its output are called what the layer is called, what stands before it in the layer is
`layer:Kind`, its learned tensors are `layer.weight`. Constants are nodes, so that the initializers are the learned
tensors and buffers alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Protocol

import numpy
from onnx import NodeProto, TensorProto, helper, numpy_helper

from archcalc.algebra import Dim, Poly
from archcalc.errors import ShapeError
from archcalc.graph import Graph
from archcalc.onnx.older import OPSET, lowered
from archcalc.onnx.sizes import Sizes
from archcalc.onnx.weights import Slot
from archcalc.ops.base import number
from archcalc.ops.emit import Tensor, Value
from archcalc.untyped import Array, Attribute

FLOATS = {"fp32": (TensorProto.FLOAT, numpy.float32), "fp16": (TensorProto.FLOAT16, numpy.float16)}
LONGEST_NAME = 40
WHOLE = ("TopK",)  # operators that have to put out everything, read or not


class Store(Protocol):
    """Where learned tensors are put."""

    def add(self, slot: Slot) -> None:
        """Keep one."""


class Writer:
    """The nodes of one graph, in order. `constants` come first, then what computes sizes, then the layers' own."""

    def __init__(self, graph: Graph, batch: Dim, dtype: str, store: Store, opset: int = OPSET) -> None:
        self.graph, self.batch, self.store, self.opset = graph, batch, store, opset
        self.float, self.numpy_float = FLOATS[dtype]
        self.labels = {node.name for node in graph.nodes}
        self.constants: list[NodeProto] = []
        self.nodes: list[NodeProto] = []
        self.whole = {name for name, n in graph.inputs.items() if self._holds_indices(n)}
        self.learned: dict[tuple[int, str], str] = {}  # by the owner's position and the operator's own name
        self.known: dict[Attribute, str] = {}
        self.whole_constants: dict[str, list[int]] = {}
        self.counts: dict[str, int] = {}
        shapes = {name: (batch, *graph.nodes[n].shape) for name, n in graph.inputs.items()}
        self.sizes = Sizes(shapes, self._size_node, self.ints)
        self.position, self.label = 0, ""
        self.own: list[NodeProto] = []

    def _holds_indices(self, n: int) -> bool:
        """Whether an input is read as indices, and as nothing else."""
        readers = [node for node in self.graph.nodes if n in node.inputs]
        return bool(readers) and all(node.op.reads_indices for node in readers) and n not in self.graph.outputs

    # ---- layers ------------------------------------------------------------------------------------------------------

    def layer(self, n: int) -> NodeProto:
        """Write one layer, and give the node that carries its name. Raises ShapeError for what must be a number and
        isn't.
        """
        node = self.graph.nodes[n]
        self.position, self.label, self.own = n, node.name, []
        shapes = self.graph.shapes_into(node)
        if node.share is None:
            for name, shape in (node.op.weights(*shapes) | node.op.buffers(*shapes)).items():
                label = self._unused(f"{node.name}.{name}")
                self.learned[n, name] = label
                self.store.add(Slot(n, name, label, tuple(number(dim) for dim in shape)))
        value = _name(
            node.op.emit(self, *(Tensor(self.graph.nodes[i].name, self.graph.nodes[i].shape) for i in node.inputs))
        )
        return self._named(value, node.name)

    def output(self, source: str, name: str) -> NodeProto:
        """Show a value under another name."""
        self.label, self.own = name, []
        return self._named(source, name)

    def _named(self, value: str, name: str) -> NodeProto:
        """Call the node that puts out a value, and the value, after the layer."""
        made = next((node for node in self.own if value in node.output), None)
        if made is None:
            value = self.node("Identity", value)
            made = self.own[-1]
        made.name = name
        made.output[list(made.output).index(value)] = name
        self.nodes += self.own
        return made

    def _unused(self, name: str) -> str:
        """A name that no layer has."""
        while name in self.labels:
            name += "_"
        self.labels.add(name)
        return name

    # ---- what rules call ---------------------------------------------------------------------------------------------

    def node(self, kind: str, *inputs: Value, output: int = 0, **attributes: object) -> str:
        """Write a node, in an older opset's terms where that is asked for; gives the name of its output number
        `output`.
        """
        written = self._lowered(kind, inputs, attributes)
        if written is not None:
            return written
        base = f"{self.label}:{kind}"
        self.counts[base] = count = self.counts.get(base, 0) + 1
        name = base if count == 1 else f"{base}{count}"
        unread = [f"{name}:{n}" if kind in WHOLE else "" for n in range(output)]
        self.own.append(_node(kind, name, [_name(value) for value in inputs], [*unread, name], attributes))
        return name

    def _lowered(self, kind: str, inputs: tuple[Value, ...], attributes: dict[str, object]) -> str | None:
        if kind == "ReduceMean" and len(inputs) == 1:  # the older form itself
            return None
        return lowered(self, self.opset, kind, inputs, attributes)

    def numbers(self, name: str) -> list[int]:
        """What a constant of whole numbers holds. Raises ShapeError for a value that is computed."""
        if name not in self.whole_constants:
            raise ShapeError(f"what depends on free sizes here needs opset {OPSET}, not {self.opset}")
        return self.whole_constants[name]

    def weight(self, name: str) -> str:
        """The name of a learned tensor of the layer at hand, or of the one whose weights it uses."""
        n = self.position
        while (owner := self.graph.nodes[n].share) is not None:
            n = owner
        return self.learned[n, name]

    def ints(self, dims: Sequence[Dim]) -> str:
        """The name of a constant of whole numbers; free ones are computed from the inputs."""
        if not any(isinstance(dim, Poly) for dim in dims):
            whole = [number(dim) for dim in dims]
            name = self._constant(f"[{', '.join(map(str, dims))}]", numpy.array(whole, numpy.int64))
            self.whole_constants[name] = whole
            return name
        parts = [self.sizes.value(dim) for dim in dims]
        return parts[0] if len(parts) == 1 else self.node("Concat", *parts, axis=0)

    def real(self, value: float) -> str:
        """The name of a constant number."""
        return self._constant(f"({value:g})", numpy.array(value, self.numpy_float))

    def reals(self, values: Sequence[float]) -> str:
        """The name of a constant of several numbers."""
        same = len(set(values)) == 1
        return self._constant(
            f"({values[0]:g}, {len(values)} times)" if same else f"({', '.join(map(str, values))})",
            numpy.array(values, self.numpy_float),
        )

    def scales(self, values: Sequence[float]) -> str:
        """The name of a constant of factors in float32, which Resize asks for whatever the network's type."""
        return self._constant(f"scales ({', '.join(map(str, values))})", numpy.array(values, numpy.float32))

    def indices(self, value: Value) -> str:
        """The name of whole numbers, converted where they are none."""
        name = _name(value)
        return name if name in self.whole else self.node("Cast", name, to=TensorProto.INT64)

    def reshaped(self, value: Value, *dims: Dim) -> str:
        """The name of a value with those axes behind its batch."""
        known: list[Dim] = [0, *(-1 if isinstance(dim, Poly) else dim for dim in dims)]
        return self.node("Reshape", value, self.ints(known if known.count(-1) < 2 else [self.batch, *dims]))

    # ---- constants ---------------------------------------------------------------------------------------------------

    def _constant(self, name: str, array: Array) -> str:
        """A constant, once for all layers; its name is what it holds, as long as that is short."""
        key = (name, array.dtype.str)
        if key not in self.known:
            shown = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 8]}... {len(self.known)}"
            self.known[key] = self._unused(shown)
            self.constants.append(
                helper.make_node(
                    "Constant", [], [self.known[key]], name=self.known[key], value=numpy_helper.from_array(array)
                )
            )
        return self.known[key]

    def _size_node(self, kind: str, *inputs: str, **attributes: Attribute) -> str:
        if kind == "Shape" and self.opset < 15:  # the whole of it, and one of its numbers
            axis = attributes.pop("start")
            attributes.pop("end")
            shape = self._size_node("Shape_", *inputs)
            return self._size_node("Gather", shape, self.ints([axis]), axis=0)
        kind = kind.removesuffix("_")
        name = f"size:{len(self.constants)}"
        self.constants.append(_node(kind, name, list(inputs), [name], attributes))
        return name


def _name(value: Value) -> str:
    return value.name if isinstance(value, Tensor) else value


def _node(kind: str, name: str, inputs: list[str], outputs: list[str], attributes: Mapping[str, object]) -> NodeProto:
    return helper.make_node(
        kind, inputs, outputs, name=name, **{key: _attribute(value) for key, value in attributes.items()}
    )


def _attribute(value: object) -> Attribute:
    """An attribute as ONNX takes it. Raises ShapeError for a closed form."""
    if isinstance(value, (list, tuple)):
        return [_attribute(item) for item in value]
    if isinstance(value, Poly):
        return number(value)
    return float(value) if isinstance(value, Fraction) else value


__all__ = ["FLOATS", "Store", "Writer"]
