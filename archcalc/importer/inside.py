"""Graphs inside the graph: functions in the place of their calls, branches, and bodies of loops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from archcalc.algebra import Dim
from archcalc.importer.described import Described
from archcalc.importer.order import DEEPEST, called, live
from archcalc.importer.proto import Function, GraphProto, NodeProto, Referred, Subgraph, read_nodes
from archcalc.importer.scope import Scope
from archcalc.importer.values import Value, Values
from archcalc.importer.wire import Bad

if TYPE_CHECKING:
    from archcalc.importer.call import Call, Outputs
    from archcalc.importer.walk import Walker


def inlined(walker: Walker, function: Function, call: Call) -> Outputs:
    """The nodes of a function in the place of its call."""
    deeper(walker, f"function '{function.name}'")
    given = {
        name: call.scope.attributes.get(value.name) if isinstance(value, Referred) else value
        for name, value in call.node.attributes.items()
    }
    attributes = function.defaults | {
        name: value for name, value in given.items() if value is not None
    }  # what wasn't given is at its default
    scope = Scope(
        declared=function.values,
        opsets={**walker.model.opsets, **function.opsets},
        attributes=attributes,
        first=call.scope.first,
    )
    for n, name in enumerate(function.inputs):
        scope.values[name] = call.inputs[n] if n < len(call.inputs) else None
    nodes = walker.bodies.get(function)
    if nodes is None:
        nodes = live(
            list(read_nodes(function.nodes)), function.outputs, set(scope.values), f" in function '{function.name}'"
        )
        walker.bodies[function] = nodes
    with walker.namer.inside(call.node):
        walker.run(nodes, function.outputs, scope)
    walker.depth -= 1
    walker.node = call.node
    for name in function.outputs:
        if name not in scope.values:
            raise Bad(f"node {walker.where}: the function '{function.name}' doesn't put out '{name}'")
    return [scope.values[name] for name in function.outputs]


def body(
    walker: Walker,
    call: Call,
    subgraph: Subgraph,
    inputs: Sequence[Value | Values | None],
    label: str,
    times: Dim = 1,
    only: frozenset[int] | None = None,
) -> Outputs:
    """The nodes of a branch or of a loop's body; `only` some of its outputs, the others are None."""
    deeper(walker, f"node {walker.where}")
    walker.layers = None  # archcalc writes no graphs inside graphs: this is no file as it wrote it
    proto = subgraph.graph
    scope = Scope(
        call.scope, {}, described(proto), call.scope.opsets, call.scope.attributes, first=len(walker.graph.nodes)
    )
    walker.constants(proto, scope)
    for n, named in enumerate(named for named in proto.inputs if named.name not in scope.values):
        scope.values[named.name] = inputs[n] if n < len(inputs) else None
    names = [named.name if only is None or n in only else "" for n, named in enumerate(proto.outputs)]
    nodes = ordered(walker, call, subgraph, only)
    where = walker.node
    if times != 1:
        walker.times.append(times)
    with walker.namer.inside(call.node, label):
        walker.run(nodes, names, scope)
    if times != 1:
        walker.times.pop()
    walker.depth -= 1
    walker.node = where
    for name in names:
        if name and not scope.knows(name):
            raise Bad(f"node {walker.where}: its body doesn't put out '{name}'")
    return [scope.find(name) if name else None for name in names]


def ordered(walker: Walker, call: Call, subgraph: Subgraph, only: frozenset[int] | None = None) -> list[NodeProto]:
    """The nodes that a body's outputs depend on, each after those that it reads."""
    nodes = walker.bodies.get((subgraph, only))
    if nodes is None:
        proto = subgraph.graph
        outputs = [named.name for n, named in enumerate(proto.outputs) if only is None or n in only]
        own = {*(tensor.name for tensor in proto.initializers), *(named.name for named in proto.inputs)}
        nodes = walker.bodies[subgraph, only] = live(
            subgraph.nodes, outputs, own, f" in the body of {called(call.node, walker.line - 1)}"
        )
    return nodes


def deeper(walker: Walker, what: str) -> None:
    """Go one graph further down. Raises Bad where graphs and functions nest too deep to follow."""
    walker.depth += 1
    if walker.depth > DEEPEST:
        raise Bad(f"{what} stands in more than {DEEPEST} graphs or functions inside each other")


def described(proto: GraphProto) -> Described:
    """What a graph says of its values and outputs."""
    found = Described(proto.values)
    found.update({named.name: named for named in proto.outputs})
    return found
