"""Fast evaluation: Python and numpy, emitted from the canonical form and from nothing else.

Every distinct floor is computed once, with integer division. Symbols become locals of our own naming, so no text of a
user ever reaches the source. The functions don't look whether their arguments lie in the symbols' domains;
`Poly.evaluate` does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

from archcalc.errors import ArchcalcError
from archcalc.untyped import Array

from .equality import always_integral
from .poly import Atom, Call, Floor, Monomial, Number, Poly, Variable, integral, nested, plain
from .poly.rewriting import exact
from .printing import Text

if TYPE_CHECKING:
    pass

Rational: TypeAlias = int | Fraction

LONGEST_SUM = 64  # terms in one Python expression: the parser nests them
INT64 = 1 << 63
STRETCH = 1 << 14  # points that are computed together
MOST_LOOKED_UP = 4  # symbols of a polynomial whose parts are looked up, not computed for each point
MOST_APART = 1 << 12  # values of one array whose costs are looked up, not computed for each point


class _Python(Text):
    """Expressions over locals; `lines` assigns the floors and calls that they need, `functions` is what they call."""

    def __init__(self, names: dict[str, str], function: Callable[[Call], Callable[..., object]]) -> None:
        super().__init__()
        self.names, self.function = names, function
        self.lines: list[str] = []
        self.locals: dict[Atom, str] = {}
        self.functions: dict[str, Any] = {"Fraction": Fraction, "__builtins__": {}}

    def constant(self, x: Rational) -> str:
        return str(x) if x.denominator == 1 else f"Fraction({x.numerator}, {x.denominator})"

    def sum(self, terms: Iterable[str]) -> str:
        parts = list(terms)
        while len(parts) > LONGEST_SUM:
            parts = [
                f"({super(_Python, self).sum(parts[n : n + LONGEST_SUM])})" for n in range(0, len(parts), LONGEST_SUM)
            ]
        return super().sum(parts)

    def ratio(self, top: str, bottom: int) -> str:
        return f"{top}/Fraction({bottom})"

    def name(self, name: str) -> str:
        return self.names[name]

    def atom(self, atom: Atom, alone: bool) -> str:
        if isinstance(atom, Variable):
            return self.names[atom.symbol.name]
        if atom not in self.locals:
            value = self.floor(atom) if isinstance(atom, Floor) else self.call(atom)
            self.locals[atom] = f"f{len(self.locals)}"
            self.lines.append(f"{self.locals[atom]} = {value}")
        return self.locals[atom]

    def call(self, atom: Atom) -> str:
        """A named rounding."""
        assert isinstance(atom, Call)
        name = f"c{len(self.functions)}"
        self.functions[name] = self.function(atom)
        return f"{name}({', '.join(map(self.number, atom.args))})"


def _parameters(x: Number, names: Sequence[str]) -> list[str]:
    """The names, once they are known to be distinct identifiers and to cover the symbols of x."""
    wrong = [name for name in names if not name.isidentifier()]
    if wrong or len(set(names)) < len(names):
        raise ArchcalcError(f"can't compile over {', '.join(map(repr, names))}: these must be different identifiers")
    missing = x.symbols - set(names) if isinstance(x, Poly) else frozenset()
    if missing:
        raise ArchcalcError(f"can't compile `{x}` over {', '.join(names)}: no value for {', '.join(sorted(missing))}")
    return list(names)


def _function(x: Number, names: Sequence[str], function: Callable[[Call], Callable[..., object]]) -> Callable[..., Any]:
    parameters = {name: f"v{n}" for n, name in enumerate(_parameters(x, names))}
    code = _Python(parameters, function)
    result = code.number(x)
    source = "\n    ".join([f"def closed_form({', '.join(parameters.values())}):", *code.lines, f"return {result}"])
    exec(compile(source, "<closed form>", "exec"), code.functions)
    compiled: Callable[..., Any] = code.functions["closed_form"]
    return compiled


def _is_integral(x: Number) -> bool:
    return integral(x) or (isinstance(x, Poly) and always_integral(x))


def compiled(x: Number, names: Sequence[str]) -> Callable[..., Any]:
    """A function of the names, in that order: of numbers exactly as `compile_python` has it, of arrays, where any is
    given, as `compile_numpy`.
    """
    of_numbers, of_arrays = compile_python(x, names), compile_numpy(x, names)

    def evaluate(*values: object) -> Any:
        if any(isinstance(value, (list, tuple)) or getattr(value, "ndim", 0) for value in values):
            return of_arrays(*values)
        return of_numbers(*(plain(exact(name, value, {})) for name, value in zip(names, values, strict=True)))

    return evaluate


def compile_python(x: Number, names: Sequence[str]) -> Callable[..., int]:
    """A function of the names, in that order, that gives the exact value for ints of any size (and Fractions).

    What isn't an integer comes as a Fraction. Raises ArchcalcError when a symbol of x isn't among the names.
    """
    compiled = _function(x, names, lambda atom: atom.function)
    if _is_integral(x):
        return compiled
    return lambda *values: plain(compiled(*values))  # type: ignore[return-value]


def compile_numpy(x: Number, names: Sequence[str]) -> Callable[..., Array]:
    """A function of arrays (broadcast together) that gives the exact values, of integers, Fractions and floats (their
    shortest decimals).

    At each call a bound on every intermediate result is computed in Python ints: when it fits, int64 is used, otherwise
    Python ints (dtype object), so nothing wraps. What isn't whole comes as Fractions. Raises ArchcalcError for arrays
    of anything else.
    """
    compiled = _function(x, names, lambda atom: atom.function)
    direct = _is_integral(x) and not any(isinstance(atom, Call) or not atom.integer for atom in nested(x))
    many = len(names) > MOST_LOOKED_UP and all(isinstance(atom, Variable) for atom in nested(x))

    def evaluate(*values: object) -> Array:
        import numpy

        from .points import at_once, grid_of, whole

        arrays = [numpy.asarray(value) for value in values]
        if any(array.dtype.kind not in "iufO" for array in arrays):
            raise ArchcalcError(
                "a closed form takes arrays of numbers, not " + ", ".join(str(array.dtype) for array in arrays)
            )
        shape = numpy.broadcast_shapes(*(array.shape for array in arrays))
        if direct and all(array.dtype.kind in "iu" for array in arrays):
            spread = many or any(array.size and numpy.ptp(array) > MOST_APART for array in arrays)
            if spread and _peak(x, dict(zip(names, map(_extent, arrays), strict=True))) < INT64:
                return _stretched(compiled, [array.astype(numpy.int64, copy=False) for array in arrays], shape)
        named = dict(zip(names, map(numpy.atleast_1d, arrays), strict=True))
        if isinstance(x, Poly) and (quickly := at_once(x, named)) is not None:
            return quickly.reshape(shape)
        found = grid_of(named).evaluate(x)
        return numpy.broadcast_to(whole(found), shape or 1).reshape(shape).copy()

    return evaluate


def _stretched(compiled: Callable[..., Any], arrays: Sequence[Array], shape: tuple[int, ...]) -> Array:
    """What a function gives of arrays; of long ones in stretches, so that what it computes on the way stays near."""
    import numpy

    found = numpy.empty(shape, dtype=numpy.int64)
    if len(shape) != 1 or any(array.shape not in (shape, (), (1,)) for array in arrays):
        found[...] = compiled(*arrays)
        return found
    for start in range(0, shape[0], STRETCH):
        near = slice(start, start + STRETCH)
        found[near] = compiled(*(array[near] if array.shape == shape else array for array in arrays))
    return found


def _extent(array: Array) -> int:
    return max(abs(int(array.min())), abs(int(array.max()))) if array.size else 0


def _peak(x: Number, extents: dict[str, int]) -> int:
    """At least the magnitude of everything that the compiled x computes on the way."""
    seen: dict[Atom, int] = {}
    peak = 0

    def total(value: Number) -> int:
        nonlocal peak
        terms: dict[Monomial, Rational] = value.terms if isinstance(value, Poly) else {(): value}
        scale = math.lcm(*(c.denominator for c in terms.values()))
        size = scale
        for monomial, c in terms.items():
            size += abs(c.numerator) * scale * math.prod(max(1, one(atom)) for atom in monomial)
        peak = max(peak, size)
        return size

    def one(atom: Atom) -> int:
        nonlocal peak
        if isinstance(atom, Variable):
            return extents[atom.symbol.name]
        if atom not in seen:
            if isinstance(atom, Floor):
                seen[atom] = -(-total(atom.inside) // atom.divisor)
                peak = max(peak, atom.divisor * math.lcm(*(c.denominator for c in atom.inside.terms.values())))
            else:
                assert isinstance(atom, Call)
                seen[atom] = max(map(total, atom.args))
        return seen[atom]

    total(x)
    return peak
