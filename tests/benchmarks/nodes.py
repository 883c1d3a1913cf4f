"""What counting a model file of many small nodes costs: python tests/benchmarks/nodes.py [NODES ...]

Beside it stands onnx.load with onnx's shape inference, each a process, in turns: trust the ratios. The files are chains
of what exporters write: small convolutions with activations and sums; single operations with constants; shapes that are
computed on the way; attention. Each is written with shapes of all values and without.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from measuring import MIB, figure, machine, run

if TYPE_CHECKING:
    from onnx import NodeProto

SIZES = {5_000: 1.0, 20_000: 1.3, 100_000: 1.5}  # nodes, and how much longer than onnx a count may take
ROUNDS = 3
ONNX = "import sys, onnx; onnx.shape_inference.infer_shapes(onnx.load(sys.argv[1]))"
Block = tuple[list["NodeProto"], dict[str, Any]]


def main() -> None:
    print(machine())
    script = shutil.which("archcalc", path=str(Path(sys.executable).parent))
    command = [script] if script else [sys.executable, "-m", "archcalc"]
    with tempfile.TemporaryDirectory() as folder:
        for size in map(int, sys.argv[1:] or SIZES):
            for kind in BLOCKS:
                for shaped in ("", "shaped"):
                    file = str(Path(folder, f"{kind}{shaped}.onnx"))
                    run([sys.executable, __file__, "write", kind, str(size), shaped, file])
                    compare(command, file, f"{kind}, {size:,} nodes{', shapes given' if shaped else ''}", size)


def compare(command: list[str], file: str, what: str, size: int) -> None:
    """One file, counted and loaded."""
    ours, theirs = [*command, "count", file, "--depth", "0"], [sys.executable, "-c", ONNX, file]
    run(ours), run(theirs)
    found = [(run(ours), run(theirs)) for _ in range(ROUNDS)]
    seconds = [median(each.seconds for each in runs) for runs in zip(*found, strict=True)]
    peaks = [median(each.peak for each in runs) / MIB for runs in zip(*found, strict=True)]
    figure(f"{what}: archcalc", f"{seconds[0]:.2f} s, {peaks[0]:.0f} MiB")
    figure("  onnx's load and shape inference", f"{seconds[1]:.2f} s, {peaks[1]:.0f} MiB")
    ratio, most = median(one.seconds / other.seconds for one, other in found), SIZES.get(size, max(SIZES.values()))
    figure("  ratio", f"{ratio:.2f}", f"<= {most}", ratio <= most)


# ---- files -----------------------------------------------------------------------------------------------------------


def write(kind: str, size: int, shaped: bool, file: str) -> None:
    """A file of blocks in a row, each of which reads what the one before puts out."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    shape, block = BLOCKS[kind]
    nodes: list[NodeProto] = []
    arrays: dict[str, Any] = {}
    last = "x"
    while len(nodes) < size:
        more, weights = block(f"/blocks.{len(nodes)}/", last)
        nodes += more
        arrays.update(weights)
        last = more[-1].output[0]
    graph = helper.make_graph(
        nodes,
        kind,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    onnx.save(onnx.shape_inference.infer_shapes(model) if shaped else model, file)


def node(op: str, reads: str, out: str, **attributes: object) -> NodeProto:
    """A node that is called after what it puts out."""
    from onnx import helper

    return helper.make_node(op, reads.split(), [out], out, **attributes)


def constant(out: str, values: int | list[int]) -> NodeProto:
    """Whole numbers, or a single one."""
    from numpy import array, int64
    from onnx import numpy_helper

    return node("Constant", "", out, value=numpy_helper.from_array(array(values, int64)))


def drawn(at: str, **shapes: tuple[int, ...]) -> dict[str, Any]:
    """Weights by name."""
    from numpy import float32, random

    return {f"{at}{name}": random.rand(*shape).astype(float32) for name, shape in shapes.items()}


def convolution(at: str, x: str) -> Block:
    nodes = [
        node("Conv", f"{x} {at}w {at}b", f"{at}conv", kernel_shape=[1, 1]),
        node("Relu", f"{at}conv", f"{at}relu"),
        node("Add", f"{at}relu {x}", f"{at}add"),
    ]
    return nodes, drawn(at, w=(8, 8, 1, 1), b=(8,))


def elementwise(at: str, x: str) -> Block:
    nodes = [node("Relu", x, f"{at}relu"), node("Sigmoid", f"{at}relu", f"{at}gate")]
    return [*nodes, node("Mul", f"{at}relu {at}gate", f"{at}mul"), node("Add", f"{at}mul {x}", f"{at}add")], {}


def sizes(at: str, x: str) -> Block:
    nodes = [
        node("Shape", x, f"{at}shape"), constant(f"{at}first", 0),
        node("Gather", f"{at}shape {at}first", f"{at}size", axis=0), constant(f"{at}axis", [0]),
        node("Unsqueeze", f"{at}size {at}axis", f"{at}row"), constant(f"{at}rest", [8, -1]),
        node("Concat", f"{at}row {at}rest", f"{at}sizes", axis=0), node("Reshape", f"{x} {at}sizes", f"{at}y"),
        node("Relu", f"{at}y", f"{at}relu"),
    ]  # fmt: skip
    return nodes, {}


def attention(at: str, x: str) -> Block:
    nodes = [node("LayerNormalization", f"{x} {at}scale {at}shift", f"{at}ln", axis=-1)]
    for name in "qkv":
        nodes += [
            node("MatMul", f"{at}ln {at}{name}.weight", f"{at}{name}/MatMul"),
            node("Add", f"{at}{name}.bias {at}{name}/MatMul", f"{at}{name}/Add"),
            constant(f"{at}{name}/sizes", [1, -1, 4, 4]),
            node("Reshape", f"{at}{name}/Add {at}{name}/sizes", f"{at}{name}/Reshape"),
            node("Transpose", f"{at}{name}/Reshape", f"{at}{name}", perm=[0, 2, 3, 1] if name == "k" else [0, 2, 1, 3]),
        ]
    nodes += [
        node("MatMul", f"{at}q {at}k", f"{at}scores"), node("Softmax", f"{at}scores", f"{at}soft", axis=-1),
        node("MatMul", f"{at}soft {at}v", f"{at}heads"),
        node("Transpose", f"{at}heads", f"{at}turned", perm=[0, 2, 1, 3]), constant(f"{at}sizes", [1, -1, 16]),
        node("Reshape", f"{at}turned {at}sizes", f"{at}joined"),
        node("MatMul", f"{at}joined {at}o.weight", f"{at}o/MatMul"),
        node("Add", f"{at}o.bias {at}o/MatMul", f"{at}o"), node("Add", f"{at}o {x}", f"{at}add"),
    ]  # fmt: skip
    shapes = {
        f"{name}.{what}": (16, 16) if what == "weight" else (16,) for name in "qkvo" for what in ("weight", "bias")
    }
    return nodes, drawn(at, **shapes, scale=(16,), shift=(16,))


BLOCKS = {
    "convolutions": ([1, 8, 16, 16], convolution),
    "elementwise": ([1, 8, 16, 16], elementwise),
    "sizes": ([1, 8, 64], sizes),
    "attention": ([1, 12, 16], attention),
}


if __name__ == "__main__":
    if sys.argv[1:2] == ["write"]:
        write(sys.argv[2], int(sys.argv[3]), bool(sys.argv[4]), sys.argv[5])
    else:
        main()
