"""What a graph with open sizes rests on: the ways that the module's code took by them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from archcalc.errors import ArchcalcError
from archcalc.frameworks.building import door
from archcalc.importer.values import spell_dim
from archcalc.spec.expressions import compile_expression
from archcalc.tuples import NamedTuple
from archcalc.untyped import Torch

SIGNS = {"Equality": "=", "Unequality": "!=", "StrictGreaterThan": ">", "GreaterThan": ">=", "StrictLessThan": "<",
         "LessThan": "<="}  # fmt: skip


class Guard(NamedTuple):
    """A relation between sizes that has to hold: sympy's, and what its symbols are called."""

    relation: Torch
    names: tuple[tuple[str, str], ...]

    def fails(self, sizes: Mapping[str, int]) -> bool:
        """Whether these sizes are known to break it."""
        return bool(self._met(sizes) == False)  # noqa: E712 (sympy's own false is another)

    def _met(self, sizes: Mapping[str, int]) -> Torch:
        return _at(self.relation, self.names, sizes)

    def said(self, values: Mapping[str, object]) -> str:
        """`h is a multiple of 32`; nothing where the values decide it."""
        relation = self._met(_numbers(values))
        sign = SIGNS.get(type(relation).__name__)
        if sign is None:
            return ""
        left, right = relation.args
        if sign in ("=", "!=") and type(left).__name__ in ("Mod", "PythonMod") and right == 0:
            whole, part = (_side(side, self.names, values) for side in left.args)
            return f"{whole} is {'no' if sign == '!=' else 'a'} multiple of {part}"
        return f"{_side(left, self.names, values)} {sign} {_side(right, self.names, values)}"


class Tie(NamedTuple):
    """A size that the code makes equal to what others are."""

    name: str
    expression: Torch
    names: tuple[tuple[str, str], ...]

    def fails(self, sizes: Mapping[str, int]) -> bool:
        """Whether these sizes are known to break it."""
        other = _at(self.expression, self.names, sizes)
        return self.name in sizes and not other.free_symbols and bool(other != sizes[self.name])

    def said(self, values: Mapping[str, object]) -> str:
        """`w = h`; nothing where it is among numbers."""
        known = (
            isinstance(values.get(self.name), int)
            and not _at(self.expression, self.names, _numbers(values)).free_symbols
        )
        return "" if known else f"{self.name} = {_side(self.expression, self.names, values)}"


def _numbers(values: Mapping[str, object]) -> dict[str, int]:
    return {name: value for name, value in values.items() if isinstance(value, int)}


def _at(expression: Torch, names: tuple[tuple[str, str], ...], sizes: Mapping[str, int]) -> Torch:
    """An expression of sympy's with the sizes that are known."""
    called = dict(names)
    values = {symbol: sizes.get(called.get(str(symbol), "")) for symbol in expression.free_symbols}
    return expression.subs({symbol: value for symbol, value in values.items() if value is not None})


def _side(expression: object, names: tuple[tuple[str, str], ...], values: Mapping[str, object]) -> str:
    """An expression of sympy's as archcalc writes sizes, in the names that were given."""
    text = renamed(str(expression), dict(names))
    try:
        return spell_dim(compile_expression(text).run(values, ()))
    except ArchcalcError:
        return text


def renamed(text: str, names: Mapping[str, str]) -> str:
    """An expression of torch's with the names that sizes were given."""
    return re.sub(r"\b[su]\d+\b", lambda match: names.get(match[0], match[0]), text)


def guards(program: Torch, symbols: Mapping[str, str]) -> tuple[Guard, ...]:
    """The relations that the module's own code decided by; those inside torch are about its tensors."""
    names, found = tuple(symbols.items()), dict[str, Guard]()
    for each in _kept(program) if symbols else ():
        file = getattr(getattr(getattr(each, "sloc", None), "framework_loc", None), "filename", "")
        known = {str(symbol) for symbol in each.expr.free_symbols} <= symbols.keys()
        if file and known and not _is_torchs(file):
            found.setdefault(str(each.expr), Guard(each.expr, names))
    return tuple(found.values())


def _kept(program: Torch) -> Iterator[Torch]:
    """What torch kept of the sizes' relations."""
    values = (node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder")
    mode = next((value.fake_mode for value in values if hasattr(value, "fake_mode")), None)
    yield from getattr(getattr(mode, "shape_env", None), "guards", ())


def _is_torchs(file: str) -> bool:
    """Whether a file is one of torch's machinery, which its layers in Python aren't."""
    home = Path(door().__file__).parent
    return Path(file).is_relative_to(home) and not Path(file).is_relative_to(home / "nn")


__all__ = ["Guard", "Tie", "guards", "renamed"]
