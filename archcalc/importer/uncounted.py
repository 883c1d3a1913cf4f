"""Nodes that aren't counted, and outputs that no rule knows: layers with the shapes that the file says."""

from __future__ import annotations

from archcalc.importer.agreeing import disagreement
from archcalc.importer.binding import Rule
from archcalc.importer.call import CODE, Call, Outputs
from archcalc.importer.sized import MOST, hint, sizes_behind
from archcalc.importer.trials import Saved
from archcalc.importer.values import Value
from archcalc.ops import Reach
from archcalc.ops.foreign import foreign


def uncounted(call: Call, why: str) -> Outputs:
    """A node that isn't counted: its outputs are what the file says of them."""
    op = f"{call.node.domain}.{call.node.op}" if call.node.domain not in ("", "ai.onnx") else call.node.op
    code = call.node.metadata.get(CODE)
    if len(call.walker.uncounted) < MOST and (names := sizes_behind(call.walker, call.node, call.scope)):
        call.walker.deciding.update(dict.fromkeys(names))
        why = f"{why}{hint(names)}"
    call.walker.note_uncounted(op, code or call.walker.where.strip("'"), why)
    outputs: Outputs = []
    for name in call.node.outputs:
        declared = call.scope.declared.of(name)
        shape = call.said(declared)
        sample = call.walker.sample(shape) if shape is not None else ()
        layer = foreign(snake(call.node.op), words=f"{call.node.op}, not counted", size_=sample, reach=Reach.ALL)
        inputs = tuple(value.node for value in call.data()) if not outputs else ()
        kind = declared.kind if declared else 0
        position = call.walker.place(layer, tuple(n for n in inputs if n is not None), sample, "", call.node, kind)
        outputs.append(Value(shape, kind, position))
    return outputs


def failure(rule: Rule, error: Exception) -> str:
    """Why a rule says nothing of a node: a bug of archcalc's, or of whoever brought it."""
    if _is_ours(rule):
        return f"archcalc's rule for it fails here, which is worth a report ({type(error).__name__})"
    cause = error.__cause__ or error
    return f"the rule {_named(rule)} fails: {type(cause).__name__}: {cause}"


def refused(call: Call, found: object, before: Saved) -> Outputs | None:
    """The node as uncounted, and its layers taken back, where its rule gives other shapes than the framework has."""
    differs = disagreement(call, found) if call.rule is not None else ""
    if call.rule is None or not differs:
        return None
    call.walker.undo(before)
    ours = f"archcalc's rule for it {differs}, which is worth a report"
    return uncounted(call, ours if _is_ours(call.rule) else f"the rule {_named(call.rule)} {differs}")


def _is_ours(rule: Rule) -> bool:
    return rule.function.__module__.partition(".")[0] == __name__.partition(".")[0]


def _named(rule: Rule) -> str:
    return f"{rule.function.__module__}.{rule.function.__qualname__}"


def unread_output(call: Call, name: str) -> Value | None:
    """An output that a rule doesn't know, where something reads it."""
    if not name:
        return None
    declared = call.scope.declared.of(name)
    shape = call.said(declared)
    sample = call.walker.sample(shape) if shape is not None else ()
    inputs = tuple(value.node for value in call.data() if value.node is not None)
    kind = declared.kind if declared else 0
    layer = foreign("output", words=f"output {name}", size_=sample, reach=Reach.ALL)
    return Value(shape, kind, call.walker.place(layer, inputs, sample, "", call.node, kind))


def snake(name: str) -> str:
    """`GatherND` as `gather_nd`."""
    out = ""
    for n, letter in enumerate(name):
        starts = letter.isupper() and n and (not name[n - 1].isupper() or (n + 1 < len(name) and name[n + 1].islower()))
        out += ("_" if starts else "") + letter.lower()
    return "".join(letter if letter.isalnum() else "_" for letter in out)[:60] or "unnamed"


__all__ = ["failure", "refused", "snake", "uncounted", "unread_output"]
