"""Conditions on designs, in the spec language: `macs <= 150M and size >= 2*width`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Mapping
from fractions import Fraction
from functools import reduce
from typing import TYPE_CHECKING, Any

from archcalc.algebra import Number, Poly, symbol
from archcalc.algebra.grids import Grid
from archcalc.algebra.vectors import Exact
from archcalc.errors import ArchcalcError, ExpressionError, Undecided, UsageError, suggest
from archcalc.ops.kinds import show
from archcalc.spec.expressions import compile_expression
from archcalc.spec.model import without_units
from archcalc.untyped import Array

if TYPE_CHECKING:
    pass

LITERALS = frozenset({"true", "false", "none"})  # words of the spec language
Bools = Any  # an array of truth values, or one for all designs


class Condition:
    """A condition, read once: `names` are the parameters and metrics that it speaks of. Where the `words` that
    parameters may be worth are given, a name that is neither is a mistake.
    """

    def __init__(self, text: str, known: Collection[str], words: Collection[str] | None = None) -> None:
        self.text = text
        try:
            self.tree = ast.parse(without_units(text).strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise UsageError(f"can't read the condition '{text}'; write macs <= 150M and size >= 96") from None
        self.names = _named(self.tree) & set(known)
        if not isinstance(self.tree, (ast.Compare, ast.BoolOp, ast.UnaryOp)):
            raise UsageError(f"'{text}' is no condition; write macs <= 150M, or field >= 224")
        if words is not None:
            _check_names(text, self.tree, known, words)

    def holds(self, grid: Grid, fixed: Mapping[str, object]) -> Bools:
        """Where it holds; `fixed` are the parameters that are the same for all points. Raises UsageError."""
        free = {name: _symbol(name) for name in (*grid.axes, *grid.known)}
        try:
            return self._truth(self.tree, grid, {**fixed, **free})
        except Undecided:
            raise UsageError(
                f"the condition '{self.text}' divides by something that varies; multiply the other side instead"
            ) from None
        except ArchcalcError as error:
            raise UsageError(f"the condition '{self.text}': {error}") from None

    def _truth(self, node: ast.expr, grid: Grid, values: Mapping[str, object]) -> Bools:
        if isinstance(node, ast.BoolOp):
            parts = [self._truth(part, grid, values) for part in node.values]
            both = isinstance(node.op, ast.And)
            return reduce(lambda a, b: (a & b) if both else (a | b), parts)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return self._truth(node.operand, grid, values) ^ True
        if not isinstance(node, ast.Compare):
            raise ExpressionError(f"`{ast.unparse(node)}` is neither true nor false")
        sides = [_value(side, values) for side in (node.left, *node.comparators)]
        found = [_compared(operator, a, b, grid) for operator, a, b in zip(node.ops, sides, sides[1:], strict=False)]
        return reduce(lambda a, b: a & b, found)


def _named(tree: ast.expr) -> set[str]:
    """The names in an expression, but for those of functions."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called}


def _check_names(text: str, tree: ast.expr, known: Collection[str], words: Collection[str]) -> None:
    """Raise UsageError for a name that is no parameter, no metric, and no word that a parameter may be worth."""
    for name in sorted(_named(tree) - set(known) - set(words) - LITERALS):
        taken = [*known, *sorted(words)]
        raise UsageError(
            f"the condition '{text}': there is no parameter, metric or word '{name}'"
            + suggest(name, taken, f"there are {', '.join(taken)}")
        )


class Measure:
    """An expression in parameters and metrics that a design is judged by: `size*width`."""

    def __init__(self, text: str, known: Collection[str]) -> None:
        self.text = text
        self.expression = compile_expression(text)
        unknown = sorted(self.expression.names - set(known))
        if unknown:
            hint = suggest(unknown[0], list(known), f"there are {', '.join(known)}")
            raise UsageError(f"there is no metric or axis '{unknown[0]}'{hint}")
        self.names = self.expression.names

    def values(self, grid: Grid, fixed: Mapping[str, object]) -> Exact:
        """Its value at each point. Raises UsageError for what has no value of numbers."""
        found = self.form({**fixed, **{name: _symbol(name) for name in (*grid.axes, *grid.known)}})
        return grid.evaluate(found)

    def form(self, values: Mapping[str, object]) -> Number:
        """The expression with values or closed forms in place of names."""
        try:
            found = self.expression.run(values, ())
        except ArchcalcError as error:
            raise UsageError(f"'{self.text}': {error}") from None
        if isinstance(found, bool) or not isinstance(found, (int, Fraction, Poly)):
            raise UsageError(f"'{self.text}' is {show(found)}, and designs are compared by numbers")
        return found


def _symbol(name: str) -> Poly:
    """A name that stands for any number."""
    return symbol(name, minimum=None, integer=False)


def _value(node: ast.expr, values: Mapping[str, object]) -> object:
    text = ast.unparse(node)
    expression = compile_expression(text)
    words = expression.names - values.keys() if isinstance(node, ast.Name) else ()
    return expression.run(values, words)


_UNORDERED = (str, tuple, type(None))
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
}


def _compared(operator: ast.cmpop, a: Any, b: Any, grid: Grid) -> Bools:
    compare = _COMPARE.get(type(operator))
    if compare is None:
        raise ExpressionError(f"{type(operator).__name__} is not allowed in a condition")
    if isinstance(a, _UNORDERED) or isinstance(b, _UNORDERED):
        if not isinstance(operator, (ast.Eq, ast.NotEq)):
            unordered = a if isinstance(a, _UNORDERED) else b
            raise ExpressionError(f"`{show(unordered)}` is no number, and has no order")
        return bool(compare(a, b))
    if not isinstance(a, Poly) and not isinstance(b, Poly):
        return bool(compare(a, b))
    difference = a - b
    return _as_array(compare(grid.evaluate(difference).numerators, 0))


def _as_array(found: Any) -> Array:
    return found.astype(bool)  # type: ignore[no-any-return]  # comparisons of objects are objects


__all__ = ["Condition", "Measure"]
