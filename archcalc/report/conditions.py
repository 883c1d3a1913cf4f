"""Conditions of the spec language as JavaScript: where the closed forms of a page hold."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from fractions import Fraction

from archcalc.algebra.javascript import FUNCTIONS, Script
from archcalc.errors import ArchcalcError
from archcalc.report.forms import is_number
from archcalc.spec.expressions import compile_expression
from archcalc.untyped import Json

_BINARY = {
    ast.Add: "$add", ast.Sub: "$sub", ast.Mult: "$mul", ast.Div: "$div", ast.FloorDiv: "$idiv", ast.Mod: "$mod",
    ast.Pow: "$pow",
}  # fmt: skip
_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Eq: "$same({0},{1})", ast.NotEq: "!$same({0},{1})", ast.Lt: "$less({0},{1})", ast.GtE: "!$less({0},{1})",
    ast.Gt: "$less({1},{0})", ast.LtE: "!$less({1},{0})",
}  # fmt: skip


class _Foreign(Exception):
    """What these few lines can't say."""


class Conditions:
    """Compiles conditions over the parameters of a binding; `start` are the values that the page begins with."""

    def __init__(self, values: Mapping[str, object], start: Mapping[str, Json], symbols: dict[str, str]) -> None:
        self.values, self.start, self.symbols = values, start, symbols

    def compiled(self, text: str) -> str | None:
        """An expression that is true where a condition holds; None for one that always does.

        What can't be compiled is taken to hold at the start of what it speaks of, and nowhere else.
        """
        names = [name for name in compile_expression(text).names if self._is_free(name)]
        if not names:
            return None
        try:
            return self._truth(ast.parse(text.strip(), mode="eval").body)
        except (_Foreign, ArchcalcError):
            return "&&".join(
                f"$same({self._value(ast.Name(name))},{self._constant(self.start[name])})" for name in names
            )

    def _is_free(self, name: str) -> bool:
        return name in self.symbols or hasattr(self.values.get(name), "symbols")

    def _truth(self, node: ast.expr) -> str:
        if isinstance(node, ast.BoolOp):
            sign = "&&" if isinstance(node.op, ast.And) else "||"
            return f"({sign.join(map(self._truth, node.values))})"
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return f"!{self._truth(node.operand)}"
        if isinstance(node, ast.Compare):
            sides = [self._value(side) for side in (node.left, *node.comparators)]
            pairs = zip(node.ops, sides, sides[1:], strict=False)
            return f"({'&&'.join(self._compared(type(sign), one, other) for sign, one, other in pairs)})"
        if isinstance(node, ast.Name) and isinstance(self.values.get(node.id), bool):
            return str(self.values[node.id]).lower()
        raise _Foreign

    @staticmethod
    def _compared(sign: type[ast.cmpop], one: str, other: str) -> str:
        if sign not in _COMPARE:
            raise _Foreign
        return _COMPARE[sign].format(one, other)

    def _value(self, node: ast.expr) -> str:
        if isinstance(node, ast.Constant):
            value = node.value
            return self._constant(Fraction(repr(value)) if isinstance(value, float) else value)
        if isinstance(node, ast.Name):
            return self.symbols[node.id] if node.id in self.symbols else self._constant(self.values.get(node.id))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return f"$mul(-1n,{self._value(node.operand)})"
        if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
            return f"{_BINARY[type(node.op)]}({self._value(node.left)},{self._value(node.right)})"
        if isinstance(node, ast.IfExp):
            return f"({self._truth(node.test)}?{self._value(node.body)}:{self._value(node.orelse)})"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return self._call(node.func.id, [self._value(arg) for arg in node.args])
        raise _Foreign

    @staticmethod
    def _call(name: str, args: list[str]) -> str:
        if name == "floor":
            return f"$floor({args[0]})"
        if name == "ceil":
            return f"$mul(-1n,$floor($mul(-1n,{args[0]})))"
        if name not in FUNCTIONS:
            raise _Foreign
        return f"${name}({','.join(args)})"

    def _constant(self, value: Json) -> str:
        if not is_number(value):
            raise _Foreign
        script = Script(self.symbols)
        found = script.number(value)
        return f"(()=>{{{''.join(script.lines)}return {found};}})()" if script.lines else found


__all__ = ["Conditions"]
