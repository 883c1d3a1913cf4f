"""Which free sizes decide what a node needs to know, where arithmetic on closed forms has no closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archcalc.algebra import Poly
from archcalc.importer.known import ONE, TWO
from archcalc.importer.values import Value

if TYPE_CHECKING:
    from archcalc.importer.proto import NodeProto
    from archcalc.importer.scope import Scope
    from archcalc.importer.walk import Walker

MOST = 20  # nodes of a file that are explained


def sizes_behind(walker: Walker, node: NodeProto, scope: Scope) -> list[str]:
    """The free sizes of inputs that decide a node's operands, and that numbers would make known: an operand is a
    constant, and what it comes from is arithmetic that numbers have and closed forms don't.
    """
    made = {name: each for each in scope.nodes for name in each.outputs}
    waiting, met, found = list(node.inputs), set[str](), dict[str, None]()
    while waiting:
        name = waiting.pop()
        value, maker = scope.values.get(name), made.get(name)
        if name in met or maker is None or not isinstance(value, Value) or value.node is not None or _told(value):
            continue
        met.add(name)
        operands = [scope.values.get(each) for each in maker.inputs]
        if maker.op in ONE or maker.op in TWO:
            contents = [operand.content for operand in operands if isinstance(operand, Value)]
            items = [item for content in contents for item in content or ()]
            if None not in contents and None not in items:
                found.update((name, None) for item in items if isinstance(item, Poly) for name in item.symbols)
        waiting += maker.inputs
    return [name for name in found if name in walker.given or name in walker.symbols]


def _told(value: Value) -> bool:
    """Whether all of a constant's numbers are known."""
    return value.content is not None and None not in value.content


def decided_by(walker: Walker) -> str:
    """Which free sizes decide what came before a node that can't be; nothing where none does."""
    free = [*walker.deciding] or [
        name for name, value in walker.given.items() if walker.undecided and isinstance(value, Poly)
    ]
    what = "an If" if walker.undecided else "what"
    given = " ".join(f"--set {name}=N" for name in free)
    return f"{what} before it is decided by a size that is free: {given}" if free else ""


def hint(names: list[str]) -> str:
    """How to give the sizes numbers, behind what isn't known; nothing where none decides."""
    return f"; {' '.join(f'--set {name}=N' for name in names)} decides it" if names else ""


__all__ = ["MOST", "decided_by", "hint", "sizes_behind"]
