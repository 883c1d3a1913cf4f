"""Which shapes of a model depend on the values of its inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from onnx import FunctionProto, GraphProto, ModelProto, NodeProto

from archcalc.tuples import NamedTuple

Names = frozenset[str]
Functions = Mapping[tuple[str, str], FunctionProto]
DEEPEST = 40  # graphs within graphs, and functions that call functions

REDUCTIONS = (
    "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSum",
    "ReduceLogSumExp", "ReduceSumSquare",
)  # fmt: skip
# the operands whose values say how large the outputs are, by operator
SLOTS: Mapping[str, tuple[int, ...]] = {
    "Reshape": (1,), "Expand": (1,), "Tile": (1, 2), "ConstantOfShape": (0,), "Range": (0, 1, 2), "Resize": (1, 2, 3),
    "Upsample": (1,), "Slice": (1, 2, 3, 4), "DynamicSlice": (1, 2, 3, 4), "OneHot": (1,), "TopK": (1,), "Pad": (1, 3),
    "AffineGrid": (1,), "Squeeze": (1,), "Unsqueeze": (1,), "ExpandDims": (1,), "Split": (1,),
    "SplitToSequence": (1,), "SequenceAt": (1,), "SequenceErase": (1,), "SequenceInsert": (2,), "CenterCropPad": (1,),
    "Col2Im": (1, 2), "MaxUnpool": (2,), "DFT": (1, 2), "STFT": (1, 3), "HannWindow": (0,), "HammingWindow": (0,),
    "BlackmanWindow": (0,), "MelWeightMatrix": (0, 1), "NonZero": (0,), "Unique": (0,), "Compress": (0, 1),
    "NonMaxSuppression": (0, 1, 2, 3, 4), "If": (0,), "Loop": (0, 1), "StringSplit": (0,), "CropAndResize": (3,),
    "GroupQueryAttention": (5, 6), "BeamSearch": (0, 1, 2, 3, 4), "GreedySearch": (0, 1, 2),
    **dict.fromkeys(REDUCTIONS, (1,)),
}  # fmt: skip
SIZED = {"Shape", "Size"}  # what they put out depends on a shape, and on no value


class Depends(NamedTuple):
    """The model's inputs whose values a value depends on, and those whose values its shape does."""

    value: Names = frozenset()
    shape: Names = frozenset()

    def with_(self, *others: Depends) -> Depends:
        """Both."""
        return Depends(
            self.value.union(*(other.value for other in others)), self.shape.union(*(other.shape for other in others))
        )


NOTHING = Depends()
Scope = dict[str, Depends]


def deciding(model: ModelProto) -> dict[str, Names]:
    """For each value of a model the inputs whose values decide its shape; values without such are left out."""
    functions = {(function.domain, function.name): function for function in model.functions}
    scope: Scope = {value.name: Depends(frozenset([value.name])) for value in model.graph.input}
    _through(model.graph.node, scope, functions, 0)
    return {name: depends.shape for name, depends in scope.items() if depends.shape}


def _through(nodes: Iterable[NodeProto], scope: Scope, functions: Functions, depth: int) -> None:
    """Nodes in turn: what they put out is added to the scope."""
    for node in nodes:
        read = [scope.get(name, NOTHING) for name in node.input]
        inside = _inside(node, read, scope, functions, depth) if depth < DEEPEST else []
        of_all = NOTHING.with_(*read, *(value for values in inside for value in values))
        slots = (read[n].value for n in SLOTS.get(node.op_type, ()) if n < len(read))
        shape = of_all.shape.union(*slots)
        found = (
            Depends(of_all.shape) if node.op_type in SIZED and not node.domain else Depends(of_all.value | shape, shape)
        )
        scope.update(dict.fromkeys(node.output, found))


def _inside(
    node: NodeProto, read: list[Depends], scope: Scope, functions: Functions, depth: int
) -> Iterable[list[Depends]]:
    """What the graphs of a node and the function that it calls put out."""
    for attribute in node.attribute:
        for graph in [attribute.g] if attribute.HasField("g") else attribute.graphs:
            yield _body(node, graph, read, scope, functions, depth)
    function = functions.get((node.domain, node.op_type))
    if function is not None:
        own: Scope = dict(zip(function.input, read, strict=False))
        _through(function.node, own, functions, depth + 1)
        yield [own.get(name, NOTHING) for name in function.output]


def _body(
    node: NodeProto, graph: GraphProto, read: list[Depends], scope: Scope, functions: Functions, depth: int
) -> list[Depends]:
    """What a body puts out: the second time, what a loop carries is what came out of the first. A scan's states and
    slices stand in the order of its operands, a loop's after its count and its condition.
    """
    into = read[-len(graph.input) :] if graph.input else []
    own: Scope = {}
    for _ in range(2 if into else 1):
        own = {**scope, **dict(zip([value.name for value in graph.input], into, strict=False))}
        _through(graph.node, own, functions, depth + 1)
        out = [own.get(value.name, NOTHING) for value in graph.output]
        carried = out[: len(into) - 1] if node.op_type == "Loop" else out
        first = 1 if node.op_type == "Loop" else 0
        into = [
            each.with_(carried[n - first]) if 0 <= n - first < len(carried) else each for n, each in enumerate(into)
        ]
    return [own.get(value.name, NOTHING) for value in graph.output]


__all__ = ["REDUCTIONS", "SLOTS", "deciding"]
