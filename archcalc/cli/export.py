"""`archcalc export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from archcalc.cli.declared import Option
from archcalc.cli.entry import command
from archcalc.cli.options import (
    Batch,
    Free,
    Inputs,
    Precision,
    Quiet,
    Set,
    Spec,
    Train,
    Via,
    Without,
    apart,
    bindings,
    models,
    names,
    notes,
)
from archcalc.cli.saying import out
from archcalc.errors import UsageError

Seed = Annotated[int, Option("--seed", min=0, help="The numbers that learned tensors begin with follow from it.")]


@command()
def export(
    spec: Spec,
    output: Annotated[Path, Option("--output", "-o", metavar="FILE", help="Where to write the model.")],
    inputs: Inputs = None,
    via: Via = "",
    sets: Set = None,
    free: Free = None,
    without: Without = None,
    train: Train = False,
    batch: Batch = 1,
    dtype: Precision = "fp32",
    weights: Annotated[
        str, Option("--weights", help="random (He's, seeded), or none: the structure alone, in a small file.")
    ] = "random",
    seed: Seed = 0,
    external_data: Annotated[
        bool, Option("--external-data", help="Learned tensors in FILE.data; past 2 GB they always are.")
    ] = False,
    opset: Annotated[
        int | None, Option("--opset", min=1, help="The version of ONNX's operators, from 13 (21 unless given).")
    ] = None,
    quiet: Quiet = False,
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
    from archcalc.question import Question
    from archcalc.render import numbers

    (model,) = models([spec], inputs=inputs, via=via)
    apart(output, model.spec.path)
    table = model.answer(Question(bindings(sets), names(free), batch, train, dtype, names(without)))
    notes(table, quiet)
    try:
        made = written(
            table,
            output,
            weights=weights,
            seed=seed,
            external_data=external_data,
            opset=OPSET if opset is None else opset,
        )
    except OSError as error:
        raise UsageError(f"can't write {output}: {error.strerror or error}") from None
    tensors = (
        f"{made.params:,} parameters"
        + (f" and {made.buffers:,} numbers of buffers" if made.buffers else "")
        + f" in {made.tensors:,} tensors"
    )
    files = f"{made.path} and {made.data}" if made.data else str(made.path)
    out(
        f"{files}: {made.layers:,} layers, {made.nodes:,} nodes, {tensors}, opset {made.opset},"
        f" {numbers.size_in_bytes(made.bytes)}"
    )
