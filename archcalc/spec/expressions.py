"""Expressions, wherever a spec expects a number: read with Python's `ast` and an allow-list, never evaluated as code.

    >>> evaluate("floor(compression*cin)", {"compression": Fraction(1, 2), "cin": 257})
    128
    >>> evaluate("9**9**9", {})
    Traceback (most recent call last):
    ...
    archcalc.errors.ExpressionError: 9**387420489 is too large

Numbers are exact: whole numbers are ints, `0.1` is a tenth, and a free parameter is a polynomial. Length, depth, the number
of parts and the size of every intermediate result are capped.
"""

from __future__ import annotations

import ast
import difflib
import functools
import re
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from archcalc import algebra
from archcalc.algebra import Number, Poly
from archcalc.errors import ExpressionError, Undecided

LONGEST, DEEPEST, MOST_PARTS, MOST_ITEMS, MOST_BITS, LARGEST_EXPONENT = 8000, 40, 4000, 10_000, 256, 1024

_PLAIN_SIZES = re.compile(r"\d+(x\d+)+")

Value = Any  # int, Fraction, Poly, bool, str, None, or a tuple of these
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
    if _PLAIN_SIZES.fullmatch(text):  # before Python reads 0x3 as a hexadecimal number
        return _tuple_of(text, [compile_expression(side) for side in text.split("x")])
    try:
        tree = _parsed(text.strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        sides = _sizes(text)
        if sides:
            return _tuple_of(text, [compile_expression(side) for side in sides])
        raise ExpressionError(f"can't read the expression `{_short(text)}`{_hint(text)}") from None
    if sum(1 for _ in ast.walk(tree)) > MOST_PARTS:
        raise ExpressionError(f"the expression `{_short(text)}` has too many parts (at most {MOST_PARTS:,})")
    names = frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name)) - FUNCTIONS.keys() - CONSTANTS.keys()
    return Expression(text, _compile(tree, 0), names)


def _hint(text: str) -> str:
    """What may have been meant by an expression that can't be read."""
    if re.search(r"[^=!<>]=[^=]", text):
        return "; compare with `==`"
    if re.fullmatch(r"\d+([X×]\d+)+", text):
        return "; sizes are written 3x3, with a small letter x"
    return "; words are separated by spaces" if "," in text and "(" not in text and "[" not in text else ""


def _parsed(text: str) -> ast.expr:
    """The tree of an expression, where columns count characters: Python counts bytes, and begins again on each line."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about what looks odd in Python: `1if a else 2`
        tree = ast.parse(text, mode="eval").body
    if not text.isascii() or "\n" in text:
        lines = [line.encode() for line in re.split(r"(?<=\n)", text)]

        def characters(line: int, column: int) -> int:
            return len((b"".join(lines[: line - 1]) + lines[line - 1][:column]).decode(errors="replace"))

        for node in ast.walk(tree):
            if isinstance(node, ast.expr):
                end = characters(node.end_lineno or 1, node.end_col_offset or 0)
                node.col_offset, node.end_col_offset = characters(node.lineno, node.col_offset), end
    return tree


def _tuple_of(text: str, parts: list[Expression]) -> Expression:
    names = frozenset().union(*(part.names for part in parts))
    return Expression(text, lambda env, words: tuple(part.run(env, words) for part in parts), names)


def _sizes(text: str) -> list[str]:
    """The parts of `3x3`, `1x7`, `(n)x1`; nothing if the text is no such thing."""
    parts, depth, start = [], 0, 0
    for position, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        if letter == "x" and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    parts.append(text[start:])
    return parts if len(parts) > 1 and all(re.fullmatch(r"\d+|[A-Za-wyz_]\w*|\(.*\)", part) for part in parts) else []


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def _spelled(node: ast.expr) -> str:
    """A part of an expression, as a message shows it."""
    try:
        return _short(ast.unparse(node))
    except RecursionError:  # a long sum
        return "..."


# ---- reading: one function a kind of node ------------------------------------------------------------------------------


def _compile(node: ast.expr, depth: int) -> _Run:
    if depth > DEEPEST:
        raise ExpressionError(f"an expression nested deeper than {DEEPEST} can't be read")
    reader = _READERS.get(type(node))
    if reader is None:
        raise ExpressionError(f"`{_spelled(node)}` is not allowed in an expression", node.col_offset, (node.end_col_offset or 0) - node.col_offset)
    return reader(node, depth + 1)


def _constant(node: ast.Constant, depth: int) -> _Run:
    value = node.value
    if isinstance(value, float):
        if value in (float("inf"), float("-inf")):
            raise ExpressionError("a number is too large")
        value = _plain(Fraction(repr(value)))
    elif not isinstance(value, (int, str, bool, type(None))):
        raise ExpressionError(f"`{_spelled(node)}` is not allowed in an expression", node.col_offset)
    value = _capped(value)
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
    near = difflib.get_close_matches(name, known, 1)
    if name in ("i", "first", "last"):
        return f"unknown name '{name}': it is known inside a repeat only; pass it to a block as an argument"
    return f"unknown name '{name}'" + (f"; did you mean '{near[0]}'?" if near else f"; known here: {', '.join(known)}" if known else "")


def _unary(node: ast.UnaryOp, depth: int) -> _Run:
    inner, operator = _compile(node.operand, depth), type(node.op)
    if operator is ast.Not:
        return lambda env, words: not _truth(inner(env, words))
    if operator is ast.USub:
        return lambda env, words: -_number(inner(env, words), "-")
    if operator is ast.UAdd:
        return lambda env, words: _number(inner(env, words), "+")
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
    right, entry = _compile(node.right, depth), _BINARY.get(type(node.op))
    if entry is None:
        raise ExpressionError(f"`{_spelled(node)}` is not allowed in an expression", node.col_offset)
    sign, apply = entry

    def run(left: Value, env: Environment, words: Collection[str]) -> Value:
        a, b = _number(left, sign), _number(right(env, words), sign)
        if sign in ("/", "//", "%") and b == 0:
            raise ExpressionError(f"division by zero in `{_spelled(node)}`", node.col_offset)
        return _capped(_plain(apply(a, b)))

    return run


def _compare(node: ast.Compare, depth: int) -> _Run:
    sides = [_compile(side, depth) for side in (node.left, *node.comparators)]
    try:
        operators = [_COMPARE[type(operator)] for operator in node.ops]
    except KeyError:
        raise ExpressionError(f"`{_spelled(node)}` is not allowed in an expression", node.col_offset) from None

    def run(env: Environment, words: Collection[str]) -> bool:
        values = [side(env, words) for side in sides]
        return all(operator(a, b) for operator, a, b in zip(operators, values, values[1:], strict=False))

    return run


def _boolean(node: ast.BoolOp, depth: int) -> _Run:
    parts = [_compile(part, depth) for part in node.values]
    if isinstance(node.op, ast.And):
        return lambda env, words: all(_truth(part(env, words)) for part in parts)
    return lambda env, words: any(_truth(part(env, words)) for part in parts)


def _choice(node: ast.IfExp, depth: int) -> _Run:
    test, then, other = (_compile(part, depth) for part in (node.test, node.body, node.orelse))
    return lambda env, words: then(env, words) if _truth(test(env, words)) else other(env, words)


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
            raise ExpressionError(f"`{_spelled(node)}`: there is no item {position} in a list of {len(values)}", node.col_offset)
        return values[position]

    return run


def _slice(node: ast.Subscript, part: ast.Slice, depth: int) -> _Run:
    """`list[1:3]`."""
    nothing = ast.Constant(None)
    inner, *ends = (_compile(end or nothing, depth) for end in (node.value, part.lower, part.upper, part.step))

    def run(env: Environment, words: Collection[str]) -> Value:
        values, limits = inner(env, words), [end(env, words) for end in ends]
        if not isinstance(values, tuple) or not all(limit is None or isinstance(limit, int) for limit in limits) or limits[2] == 0:
            raise ExpressionError(f"`{_spelled(node)}` takes a list and whole numbers", node.col_offset)
        return values[slice(*limits)]

    return run


def _sequence(node: ast.Tuple | ast.List, depth: int) -> _Run:
    parts = [_compile(part, depth) for part in node.elts]
    return lambda env, words: capped_list(part(env, words) for part in parts)


def capped_list(values: Iterable[Value]) -> tuple[Value, ...]:
    """A list, if it and the lists in it hold few enough parts: lists of lists of lists multiply."""
    found = tuple(values)
    parts, inside = len(found), [value for value in found if isinstance(value, tuple)]
    while inside and parts <= MOST_ITEMS:
        value = inside.pop()
        parts += len(value)
        inside += [part for part in value if isinstance(part, tuple)]
    if parts > MOST_ITEMS:
        raise ExpressionError(f"a list of more than {MOST_ITEMS:,} parts")
    return found


def _call(node: ast.Call, depth: int) -> _Run:
    name = node.func.id if isinstance(node.func, ast.Name) else None
    if name not in FUNCTIONS or node.keywords or any(isinstance(arg, ast.Starred) for arg in node.args):
        near = difflib.get_close_matches(name or "", FUNCTIONS, 1)
        hint = f"; did you mean '{near[0]}'?" if near else f"; functions are {', '.join(FUNCTIONS)}"
        what = f"unknown function '{name}'" if name and name not in FUNCTIONS else f"`{_spelled(node)}` is not allowed in an expression"
        raise ExpressionError(what + hint, node.col_offset, len(name or ""))
    function, (low, high) = FUNCTIONS[name]
    if not low <= len(node.args) <= high:
        wanted = "one value" if high == 1 else f"{low} to {high} values"
        raise ExpressionError(f"{name} takes {wanted}, got {len(node.args)}", node.col_offset)
    args = [_compile(arg, depth) for arg in node.args]

    def run(env: Environment, words: Collection[str]) -> Value:
        return _capped(_plain(function(*(arg(env, words) for arg in args))))

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


# ---- computing ----------------------------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value


def _capped(value: Any) -> Any:
    bits = max(value.numerator.bit_length(), value.denominator.bit_length()) if isinstance(value, (int, Fraction)) else 0
    if bits > MOST_BITS:
        raise ExpressionError(f"a number of {bits:,} bits is too large")
    return value


def _number(value: Value, sign: str) -> Any:
    if isinstance(value, (int, Fraction, Poly)) and not isinstance(value, bool):
        return value
    shown = "a list" if isinstance(value, tuple) else f"`{str(value).lower() if not isinstance(value, str) else value}`"
    raise ExpressionError(f"{sign} needs numbers, got {shown}")


def _truth(value: Value) -> bool:
    if isinstance(value, Poly):
        raise Undecided(f"`{value}` is free, so it is neither true nor false; compare it", value.symbols)
    return bool(value)


def _power(base: Any, exponent: Any) -> Any:
    """base**exponent; where the exponent is free, a named one: of a number to a whole power, which is exact."""
    if isinstance(exponent, Poly):
        if not isinstance(base, (int, Fraction)) or base <= 0 or not algebra.integral(exponent):
            raise Undecided(f"`{exponent}` is free and can't be an exponent here; bind it with --set", exponent.symbols)
        low = algebra.bounds(exponent)[0]
        whole = isinstance(base, int) and low is not None and low >= 0
        return algebra.call("pow", _power, base, exponent, integer=whole, rising=base >= 1)
    if not isinstance(exponent, int):
        raise ExpressionError(f"an exponent must be a whole number, got {exponent}")
    bits = base.numerator.bit_length() + base.denominator.bit_length() if isinstance(base, (int, Fraction)) else 1
    if abs(exponent) > LARGEST_EXPONENT or abs(exponent) * (bits - 1) > 4 * MOST_BITS:
        raise ExpressionError(f"{base}**{exponent} is too large")
    if exponent < 0:
        if base == 0 or isinstance(base, Poly):
            raise ExpressionError(f"{base}**{exponent} can't be computed")
        return 1 / Fraction(base) ** -exponent
    return base**exponent


def _divided(a: Any, b: Any) -> Any:
    return Fraction(a) / b if isinstance(a, int) and isinstance(b, (int, Fraction)) else a / b


def _equal(a: Value, b: Value) -> bool:
    a, b = ("none" if value is None else value for value in (a, b))
    return algebra.same(a, b) if isinstance(a, Poly) or isinstance(b, Poly) else bool(a == b)


def _ordered(a: Value, b: Value) -> tuple[Any, Any]:
    return _number(a, "<"), _number(b, "<")


def _less(a: Value, b: Value) -> bool:
    a, b = _ordered(a, b)
    return algebra.less(a, b) if isinstance(a, Poly) or isinstance(b, Poly) else bool(a < b)


def _among(a: Value, b: Value) -> bool:
    if not isinstance(b, tuple):
        raise ExpressionError("`in` needs a list")
    return any(_equal(a, item) for item in b)


_BINARY: dict[type[ast.operator], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("+", lambda a, b: a + b),
    ast.Sub: ("-", lambda a, b: a - b),
    ast.Mult: ("*", lambda a, b: a * b),
    ast.Div: ("/", _divided),
    ast.FloorDiv: ("//", lambda a, b: a // b),
    ast.Mod: ("%", lambda a, b: a % b),
    ast.Pow: ("**", _power),
}

_COMPARE: dict[type[ast.cmpop], Callable[[Value, Value], bool]] = {
    ast.Eq: _equal,
    ast.NotEq: lambda a, b: not _equal(a, b),
    ast.Lt: _less,
    ast.GtE: lambda a, b: not _less(a, b),
    ast.Gt: lambda a, b: _less(b, a),
    ast.LtE: lambda a, b: not _less(b, a),
    ast.In: _among,
    ast.NotIn: lambda a, b: not _among(a, b),
}


def make_divisible(value: int | Fraction, divisor: int | Fraction = 8, least: int | Fraction | None = None, keep: int | Fraction = Fraction(9, 10)) -> int:
    """`value` rounded to a multiple of `divisor`, at least `least`, and never below `keep` of itself (MobileNet's rule)."""
    if divisor <= 0:
        raise ExpressionError(f"make_divisible needs a positive divisor, got {divisor}")
    rounded = max(least if least is not None else divisor, Fraction(value + Fraction(divisor) / 2) // divisor * divisor)
    return int(rounded + divisor if rounded < keep * value else rounded)


def _round(value: int | Fraction) -> int:
    """To the nearest whole number, halves to the even one."""
    return round(value)


def _rounding(name: str, function: Callable[..., int]) -> Callable[..., Number]:
    def rounded(value: Value, *options: Value) -> Number:
        fixed = [_number(option, name) for option in options]
        rising = not any(isinstance(option, Poly) for option in fixed)  # in the value that is rounded
        return algebra.call(name, function, _number(value, name), *fixed, rising=rising)

    return rounded


def _extreme(name: str, pick: Callable[[Number, Number], Number]) -> Callable[..., Number]:
    def found(*args: Value) -> Number:
        values = args[0] if len(args) == 1 and isinstance(args[0], tuple) else args
        if not values:
            raise ExpressionError(f"{name} of an empty list")
        result: Number = functools.reduce(pick, (_number(value, name) for value in values))
        return result

    return found


def _list(name: str, value: Value) -> tuple[Value, ...]:
    if not isinstance(value, tuple):
        raise ExpressionError(f"{name} needs a list")
    return value


def _total(values: Value) -> Any:
    total: Any = 0
    for value in _list("sum", values):
        total += _number(value, "sum")
    return total


FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[int, int]]] = {
    "floor": (lambda x: algebra.floor(_number(x, "floor")), (1, 1)),
    "ceil": (lambda x: algebra.ceil(_number(x, "ceil")), (1, 1)),
    "round": (_rounding("round", _round), (1, 1)),
    "min": (_extreme("min", algebra.minimum), (1, 32)),
    "max": (_extreme("max", algebra.maximum), (1, 32)),
    "pow": (lambda base, exponent: _power(_number(base, "pow"), _number(exponent, "pow")), (2, 2)),
    "make_divisible": (_rounding("make_divisible", make_divisible), (1, 4)),
    "sum": (_total, (1, 1)),
    "len": (lambda values: len(_list("len", values)), (1, 1)),
}

CONSTANTS: dict[str, Value] = {"true": True, "false": False, "none": None, "True": True, "False": False, "None": None}

__all__ = ["CONSTANTS", "FUNCTIONS", "Environment", "Expression", "Value", "compile_expression", "evaluate", "make_divisible"]
