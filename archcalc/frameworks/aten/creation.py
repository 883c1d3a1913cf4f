"""What is made from sizes alone, and sizes themselves."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

from archcalc.algebra import Poly, maximum, minimum
from archcalc.frameworks.aten.base import (
    BOOL,
    FLOAT,
    INT64,
    Call,
    Dim,
    Shape,
    Unknown,
    Value,
    as_onnx,
    aten,
    axis_of,
    declared,
    rule,
    size,
)
from archcalc.importer.known import is_small
from archcalc.untyped import Attribute, Operand


@aten("zeros", "ones", "empty", "full", "rand", "randn", "randint", "randperm", "empty_strided", "empty_permuted")
def filled(call: Call, *, size: Attribute = None, fill_value: Attribute = None) -> Value:
    """A tensor that the graph makes by itself, `zeros`, `randn`: of the size given, or as torch says it. It costs
    nothing; zeros and ones are known.
    """
    number = {"zeros": 0, "ones": 1}.get(call.op, fill_value)
    return _of(call, tuple(size) if size is not None else declared(call), number)


@aten("zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like", "randint_like")
def filled_like(call: Call, self: Value, *, fill_value: Attribute = None) -> Value:
    """A tensor made in another one's shape, `zeros_like`: it costs nothing; zeros and ones are known."""
    return _of(call, self.dims, {"zeros_like": 0, "ones_like": 1}.get(call.op, fill_value))


@aten("new_zeros", "new_ones", "new_empty", "new_full", "new_empty_strided")
def filled_new(call: Call, self: Value, *, size: Attribute = (), fill_value: Attribute = None) -> Value:
    """A tensor of a shape of its own and another's kind, `new_zeros`: it costs nothing; zeros and ones are known."""
    return _of(call, tuple(size), {"new_zeros": 0, "new_ones": 1}.get(call.op, fill_value))


def _of(call: Call, shape: Shape, number: object) -> Value:
    """The same number everywhere, known where there are few."""
    found = call.scope.declared.of(call.output)
    kind = found.kind if found is not None and found.kind else FLOAT
    known = number is not None and isinstance(number, (int, Poly)) and is_small(shape)
    content = (number,) * _count(shape) if known else None
    return Value(shape, kind, None, content)


def _elements(shape: Shape) -> Dim:
    return size(shape)


def _count(shape: Shape) -> int:
    total = size(shape)
    return total if isinstance(total, int) else 0


@aten("uniform", "exponential", "random", "cauchy", "geometric", "log_normal", "normal", "normal_functional")
def drawn(call: Call, first: Value | None = None, second: Value | None = None, *, size: Attribute = None) -> Value:
    """Numbers by chance, over what a tensor held: free of cost, as `randn` is; around means that are computed, or as
    wide as is computed, two operations an element.
    """
    if call.node.stands is not None and call.node.stands.over:
        return _of(call, first.dims if first is not None else declared(call), None)
    given = [value for value in (first, second) if value is not None]
    if not given:
        return _of(call, tuple(size) if size is not None else declared(call), None)
    shape = call.assumed.broadcast(*(value.dims for value in given))
    return call.figure("normal", shape, given, elementwise=2 * _elements(shape))


@aten("poisson", "binomial")
def counts(call: Call, self: Value, *others: Value) -> Value:
    """A draw for each element: an operation each."""
    return call.figure(call.op, self.dims, [self, *others], elementwise=_elements(self.dims))


@aten("arange")
def arange(call: Call, *, start: Attribute = 0, end: Attribute = 0, step: Attribute = 1) -> Operand:
    """Numbers from start to end, as ONNX's Range: known where its bounds are, and free of cost."""
    given = [Value((), INT64, None, (number,)) for number in (start, end, step)]
    return as_onnx(call, "Range", *given)


@aten("scalar_tensor", "tensor")
def scalar(call: Call, *, s: Attribute = None) -> Value:
    """One number as a tensor, without cost; a whole or a symbolic one stays known."""
    return Value((), INT64 if isinstance(s, int) else FLOAT, None, (s,) if isinstance(s, (int, Poly)) else None)


@aten("eye", "linspace", "logspace", "tril_indices", "triu_indices", "hann_window", "hamming_window")
@aten("blackman_window", "bartlett_window", "kaiser_window", "fft_fftfreq", "fft_rfftfreq")
def table(call: Call) -> Value:
    """A table that only its sizes decide, `eye`, `hann_window`: made once, without cost, in the shape that
    torch says.
    """
    return Value(declared(call), FLOAT)


# ---- sizes -----------------------------------------------------------------------------------------------------------


@aten("sym_size", "size")
def sym_size(call: Call, self: Value, *, dim: int = 0) -> Value:
    """The length of one axis, as a known number."""
    return Value((), INT64, None, (self.dims[axis_of(dim, len(self.dims))],))


@aten("sym_numel", "numel")
def sym_numel(call: Call, self: Value) -> Value:
    """How many elements a tensor has, as a known number."""
    return Value((), INT64, None, (size(self.dims),))


@aten("item", "_local_scalar_dense")
def item(call: Call, self: Value) -> Value:
    """A number of a tensor; where it is computed, only a run tells it."""
    content = self.content
    if content is None or content[:1] in ((), (None,)):
        return Value((), self.kind, None, None)
    return Value((), self.kind, None, content[:1])


def _truth(value: object) -> object:
    return not value


PYTHON: dict[str, Callable[..., object]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "floordiv": operator.floordiv,
    "mod": operator.mod, "neg": operator.neg, "pow": operator.pow, "eq": operator.eq, "ne": operator.ne,
    "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge, "sym_max": maximum,
    "sym_min": minimum, "sym_not": _truth, "sym_int": int, "and_": operator.and_, "or_": operator.or_,
    "truediv": operator.truediv, "sym_float": lambda value: value, "trunc": math.trunc, "floor": math.floor,
    "ceil": math.ceil, "abs": abs, "max": max, "min": min, "round": round,
}  # fmt: skip


@rule(*PYTHON, domain="python")
def python(call: Call, *, arguments: Attribute = ()) -> Value:
    """Arithmetic on sizes, as the module's Python does it."""
    if None in arguments:
        return Value((), INT64, None, None)
    try:
        found = PYTHON[call.op](*arguments)
    except (ArithmeticError, TypeError, ValueError) as error:
        raise Unknown(f"a size can't be computed: {error}") from None
    return Value((), BOOL if isinstance(found, bool) else INT64, None, (found,))
