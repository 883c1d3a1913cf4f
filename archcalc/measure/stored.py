"""Model files run as they are: what comes out held against what was counted."""

from __future__ import annotations

from collections.abc import Iterator

import numpy

from archcalc.algebra import Poly
from archcalc.cost import Table
from archcalc.errors import UsageError
from archcalc.graph import Held
from archcalc.measure.filling import Filled, inwords
from archcalc.measure.proof import Proof, Tally
from archcalc.measure.session import Session, runtime
from archcalc.onnx import StoredModel
from archcalc.ops import Shape, size, spell_shape
from archcalc.question import Stored
from archcalc.untyped import Array

PACKED = frozenset({"uint8", "int8"})  # what several numbers of few bits are stored in
UNSHOWN = "what outputs see of the inputs is shown for specs: `archcalc import` makes one of a file"


def prove(table: Table, file: Stored, seed: int = 0) -> Proof:
    """Run a file with every value in view. Raises UsageError where it can't be run."""
    runtime()
    model = StoredModel(file.path)
    differences: list[str] = []
    wanted = {name: (shape, node) for name, shape, node in _values(file)}
    if not wanted:
        raise UsageError(f"{file.path}: there is nothing to prove: no value whose shape is known")
    run = Filled(model, file, seed)
    outputs = dict(zip(wanted, run.first(Session(model, list(wanted)).run), strict=True))
    shapes, passed = _shapes(file, wanted, outputs, run.deciding, differences)
    inferred = model.inferred()
    told = [name for name, (shape, _) in wanted.items() if _agree(inferred.get(name), shape)]
    tensors = _tensors(table, model, differences)
    params, buffers = int(table.total("params")), int(table.total("buffers"))
    notes = (UNSHOWN, *run.notes(), *passed, *_left(table, file))
    return Proof(
        table.name, shapes, Tally(len(told), len(wanted)), tensors, params, buffers, (), tuple(differences), notes
    )


def _values(file: Stored) -> Iterator[tuple[str, Shape, str]]:
    """Every value that a node puts out, with the shape that was counted."""
    for node in file.nodes:
        for name, shape in zip(node.values, node.outputs, strict=False):
            if name and shape is not None and all(isinstance(dim, int) and dim > 0 for dim in shape):
                yield name, shape, node.name or node.op


def _shapes(
    file: Stored,
    wanted: dict[str, tuple[Shape, str]],
    outputs: dict[str, Array],
    deciding: dict[str, frozenset[str]],
    differences: list[str],
) -> tuple[Tally, list[str]]:
    """Real shapes against those that were counted; of a batch that is written down, so many times the elements. One
    that the values of an input decide is another with other values: it is passed over, with a note.
    """
    proved, passed = 0, dict[frozenset[str], list[str]]()
    for name, (shape, node) in wanted.items():
        real = tuple(numpy.shape(outputs[name]))
        if real == shape or _fits(file, real, shape):
            proved += 1
            continue
        difference = f"{node} puts out {spell_shape(real)}, and {spell_shape(shape)} was counted"
        if name in deciding:
            passed.setdefault(deciding[name], []).append(difference)
        elif len(differences) < 50:
            differences.append(difference)
    notes = [
        f"{len(met)} shape{'s' * (len(met) > 1)} that the values of {inwords(sorted(names))} decide"
        f" {'are' if len(met) > 1 else 'is'} left open: in this run {met[0]}"
        for names, met in passed.items()
    ]
    return Tally(proved, len(wanted)), notes


def _fits(file: Stored, real: tuple[int, ...], shape: Shape) -> bool:
    """Whether a shape is the counted one of a whole batch, or within one that was taken at its most."""
    if file.samples > 1 and numpy.prod(real, dtype=object) in (size(shape), file.samples * size(shape)):
        return True
    return file.at_most and len(real) == len(shape) and all(a <= b for a, b in zip(real, shape, strict=True))


def _agree(told: tuple[int | None, ...] | None, shape: Shape) -> bool:
    return (
        told is not None and len(told) == len(shape) and all(a in (None, b) for a, b in zip(told, shape, strict=True))
    )


def _tensors(table: Table, model: StoredModel, differences: list[str]) -> Tally:
    """The tensors that were listed against those that onnx reads; one that stands in a node may be read by nothing."""
    listed = {held.name: held for held in table.graph.tensors or ()}
    sizes = {name: many for name, many in model.sizes_within().items() if name in listed} | model.sizes()
    differences += [f"the tensor {name} isn't listed" for name in sizes if name not in listed]
    wrong = [name for name, many in sizes.items() if name in listed and not _has(listed[name], many)]
    differences += [
        f"the tensor {name} has {sizes[name]:,} numbers, and {listed[name].size:,} were counted" for name in wrong
    ]
    return Tally(sum(name in listed for name in sizes) - len(wrong), len(sizes))


def _has(held: Held, many: int) -> bool:
    """Whether a tensor has so many numbers: those that are listed, or whole ones into which these are packed, some bits
    each.
    """
    if held.size == many:
        return True
    bits = held.type in PACKED and isinstance(held.size, int) and size(held.shape) == many
    return bits and many < held.size <= 8 * many


def _left(table: Table, file: Stored) -> list[str]:
    """What wasn't compared."""
    open_ = sum(isinstance(dim, Poly) for node in file.nodes for shape in node.outputs for dim in shape or ())
    sizes = "a size that only a run tells wasn't" if open_ == 1 else f"{open_} sizes that only a run tells weren't"
    told = [f"{sizes} compared"] if open_ else []
    return [*told, *(f"not counted: {found}" for found in table.graph.uncounted)]


__all__ = ["prove"]
