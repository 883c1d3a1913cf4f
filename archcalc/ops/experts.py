"""Mixtures of experts: many layers that are alike, of which a position takes a few."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from archcalc.algebra import Dim, Poly, maximum, minimum
from archcalc.errors import ShapeError
from archcalc.fields import Check
from archcalc.ops.base import Op, Own, Reach, Saved, Shape, Windows, is_less, need_rank, number, reaching, size
from archcalc.ops.emit import Builder, Tensor, Value
from archcalc.ops.kinds import Amount, Size
from archcalc.tuples import NamedTuple

ROUTER = "router"


class Step(NamedTuple):
    """One operator of an expert with what goes into it and comes out."""

    op: Op
    into: Shape
    output: Shape


def _ops(value: object) -> tuple[Op, ...]:
    if isinstance(value, tuple) and all(isinstance(op, Op) for op in value):
        return value
    raise ValueError("must be the layers of an expert")


class Mixture(Op):
    """`experts` chains of the same layers, of which each position takes the `top` ones by a router (a `linear` without
    bias), and `shared` ones that all take: `moe 8 top=2: [swiglu 14336]` (arXiv:1701.06538, arXiv:2401.04088).

    Parameters are those of all experts, work is that of the experts that a position takes; `active_params` counts those
    with the router, and `bytes` those that a batch reads at most. The output is the sum of what they put out, the
    chosen ones weighted by the router's softmax. An expert reads what arrives and nothing else. An exported file runs
    every expert at every position.
    """

    word = "moe"
    positional = ("experts",)
    has_body = True
    is_layer = True
    autocast = "half"

    experts: Size
    top: Size = 1
    shared: Amount = 0
    body: Annotated[tuple[Op, ...], Check(_ops)] = ()

    def averaging(self, name: str, weight: tuple[int, ...], output: Shape) -> float:
        return 1 / weight[-1]

    def assumes(self, *inputs: Shape) -> tuple[str, ...]:
        """That a position takes no more experts than there are."""
        inside = (each for step in self.steps(inputs[0]) for each in step.op.assumes(step.into))
        return (*reaching(self.experts, self.top), *inside)

    def positive(self, *inputs: Shape) -> Iterator[Poly]:
        """And of its experts' layers."""
        yield from super().positive(*inputs)
        for step in self.steps(inputs[0]):
            yield from step.op.positive(step.into)
            yield from (dim for dim in step.output if isinstance(dim, Poly))

    @property
    def deep(self) -> int:
        return sum(op.deep for op in self.body)

    def line(self, every: bool = False, rank: int = 0, run: bool = False) -> str:
        """With the layers of an expert behind it."""
        inside = ", ".join(op.line(every) for op in self.body)
        own = super().line(every, rank, run)
        return f"{own}: [{inside}]" if self.body else own

    def steps(self, x: Shape) -> list[Step]:
        """An expert's operators with their shapes; a ShapeError where one doesn't fit."""
        found: list[Step] = []
        for op in self.body:
            found.append(Step(op, x, op.shape(x)))
            x = found[-1].output
        return found

    def shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        need_rank(self.word, x, 1, 2, "features, then positions")
        if not self.body:
            raise ShapeError("moe takes the layers of an expert: `moe 8 top=2: [linear 64, relu, linear 16]`")
        if is_less(self.experts, self.top):
            raise ShapeError(f"moe: top={self.top} of {self.experts} experts")
        output = self.steps(x)[-1].output
        if len(output) != len(x) or output[1:] != x[1:]:
            raise ShapeError("moe: an expert keeps the positions that arrive")
        return output

    @property
    def _all(self) -> Dim:
        return self.experts + self.shared

    @property
    def _taken(self) -> Dim:
        """Experts that work on a position."""
        return self.top + self.shared

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        (x,) = inputs
        found: dict[str, Shape] = {ROUTER: (self.experts, x[0])}
        for n, step in enumerate(self.steps(x)):
            for name, shape in step.op.weights(step.into).items():
                found[f"{n}_{name}"] = (self._all, *shape)
        return found

    def active(self, *inputs: Shape) -> Dim:
        """Learned numbers that a position meets."""
        one = sum(size(shape) for step in self.steps(inputs[0]) for shape in step.op.weights(step.into).values())
        return size((self.experts, inputs[0][0])) + self._taken * one

    def weights_read(self, batch: Dim, *inputs: Shape) -> dict[str, Shape]:
        """Each position may take others, so `batch * positions * top` experts are read as long as there are so many."""
        (x,) = inputs
        read = _as_size(minimum(self.experts, batch * size(x[1:]) * self.top)) + self.shared
        found = self.weights(*inputs)
        return {name: shape if name == ROUTER else (read, *shape[1:]) for name, shape in found.items()}

    def _router(self, x: Shape) -> Dim:
        return self.experts * size(x)

    def _summed(self, x: Shape, rule: str) -> Dim:
        """A rule over the operators of one expert."""
        found: Dim = sum(getattr(step.op, rule)(step.output, step.into) for step in self.steps(x))
        return found

    def macs(self, output: Shape, *inputs: Shape) -> Dim:
        (x,) = inputs
        return self._router(x) + self._taken * self._summed(x, "macs")

    def emitted_macs(self, output: Shape, *inputs: Shape) -> Dim:
        """Of all experts at every position."""
        (x,) = inputs
        return self._router(x) + self._all * self._summed(x, "macs")

    def elementwise(self, output: Shape, *inputs: Shape) -> Dim:
        """The experts that are taken, the softmax over all, and the weighted sum of what comes out."""
        (x,) = inputs
        positions = size(x[1:])
        softmax = (5 * self.experts - 2) * positions
        return softmax + self._taken * self._summed(x, "elementwise") + (2 * self.top + self.shared - 1) * size(output)

    def backward(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Dim:
        (x,) = inputs
        wanted = [dx[0]] + [dw or dx[0]] * (len(self.body) - 1)
        inner = sum(
            step.op.backward(step.output, step.into, dx=[need], dw=dw)
            for step, need in zip(self.steps(x), wanted, strict=True)
        )
        return self._taken * inner + (dx[0] + dw) * self._router(x)

    def inside(self, output: Shape, *inputs: Shape) -> Dim:
        """The router's scores, and the widest layer of the experts that are taken, with what goes into it."""
        (x,) = inputs
        widest = [size(s.into) + size(s.output) + s.op.inside(s.output, s.into) for s in self.steps(x)]
        most = widest[0] if len(widest) == 1 else maximum(*widest)
        return self.experts * size(x[1:]) + self._taken * _as_size(most)

    def saves(self, output: Shape, *inputs: Shape, dx: Sequence[bool], dw: bool) -> Saved:
        """What arrives, the router's scores, and of each expert that is taken what its layers keep."""
        (x,) = inputs
        return Saved(inputs=(0,), own=tuple(self._kept(x, dw)))

    def _kept(self, x: Shape, dw: bool) -> Iterator[Own]:
        yield Own("the router's scores", self.experts * size(x[1:]))
        for step in self.steps(x):
            saved = step.op.saves(step.output, step.into, dx=[True], dw=dw)
            held = [step.into] * len(saved.inputs) + [step.output] * saved.output
            if held:
                yield Own("of experts", self._taken * sum(map(size, held)))
            for own in saved.own:
                yield own._replace(elements=self._taken * own.elements)

    def windows(self, *inputs: Shape) -> Windows:
        found = [step.op.windows(step.into) for step in self.steps(inputs[0])]
        if all(each is Reach.PASS for each in found):
            return Reach.PASS if len(inputs[0]) > 1 else Reach.ALL
        return Reach.ALL if Reach.ALL in found else Reach.MIXED

    def emit(self, builder: Builder, *tensors: Tensor) -> Value:
        """A graph has no experts that rest: all run, and those that aren't chosen count nothing."""
        (x,) = tensors
        column = x if x.rank == 3 else Tensor(builder.reshaped(x, *x.shape, 1), (*x.shape, 1))
        scores = builder.node("Softmax", builder.node("MatMul", builder.weight(ROUTER), column), axis=1)
        best = builder.node("TopK", scores, builder.ints((self.top,)), output=1, axis=1)
        chosen = builder.node("GatherElements", scores, best, axis=1)
        none = builder.node("Mul", scores, builder.real(0.0))
        gates = builder.node("ScatterElements", none, best, chosen, axis=1)
        total: Value | None = None
        experts = number(self.experts)
        for n in range(number(self._all)):
            value = self._expert(builder, x, n)
            if n < experts:
                ends = (builder.ints((end,)) for end in (n, n + 1, 1))
                gate = builder.node("Slice", gates, *ends)
                value = builder.node("Mul", value, gate if x.rank == 3 else builder.reshaped(gate, 1))
            total = value if total is None else builder.node("Add", total, value)
        assert total is not None
        return total

    def _expert(self, builder: Builder, x: Tensor, n: int) -> Value:
        value = x
        for k, step in enumerate(self.steps(x.shape)):
            one: Any = _One(builder, f"{k}_", n)
            made = step.op.emit(one, value)
            value = made if isinstance(made, Tensor) else Tensor(made, step.output)
            value = value._replace(shape=step.output)
        return value.name


class _One:
    """A builder whose weights are those of one expert."""

    def __init__(self, builder: Builder, prefix: str, expert: int) -> None:
        self._builder, self._prefix, self._expert = builder, prefix, expert

    def weight(self, name: str) -> str:
        """One of the stacked tensors."""
        builder, row = self._builder, self._builder.ints((self._expert,))
        every = builder.weight(self._prefix + name)
        return builder.node("Squeeze", builder.node("Gather", every, row, axis=0), builder.ints((0,)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._builder, name)


def _as_size(value: Any) -> Dim:
    found: Dim = value
    return found
