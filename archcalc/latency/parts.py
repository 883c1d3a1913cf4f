"""Layers whose work isn't told by sizes alone, or is of several kinds: matrix products, attention and recurrence.

Each is an entry in `PARTS`: the classes that a layer pays on a CPU that has blocks of channels, and what it does of
each. A matrix product works there on panels of so many columns, which are filled up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from archcalc.algebra import Dim
from archcalc.latency.work import Work, counted, filled
from archcalc.ops import Shape, size
from archcalc.ops.attention import Attention
from archcalc.ops.base import Op
from archcalc.ops.convolution import Conv, ConvTranspose, DepthwiseConv
from archcalc.ops.dense import GRU, LSTM, RNN, Linear
from archcalc.ops.merge import Concat
from archcalc.ops.reshaping import ChannelShuffle

PANEL = 16  # columns of a matrix product that are worked on together
NEAR, KEPT = 1 << 19, 1 << 21  # weights of a recurrence that the nearest, and any cache keeps from step to step

Part: TypeAlias = tuple[str, Work]


def _linear(op: Any, output: Shape, inputs: tuple[Shape, ...]) -> list[Part]:
    """Of a vector; of every position of a sequence, with the weights on the left; or along the last axis, with the
    weights on the right, where they have been put in order beforehand.
    """
    own, (x,) = counted(op, output, inputs), inputs
    if len(x) == 1:
        return [(op.word, own)]
    if op.axis == -1:
        return [(f"{op.word}_last", own._replace(macs=size(x) * filled(output[-1], PANEL)))]
    return [(f"{op.word}_map", own._replace(macs=output[0] * x[0] * filled(size(x[1:]), PANEL)))]


def _attention(op: Any, output: Shape, inputs: tuple[Shape, ...]) -> list[Part]:
    """The projections; of each head of each sequence the products, between which its scores are worked out, with what
    is added to them; queries and keys that are turned or normed; and what a cache holds, which is joined to them.
    """
    found, extent, heads = op.parts(*inputs), op.extent(*inputs), op.widths(inputs[0])
    sequences = extent.queries // size(op.blocks) if op.blocks else size(op.sequences(inputs[0]))
    queries, keys = extent.queries // sequences, extent.seen
    width = heads.width + (op.rope if op.latent is not None else 0)
    projected: Dim = sum((each.out * each.into * filled(each.positions, PANEL) for each in op.projections(*inputs)), 0)
    products = queries * filled(keys, PANEL) * width + filled(queries, PANEL) * keys * heads.value
    added = (bool(op.causal) + bool(op.is_relative) + any(op.blocks and op.moved(inputs[0]))) * found["scores"]
    cached = op.cached(*inputs)
    parts = [
        (op.word, counted(op, output, inputs)._replace(macs=projected)),
        (
            f"{op.word}_scores",
            Work(
                macs=sequences * heads.queries * products,
                inputs=found["projected"] + added + found["scores"],
                outputs=found["mixed"] + added + found["scores"],
                activated=found["scores"],
                steps=sequences * heads.queries,
            ),
        ),
    ]
    if op.rope is not False or op.qk_norm or op.cosine:
        turned = extent.queries * heads.queries * width + extent.keys * heads.keys * width
        parts.append((f"{op.word}_turned", Work(inputs=turned, outputs=turned)))
    if cached != 0:
        parts.append((Concat.word, Work(inputs=cached, outputs=cached)))
    return parts


def _recurrent(op: Any, output: Shape, inputs: tuple[Shape, ...]) -> list[Part]:
    """The products with the input, of all steps at once, and those with the state, one step after the other, where the
    weights are read anew: by how far away they are kept meanwhile.
    """
    own, steps, weights = counted(op, output, inputs), inputs[0][1], op.weights(*inputs)
    recurrent = [size(weights[name]) for name in weights if name.endswith("_recurrent")]
    once: Dim = sum(recurrent, 0)
    each = recurrent[0] if isinstance(recurrent[0], int) else 0
    far = "_memory" if each > KEPT else "_far" if each > NEAR else ""
    walked = Work(macs=steps * once, rereads=steps * once, steps=steps * len(recurrent))
    return [(op.word, own._replace(macs=own.macs - steps * once)), (f"recurrence{far}", walked)]


def _gathered(op: Any, output: Shape, inputs: tuple[Shape, ...]) -> list[Part]:
    """A convolution as a matrix product of its filters, group by group, with columns that are gathered from the map."""
    (x,) = inputs
    weight, positions = op.weights(x)["weight"], size(output[1:])
    macs = size(weight) * filled(positions, PANEL)
    columns = x[0] * size(weight[2:]) * positions
    return [
        (
            "",
            counted(op, output, inputs)._replace(
                macs=macs, loads=columns, steps=op.groups if isinstance(op, Conv) else x[0]
            ),
        )
    ]


def _scattered(op: Any, output: Shape, inputs: tuple[Shape, ...]) -> list[Part]:
    """A transposed convolution as a matrix product whose columns are added where they belong."""
    (x,) = inputs
    columns = op.groups * size(op.weights(x)["weight"][1:]) * size(x[1:])
    macs = size(op.weights(x)["weight"]) * filled(size(x[1:]), PANEL)
    return [("", counted(op, output, inputs)._replace(macs=macs, loads=columns, steps=op.groups))]


def _shuffled(op: Any, output: Shape, inputs: tuple[Shape, ...]) -> list[Part]:
    """Channels are copied one by one."""
    return [("", counted(op, output, inputs)._replace(steps=output[0]))]


PARTS: dict[type[Op], Callable[[Any, Shape, tuple[Shape, ...]], list[Part]]] = {
    Linear: _linear,
    Attention: _attention,
    LSTM: _recurrent,
    GRU: _recurrent,
    RNN: _recurrent,
    Conv: _gathered,
    DepthwiseConv: _gathered,
    ConvTranspose: _scattered,
    ChannelShuffle: _shuffled,
}


def parts(op: Op, kind: str, output: Shape, inputs: tuple[Shape, ...]) -> list[Part]:
    """The classes that a layer pays, its own first, which is `kind` where the rule leaves it open; what the operator
    counts, where there is no rule.
    """
    rule = PARTS.get(type(op))
    return (
        [(name or kind, work) for name, work in rule(op, output, inputs)]
        if rule
        else [(kind, counted(op, output, inputs))]
    )


__all__ = ["PARTS", "parts"]
