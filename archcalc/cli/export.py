"""`archcalc export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from archcalc.cli import options
from archcalc.cli.declared import Option, takes
from archcalc.cli.entry import command
from archcalc.cli.given import Given, apart, of_stand_ins
from archcalc.cli.saying import out
from archcalc.errors import UsageError

if TYPE_CHECKING:
    from archcalc.onnx.export import Exported

Asked = Annotated[Given, takes("inputs via sets free without train batch dtype weights seed external_data opset quiet")]
Into = Annotated[Path, Option("--output", "-o", metavar="FILE", help="Where to write the model.")]
Weights = Annotated[
    str, Option("--weights", help="random (He's, seeded), or none: the structure alone, in a small file.")
]
External = Annotated[bool, Option("--external-data", help="Learned tensors in FILE.data; past 2 GB they always are.")]
Opset = Annotated[
    int | None, Option("--opset", min=1, help="The version of ONNX's operators, from 13 (21 unless given).")
]


@command()
def export(
    spec: options.Spec,
    output: Into,
    given: Asked,
    dtype: options.Precision = "fp32",
    weights: Weights = "random",
    seed: options.Seed = 0,
    external_data: External = False,
    opset: Opset = None,
) -> None:
    """Write the network as an ONNX model: nodes are called after layers and carry their costs.

    \b
    archcalc export googlenet -o googlenet.onnx
    archcalc export resnet50 -o r.onnx --free size,batch          axes of any length
    archcalc export vgg16 -o vgg16.onnx --weights none            the structure alone
    archcalc export vit_b_16 -o v.onnx --opset 17                 for readers that stop there
    """
    from archcalc.onnx import OPSET
    from archcalc.onnx import export as written

    (model,) = given.models([spec])
    apart(output, model.spec.path)
    table = given.answer(model, given.question(dtype=dtype, as_stored=False))
    opset = OPSET if opset is None else opset
    try:
        made = written(table, output, weights=weights, seed=seed, external_data=external_data, opset=opset)
    except OSError as error:
        raise UsageError(f"can't write {output}: {error.strerror or error}") from None
    of_stand_ins(table, given.quiet, "the file computes something else")
    widths = any(node.dtype not in (None, "", dtype) or node.stored for node in table.graph.nodes)
    out(_summary(made) + (f"; all in {dtype}, whatever `dtype=` and `weights=` say" if widths else ""))


def _summary(made: Exported) -> str:
    from archcalc.render import numbers

    buffers = f" and {made.buffers:,} numbers of buffers" if made.buffers else ""
    tensors = f"{made.params:,} parameters{buffers} in {made.tensors:,} tensors"
    files = f"{made.path} and {made.data}" if made.data else str(made.path)
    return (
        f"{files}: {made.layers:,} layers, {made.nodes:,} nodes, {tensors}, opset {made.opset},"
        f" {numbers.size_in_bytes(made.bytes)}"
    )
