"""Putting numbers or other closed forms in the place of symbols."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction

from archcalc.errors import ArchcalcError

from .atoms import Atom, Call, Floor, Rational, Symbol, Variable
from .polynomial import Number, Poly
from .terms import plain

# What texts are read with, by those who have a language for them: the names in a text, and its value by theirs.
Language = Callable[[str], tuple[Iterable[str], Callable[[Mapping[str, Rational]], object]]]
LANGUAGES: list[Language] = []


class Rewriting:
    """Puts `variable(symbol)` in the place of each symbol; what stands in several places is rewritten once."""

    def __init__(self, variable: Callable[[Variable], Number]) -> None:
        self.variable = variable
        self.done: dict[Atom, Number] = {}

    def __call__(self, x: Number) -> Number:
        if not isinstance(x, Poly):
            return x
        done = self.done
        total: Number = 0
        for monomial, coefficient in x.terms.items():
            product: Number = coefficient
            for atom in monomial:
                if atom not in done:
                    done[atom] = atom.rebuild(self)
                product = product * done[atom]
            total = total + product
        return total if isinstance(total, Poly) else plain(total)


def rewrite(x: Number, variable: Callable[[Variable], Number]) -> Number:
    """x with each symbol replaced, without a look at its domain (for those who split the domain themselves)."""
    return Rewriting(variable)(x)


def evaluated(x: Poly, bindings: Mapping[str, object]) -> Rational:
    """See `Poly.evaluate`."""

    def value(atom: Variable) -> Number:
        name = atom.symbol.name
        if name not in bindings:
            raise ArchcalcError(f"no value for `{name}` in `{x}`")
        return _bound(atom.symbol, bindings[name], bindings)

    result = rewrite(x, value)
    assert not isinstance(result, Poly)
    return result


def substituted(x: Poly, bindings: Mapping[str, Number | float]) -> Number:
    """See `Poly.substitute`."""

    def replaced(atom: Variable) -> Number:
        value = bindings.get(atom.symbol.name)
        return Poly({(atom,): 1}) if value is None else _bound(atom.symbol, value, bindings)

    return rewrite(x, replaced)


def _bound(symbol: Symbol, value: object, bindings: Mapping[str, object]) -> Number:
    """The value, once it is known to lie in the symbol's domain; as text it may speak of the others."""
    from archcalc.algebra.intervals import bounds

    number = value if isinstance(value, Poly) else exact(symbol.name, value, bindings)
    in_steps = not symbol.integer or number // symbol.multiple_of * symbol.multiple_of == number
    if not in_steps or not symbol.holds(*bounds(number)):
        raise ArchcalcError(f"`{symbol.name}` can't be {value}: it is {symbol.domain()}")
    return number if isinstance(number, Poly) else plain(number)


def exact(name: str, value: object, bindings: Mapping[str, object]) -> Rational:
    """A number as it is written, whoever's it is: 0.75 is three quarters as a float, a text, a Decimal or numpy's; a
    text may be an expression. Raises ArchcalcError for what is none.
    """
    if isinstance(value, (int, Fraction)) and not isinstance(value, bool):
        return value
    try:
        return Fraction("" if isinstance(value, bool) else str(value))
    except (ValueError, ZeroDivisionError):
        found = _expression(value, name, bindings) if isinstance(value, str) else None
    if isinstance(found, bool) or not isinstance(found, (int, Fraction)):
        raise ArchcalcError(f"`{name}` can't be {value!r}: only an exact number")
    return found


def _expression(text: str, own: str, bindings: Mapping[str, object]) -> object:
    """What an expression in the other values comes to; None where it comes to nothing."""
    others = {name: value for name, value in bindings.items() if name != own}  # so that circles end
    for language in LANGUAGES:
        try:
            names, run = language(text)
            return run({name: exact(name, others[name], others) for name in names if name in others})
        except ArchcalcError:
            continue
    return None


def nested(x: Number) -> Iterator[Atom]:
    """The atoms of x and those within them, with repetitions."""
    for atom in x.atoms() if isinstance(x, Poly) else ():
        yield atom
        for inner in (atom.inside,) if isinstance(atom, Floor) else atom.args if isinstance(atom, Call) else ():
            yield from nested(inner)


def variables_in(x: Number) -> set[Variable]:
    """The variables in x, nested ones included."""
    return {atom for atom in nested(x) if isinstance(atom, Variable)}
