"""A batch that a model file has written down: torch.onnx writes the size of the example it was given unless told
otherwise.

Counted is one sample of it, where the network follows from one: every input begins with the same number, so does what
is put out, and the work is that many times a sample's. Sizes that an exporter wrote into the graph (`Reshape` to
8x197x768) are read as those of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from archcalc.algebra import Dim, Number, divides
from archcalc.graph import Graph
from archcalc.importer.described import Named
from archcalc.importer.values import Value
from archcalc.ops import Shape, size
from archcalc.tuples import NamedTuple

IMAGE = 4  # axes: with that many the first one is a batch


class Leading(NamedTuple):
    """A number that every input begins with. `plainly`: one of them has the axes of an image."""

    samples: int
    plainly: bool


def written_batch(inputs: Iterable[Named]) -> Leading | None:
    """What every input with axes begins with, if that is one number above 1, and one input has two axes or more."""
    ranks, firsts = [0], set[Any]()
    for named in inputs:
        if named.dims is None:
            return None
        ranks.append(len(named.dims))
        firsts.update(named.dims[:1])
    first, *others = firsts or {0}
    if others or not isinstance(first, int) or first < 2 or max(ranks) < 2:
        return None
    return Leading(first, max(ranks) >= IMAGE)


def leads(graph: Graph, samples: int) -> bool:
    """Whether a network with learned weights puts out a batch."""
    return bool(graph.outputs) and graph.nodes[graph.outputs[0]].shape[:1] == (samples,) and _work(graph).params != 0


class _Work(NamedTuple):
    params: Number
    macs: Number
    elementwise: Number
    uncounted: Number


def multiplies(whole: Graph, one: Graph, samples: int) -> bool:
    """Whether the work of the whole batch is that of one sample, so many times, with the same weights, or some that are
    there once instead.
    """
    batch, sample = _work(whole), _work(one)
    if batch.uncounted != sample.uncounted or (
        batch.params != sample.params and not (samples - 1 and divides(samples - 1, batch.params - sample.params))
    ):
        return False
    counts = "macs" if batch.macs != 0 else "elementwise"
    return bool(getattr(batch, counts) == samples * getattr(sample, counts))


def _work(graph: Graph) -> _Work:
    params: Any = 0
    macs: Any = 0
    elementwise: Any = 0
    for node in graph.nodes:
        into = graph.shapes_into(node)
        macs, elementwise = macs + node.op.macs(node.shape, *into), elementwise + node.op.elementwise(node.shape, *into)
        if node.share is None:
            for shape in node.op.weights(*into).values():
                params = params + size(shape)
    return _Work(params, macs, elementwise, sum(found.nodes for found in graph.uncounted))


def spelled(samples: int, whole: bool) -> str:
    """What a reader should know of it."""
    if whole:
        return (
            f"the file is of a batch of {samples}, and its sizes don't follow from one sample: counted is a run of"
            f" {samples} samples"
        )
    return f"the file is of a batch of {samples}: figures are of one sample of it, or of as many as --batch says"


# ---- sizes that are written into the graph ---------------------------------------------------------------------------


def reshaped(wanted: Sequence[Any], shape: Shape, samples: int) -> list[Any]:
    """What is asked for of a batch, asked of a sample with that shape: the axis that the batch is in becomes so many
    times shorter.

    That is the first one, alone or with others in it (8 x heads), or in networks that have the positions first the
    second.
    """
    dims = list(wanted)
    if samples < 2 or not dims or not all(isinstance(dim, int) for dim in dims):
        return dims
    if all(dim > 0 for dim in dims) and size(dims) == size(shape):
        return dims
    kept = dims[0] == 0 or shape[:1] == (dims[0],)
    sure = all(dim > 0 for dim in dims) and size(dims) == samples * size(shape)
    axis = 1 if kept and len(dims) > 1 and (sure or (shape[:1] != (1,) and shape[1:2] == (1,))) else 0
    if dims[axis] > 0 and dims[axis] % samples == 0 and (axis or not kept):
        return [*dims[:axis], dims[axis] // samples, *dims[axis + 1 :]]
    return dims


def stretched_to(wanted: Sequence[Dim], samples: int) -> tuple[Dim, ...]:
    """The shape that a batch is stretched to or resized to, of one sample."""
    return (1, *wanted[1:]) if samples > 1 and len(wanted) > 1 and wanted[0] == samples else tuple(wanted)


def of_one(values: list[Value], samples: int) -> list[Value]:
    """Operands of one sample: a constant that an exporter repeated for each of a batch (a class token) is there
    once.
    """
    if not any(value.shape and value.shape[0] == 1 and not value.is_constant for value in values):
        return values
    return [
        _once(value) if value.is_constant and value.shape and value.shape[0] == samples else value for value in values
    ]


def _once(value: Value) -> Value:
    shape = (1, *(value.shape or ())[1:])
    origins = tuple(
        origin._replace(shape=(1, *origin.shape[1:])) if origin.shape == value.shape else origin
        for origin in value.origins
    )
    return Value(shape, value.kind, None, None, origins)


__all__ = ["Leading", "leads", "multiplies", "of_one", "reshaped", "spelled", "stretched_to", "written_batch"]
