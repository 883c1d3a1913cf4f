"""The nodes that operators write, as what a runtime allocates for them: a tensor each, or none.

Operators write themselves here as they do into a model file, and the shape of every tensor in between is worked out.
What onnxruntime makes of such nodes before it runs them is known as far as memory is concerned (1.32, on a CPU): what
depends on constants alone is computed once, a factor or the exchange of the last two axes goes into the product next to
it, two changes of the order of axes become one, `x * sigmoid(x)` is one node, and others are functions of several.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TypeAlias

from archcalc.algebra import Dim
from archcalc.latency.placing import Step
from archcalc.ops import Shape
from archcalc.ops.base import number
from archcalc.ops.emit import Tensor, Value
from archcalc.tuples import NamedTuple
from archcalc.untyped import Attribute

Numbers: TypeAlias = tuple[int, ...]

OVER = frozenset(
    {
        "Relu",
        "Sigmoid",
        "Tanh",
        "Clip",
        "HardSigmoid",
        "LeakyRelu",
        "Elu",
        "Selu",
        "Softplus",
        "Softmax",
        "LogSoftmax",
        "Cast",
    }
)  # written over an input that nothing needs later
SHOWN = frozenset({"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Dropout"})
FUNCTIONS = {"HardSwish": ("Mul",), "Mish": ("Tanh", "Mul")}  # nodes that are several, and what follows the first
PRODUCTS = ("MatMul", "Gemm")
AXES = 64  # that a tensor has at most
FUSED = 1  # how late nodes are made that do the work of several


class Made(NamedTuple):
    """A value: its shape, the tensor that it stands in (None: a constant), what made it of which value, and what it
    holds where that is known.
    """

    shape: Numbers
    tensor: int | None
    kind: str = ""
    of: str = ""
    holds: Numbers | None = None
    order: Numbers = ()  # of the axes of `of`, in a value that isn't written yet


class Nodes:
    """Takes nodes, and makes steps of them."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.tensors: list[Numbers] = []
        self.values: dict[str, Made] = {}
        self.learned: dict[str, Shape] = {}

    # ---- values ------------------------------------------------------------------------------------------------------

    def new(self, shape: Numbers) -> int:
        """A tensor of a shape."""
        self.tensors.append(shape)
        return len(self.tensors) - 1

    def named(self, made: Made) -> str:
        """A name for a value."""
        name = f"v{len(self.values)}"
        self.values[name] = made
        return name

    def read(self, value: Value) -> Made:
        """A value that a node reads, written down if it wasn't yet."""
        name = _name(value)
        made = self.values[name]
        if made.order:
            made = self.step("Transpose", made.shape, [self.read(made.of)])
            self.values[name] = made
        return made

    def step(self, kind: str, shape: Numbers, reads: Sequence[Made], late: int = 0) -> Made:
        """A node that puts out a tensor of a shape."""
        given = tuple(made.tensor for made in reads if made.tensor is not None)
        if not given and reads:
            return Made(shape, None, kind)
        if kind in SHOWN and given:
            output = self.new(shape)
            self.steps.append(Step(given, output, shows=given[0]))
            return Made(shape, output, kind)
        output = self.new(shape)
        over = given[:1] if kind in OVER else ()
        self.steps.append(Step(given, output, over, None, late))
        return Made(shape, output, kind)

    def fuse(self) -> None:
        """Something else is done by the last node, too."""
        if self.steps:
            self.steps[-1] = self.steps[-1]._replace(late=FUSED)

    # ---- what rules call ---------------------------------------------------------------------------------------------

    @property
    def batch(self) -> Dim:
        """One sample: what a run takes is proportional to them."""
        return 1

    def node(self, kind: str, *inputs: Value, output: int = 0, **attributes: Attribute) -> str:
        """A node, as a step or as a part of another."""
        names, late = [_name(value) for value in inputs], 0
        if kind == "Transpose":
            return self._turned(names[0], tuple(attributes["perm"]))
        if kind in FUNCTIONS:
            return self._function(FUNCTIONS[kind], self.read(names[0]))
        if kind in PRODUCTS:
            late = FUSED * any(self._unturned(name) != name for name in names if name)
            reads = [self.read(self._unturned(name)) for name in names if name]
        else:
            reads = [self.read(name) for name in names if name]
        shape = _shape(kind, [self.values[name] for name in names if name], attributes | {"output": output})
        if kind == "Mul" and (found := self._part_of(names, reads)) is not None:
            return found
        return self.named(self.step(kind, shape, reads, late)._replace(of=names[0] if names else ""))

    def _function(self, parts: Sequence[str], x: Made) -> str:
        """One after the other; the last has the input once more."""
        made = self.step("", x.shape, [x])
        for part in parts:
            made = self.step(part, x.shape, [made] if part != "Mul" else [x, made])
        return self.named(made)

    def _turned(self, name: str, order: Numbers) -> str:
        """In another order of axes: of what is in the first one again, nothing is to be done."""
        made = self.values[name]
        shape = tuple(made.shape[axis] for axis in order)
        if made.order:
            name, order = made.of, tuple(made.order[axis] for axis in order)
            made = self.values[name]
        if order == tuple(range(len(order))):
            return name
        if made.tensor is None:
            return self.named(Made(shape, None))
        return self.named(Made(shape, made.tensor, "Transpose", name, None, order))

    def _unturned(self, name: str) -> str:
        """What a product reads itself, where only the last two axes are exchanged."""
        order = self.values[name].order
        rank = len(order)
        return self.values[name].of if order and order == (*range(rank - 2), rank - 1, rank - 2) else name

    def _part_of(self, names: Sequence[str], reads: Sequence[Made]) -> str | None:
        """Of a product its factor, and `x * sigmoid(x)`, are no nodes of their own."""
        for name, made, other in ((names[0], reads[0], reads[1]), (names[1], reads[1], reads[0])):
            if made.kind in PRODUCTS and other.tensor is None and other.shape in ((), (1,)):
                self.fuse()
                return name
            if made.kind == "Sigmoid" and self.values[name].of == names[1 - names.index(name)]:
                if self.steps and self.steps[-1].output == made.tensor:
                    self.steps.pop()
                return self.named(self.step("", other.shape, [other], FUSED))
        return None

    def weight(self, name: str) -> str:
        """A learned tensor is the caller's."""
        return self.named(Made(tuple(number(dim) for dim in self.learned[name]), None))

    def ints(self, dims: Sequence[Dim]) -> str:
        """Whole numbers: axes and sizes are kept, tables of indices are not."""
        holds = tuple(number(dim) for dim in dims) if len(dims) <= AXES else None
        return self.named(Made((len(dims),), None, holds=holds))

    def real(self, value: float) -> str:
        """A number."""
        return self.named(Made((), None))

    def reals(self, values: Sequence[float]) -> str:
        """Several numbers."""
        return self.named(Made((len(values),), None))

    scales = reals

    def indices(self, value: Value) -> str:
        """Whole numbers come in as such."""
        return _name(value)

    def reshaped(self, value: Value, *dims: Dim) -> str:
        """The same elements in another shape."""
        return self.node("Reshape", value, self.ints((1, *dims)))


def _name(value: Value) -> str:
    return value.name if isinstance(value, Tensor) else value


# ---- shapes ----------------------------------------------------------------------------------------------------------


def _shape(kind: str, given: Sequence[Made], attributes: dict[str, Attribute]) -> Numbers:
    """What a node puts out. Of one that isn't known the first input's shape: it ends a layer, whose shape is."""
    x = given[0].shape if given else ()
    rule = _RULES.get(kind)
    if rule is not None:
        return rule(x, given, attributes)
    shapes = [made.shape for made in given]
    rank = max(map(len, shapes), default=0)
    if kind not in _BROADCAST:
        return x
    filled = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    return tuple(max(dims) for dims in zip(*filled, strict=True))


def _reshaped(x: Numbers, given: Sequence[Made], attributes: dict[str, Attribute]) -> Numbers:
    wanted = [x[n] if dim == 0 else dim for n, dim in enumerate(given[1].holds or ())]
    known = prod(dim for dim in wanted if dim != -1)
    return tuple(prod(x) // max(known, 1) if dim == -1 else dim for dim in wanted)


def _multiplied(x: Numbers, given: Sequence[Made], attributes: dict[str, Attribute]) -> Numbers:
    y = given[1].shape
    rank = max(len(x), len(y)) - 2
    first, second = ((1,) * (rank + 2 - len(shape)) + shape for shape in (x, y))
    return (*(max(pair) for pair in zip(first[:rank], second[:rank], strict=True)), first[-2], second[-1])


def _joined(x: Numbers, given: Sequence[Made], attributes: dict[str, Attribute]) -> Numbers:
    axis = attributes["axis"] % len(x)
    return (*x[:axis], sum(made.shape[axis] for made in given), *x[axis + 1 :])


def _cut(x: Numbers, given: Sequence[Made], attributes: dict[str, Attribute]) -> Numbers:
    starts, ends, axes, steps = [*(made.holds or () for made in given[1:]), (), ()][:4]
    found = list(x)
    for n, (start, end) in enumerate(zip(starts, ends, strict=True)):
        axis = (axes[n] if axes else n) % len(x)
        found[axis] = len(range(x[axis])[slice(start, end, steps[n] if steps else 1)])
    return tuple(found)


def _padded(x: Numbers, given: Sequence[Made], attributes: dict[str, Attribute]) -> Numbers:
    pads = given[1].holds or ()
    return tuple(dim + a + b for dim, a, b in zip(x, pads[: len(x)], pads[len(x) :], strict=True)) if pads else x


def _with_ones(x: Numbers, given: Sequence[Made], attributes: dict[str, Attribute]) -> Numbers:
    found, rest = [], list(x)
    axes = given[1].holds or ()
    places = {axis % (len(x) + len(axes)) for axis in axes}
    for n in range(len(x) + len(axes)):
        found.append(1 if n in places else rest.pop(0))
    return tuple(found)


def _without_ones(x: Numbers, given: Sequence[Made], attributes: dict[str, Attribute]) -> Numbers:
    axes = (
        {axis % len(x) for axis in given[1].holds or ()} if len(given) > 1 else {n for n, d in enumerate(x) if d == 1}
    )
    return tuple(dim for n, dim in enumerate(x) if n not in axes)


def _reduced(x: Numbers, given: Sequence[Made], attributes: dict[str, Attribute]) -> Numbers:
    axes = {axis % len(x) for axis in given[1].holds or ()} if len(given) > 1 else set(range(len(x)))
    kept = attributes.get("keepdims", 1)
    return tuple(1 if n in axes else dim for n, dim in enumerate(x) if kept or n not in axes)


def _gathered(x: Numbers, given: Sequence[Made], attributes: dict[str, Attribute]) -> Numbers:
    axis = attributes.get("axis", 0) % len(x)
    return (*x[:axis], *given[1].shape, *x[axis + 1 :])


def _walked(x: Numbers, given: Sequence[Made], attributes: dict[str, Attribute]) -> Numbers:
    """Of a recurrent layer the states of all steps, or the last."""
    directions, _, hidden = given[2].shape
    last = (directions, x[1], hidden)
    return last if attributes["output"] else (x[0], *last)


def _expanded(x: Numbers, given: Sequence[Made], attributes: dict[str, Attribute]) -> Numbers:
    wanted = given[1].holds or x
    rank = max(len(x), len(wanted))
    first, second = ((1,) * (rank - len(shape)) + tuple(shape) for shape in (x, wanted))
    return tuple(max(pair) for pair in zip(first, second, strict=True))


_BROADCAST = frozenset(
    ["Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Mean", "Sum", "Where", "Equal", "Greater", "Less", "Or", "PRelu"]
)
Rule: TypeAlias = Callable[[Numbers, Sequence[Made], dict[str, Attribute]], Numbers]
_RULES: dict[str, Rule] = {
    "Reshape": _reshaped, "MatMul": _multiplied, "Concat": _joined, "Slice": _cut, "Pad": _padded, "Expand": _expanded,
    "Unsqueeze": _with_ones, "Squeeze": _without_ones, "ReduceMean": _reduced, "ReduceSum": _reduced,
    "Gather": _gathered, "GatherElements": lambda x, given, attributes: given[1].shape, "LSTM": _walked, "GRU": _walked,
    "RNN": _walked, "Flatten": lambda x, given, attributes: (x[0], prod(x[1:])),
    "Range": lambda x, given, attributes: (1,),
}  # fmt: skip


__all__ = ["FUSED", "Made", "Nodes"]
