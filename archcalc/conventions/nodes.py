"""What onnx-tool 1.0.1 counts of a model file: a rule for each operator of ONNX, over the shapes that a node reads and
puts out.

Read off the tool's source, and held against what it printed for whole files (`tests/data/onnx_counts.json`). It knows
operators by their names alone, whatever their domain. A number that has no axes has no elements to it.
"""

from __future__ import annotations

from collections.abc import Callable

from archcalc.algebra import Dim
from archcalc.conventions.rules import Rules
from archcalc.ops import Shape, size
from archcalc.question import Seen
from archcalc.tuples import NamedTuple


class Quantity(NamedTuple):
    """What it is called in a bridge, what it means, how much of it a node has, and whether it is a product of matrices
    or a convolution.
    """

    label: str
    help: str
    of: Callable[[Seen], Dim]
    contracts: bool = False


def _elements(shape: Shape | None) -> Dim:
    """Raises LookupError where the shape isn't known."""
    if shape is None:
        raise LookupError
    return size(shape) if shape else 0


def _read(node: Seen, n: int = 0) -> Shape:
    shape = node.inputs[n]
    if shape is None:
        raise LookupError
    return shape


def _out(node: Seen) -> Dim:
    return _elements(node.outputs[0])


def _filtered(node: Seen) -> Dim:
    """It takes a filter's elements from the second axis on, and so those of transposed convolutions with channels
    swapped.
    """
    return _out(node) * size(_read(node, 3 if node.op == "QLinearConv" else 1)[1:])


def _summed(node: Seen) -> Dim:
    if node.op == "QLinearMatMul":
        return _elements(_read(node)) * _read(node, 3)[-1]
    weight = _read(node, 1)
    return _out(node) * weight[-1 if node.op == "Gemm" and node.attributes.get("transB") else -2]


def _biased(node: Seen) -> Dim:
    """A third operand is a bias to it, and the zero point of `MatMulInteger` too."""
    return _out(node) if len(node.inputs) == (9 if node.op == "QLinearConv" else 3) else 0


def _taps(node: Seen) -> Dim:
    """Of three axes it takes two."""
    kernel = node.attributes["kernel_shape"]
    return _out(node) * size(tuple(kernel[:2])) if isinstance(kernel, list) else 0


def _positions(node: Seen) -> Dim:
    shape = _read(node)
    axis = int(node.attributes.get("axis", -1)) % len(shape)
    return size((*shape[:axis], *shape[axis + 1 :]))


def _resized(mode: str) -> Callable[[Seen], Dim]:
    return lambda node: _out(node) if node.attributes.get("mode") == mode else 0


def _cells(node: Seen) -> Dim:
    steps, batch, _ = _read(node)
    return steps * batch * (_read(node, 1)[1] // (4 if node.op == "LSTM" else 3))


def _gates(node: Seen) -> Dim:
    steps, batch, _ = _read(node)
    bias = node.inputs[3] if len(node.inputs) > 3 and node.inputs[3] is not None else (0,)
    return steps * batch * (size(_read(node, 1)) + size(_read(node, 2)) + size(bias))


def _indices(node: Seen) -> Dim:
    """Of the first two operands, each letter once."""
    terms = node.attributes["equation"].replace(" ", "").partition("->")[0].split(",")
    letters = {
        letter: dim
        for term, shape in zip(terms[:2], (_read(node), _read(node, 1)), strict=True)
        for letter, dim in zip(term, shape, strict=True)
    }
    return size(tuple(letters.values()))


NODES: dict[str, Quantity] = {
    "outputs": Quantity("outputs", "numbers that the node puts out", _out),
    "inputs": Quantity("inputs", "numbers in its first input", lambda node: _elements(node.inputs[0])),
    "filtered": Quantity(
        "MACs at the output's size", "outputs x elements of a filter, from its second axis on", _filtered, True
    ),
    "summed": Quantity("MACs", "outputs x length of what is summed", _summed, True),
    "gates": Quantity(
        "MACs and additions of gates", "recurrent: steps x elements of both matrices and of the bias", _gates, True
    ),
    "indices": Quantity(
        "products of indices", "Einsum: sizes of all indices of two operands, multiplied", _indices, True
    ),
    "biased": Quantity("additions of a bias", "one an output, if there is a third operand", _biased),
    "merged": Quantity(
        "outputs an operand added", "outputs x (operands - 1)", lambda node: _out(node) * (len(node.inputs) - 1)
    ),
    "taps": Quantity("elements of windows", "outputs x elements of the window", _taps),
    "positions": Quantity("positions", "numbers in its first input over the size of one axis", _positions),
    "neighbours": Quantity(
        "neighbours of outputs",
        "outputs x channels that LRN sums",
        lambda node: _out(node) * int(node.attributes["size"]),
    ),
    "states": Quantity("hidden units one way", "recurrent: steps x hidden units", _cells),
    "linear": Quantity("interpolated outputs", "outputs, if `mode` is linear", _resized("linear")),
    "others": Quantity(
        "numbers that archcalc takes for none",
        "statistics, scales, sizes: all initializers that a node reads",
        lambda node: node.learned,
    ),
    "cubic": Quantity("outputs of a cubic", "outputs, if `mode` is cubic", _resized("cubic")),
}

NOTHING = (
    "Range, Where, Transpose, Tile, Gather, Constant, Concat, GridSample, DepthToSpace, OneHot, Trilu, Unsqueeze,"
    " Squeeze, Shape, Dropout, Expand, Pad, Identity, Erf, Flatten, ArgMax, Slice, TopK, Compress, RoiAlign,"
    " ScatterElements, ScatterND, GatherND, RandomUniformLike, RandomNormalLike, Reshape, GatherElements,"
    " ConstantOfShape, Cast, Split, NonMaxSuppression, CategoryMapper, ArrayFeatureExtractor, ZipMap"
)
ONNX_TOOL = Rules(
    {
        "Conv, ConvTranspose, QLinearConv, ConvInteger": "filtered + biased",
        "Gemm, MatMul, MatMulInteger": "summed + biased",
        "QLinearMatMul": "summed",
        "Einsum": "indices",
        "LSTM": "gates + 180*states",
        "GRU": "gates + 110*states",
        "BatchNormalization": "31*outputs",
        "LayerNormalization": "7*inputs + 29*positions",
        "InstanceNormalization": "7*outputs",
        "LpNormalization": "33*outputs",
        "LRN": "37*outputs + neighbours",
        "Add, Sub, Mul, Min, Max, Neg, Mod, Abs, Ceil, Relu, Sign, Floor, Round": "outputs",
        "Less, LessOrEqual, Greater, GreaterOrEqual, Equal": "outputs",
        "Not, And, Or, Xor, NonZero, CumSum, Hardmax": "outputs",
        "Clip, PRelu, LeakyRelu, QuantizeLinear, DequantizeLinear, ImageScaler": "2*outputs",
        "Div, Reciprocal, HardSigmoid": "4*outputs",
        "HardSwish": "5*outputs",
        "Sqrt": "24*outputs",
        "Exp, Pow, Sigmoid": "32*outputs",
        "Gelu": "34*outputs",
        "Elu": "35*outputs",
        "Softmax": "36*outputs",
        "Sin, Cos": "39*outputs",
        "Log": "43*outputs",
        "Atan": "64*outputs",
        "Tanh, Softplus": "76*outputs",
        "LogSoftmax": "80*outputs",
        "Sum": "merged",
        "MaxPool, AveragePool": "taps",
        "GlobalAveragePool": "inputs + 4*outputs",
        "ReduceMean, ReduceSum, ReduceProd, ReduceMin, ReduceMax": "inputs",
        "ReduceL2": "25*inputs",
        "Resize, Upsample": "4*linear + 8*cubic",
        NOTHING: "",
    },
    known=NODES,
)


def counted(node: Seen) -> dict[str, tuple[int, Dim]]:
    """What it counts of a node: the factor and the amount of each quantity. Raises LookupError for a node that it has
    no rule for.
    """
    if node.op not in ONNX_TOOL.table:
        raise LookupError
    try:
        found = {name: (factor, NODES[name].of(node)) for name, factor in ONNX_TOOL.of((node.op,)).items()}
    except (KeyError, ValueError, TypeError, AttributeError):
        raise LookupError from None
    return {name: (factor, amount) for name, (factor, amount) in found.items() if amount != 0}


__all__ = ["NODES", "ONNX_TOOL", "counted"]
