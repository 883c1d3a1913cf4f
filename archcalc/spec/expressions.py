"""Expressions, wherever a spec expects a number: read with Python's `ast` and an allow-list, never evaluated as code.

    >>> evaluate("floor(compression*cin)", {"compression": Fraction(1, 2), "cin": 257})
    128
    >>> evaluate("9**9**9", {})
    Traceback (most recent call last):
    ...
    archcalc.errors.ExpressionError: 9**387420489 is too large

Numbers are exact: whole numbers are ints, `0.1` is a tenth, and a free parameter is a polynomial. Length, depth, the
number of parts and the size of every intermediate result are capped.
"""

from __future__ import annotations

import _ast as ast  # the classes of nodes alone, as in `values`
import functools
import re
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from fractions import Fraction
from keyword import iskeyword
from typing import Any, cast

from archcalc.algebra import Poly
from archcalc.algebra.poly.rewriting import LANGUAGES
from archcalc.errors import ExpressionError, Undecided, near_to
from archcalc.patterns import pattern
from archcalc.spec.elsewhere import VALUES
from archcalc.spec.text import outside
from archcalc.spec.values import BINARY, COMPARE, CONSTANTS, FUNCTIONS, Value, capped, capped_list, number, plain, truth
from archcalc.tuples import NamedTuple

LONGEST, DEEPEST, MOST_PARTS = 8000, 40, 4000

_PLAIN_SIZES = pattern(r"-?\d+(x-?\d+)+")

Environment = Mapping[str, Value]
_Run = Callable[[Environment, Collection[str]], Value]


class Expression(NamedTuple):
    """A compiled expression: `run(environment, words)`; `words` are the bare names that stand for themselves."""

    text: str
    run: _Run
    names: frozenset[str]


def evaluate(text: str, environment: Environment, words: Collection[str] = ()) -> Value:
    """The value of an expression. Raises ExpressionError, or Undecided where a free symbol would have to be known."""
    return compile_expression(text).run(environment, words)


@functools.lru_cache(maxsize=4096)
def compile_expression(text: str) -> Expression:
    """Read an expression; sizes such as `3x3` and `(n)x1` are tuples."""
    if len(text) > LONGEST:
        raise ExpressionError(f"an expression of {len(text):,} characters is too long (at most {LONGEST:,})")
    if "x" in text and _PLAIN_SIZES.fullmatch(text):  # before Python reads 0x3 as a hexadecimal number
        return _tuple_of(text, [compile_expression(side) for side in text.split("x")])
    try:
        tree = _parsed(text.strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        sides = _sizes(text)
        if sides:
            return _tuple_of(text, [compile_expression(side) for side in sides])
        raise ExpressionError(f"can't read the expression `{_short(text)}`{_hint(text)}") from None
    parts = list(_walk(tree))
    if len(parts) > MOST_PARTS:
        raise ExpressionError(f"the expression `{_short(text)}` has too many parts (at most {MOST_PARTS:,})")
    names = frozenset(node.id for node in parts if isinstance(node, ast.Name)) - FUNCTIONS.keys() - CONSTANTS.keys()
    return Expression(text, _compile(tree, 0), names)


def _in_this_language(text: str) -> tuple[Collection[str], Callable[[Mapping[str, Value]], Value]]:
    expression = compile_expression(text)
    return expression.names, lambda values: expression.run(values, ())


LANGUAGES.append(_in_this_language)  # closed forms are evaluated at texts that a count takes, too


def _hint(text: str) -> str:
    """What may have been meant by an expression that can't be read."""
    if re.search(r"[^=!<>]=[^=]", text):
        return "; compare with `==`"
    if re.fullmatch(r"\d+([X×]\d+)+", text):
        return "; sizes are written 3x3, with a small letter x"
    return "; words are separated by spaces" if "," in text and "(" not in text and "[" not in text else ""


def _parsed(text: str) -> ast.expr:
    """The tree of an expression, where columns count characters: Python counts bytes, and begins again on each line.

    Most are a whole number or a name, and Python's parser takes as long for these as for a line of them.
    """
    if text.isascii() and text.isdigit() and len(text) < 20 and (text[0] != "0" or text == "0"):
        return ast.Constant(int(text))
    if text.isascii() and text.isidentifier() and not iskeyword(text):
        return ast.Name(text, col_offset=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about what looks odd in Python: `1if a else 2`
        tree = cast(ast.Expression, compile(text, "<expression>", "eval", ast.PyCF_ONLY_AST)).body
    if not text.isascii() or "\n" in text:
        lines = [line.encode() for line in re.split(r"(?<=\n)", text)]

        def characters(line: int, column: int) -> int:
            return len((b"".join(lines[: line - 1]) + lines[line - 1][:column]).decode(errors="replace"))

        for node in _walk(tree):
            if isinstance(node, ast.expr):
                end = characters(node.end_lineno or 1, node.end_col_offset or 0)
                node.col_offset, node.end_col_offset = characters(node.lineno, node.col_offset), end
    return tree


def _walk(tree: ast.AST) -> Iterator[ast.AST]:
    """A tree's nodes, in no order that anything may rely on."""
    left = [tree]
    while left:
        node = left.pop()
        yield node
        for field in node._fields:
            value = getattr(node, field, None)
            left += [part for part in (value if isinstance(value, list) else [value]) if isinstance(part, ast.AST)]


def _tuple_of(text: str, parts: list[Expression]) -> Expression:
    names = frozenset().union(*(part.names for part in parts))
    return Expression(text, lambda env, words: tuple(part.run(env, words) for part in parts), names)


def _sizes(text: str) -> list[str]:
    """The parts of `3x3`, `-1x7`, `(n)x1`; nothing if the text is no such thing."""
    parts = outside(text, "x")
    sizes = len(parts) > 1 and all(re.fullmatch(r"-?\d+|-?[A-Za-wyz_]\w*|\(.*\)", part) for part in parts)
    return parts if sizes else []


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def _spelled(node: ast.expr) -> str:
    """A part of an expression, as a message shows it."""
    from ast import unparse

    try:
        return _short(unparse(node))
    except RecursionError:  # a long sum
        return "..."


# ---- reading: one function a kind of node ----------------------------------------------------------------------------


def _compile(node: ast.expr, depth: int) -> _Run:
    if depth > DEEPEST:
        raise ExpressionError(f"an expression nested deeper than {DEEPEST} can't be read")
    reader = _READERS.get(type(node))
    if reader is None:
        raise ExpressionError(
            f"`{_spelled(node)}` is not allowed in an expression",
            node.col_offset,
            (node.end_col_offset or 0) - node.col_offset,
        )
    return reader(node, depth + 1)


def _constant(node: ast.Constant, depth: int) -> _Run:
    value = node.value
    if isinstance(value, float):
        if value in (float("inf"), float("-inf")):
            raise ExpressionError("a number is too large")
        value = plain(Fraction(repr(value)))
    elif not isinstance(value, (int, str, bool, type(None))):
        raise ExpressionError(f"`{_spelled(node)}` is not allowed in an expression", node.col_offset)
    value = capped(value)
    return lambda env, words: value


def _name(node: ast.Name, depth: int) -> _Run:
    name, start = node.id, node.col_offset
    if name in CONSTANTS:
        constant = CONSTANTS[name]
        return lambda env, words: constant

    def read(env: Environment, words: Collection[str]) -> Value:
        if name in env:
            return env[name]
        if name in words:
            return name
        if is_known(name, env):
            return tuple(int(side) if side.isdigit() else env[side] for side in name.split("x"))
        raise ExpressionError(unknown_name(name, env), start, len(name))

    return read


def is_known(name: str, names: Collection[str]) -> bool:
    """Whether a name is one of these, or sizes that are made of them: `nx1`."""
    return name in names or ("x" in name and all(side.isdigit() or side in names for side in name.split("x")))


def unknown_name(name: str, names: Collection[str]) -> str:
    """What is wrong with a name that isn't one of these."""
    known = sorted(names)
    near = near_to(name, known, 0.61)
    if name in ("i", "first", "last"):
        return f"unknown name '{name}': it is known inside a repeat only; pass it to a block as an argument"
    if name.lower() in VALUES:
        near = [VALUES[name.lower()]]
    return f"unknown name '{name}'" + (
        f"; did you mean '{near[0]}'?" if near else f"; known here: {', '.join(known)}" if known else ""
    )


def _unary(node: ast.UnaryOp, depth: int) -> _Run:
    inner, operator = _compile(node.operand, depth), type(node.op)
    if operator is ast.Not:
        return lambda env, words: not truth(inner(env, words))
    if operator is ast.USub:
        return lambda env, words: -number(inner(env, words), "-")
    if operator is ast.UAdd:
        return lambda env, words: number(inner(env, words), "+")
    raise ExpressionError(f"`{_spelled(node)}` is not allowed in an expression", node.col_offset)


def _binary(node: ast.BinOp, depth: int) -> _Run:
    """Operators that are read from left to right: `a + b - c` is no deeper than `a + b`."""
    chain = [node]
    while isinstance(chain[-1].left, ast.BinOp):
        chain.append(chain[-1].left)
    first = _compile(chain[-1].left, depth)
    steps = [_step(part, depth) for part in reversed(chain)]

    def run(env: Environment, words: Collection[str]) -> Value:
        value = first(env, words)
        for step in steps:
            value = step(value, env, words)
        return value

    return run


def _step(node: ast.BinOp, depth: int) -> Callable[[Value, Environment, Collection[str]], Value]:
    """An operator and what stands to the right of it."""
    right, entry = _compile(node.right, depth), BINARY.get(type(node.op))
    if entry is None:
        raise ExpressionError(f"`{_spelled(node)}` is not allowed in an expression", node.col_offset)
    sign, apply = entry

    def run(left: Value, env: Environment, words: Collection[str]) -> Value:
        a, b = number(left, sign), number(right(env, words), sign)
        if sign in ("/", "//", "%") and b == 0:
            raise ExpressionError(f"division by zero in `{_spelled(node)}`", node.col_offset)
        return capped(plain(apply(a, b)))

    return run


def _compare(node: ast.Compare, depth: int) -> _Run:
    sides = [_compile(side, depth) for side in (node.left, *node.comparators)]
    try:
        operators = [COMPARE[type(operator)] for operator in node.ops]
    except KeyError:
        raise ExpressionError(f"`{_spelled(node)}` is not allowed in an expression", node.col_offset) from None

    def run(env: Environment, words: Collection[str]) -> bool:
        values = [side(env, words) for side in sides]
        return all(operator(a, b) for operator, a, b in zip(operators, values, values[1:], strict=False))

    return run


def _boolean(node: ast.BoolOp, depth: int) -> _Run:
    parts = [_compile(part, depth) for part in node.values]
    if isinstance(node.op, ast.And):
        return lambda env, words: all(truth(part(env, words)) for part in parts)
    return lambda env, words: any(truth(part(env, words)) for part in parts)


def _choice(node: ast.IfExp, depth: int) -> _Run:
    test, then, other = (_compile(part, depth) for part in (node.test, node.body, node.orelse))
    return lambda env, words: then(env, words) if truth(test(env, words)) else other(env, words)


def _item(node: ast.Subscript, depth: int) -> _Run:
    if isinstance(node.slice, ast.Slice):
        return _slice(node, node.slice, depth)
    inner, index = _compile(node.value, depth), _compile(node.slice, depth)

    def run(env: Environment, words: Collection[str]) -> Value:
        values, position = inner(env, words), index(env, words)
        if not isinstance(values, tuple):
            raise ExpressionError(f"`{_spelled(node.value)}` is not a list", node.col_offset)
        if isinstance(position, Poly):
            raise Undecided(f"a list can't be indexed by the free `{position}`", position.symbols)
        if not isinstance(position, int) or not -len(values) <= position < len(values):
            raise ExpressionError(
                f"`{_spelled(node)}`: there is no item {position} in a list of {len(values)}", node.col_offset
            )
        return values[position]

    return run


def _slice(node: ast.Subscript, part: ast.Slice, depth: int) -> _Run:
    """`list[1:3]`."""
    nothing = ast.Constant(None)
    inner, *ends = (_compile(end or nothing, depth) for end in (node.value, part.lower, part.upper, part.step))

    def run(env: Environment, words: Collection[str]) -> Value:
        values, limits = inner(env, words), [end(env, words) for end in ends]
        if (
            not isinstance(values, tuple)
            or not all(limit is None or isinstance(limit, int) for limit in limits)
            or limits[2] == 0
        ):
            raise ExpressionError(f"`{_spelled(node)}` takes a list and whole numbers", node.col_offset)
        return values[slice(*limits)]

    return run


def _sequence(node: ast.Tuple | ast.List, depth: int) -> _Run:
    parts = [_compile(part, depth) for part in node.elts]
    return lambda env, words: capped_list(part(env, words) for part in parts)


def _call(node: ast.Call, depth: int) -> _Run:
    name = node.func.id if isinstance(node.func, ast.Name) else None
    if name not in FUNCTIONS or node.keywords or any(isinstance(arg, ast.Starred) for arg in node.args):
        near = near_to(name or "", FUNCTIONS)
        hint = f"; did you mean '{near[0]}'?" if near else f"; functions are {', '.join(FUNCTIONS)}"
        what = (
            f"unknown function '{name}'"
            if name and name not in FUNCTIONS
            else f"`{_spelled(node)}` is not allowed in an expression"
        )
        raise ExpressionError(what + hint, node.col_offset, len(name or ""))
    function, (low, high) = FUNCTIONS[name]
    if not low <= len(node.args) <= high:
        wanted = "one value" if high == 1 else f"{low} to {high} values"
        raise ExpressionError(f"{name} takes {wanted}, got {len(node.args)}", node.col_offset)
    args = [_compile(arg, depth) for arg in node.args]

    def run(env: Environment, words: Collection[str]) -> Value:
        return capped(plain(function(*(arg(env, words) for arg in args))))

    return run


_READERS: dict[type[ast.AST], Callable[[Any, int], _Run]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.UnaryOp: _unary,
    ast.BinOp: _binary,
    ast.Compare: _compare,
    ast.BoolOp: _boolean,
    ast.IfExp: _choice,
    ast.Subscript: _item,
    ast.Tuple: _sequence,
    ast.List: _sequence,
    ast.Call: _call,
}


__all__ = ["Environment", "Expression", "compile_expression", "evaluate", "is_known", "unknown_name"]
