"""The flat network: one layer a line with every option spelled out, as a spec that counts the same."""

from __future__ import annotations

from collections.abc import Iterator

from archcalc import escapes
from archcalc.cost import Table
from archcalc.errors import UsageError
from archcalc.expand.lowering import lowered
from archcalc.graph import Graph, Input
from archcalc.memory import alike


def expand(table: Table) -> str:
    """The YAML of the expanded network. Raises UsageError if parameters are free, for sizes must be numbers, and for
    what couldn't be counted whole.
    """
    if table.graph.uncounted:
        raise UsageError(
            f"{table.spec.path} holds what can't be counted, and a spec must be complete:"
            f" {'; '.join(map(str, table.graph.uncounted))}"
        )
    if table.free:
        raise UsageError(f"expand needs numbers, and {', '.join(table.free)} is free")
    return "\n".join(_lines(table)) + "\n"


def _in_words(graph: Graph) -> Graph:
    """The graph in operators of the language: a model file may hold others."""
    if not any(getattr(node.op, "is_foreign", False) or not node.shape for node in graph.nodes):
        return graph
    return lowered(graph)


def _lines(table: Table) -> Iterator[str]:
    graph = _in_words(alike(table.graph) if table.is_of_file else table.graph)
    yield "archcalc: 1"
    yield f"name: {_quoted(table.name)}"
    inputs = {name: graph.nodes[n].shape for name, n in graph.inputs.items()}
    if len(inputs) == 1 and "input" in inputs:
        yield f"input: {_list(inputs['input'])}"
    else:
        yield "inputs:"
        yield from (f"  {name}: {_list(shape)}" for name, shape in inputs.items())
    if table.is_of_file and table.dtype != "fp32":
        yield f"defaults: {{dtype: {table.dtype}}}"
    yield "layers:"
    main = [n for n, node in enumerate(graph.nodes) if not node.head and not isinstance(node.op, Input)]
    first = next(iter(graph.inputs.values())) if len(graph.inputs) == 1 else None
    yield from _layers(graph, main, first, "", "  ")
    if not main:
        yield f"  - ref {next(iter(graph.inputs))}"
    if graph.outputs != main[-1:]:
        yield f"outputs: [{', '.join(graph.nodes[n].name for n in graph.outputs)}]"
    heads = [n for n, node in enumerate(graph.nodes) if node.head]
    if heads:
        yield "train_heads:"
    for label in dict.fromkeys(graph.nodes[n].name.split("/")[0] for n in heads):
        own = [n for n in heads if graph.nodes[n].name.startswith(label + "/")]
        source = graph.nodes[own[0]].inputs[0]
        yield f"  {label}:"
        yield f"    from: {graph.nodes[source].name}"
        yield "    layers:"
        yield from _layers(graph, own, source, label + "/", "      ")
    if written := table.spec.written(table.variant):
        yield "torch:"
        yield from (f"  {_quoted(key)}: {way}" for key, way in written.items())


def _layers(graph: Graph, positions: list[int], current: int | None, prefix: str, indent: str) -> Iterator[str]:
    for n in positions:
        node = graph.nodes[n]
        label = node.name.removeprefix(prefix)
        if len(node.inputs) > 1 or (node.op.arity[0] > 1):
            sources = ", ".join(f"ref /{graph.nodes[i].name}" for i in node.inputs)
            yield f"{indent}- {label}: {{{_words(graph, n)}: [{sources}]}}"
        else:
            if node.inputs != (current,):
                yield f"{indent}- ref /{graph.nodes[node.inputs[0]].name}"
            words = _words(graph, n)
            yield f"{indent}- {label}: {'{' + words + '}' if node.op.has_body else words}"
        current = n


def _words(graph: Graph, n: int) -> str:
    node = graph.nodes[n]
    head, colon, body = node.op.line(every=True).partition(": [")
    words = [head]
    if node.share is not None:
        words.append(f"{sharing(graph, n, node.share)}=/{graph.nodes[node.share].name}")
    if node.frozen:
        words.append("frozen=true")
    if node.stored:
        words.append(f"weights={node.stored}")
    if node.dtype:
        words.append(f"dtype={node.dtype}")
    if node.survive != 1:
        words.append(f"kept={node.survive}")
    return " ".join(words) + colon + body


def sharing(graph: Graph, n: int, owner: int) -> str:
    """The option that says whose weights a layer uses: those of one of its kind, or the weight of another."""
    return "share" if type(graph.nodes[owner].op) is type(graph.nodes[n].op) else "tied"


def _list(shape: object) -> str:
    return f"[{', '.join(map(str, shape))}]"  # type: ignore[call-overload]


def _quoted(text: str) -> str:
    return escapes.yaml(text)
