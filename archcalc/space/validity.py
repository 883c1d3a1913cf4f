"""Where the closed forms of a table hold: the conditions, and the values that a free parameter stands for."""

from __future__ import annotations

from fractions import Fraction

from archcalc.algebra import Poly
from archcalc.algebra.poly import variables_in
from archcalc.cost import Table
from archcalc.space.axes import BATCH, Axis
from archcalc.space.conditions import Condition


def limited(table: Table) -> dict[str, str]:
    """The conditions under which all forms of a table hold, each with the axis to give a value where it doesn't hold:
    where something repeats seldom, other forms do. Without one nothing can be built there.
    """
    narrower = {condition for found in table.narrower.values() for condition in found}
    texts = (*table.domain, *sorted(narrower))
    repeats = repeating(table)
    if not repeats:
        return dict.fromkeys(texts, "")
    named = {text: Condition(text, repeats).names for text in texts}
    return {text: next((name for name in repeats if name in named[text]), repeats[0]) for text in texts}


def limits_of(table: Table, name: str) -> list[str]:
    """What is asked of a parameter alone, whatever the others are: `size >= 32`."""
    parameters = table.spec.parameters
    texts = parameters[name].conditions(name) if name in parameters else []
    return [text for text in texts if Condition(text, parameters).names == {name}]


def demanded(table: Table) -> list[str]:
    """What is asked of parameters together: the spec's requirements, and limits that others set or follow from."""
    parameters, free = table.spec.parameters, table.free
    follow = [name for name, value in table.binding.values.items() if isinstance(value, Poly)]
    texts = [text for name in follow for text in parameters[name].conditions(name)]
    own = {text for name in free for text in limits_of(table, name)}
    return [*(text for text in texts if text not in own), *(word.text for word, _ in table.spec.require)]


def repeating(table: Table) -> list[str]:
    """The free parameters that say how often something repeats."""
    counts = [loop.range.stop - loop.range.start for loop in table.graph.loops.values()]
    return [name for name in table.free if any(isinstance(n, Poly) and name in n.symbols for n in counts)]


def spoken_of(table: Table | None, axis: Axis) -> list[bool]:
    """Which values of an axis its symbol stands for in the forms of a table: no 0 where it is at least 1, no half where
    it is whole. Without a table, which are at least 1.
    """
    if table is None:
        return [isinstance(value, (int, Fraction)) and value >= 1 for value in axis.values]
    (variable,) = variables_in(value_of(table, axis.name))
    own = variable.symbol
    low, high = own.low, own.high
    return [
        isinstance(value, (int, Fraction))
        and (low is None or value >= low)
        and (high is None or value <= high)
        and (not own.integer or value % own.multiple_of == 0)
        for value in axis.values
    ]


def value_of(table: Table, name: str) -> Poly:
    """A free parameter as a symbol."""
    found = table.binding.batch if name == BATCH else table.binding.values[name]
    assert isinstance(found, Poly)
    return found


__all__ = ["demanded", "limited", "limits_of", "repeating", "spoken_of", "value_of"]
