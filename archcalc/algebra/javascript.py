"""Closed forms as JavaScript, for pages that work without Python: exact at every size, in BigInt and fractions of it.

Every distinct floor and call is computed once, for all forms together. Symbols and locals have names of our own, so no
text of a user ever reaches the source.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import groupby
from typing import TypeAlias

from archcalc.errors import ArchcalcError

from .equality import always_integral
from .poly import Atom, Call, Floor, Monomial, Number, Poly, Variable, integral

Rational: TypeAlias = int | Fraction

FUNCTIONS = ("min", "max", "pow", "round", "make_divisible")  # the named roundings that RUNTIME has, with a $
RUNTIME = """\
const $gcd = (a, b) => { while (b) [a, b] = [b, a % b]; return a < 0n ? -a : a; };
const $q = (n, d) => {
  if (d === 0n) throw new RangeError("division by zero");
  const g = d < 0n ? -$gcd(n, d) : $gcd(n, d);
  return d === g ? n / g : { n: n / g, d: d / g };
};
const $n = (x) => (typeof x === "bigint" ? x : x.n), $d = (x) => (typeof x === "bigint" ? 1n : x.d);
const $mul = (a, b) => $q($n(a) * $n(b), $d(a) * $d(b));
const $div = (a, b) => $q($n(a) * $d(b), $d(a) * $n(b));
const $add = (a, b) => $q($n(a) * $d(b) + $n(b) * $d(a), $d(a) * $d(b));
const $sub = (a, b) => $add(a, $mul(-1n, b));
const $less = (a, b) => $n(a) * $d(b) < $n(b) * $d(a);
const $same = (a, b) => typeof a === "object" ? $n(a) === $n(b) && $d(a) === $d(b) : a === b;
const $floor = (x, c = 1n) => {
  const d = $d(x) * c, r = $n(x) % d;
  return ($n(x) - (r < 0n ? r + d : r)) / d;
};
const $idiv = (a, b) => $floor($div(a, b));
const $mod = (a, b) => $sub(a, $mul(b, $idiv(a, b)));
const $min = (...xs) => xs.reduce((a, b) => ($less(b, a) ? b : a));
const $max = (...xs) => xs.reduce((a, b) => ($less(a, b) ? b : a));
const $pow = (x, e) => {
  const k = e < 0n ? -e : e, bits = ($n(x) * $d(x)).toString(2).length;
  if (k > 1024n || Number(k) * (bits - 1) > 1000) throw new RangeError("a power is too large");
  return e < 0n ? $q($d(x) ** k, $n(x) ** k) : $q($n(x) ** k, $d(x) ** k);
};
const $round = (x) => {
  const low = $floor(x), over = $sub($mul(2n, $sub(x, low)), 1n);
  return $less(over, 0n) || ($same(over, 0n) && low % 2n === 0n) ? low : low + 1n;
};
const $make_divisible = (x, by = 8n, least = by, keep = { n: 9n, d: 10n }) => {
  const found = $max(least, $mul($floor($div($add(x, $div(by, 2n)), by)), by));
  return $floor($less(found, $mul(keep, x)) ? $add(found, by) : found);
};
"""


class Script:
    """Forms as expressions over `symbols`, which maps names to the JavaScript that gives their values: a BigInt where
    they are whole. `lines` assigns what the expressions share.
    """

    def __init__(self, symbols: dict[str, str]) -> None:
        self.symbols = symbols
        self.lines: list[str] = []
        self._locals: dict[Atom, str] = {}

    def number(self, x: Number) -> str:
        """A form: a BigInt where it is whole at every point, else a BigInt or `{n, d}`.

        Raises ArchcalcError for what JavaScript can't say exactly: named roundings of others, symbols without a value.
        """
        if not isinstance(x, Poly):
            return self.constant(x)
        atoms = x.atoms()
        if all(atom.integer for atom in atoms):
            bottom = math.lcm(*(c.denominator for c in x.terms.values()))
            top = self._sum((c.numerator * (bottom // c.denominator), m) for m, c in x.terms.items())
            if bottom == 1:
                return top
            return f"({top})/{bottom}n" if integral(x) or always_integral(x) else f"$q({top},{bottom}n)"
        parts = [self._product(c, monomial) for monomial, c in x.terms.items()]
        return _chained("$add", parts)

    @staticmethod
    def constant(x: Rational) -> str:
        """A number."""
        return f"{x}n" if x.denominator == 1 else f"$q({x.numerator}n,{x.denominator}n)"

    def _sum(self, terms: Iterable[tuple[int, Monomial]]) -> str:
        text = ""
        for coefficient, monomial in terms:
            factors = [str(abs(coefficient)) + "n"] if abs(coefficient) != 1 or not monomial else []
            for atom, run in groupby(sorted(monomial, key=lambda atom: atom.order)):
                power = len(list(run))
                factors.append(self._atom(atom) + (f"**{power}n" if power > 1 else ""))
            sign = "-" if coefficient < 0 else "+" if text else ""
            text += sign + "*".join(factors)
        return text

    def _product(self, coefficient: Rational, monomial: Monomial) -> str:
        parts = [self.constant(coefficient)] if coefficient != 1 or not monomial else []
        return _chained("$mul", [*parts, *map(self._atom, monomial)])

    def _atom(self, atom: Atom) -> str:
        if isinstance(atom, Variable):
            if atom.symbol.name not in self.symbols:
                raise ArchcalcError(f"`{atom.symbol.name}` has no value in JavaScript")
            return self.symbols[atom.symbol.name]
        if atom not in self._locals:
            value = self._floor(atom) if isinstance(atom, Floor) else self._call(atom)
            name = self._locals[atom] = f"f{len(self._locals)}"
            self.lines.append(f"const {name}={value};")
        return self._locals[atom]

    def _floor(self, atom: Floor) -> str:
        scale = math.lcm(*(c.denominator for c in atom.inside.terms.values()))
        return f"$floor({self.number(atom.inside * scale)},{scale * atom.divisor}n)"

    def _call(self, atom: Atom) -> str:
        assert isinstance(atom, Call)
        if atom.name not in FUNCTIONS:
            raise ArchcalcError(f"`{atom.name}` can't be written in JavaScript: there are {', '.join(FUNCTIONS)}")
        return f"${atom.name}({','.join(map(self.number, atom.args))})"


def _chained(name: str, parts: list[str]) -> str:
    """A function of two over any number of values."""
    while len(parts) > 1:  # in halves, so that nothing nests deeply
        pairs = [parts[n : n + 2] for n in range(0, len(parts), 2)]
        parts = [f"{name}({','.join(pair)})" if len(pair) == 2 else pair[0] for pair in pairs]
    return parts[0]


def javascript(forms: Sequence[Number], names: Sequence[str]) -> str:
    """The source of an arrow function of the values of the names, in their order, that gives those of all forms: an
    array of BigInts, and `{n, d}` for what isn't whole. It needs RUNTIME.

    Arguments are BigInts, or `{n, d}` for what is real-valued; whether they lie in the symbols' domains isn't looked
    at, a RangeError is what no computer should work out. Raises ArchcalcError as `Script.number` does.
    """
    if len(set(names)) < len(names):
        raise ArchcalcError(f"can't compile over {', '.join(map(repr, names))}: these must be different names")
    script = Script({name: f"v{n}" for n, name in enumerate(names)})
    values = ",".join(map(script.number, forms))
    return f"({','.join(script.symbols.values())})=>{{{''.join(script.lines)}return[{values}];}}"


__all__ = ["FUNCTIONS", "RUNTIME", "Script", "javascript"]
