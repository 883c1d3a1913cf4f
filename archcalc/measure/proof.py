"""Counted figures held against the network itself: exported, checked, run with every layer's output in view."""

from __future__ import annotations

from collections.abc import Sequence

import numpy

from archcalc.algebra import Poly
from archcalc.cost import Table
from archcalc.errors import UsageError
from archcalc.measure.field import FieldProof, chosen, deepest, prove_field
from archcalc.measure.session import Session, feed, runtime, vocabularies
from archcalc.onnx import Fill, Model, in_memory, inferred, running
from archcalc.ops import spell_shape
from archcalc.ops.base import number
from archcalc.records import Record


class Tally(Record):
    """How many of how many agree."""

    proved: int
    total: int

    def __str__(self) -> str:
        return f"{self.proved:,} of {self.total:,}"


class Proof(Record):
    """What running a network showed.

    `shapes`: outputs of layers whose real shape is the counted one; `inferred`: those of which onnx's own inference
    says the same; `tensors`: learned tensors and buffers with the counted shapes, each read by its layer; `params` and
    `buffers` are their elements. `differences` says where the network disagrees with the count.
    """

    name: str
    shapes: Tally
    inferred: Tally
    tensors: Tally
    params: int
    buffers: int
    fields: tuple[FieldProof, ...]
    differences: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether every output is as it should be."""
        return not self.differences

    def __str__(self) -> str:
        parts = [
            f"{self.shapes} shapes",
            f"{self.inferred} as onnx infers them",
            f"{self.tensors} tensors ({self.params + self.buffers:,} numbers)",
        ]
        return ", ".join([*parts, *map(str, self.fields)])


def verify(table: Table, *, fields: Sequence[str] | None = None, seed: int = 0, fill: Fill | None = None) -> Proof:
    """Run a network and compare. `fields` names layers whose receptive field is shown by perturbation; None picks for
    each input the deepest for which it is large enough, () none. `fill` gives other numbers for the learned tensors
    than the seeded ones.

    Raises UsageError where nothing can be run: parameters that are free, a missing package, a network that has no such
    model.
    """
    if table.free:
        raise UsageError(f"a network is run with numbers, and {', '.join(table.free)} is free")
    table = running(table)
    if not table.graph.layers():
        raise UsageError(f"{table.spec.path}: there is nothing to prove: no layer")
    runtime()
    wanted, notes = (
        deepest(table) if fields is None else ([shown for name in fields for shown in chosen(table, name)], ())
    )
    model = in_memory(table, fill, seed)
    differences: list[str] = []
    shapes = _run(table, model, seed, differences)
    told = _inferred(table, differences)
    tensors, params, buffers = _tensors(table, model, differences)
    del model  # fields are proved with other weights
    proofs = tuple(prove_field(table, n, source, seed) for n, source in wanted)
    differences += [difference for proof in proofs for difference in proof.differences]
    return Proof(table.name, shapes, told, tensors, params, buffers, proofs, tuple(differences), notes)


def _run(table: Table, model: Model, seed: int, differences: list[str]) -> Tally:
    """Every layer's real output against its counted shape; one that isn't finite is a difference too."""
    graph, batch = table.graph, number(table.batch)
    layers = graph.layers()
    outputs = Session(model, [graph.nodes[n].name for n in layers]).run(
        feed(graph, vocabularies(graph, model), batch, seed)
    )
    proved = 0
    for n, output in zip(layers, outputs, strict=True):
        node = graph.nodes[n]
        if tuple(output.shape) != (batch, *node.shape):
            differences.append(
                f"{node.mark}: {node.name} puts out {spell_shape(output.shape[1:])}, and {spell_shape(node.shape)} was"
                " counted"
            )
        elif not numpy.isfinite(output).all():
            differences.append(f"{node.mark}: {node.name} puts out numbers that aren't finite")
        else:
            proved += 1
    return Tally(proved, len(layers))


def _inferred(table: Table, differences: list[str]) -> Tally:
    """onnx's own shape inference against the counted shapes."""
    nodes = [table.graph.nodes[n] for n in table.graph.layers()]
    try:
        told = inferred(table)
    except UsageError as error:
        differences.append(str(error))
        return Tally(0, len(nodes))
    proved = 0
    for node in nodes:
        shape = told.get(node.name)
        if shape == (table.batch, *node.shape):
            proved += 1
        else:
            says = "nothing" if shape is None else "x".join("?" if dim is None else str(dim) for dim in shape[1:])
            differences.append(
                f"{node.mark}: onnx infers {says} for {node.name}, and {spell_shape(node.shape)} was counted"
            )
    return Tally(proved, len(nodes))


def _tensors(table: Table, model: Model, differences: list[str]) -> tuple[Tally, int, int]:
    """The graph's initializers against the counted parameters and buffers, layer by layer."""
    declared, readers = model.initializers(), model.readers()
    order = {node.name: n for n, node in enumerate(table.graph.nodes)}
    real = {name: tuple(array.shape) for name, array in model.tensors.items()}
    owned: dict[str, int] = {}
    proved = 0
    for name, shape in declared.items():
        layer = min(readers[name], key=lambda reader: order[reader], default=None) if name in readers else None
        if layer is None or real.get(name) != shape:
            differences.append(f"{name} is {spell_shape(shape)} in the model, and nothing reads it with that shape")
            continue
        proved += 1
        owned[layer] = owned.get(layer, 0) + int(numpy.prod(shape, dtype=object))
    for row in table.rows:
        if isinstance(row.params, Poly) or owned.get(row.name, 0) != row.params + row.buffers:
            differences.append(
                f"{row.name} has {owned.get(row.name, 0):,} learned numbers in the model, and"
                f" {row.params + row.buffers} were counted"
            )
    return Tally(proved, len(declared)), int(table.total("params")), int(table.total("buffers"))
